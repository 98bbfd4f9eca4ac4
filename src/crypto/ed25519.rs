//! Ed25519 (RFC 8032) for log and witness keys. Verification is ring's: it takes canonical `s` only.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::random_array;

/// The 32-byte seed is no key, or a stored key is damaged.
#[derive(Debug, thiserror::Error)]
#[error("these bytes are no Ed25519 key")]
pub struct KeyRefused;

/// The signature is not of this message by this key.
#[derive(Debug, thiserror::Error)]
#[error("the Ed25519 signature does not match")]
pub struct SignatureMismatch;

/// An Ed25519 private key, kept as its 32-byte seed.
pub struct Ed25519SigningKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

impl Ed25519SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// Never, unless ring changes what seeds it takes.
    pub fn generate() -> Result<Self, KeyRefused> {
        Self::from_seed(random_array())
    }

    /// The key of a stored seed.
    ///
    /// # Errors
    /// Never, unless ring changes what seeds it takes.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, KeyRefused> {
        let seed = Zeroizing::new(seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| KeyRefused)?;
        Ok(Self { seed, pair })
    }

    /// The seed, for the one place that stores it.
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    pub fn public_key(&self) -> Ed25519PublicKey {
        let mut bytes = [0u8; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        Ed25519PublicKey(bytes)
    }

    /// The 64-byte signature over `message`. Deterministic.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0u8; 64];
        bytes.copy_from_slice(self.pair.sign(message).as_ref());
        bytes
    }
}

/// An Ed25519 public key, 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ed25519PublicKey([u8; 32]);

impl Ed25519PublicKey {
    /// Takes the 32 bytes as they are; a key that is no point verifies nothing.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks a signature over `message`.
    ///
    /// # Errors
    /// When it does not match.
    pub fn verify_signature(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureMismatch> {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).map_err(|_| SignatureMismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_refuses() {
        let key = Ed25519SigningKey::generate().unwrap();
        let signature = key.sign(b"abc");
        key.public_key().verify_signature(b"abc", &signature).unwrap();
        assert!(key.public_key().verify_signature(b"abd", &signature).is_err());
        assert!(key.public_key().verify_signature(b"abc", &signature[..63]).is_err());
        let again = Ed25519SigningKey::from_seed(*key.expose_secret()).unwrap();
        assert_eq!(again.sign(b"abc"), signature);
    }
}
