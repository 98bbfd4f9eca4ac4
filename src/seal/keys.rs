//! The keys of MLKEM768-X25519 (filippo.io/hpke-pq; ML-KEM is FIPS 203, X25519 is RFC 7748).
//!
//! ```text
//! seed 32 ── SHAKE256 ─┬─ d ‖ z 64 ── ML-KEM-768 ── dk_PQ, ek_PQ 1184 ─┐
//!                      └─ dk_T 32 ─── X25519 ────── ek_T 32 ───────────┴─ public key = ek_PQ ‖ ek_T
//! ```
//!
//! Two checks on a public key that the libraries leave to us: its X25519 half is not of low order, and
//! the coefficients of its ML-KEM half are below the modulus (FIPS 203, section 7.2).

use generic_array::typenum::{Sum, U32, U192, U1024, Unsigned};
use hpke::{Deserializable, HpkeError, Serializable};
use ml_kem::{B32, Encoded, EncodedSizeUser, KemCore, MlKem768};
use sha3::Shake256;
use sha3::digest::{ExtendableOutput, Update, XofReader};
use x25519_dalek::{PublicKey as X25519Public, StaticSecret as X25519Secret};
use zeroize::{Zeroize, Zeroizing};

/// The bytes of a seed, which is the private key.
pub(super) const SEED_BYTES: usize = 32;

const PQ_PUBLIC_BYTES: usize = 1184;

type PqSecret = <MlKem768 as KemCore>::DecapsulationKey;
type PqPublic = <MlKem768 as KemCore>::EncapsulationKey;

/// A private key: the seed, and what it expands to. `Clone` and equality are what the [`hpke::Kem`] trait
/// asks of it; nothing else uses them.
#[derive(Clone)]
pub(super) struct HybridSecret {
    seed: Zeroizing<[u8; SEED_BYTES]>,
    pub(super) pq: PqSecret,
    pub(super) classic: X25519Secret,
    pub(super) classic_public: X25519Public,
}

/// A public key, well formed by construction.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HybridPublic {
    pub(super) pq: PqPublic,
    pub(super) classic: X25519Public,
}

impl HybridSecret {
    /// Expands a seed to the key pair (`expandKey` of the specification).
    pub(super) fn from_seed(seed: [u8; SEED_BYTES]) -> Self {
        let seed = Zeroizing::new(seed);
        let mut expander = Shake256::default().chain(seed.as_slice()).finalize_xof();
        let mut part = || {
            let mut bytes = Zeroizing::new([0u8; 32]);
            expander.read(bytes.as_mut_slice());
            bytes
        };
        let (d, z, classic) = (part(), part(), part());
        let (mut d, mut z) = (B32::from(*d), B32::from(*z));
        let (pq, _) = MlKem768::generate_deterministic(&d, &z);
        d.as_mut_slice().zeroize();
        z.as_mut_slice().zeroize();
        let classic = X25519Secret::from(*classic);
        let classic_public = X25519Public::from(&classic);
        Self { seed, pq, classic, classic_public }
    }

    /// The seed, for those who write it as text or divide it.
    pub(super) fn expose_seed(&self) -> &[u8; SEED_BYTES] {
        &self.seed
    }

    /// The public half.
    pub(super) fn public_key(&self) -> HybridPublic {
        HybridPublic { pq: self.pq.encapsulation_key().clone(), classic: self.classic_public }
    }
}

impl PartialEq for HybridSecret {
    fn eq(&self, other: &Self) -> bool {
        *self.seed == *other.seed
    }
}
impl Eq for HybridSecret {}

impl Serializable for HybridSecret {
    type OutputSize = U32;
    fn write_exact(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(self.seed.as_slice());
    }
}

impl Deserializable for HybridSecret {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        encoded.try_into().map(Self::from_seed).map_err(|_| HpkeError::IncorrectInputLength(SEED_BYTES, encoded.len()))
    }
}

impl Eq for HybridPublic {}

impl Serializable for HybridPublic {
    type OutputSize = Sum<U1024, U192>;
    fn write_exact(&self, buffer: &mut [u8]) {
        let (pq, classic) = buffer.split_at_mut(PQ_PUBLIC_BYTES);
        pq.copy_from_slice(&self.pq.as_bytes());
        classic.copy_from_slice(self.classic.as_bytes());
    }
}

impl Deserializable for HybridPublic {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        let wrong_length = HpkeError::IncorrectInputLength(Self::OutputSize::to_usize(), encoded.len());
        let (pq, classic) = encoded.split_at_checked(PQ_PUBLIC_BYTES).ok_or(wrong_length)?;
        let pq_encoded = Encoded::<PqPublic>::try_from(pq).map_err(|_| wrong_length)?;
        let classic: [u8; 32] = classic.try_into().map_err(|_| wrong_length)?;

        let pq = PqPublic::from_bytes(&pq_encoded);
        let below_modulus = pq.as_bytes() == pq_encoded;
        let classic = X25519Public::from(classic);
        // Any scalar will do: clamped, it is a multiple of the cofactor and sends low order to zero.
        let full_order = X25519Secret::from([0x55; 32]).diffie_hellman(&classic).was_contributory();
        if below_modulus && full_order { Ok(Self { pq, classic }) } else { Err(HpkeError::ValidationError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random_array;

    #[test]
    fn keys_survive_their_encoding() {
        let secret = HybridSecret::from_seed([7; 32]);
        let public = secret.public_key();
        assert!(HybridSecret::from_bytes(&secret.to_bytes()).unwrap() == secret);
        assert_eq!(HybridPublic::from_bytes(&public.to_bytes()).unwrap(), public);
        assert!(HybridPublic::from_bytes(&public.to_bytes()[1..]).is_err());
        assert!(HybridSecret::from_bytes(&[0; 31]).is_err());
    }

    #[test]
    fn an_ml_kem_key_at_the_modulus_is_refused() {
        let mut encoded = HybridSecret::from_seed(random_array()).public_key().to_bytes();
        encoded[0] = 0x01; // 3329 = 0xd01, the modulus, as the first 12-bit coefficient, little-endian
        encoded[1] = encoded[1] & 0xf0 | 0x0d;
        assert!(matches!(HybridPublic::from_bytes(&encoded), Err(HpkeError::ValidationError)));
        encoded[0] = 0x00; // 3328 is below it
        assert!(HybridPublic::from_bytes(&encoded).is_ok());
    }

    #[test]
    fn an_x25519_key_of_low_order_is_refused() {
        let mut encoded = HybridSecret::from_seed(random_array()).public_key().to_bytes();
        for point in [0, 1] {
            encoded[PQ_PUBLIC_BYTES..].fill(0);
            encoded[PQ_PUBLIC_BYTES] = point;
            assert!(matches!(HybridPublic::from_bytes(&encoded), Err(HpkeError::ValidationError)));
        }
        encoded[PQ_PUBLIC_BYTES] = 9; // the base point
        assert!(HybridPublic::from_bytes(&encoded).is_ok());
    }
}
