//! MLKEM768-X25519, which is X-Wing, as a KEM for HPKE base mode (filippo.io/hpke-pq,
//! draft-ietf-hpke-pq-03; ML-KEM is FIPS 203, X25519 is RFC 7748).
//!
//! ```text
//! enc    = ct_PQ 1088 ‖ ct_T 32
//! secret = SHA3-256(ss_PQ ‖ ss_T ‖ ct_T ‖ ek_T ‖ "\.//^\")
//! ```
//!
//! An X25519 share of low order is refused on both sides, which the libraries leave to us.

use generic_array::typenum::{Sum, U32, U96, U1024};
use hpke::kem::SharedSecret;
use hpke::rand_core::{CryptoRng, Error as RandomError, RngCore};
use hpke::{Deserializable, HpkeError, Kem, Serializable};
use ml_kem::kem::Decapsulate;
use ml_kem::{B32, Ciphertext, EncapsulateDeterministic, MlKem768};
use sha3::digest::{Digest, ExtendableOutput, Update, XofReader};
use sha3::{Sha3_256, Shake256};
use x25519_dalek::{PublicKey as X25519Public, SharedSecret as X25519Shared, StaticSecret as X25519Secret};
use zeroize::{Zeroize, Zeroizing};

use super::keys::{HybridPublic, HybridSecret, SEED_BYTES};
use crate::crypto::random_array;

/// The bytes of an encapsulated key.
pub(super) const ENCAPSULATION_BYTES: usize = 1120;

const PQ_CIPHERTEXT_BYTES: usize = 1088;
const LABEL: &[u8] = br"\.//^\";

/// The KEM.
pub(super) struct MlKem768X25519;

/// An encapsulated key, `enc`.
#[derive(Clone)]
pub(super) struct Encapsulation(Box<[u8; ENCAPSULATION_BYTES]>);

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
        let mut message = B32::from(seeds[0]);
        let (pq_ciphertext, mut pq) = public.pq.encapsulate_deterministic(&message).map_err(|_| HpkeError::EncapError)?;
        message.as_mut_slice().zeroize();
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
    SharedSecret(parts.iter().fold(Sha3_256::new(), Digest::chain_update).finalize())
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
    use crate::crypto::hash;
    use crate::domain::Hash;

    fn encapsulate(public: &HybridPublic) -> (SharedSecret<MlKem768X25519>, Encapsulation) {
        MlKem768X25519::encap(public, None, &mut OsRandom).unwrap()
    }

    /// Gives the bytes that a test chose.
    struct Chosen<'a>(&'a [u8]);

    impl RngCore for Chosen<'_> {
        fn next_u32(&mut self) -> u32 {
            unreachable!("only bytes are asked for")
        }
        fn next_u64(&mut self) -> u64 {
            unreachable!("only bytes are asked for")
        }
        fn fill_bytes(&mut self, target: &mut [u8]) {
            let (now, later) = self.0.split_at(target.len());
            target.copy_from_slice(now);
            self.0 = later;
        }
        fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), RandomError> {
            self.fill_bytes(target);
            Ok(())
        }
    }

    impl CryptoRng for Chosen<'_> {}

    /// The first vector of filippo.io/hpke (testdata/hpke-pq.json), its long values by their SHA-256.
    #[test]
    fn the_published_vector() {
        let bytes32 = |hex: &str| *hex.parse::<Hash>().unwrap().as_bytes();
        let secret = HybridSecret::from_seed(bytes32("447cfc23de31102101a1b5aec0897a31f24670946f8e67345df7099b7c26e626"));
        let random = [
            bytes32("66dcfb2cda326274668adca8cb96b89f67fbfae8816f9f8032ff03c949c132a3"),
            bytes32("323670b13f897ba7ed7ec6bda73f38f15200adb8dcb46384c327815672883d95"),
        ]
        .concat();
        let public = secret.public_key();
        let (shared, enc) = MlKem768X25519::encap(&public, None, &mut Chosen(&random)).unwrap();
        assert_eq!(hash(&public.to_bytes()).to_string(), "52d1a8113f889dafc850daeaf843911ce9d47a29cd8b359abd36b223341c2453");
        assert_eq!(hash(&enc.to_bytes()).to_string(), "55cd0da0b47118a99497126892cc971b1c65fc0dcb9473f7d2ce8a72ea1ec274");
        assert_eq!(shared.0[..], bytes32("f18df1212ffed40d918f3e98b9d7cb6d2d796bdb0732d67e11b951ab2a3db5c8"));
        assert_eq!(MlKem768X25519::decap(&secret, None, &enc).unwrap().0, shared.0);
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
    fn a_share_of_low_order_is_refused_on_both_sides() {
        let secret = HybridSecret::from_seed(random_array());
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
