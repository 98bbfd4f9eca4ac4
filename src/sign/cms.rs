//! The detached signature: five values, their one encoding, signing and verifying.

use std::time::Duration;

use const_oid::db::rfc5911::{ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256};
use der::asn1::{AnyRef, OctetStringRef};
use der::{DateTime, Encode};
use spki::AlgorithmIdentifierRef;
use x509_cert::time::Time;

use super::asn1::{
    Attribute, ContentInfo, EncapsulatedContent, IssuerAndSerial, RawSet, SignedData, SignerInfo, signing_certificate_v2, sorted_set,
};
use super::certificate::Certificate;
use super::cms_parse::SignatureRefused;
use super::ecdsa::EcdsaSignature;
use super::signer::Signer;
use crate::domain::{Hash, UtcSecond};

const SHA_256: AlgorithmIdentifierRef<'static> = AlgorithmIdentifierRef { oid: ID_SHA_256, parameters: None };
const ECDSA_SHA_256: AlgorithmIdentifierRef<'static> = AlgorithmIdentifierRef { oid: ECDSA_WITH_SHA_256, parameters: None };

/// A signature could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// The key, or the device that holds it, did not sign.
    #[error("the key could not sign")]
    Key,
    /// What came back from the key does not verify with its certificate.
    #[error("the key gave a signature that does not verify with its certificate")]
    Unverified,
    /// A value is too large to encode.
    #[error("the signature could not be encoded: {0}")]
    Encoding(#[from] der::Error),
}

/// What a signature says, apart from the signature value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) content_sha256: Hash,
    pub(super) signing_time: UtcSecond,
    pub(super) signer: Certificate,
    pub(super) issuer: Certificate,
}

/// A signature that is well formed to the last byte and consistent in itself: its attributes name its
/// signer's certificate. Nothing is verified yet, so it tells nothing yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachedSignature {
    pub(super) claims: Claims,
    pub(super) signature: EcdsaSignature,
}

/// Proof that the key of [`VerifiedSignature::signer`] signed the content. Whom that certificate names and
/// whether it is to be trusted is for `trust::verify_chain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature(Claims);

impl VerifiedSignature {
    /// The certificate whose key signed; bound by the signature.
    pub fn signer(&self) -> &Certificate {
        &self.0.signer
    }

    /// The certificate that came along as the signer's issuer: by its name, and not yet by its signature.
    pub fn issuer(&self) -> &Certificate {
        &self.0.issuer
    }
}

/// Signs content by its SHA-256: CAdES-B-B, detached, DER.
///
/// # Errors
/// When the key does not sign, or signs something else.
pub fn sign_detached(signer: &dyn Signer, content_sha256: &Hash, signing_time: UtcSecond) -> Result<Vec<u8>, SignFault> {
    let (certificate, issuer) = (signer.certificate().clone(), signer.issuer().clone());
    let claims = Claims { content_sha256: *content_sha256, signing_time, signer: certificate, issuer };
    let signature = signer.sign_attributes(&claims.to_be_signed()?)?;
    let signed = DetachedSignature { claims, signature };
    // A device that answers with garbage, or with another key's signature, is noticed here and not by the other state.
    verify_detached(content_sha256, &signed).map_err(|_| SignFault::Unverified)?;
    Ok(signed.encode()?)
}

/// Checks that the signer's key signed these attributes, and they this content. One ECDSA verification.
///
/// # Errors
/// When the content is another, or the signature does not match.
pub fn verify_detached(content_sha256: &Hash, signed: &DetachedSignature) -> Result<VerifiedSignature, SignatureRefused> {
    let claims = &signed.claims;
    if claims.content_sha256 != *content_sha256 {
        return Err(SignatureRefused::ContentDiffers);
    }
    let key = claims.signer.p256_point().ok_or(SignatureRefused::SignerKey)?;
    let mismatch = |_| SignatureRefused::SignatureMismatch;
    signed.signature.verify(key, &claims.to_be_signed()?).map_err(mismatch)?;
    Ok(VerifiedSignature(claims.clone()))
}

impl Claims {
    /// What the key signs: the attributes as a SET OF, with its own tag (RFC 5652, section 5.4).
    fn to_be_signed(&self) -> der::Result<Vec<u8>> {
        RawSet(&self.signed_attributes()?).to_der()
    }

    fn signed_attributes(&self) -> der::Result<Vec<u8>> {
        let attributes = [
            attribute(ID_CONTENT_TYPE, &ID_DATA.to_der()?)?,
            attribute(ID_MESSAGE_DIGEST, &OctetStringRef::new(self.content_sha256.as_bytes())?.to_der()?)?,
            attribute(ID_SIGNING_TIME, &encode_time(self.signing_time)?)?,
            attribute(ID_AA_SIGNING_CERTIFICATE_V_2, &signing_certificate_v2(&self.signer)?)?,
        ];
        Ok(sorted_set(attributes.to_vec()))
    }
}

impl DetachedSignature {
    /// The one encoding of these values.
    pub(super) fn encode(&self) -> der::Result<Vec<u8>> {
        let signer_info = self.signer_info()?;
        let certificates = sorted_set(vec![self.claims.signer.der().to_vec(), self.claims.issuer.der().to_vec()]);
        let signed_data = SignedData {
            version: 1,
            digest_algorithms: RawSet(&SHA_256.to_der()?),
            content: EncapsulatedContent { content_type: ID_DATA, content: None },
            certificates: Some(RawSet(&certificates)),
            revocation_lists: None,
            signer_infos: RawSet(&signer_info),
        }
        .to_der()?;
        ContentInfo { content_type: ID_SIGNED_DATA, content: AnyRef::try_from(signed_data.as_slice())? }.to_der()
    }

    fn signer_info(&self) -> der::Result<Vec<u8>> {
        let sid = IssuerAndSerial::of(&self.claims.signer)?.to_der()?;
        SignerInfo {
            version: 1,
            sid: AnyRef::try_from(sid.as_slice())?,
            digest_algorithm: SHA_256,
            signed_attributes: Some(RawSet(&self.claims.signed_attributes()?)),
            signature_algorithm: ECDSA_SHA_256,
            signature: OctetStringRef::new(&self.signature.to_der()?)?,
            unsigned_attributes: None,
        }
        .to_der()
    }
}

fn attribute(oid: const_oid::ObjectIdentifier, value: &[u8]) -> der::Result<Vec<u8>> {
    Attribute { oid, values: RawSet(value) }.to_der()
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5652, section 11.3).
fn encode_time(second: UtcSecond) -> der::Result<Vec<u8>> {
    Time::from(DateTime::from_unix_duration(Duration::from_secs(second.unix()))?).to_der()
}
