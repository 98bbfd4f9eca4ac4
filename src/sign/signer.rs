//! Who can sign a statement: a key, with the certificate that names its holder.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use super::certificate::Certificate;
use super::cms::SignFault;
use super::ecdsa::EcdsaSignature;

/// A P-256 key that signs, and the two certificates that go with its signatures. The key may live in this
/// process or in a device; all it is ever given to sign is the DER of signed attributes, about 250 bytes.
///
/// P-256 is for statements; a key of another algorithm, as some cards have for manifests, needs a trait of its own.
pub trait Signer {
    /// The certificate of the key.
    fn certificate(&self) -> &Certificate;

    /// The certificate of the CA that issued it.
    fn issuer(&self) -> &Certificate;

    /// Signs the DER of signed attributes (RFC 5652, section 5.4) with ECDSA P-256 and SHA-256.
    ///
    /// # Errors
    /// When the key cannot sign now.
    fn sign_attributes(&self, attributes: &[u8]) -> Result<EcdsaSignature, SignFault>;
}

/// Why a key and its certificates are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerRefused {
    /// Not an unencrypted PKCS#8 key on P-256 that contains its public half.
    #[error("this is no P-256 key in PKCS#8")]
    Key,
    /// The certificate is for another key.
    #[error("the certificate is for another key than this one")]
    OtherKey,
    /// The second certificate is not the issuer of the first.
    #[error("the second certificate is not that of the first one's issuer")]
    OtherIssuer,
}

/// A key in this process's memory.
pub struct SoftwareSigner {
    key: EcdsaKeyPair,
    certificate: Certificate,
    issuer: Certificate,
}

impl SoftwareSigner {
    /// Takes a key from its PKCS#8 DER (RFC 5958). ring keeps the scalar in its own memory, which it does
    /// not wipe; the caller wipes `key_pkcs8`.
    ///
    /// # Errors
    /// When it is no P-256 key, the certificate is for another, or `issuer` did not issue the certificate.
    pub fn from_pkcs8_der(key_pkcs8: &[u8], certificate: Certificate, issuer: Certificate) -> Result<Self, SignerRefused> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key_pkcs8, &SystemRandom::new());
        let key = key.map_err(|_| SignerRefused::Key)?;
        if certificate.p256_point().is_none_or(|point| point.as_bytes() != key.public_key().as_ref()) {
            return Err(SignerRefused::OtherKey);
        }
        if certificate == issuer || certificate.verify_signed_by(&issuer).is_err() || certificate.issuer_der() != issuer.subject_der() {
            return Err(SignerRefused::OtherIssuer);
        }
        Ok(Self { key, certificate, issuer })
    }
}

impl Signer for SoftwareSigner {
    fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    fn sign_attributes(&self, attributes: &[u8]) -> Result<EcdsaSignature, SignFault> {
        let signature = self.key.sign(&SystemRandom::new(), attributes).map_err(|_| SignFault::Key)?;
        let fixed = signature.as_ref().try_into().map_err(|_| SignFault::Key)?;
        Ok(EcdsaSignature::from_fixed(fixed))
    }
}
