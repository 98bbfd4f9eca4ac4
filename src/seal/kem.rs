//! MLKEM768-X25519, which is X-Wing, as a KEM for HPKE base mode (filippo.io/hpke-pq,
//! draft-ietf-hpke-pq-03; ML-KEM is FIPS 203, X25519 is RFC 7748).
//!
//! ```text
//! seed 32 ── SHAKE256 ─┬─ d ‖ z 64 ── ML-KEM-768 ── dk_PQ, ek_PQ 1184 ─┐
//!                      └─ dk_T 32 ─── X25519 ────── ek_T 32 ───────────┴─ public key = ek_PQ ‖ ek_T
//!
//! enc    = ct_PQ 1088 ‖ ct_T 32
//! secret = SHA3-256(ss_PQ ‖ ss_T ‖ ct_T ‖ ek_T ‖ "\.//^\")
//! ```
//!
//! Two checks that the libraries leave to us: an X25519 share of low order is refused on both sides,
//! and an ML-KEM key whose coefficients are not below the modulus is refused (FIPS 203, section 7.2).

use generic_array::GenericArray;
use generic_array::typenum::{Sum, U32, U96, U192, U1024, Unsigned};
use hpke::kem::SharedSecret;
use hpke::rand_core::{CryptoRng, Error as RandomError, RngCore};
use hpke::{Deserializable, HpkeError, Kem, Serializable};
use ml_kem::kem::Decapsulate;
use ml_kem::{B32, Ciphertext, EncapsulateDeterministic, Encoded, EncodedSizeUser, KemCore, MlKem768};
use sha3::digest::{Digest, ExtendableOutput, Update, XofReader};
use sha3::{Sha3_256, Shake256};
use x25519_dalek::{PublicKey as X25519Public, SharedSecret as X25519Shared, StaticSecret as X25519Secret};
use zeroize::{Zeroize, Zeroizing};

use crate::crypto::random_array;

/// The bytes of a seed, which is the private key.
pub(super) const SEED_BYTES: usize = 32;
/// The bytes of an encapsulated key.
pub(super) const ENCAPSULATION_BYTES: usize = 1120;

const PQ_PUBLIC_BYTES: usize = 1184;
const PQ_CIPHERTEXT_BYTES: usize = 1088;
const LABEL: &[u8] = br"\.//^\";

type PqSecret = <MlKem768 as KemCore>::DecapsulationKey;
type PqPublic = <MlKem768 as KemCore>::EncapsulationKey;

/// The KEM.
pub(super) struct MlKem768X25519;

/// A private key: the seed, and what it expands to. `Clone` and equality are what the [`Kem`] trait
/// asks of it; nothing outside this file sees them.
#[derive(Clone)]
pub(super) struct HybridSecret {
    seed: Zeroizing<[u8; SEED_BYTES]>,
    pq: PqSecret,
    classic: X25519Secret,
    classic_public: X25519Public,
}

/// A public key, well formed by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HybridPublic {
    pq: PqPublicKey,
    classic: X25519Public,
}

/// ML-KEM's key lacks `Eq`, which is true of it.
#[derive(Clone, Debug, PartialEq)]
struct PqPublicKey(PqPublic);
impl Eq for PqPublicKey {}

/// An encapsulated key, `enc`.
#[derive(Clone)]
pub(super) struct Encapsulation(Box<[u8; ENCAPSULATION_BYTES]>);

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

    /// The seed, for the one place that writes it as text.
    pub(super) fn expose_seed(&self) -> &[u8; SEED_BYTES] {
        &self.seed
    }

    /// The public half.
    pub(super) fn public_key(&self) -> HybridPublic {
        HybridPublic { pq: PqPublicKey(self.pq.encapsulation_key().clone()), classic: self.classic_public }
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

impl Serializable for HybridPublic {
    type OutputSize = Sum<U1024, U192>;
    fn write_exact(&self, buffer: &mut [u8]) {
        let (pq, classic) = buffer.split_at_mut(PQ_PUBLIC_BYTES);
        pq.copy_from_slice(&self.pq.0.as_bytes());
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
        if below_modulus && full_order { Ok(Self { pq: PqPublicKey(pq), classic }) } else { Err(HpkeError::ValidationError) }
    }
}

impl Encapsulation {
    fn new(pq: &Ciphertext<MlKem768>, classic: &X25519Public) -> Self {
        let mut bytes = Box::new([0u8; ENCAPSULATION_BYTES]);
        bytes[..PQ_CIPHERTEXT_BYTES].copy_from_slice(pq);
        bytes[PQ_CIPHERTEXT_BYTES..].copy_from_slice(classic.as_bytes());
        Self(bytes)
    }

    fn split(&self) -> Result<(Ciphertext<MlKem768>, X25519Public), HpkeError> {
        let (pq, classic) = self.0.split_at(PQ_CIPHERTEXT_BYTES);
        let pq = Ciphertext::<MlKem768>::try_from(pq).map_err(|_| HpkeError::DecapError)?;
        let classic: [u8; 32] = classic.try_into().map_err(|_| HpkeError::DecapError)?;
        Ok((pq, X25519Public::from(classic)))
    }
}

impl Serializable for Encapsulation {
    type OutputSize = Sum<U1024, U96>;
    fn write_exact(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(self.0.as_slice());
    }
}

impl Deserializable for Encapsulation {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        let wrong_length = HpkeError::IncorrectInputLength(ENCAPSULATION_BYTES, encoded.len());
        encoded.try_into().map(|bytes| Self(Box::new(bytes))).map_err(|_| wrong_length)
    }
}

impl Kem for MlKem768X25519 {
    type PublicKey = HybridPublic;
    type PrivateKey = HybridSecret;
    type EncappedKey = Encapsulation;
    type NSecret = U32;
    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(secret: &HybridSecret) -> HybridPublic {
        secret.public_key()
    }

    /// `seed = SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", 32)`.
    fn derive_keypair(ikm: &[u8]) -> (HybridSecret, HybridPublic) {
        let suite_id = [b"KEM".as_slice(), &Self::KEM_ID.to_be_bytes()].concat();
        let labelled = Shake256::default().chain(ikm).chain(b"HPKE-v1").chain(suite_id).chain([0, 13]).chain(b"DeriveKeyPair");
        let mut seed = [0u8; SEED_BYTES];
        labelled.chain([0, 32]).finalize_xof().read(&mut seed);
        let secret = HybridSecret::from_seed(seed);
        let public = secret.public_key();
        (secret, public)
    }

    /// Base mode only; a sender's key is an error.
    fn encap<R: CryptoRng + RngCore>(
        public: &HybridPublic,
        sender: Option<(&HybridSecret, &HybridPublic)>,
        random: &mut R,
    ) -> Result<(SharedSecret<Self>, Encapsulation), HpkeError> {
        let mut seeds = Zeroizing::new([[0u8; 32]; 2]);
        seeds.iter_mut().for_each(|seed| random.fill_bytes(seed));
        let (pq_ciphertext, mut pq) = public.pq.0.encapsulate_deterministic(&B32::from(seeds[0])).map_err(|_| HpkeError::EncapError)?;
        let ephemeral = X25519Secret::from(seeds[1]);
        let share = X25519Public::from(&ephemeral);
        let classic = ephemeral.diffie_hellman(&public.classic);
        if sender.is_some() || !classic.was_contributory() {
            return Err(HpkeError::EncapError);
        }
        let secret = combine(&pq, &classic, &share, &public.classic);
        pq.as_mut_slice().zeroize();
        Ok((secret, Encapsulation::new(&pq_ciphertext, &share)))
    }

    /// Base mode only; a sender's key is an error, and so is a share of low order.
    fn decap(secret: &HybridSecret, sender: Option<&HybridPublic>, enc: &Encapsulation) -> Result<SharedSecret<Self>, HpkeError> {
        let (pq_ciphertext, share) = enc.split()?;
        let classic = secret.classic.diffie_hellman(&share);
        if sender.is_some() || !classic.was_contributory() {
            return Err(HpkeError::DecapError);
        }
        let mut pq = secret.pq.decapsulate(&pq_ciphertext).map_err(|()| HpkeError::DecapError)?;
        let shared = combine(&pq, &classic, &share, &secret.classic_public);
        pq.as_mut_slice().zeroize();
        Ok(shared)
    }
}

fn combine(pq: &[u8], classic: &X25519Shared, share: &X25519Public, recipient: &X25519Public) -> SharedSecret<MlKem768X25519> {
    let parts = [pq, classic.as_bytes(), share.as_bytes(), recipient.as_bytes(), LABEL];
    let hash = parts.iter().fold(Sha3_256::new(), |hash, part| Digest::chain_update(hash, part)).finalize();
    SharedSecret(GenericArray::clone_from_slice(&hash))
}

/// The operating system's randomness, in the shape that hpke takes it.
pub(super) struct OsRandom;

impl RngCore for OsRandom {
    fn next_u32(&mut self) -> u32 {
        u32::from_ne_bytes(random_array())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_ne_bytes(random_array())
    }

    fn fill_bytes(&mut self, target: &mut [u8]) {
        for part in target.chunks_mut(32) {
            let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(random_array());
            part.copy_from_slice(&bytes[..part.len()]);
        }
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), RandomError> {
        self.fill_bytes(target);
        Ok(())
    }
}

impl CryptoRng for OsRandom {}

#[cfg(test)]
mod tests {
    use super::*;

    fn encapsulate(public: &HybridPublic) -> (SharedSecret<MlKem768X25519>, Encapsulation) {
        MlKem768X25519::encap(public, None, &mut OsRandom).unwrap()
    }

    #[test]
    fn both_sides_agree_and_a_third_does_not() {
        let secret = HybridSecret::from_seed(random_array());
        let (sent, enc) = encapsulate(&secret.public_key());
        let received = MlKem768X25519::decap(&secret, None, &enc).unwrap();
        assert_eq!(sent.0, received.0);
        let other = HybridSecret::from_seed(random_array());
        assert_ne!(MlKem768X25519::decap(&other, None, &enc).unwrap().0, sent.0);
    }

    #[test]
    fn keys_survive_their_encoding() {
        let (secret, public) = MlKem768X25519::derive_keypair(&[7; 32]);
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
    fn a_share_of_low_order_is_refused_everywhere() {
        let secret = HybridSecret::from_seed(random_array());
        let mut encoded = secret.public_key().to_bytes();
        encoded[PQ_PUBLIC_BYTES..].fill(0);
        assert!(matches!(HybridPublic::from_bytes(&encoded), Err(HpkeError::ValidationError)));

        let (_, mut enc) = encapsulate(&secret.public_key());
        enc.0[PQ_CIPHERTEXT_BYTES..].fill(0);
        assert!(matches!(MlKem768X25519::decap(&secret, None, &enc), Err(HpkeError::DecapError)));

        let mut weak = secret.public_key();
        weak.classic = X25519Public::from([0; 32]);
        assert!(matches!(MlKem768X25519::encap(&weak, None, &mut OsRandom), Err(HpkeError::EncapError)));
    }

    #[test]
    fn authenticated_modes_are_refused() {
        let secret = HybridSecret::from_seed(random_array());
        let public = secret.public_key();
        assert!(MlKem768X25519::encap(&public, Some((&secret, &public)), &mut OsRandom).is_err());
        let (_, enc) = encapsulate(&public);
        assert!(MlKem768X25519::decap(&secret, Some(&public), &enc).is_err());
    }
}
