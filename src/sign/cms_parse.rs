//! Reading a detached signature strictly, and naming what is wrong with one that is not taken.
//!
//! The last check decides: the bytes must be the encoding of what was read from them. All others are there
//! to say *why*.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256};
use der::asn1::OctetStringRef;
use der::{Decode, Encode, ErrorKind, Tag, Tagged};
use spki::AlgorithmIdentifierRef;
use x509_cert::time::Time;

use super::asn1::{Attribute, ContentInfo, IssuerAndSerial, RawSet, SignedData, SignerInfo, signing_certificate_v2};
use super::certificate::{Certificate, CertificateRefused};
use super::cms::{Claims, DetachedSignature};
use super::ecdsa::{EcdsaRefused, EcdsaSignature};
use crate::domain::limits::SIGNATURE_BYTES_MAX;
use crate::domain::{Hash, UtcSecond};

/// Why a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    /// Longer than `SIGNATURE_BYTES_MAX`.
    #[error("the signature has {0} bytes; at most {SIGNATURE_BYTES_MAX} are taken")]
    TooLarge(usize),
    /// Indefinite lengths, or another freedom of BER.
    #[error("the signature is in BER; only DER is taken")]
    NotDer,
    /// Bytes after the end of a structure.
    #[error("the signature has bytes after its end, or after the end of one of its parts")]
    TrailingBytes,
    /// Not the ASN.1 of CMS.
    #[error("the signature is no CMS: {0}")]
    Malformed(der::Error),
    /// CMS, but not SignedData over plain data.
    #[error("the CMS is not a signature over data")]
    ContentType,
    /// The content is inside.
    #[error("the signature has its content attached; only detached signatures are taken")]
    ContentAttached,
    /// Another hash algorithm than SHA-256.
    #[error("the digest algorithm {0} is not taken; it must be SHA-256")]
    DigestAlgorithm(ObjectIdentifier),
    /// Another signature algorithm than ECDSA with SHA-256.
    #[error("the signature algorithm {0} is not taken; it must be ECDSA with SHA-256")]
    SignatureAlgorithm(ObjectIdentifier),
    /// Not one signer.
    #[error("there are {0} signers; there must be exactly one")]
    SignerCount(usize),
    /// The signer is named by a key identifier.
    #[error("the signer is named by key identifier; it must be named by issuer and serial number")]
    SignerIdentifier,
    /// Not two certificates.
    #[error("there are {0} certificates; there must be the signer's and its issuer's, and no other")]
    CertificateCount(usize),
    /// A certificate inside is not taken.
    #[error(transparent)]
    Certificate(#[from] CertificateRefused),
    /// The signer identifier names none of the certificates.
    #[error("the signer's certificate is not among the certificates")]
    SignerMissing,
    /// The other certificate is not of the signer's issuer.
    #[error("the second certificate is not that of the signer's issuer")]
    IssuerMissing,
    /// The signer's key is not on P-256.
    #[error("the signer's key is not on P-256")]
    SignerKey,
    /// Revocation lists or answers are inside.
    #[error("the signature carries revocation lists; it must not")]
    RevocationLists,
    /// The signature is directly over the content.
    #[error("there are no signed attributes")]
    NoSignedAttributes,
    /// Something was added without being signed.
    #[error("there are unsigned attributes; there must be none")]
    UnsignedAttributes,
    /// An attribute that must be there is not.
    #[error("the signed attribute {0} is missing")]
    AttributeMissing(&'static str),
    /// An attribute that stands twice, or has no value or several.
    #[error("the signed attribute {0} must stand once, with one value")]
    AttributeNotOnce(ObjectIdentifier),
    /// An attribute that must not be there.
    #[error("the signed attribute {0} is not one of the four that are taken")]
    AttributeUnknown(ObjectIdentifier),
    /// The attributes are not in the order of DER.
    #[error("the signed attributes are not sorted")]
    AttributesUnsorted,
    /// The signed attribute names another certificate than the one that came along.
    #[error("the signing-certificate-v2 attribute does not name the signer's certificate")]
    SigningCertificate,
    /// The other of the two values that verify alike.
    #[error("the signature value has the higher of its two forms")]
    HighS,
    /// Something is encoded otherwise than it must be.
    #[error("the signature is not in its one encoding")]
    NotCanonical,
    /// It is the signature of another content.
    #[error("the signature is not of this content")]
    ContentDiffers,
    /// The mathematics say no.
    #[error("the signature does not match the signer's key")]
    SignatureMismatch,
}

impl From<der::Error> for SignatureRefused {
    fn from(error: der::Error) -> Self {
        match error.kind() {
            ErrorKind::IndefiniteLength | ErrorKind::Noncanonical { .. } => SignatureRefused::NotDer,
            ErrorKind::TrailingData { .. } => SignatureRefused::TrailingBytes,
            _ => SignatureRefused::Malformed(error),
        }
    }
}

const ATTRIBUTES: [(ObjectIdentifier, &str); 4] = [
    (ID_CONTENT_TYPE, "content-type"),
    (ID_MESSAGE_DIGEST, "message-digest"),
    (ID_SIGNING_TIME, "signing-time"),
    (ID_AA_SIGNING_CERTIFICATE_V_2, "signing-certificate-v2"),
];

/// Reads a detached signature. Only the one encoding of [`super`] is taken, whose certificate and signed
/// attributes agree with each other.
///
/// # Errors
/// With the first thing that is wrong.
pub fn parse_detached(bytes: &[u8]) -> Result<DetachedSignature, SignatureRefused> {
    if bytes.len() > SIGNATURE_BYTES_MAX {
        return Err(SignatureRefused::TooLarge(bytes.len()));
    }
    let signed_data = signed_data(bytes)?;
    let signer_info = sole_signer(&signed_data)?;
    let attributes = signed_attributes(&signer_info)?;
    let (signer, issuer) = certificates(&signed_data, &signer_info)?;
    if attributes.signing_certificate != signing_certificate_v2(&signer)? {
        return Err(SignatureRefused::SigningCertificate);
    }
    let signature = EcdsaSignature::parse_der(signer_info.signature.as_bytes())?;
    let claims = Claims { content_sha256: attributes.content_sha256, signing_time: attributes.signing_time, signer, issuer };
    let parsed = DetachedSignature { claims, signature };
    // From here on the bytes are what signing would have made of the same values.
    if parsed.encode()? == bytes { Ok(parsed) } else { Err(SignatureRefused::NotCanonical) }
}

fn signed_data(bytes: &[u8]) -> Result<SignedData<'_>, SignatureRefused> {
    let envelope = ContentInfo::from_der(bytes)?;
    if envelope.content_type != ID_SIGNED_DATA {
        return Err(SignatureRefused::ContentType);
    }
    let signed_data: SignedData<'_> = envelope.content.decode_as()?;
    match &signed_data.content {
        content if content.content_type != ID_DATA => Err(SignatureRefused::ContentType),
        content if content.content.is_some() => Err(SignatureRefused::ContentAttached),
        _ if signed_data.revocation_lists.is_some() => Err(SignatureRefused::RevocationLists),
        _ => Ok(signed_data),
    }
}

fn sole_signer<'a>(signed_data: &SignedData<'a>) -> Result<SignerInfo<'a>, SignatureRefused> {
    let signers = signed_data.signer_infos.members()?;
    let &[only] = signers.as_slice() else {
        return Err(SignatureRefused::SignerCount(signers.len()));
    };
    let signer = SignerInfo::from_der(only)?;
    for algorithm in signed_data.digest_algorithms.members()? {
        check_digest(AlgorithmIdentifierRef::from_der(algorithm)?)?;
    }
    check_digest(signer.digest_algorithm)?;
    if signer.signature_algorithm.oid != ECDSA_WITH_SHA_256 {
        return Err(SignatureRefused::SignatureAlgorithm(signer.signature_algorithm.oid));
    }
    if signer.unsigned_attributes.is_some() {
        return Err(SignatureRefused::UnsignedAttributes);
    }
    Ok(signer)
}

fn check_digest(algorithm: AlgorithmIdentifierRef<'_>) -> Result<(), SignatureRefused> {
    if algorithm.oid == ID_SHA_256 { Ok(()) } else { Err(SignatureRefused::DigestAlgorithm(algorithm.oid)) }
}

/// The signer's certificate, which the signer identifier names, and the other one, its issuer's.
fn certificates(signed_data: &SignedData<'_>, signer: &SignerInfo<'_>) -> Result<(Certificate, Certificate), SignatureRefused> {
    if signer.sid.tag() != Tag::Sequence {
        return Err(SignatureRefused::SignerIdentifier);
    }
    let sid = signer.sid.to_der()?;
    let members = signed_data.certificates.map(RawSet::members).transpose()?.unwrap_or_default();
    let &[first, second] = members.as_slice() else {
        return Err(SignatureRefused::CertificateCount(members.len()));
    };
    let (first, second) = (Certificate::parse_der(first)?, Certificate::parse_der(second)?);
    let is_named = |certificate| Ok::<_, der::Error>(IssuerAndSerial::of(certificate)?.to_der()? == sid);
    let (named, other) = match (is_named(&first)?, is_named(&second)?) {
        (true, _) => (first, second),
        (false, true) => (second, first),
        (false, false) => return Err(SignatureRefused::SignerMissing),
    };
    if named == other || other.subject_der() != named.issuer_der() {
        return Err(SignatureRefused::IssuerMissing);
    }
    if named.p256_point().is_none() {
        return Err(SignatureRefused::SignerKey);
    }
    Ok((named, other))
}

struct SignedAttributes<'a> {
    content_sha256: Hash,
    signing_time: UtcSecond,
    signing_certificate: &'a [u8],
}

fn signed_attributes<'a>(signer: &SignerInfo<'a>) -> Result<SignedAttributes<'a>, SignatureRefused> {
    let members = signer.signed_attributes.ok_or(SignatureRefused::NoSignedAttributes)?.members()?;
    let [content_type, digest, time, signing_certificate] = sole_values(&members)?;
    if !members.is_sorted() {
        return Err(SignatureRefused::AttributesUnsorted);
    }
    if ObjectIdentifier::from_der(content_type)? != ID_DATA {
        return Err(SignatureRefused::ContentType);
    }
    let digest = <&OctetStringRef>::from_der(digest)?.as_bytes();
    let wrong_length = |_| der::Error::from(ErrorKind::Length { tag: Tag::OctetString });
    let seconds = Time::from_der(time)?.to_unix_duration().as_secs();
    Ok(SignedAttributes {
        content_sha256: Hash::try_from(digest).map_err(wrong_length)?,
        signing_time: UtcSecond::from_unix(seconds).map_err(|_| SignatureRefused::NotCanonical)?,
        signing_certificate,
    })
}

/// The one value of each attribute, in the order of [`ATTRIBUTES`].
fn sole_values<'a>(members: &[&'a [u8]]) -> Result<[&'a [u8]; 4], SignatureRefused> {
    let mut found: [Option<&[u8]>; 4] = [None; 4];
    for member in members {
        let attribute = Attribute::from_der(member)?;
        let at = ATTRIBUTES.iter().position(|(oid, _)| *oid == attribute.oid);
        let slot = &mut found[at.ok_or(SignatureRefused::AttributeUnknown(attribute.oid))?];
        let values = attribute.values.members()?;
        let (&[only], None) = (values.as_slice(), &slot) else {
            return Err(SignatureRefused::AttributeNotOnce(attribute.oid));
        };
        *slot = Some(only);
    }
    let mut values = [[].as_slice(); 4];
    for (at, (_, name)) in ATTRIBUTES.iter().enumerate() {
        values[at] = found[at].ok_or(SignatureRefused::AttributeMissing(name))?;
    }
    Ok(values)
}

impl From<EcdsaRefused> for SignatureRefused {
    fn from(refused: EcdsaRefused) -> Self {
        match refused {
            EcdsaRefused::Malformed(error) => error.into(),
            EcdsaRefused::TooLong => SignatureRefused::SignatureMismatch,
            EcdsaRefused::HighS => SignatureRefused::HighS,
        }
    }
}
