//! An X.509 certificate (RFC 5280): the bytes as they came, and what they say.

use std::fmt;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, SECP_256_R_1};
use der::pem::LineEnding;
use der::{Decode, Encode, Reader, SliceReader};
use x509_cert::certificate::Version;
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Time;

use super::ecdsa::{EcdsaMismatch, P256Point, verify_asn1};
use super::extensions::{Extensions, require};
use crate::crypto::hash;
use crate::domain::{Hash, UtcSecond};

/// The longest certificate taken, in bytes of DER. Ours have about 600; two of them and the attributes
/// must fit into `SIGNATURE_BYTES_MAX`.
pub const CERTIFICATE_BYTES_MAX: usize = 2048;

const PEM_LABEL: &str = "CERTIFICATE";

/// Why bytes are not taken as a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefused {
    /// Longer than [`CERTIFICATE_BYTES_MAX`].
    #[error("the certificate has {0} bytes; at most {CERTIFICATE_BYTES_MAX} are taken")]
    TooLarge(usize),
    /// Not X.509, or not its distinguished encoding to the last byte.
    #[error("the certificate is not well formed: {0}")]
    Malformed(der::Error),
    /// It parses, but there is another encoding, the distinguished one (X.690, section 10).
    #[error("the {0} of the certificate is not in DER")]
    NotDer(&'static str),
    /// Against a rule of RFC 5280.
    #[error("the certificate breaks RFC 5280: {0}")]
    Rule(&'static str),
    /// An extension that stands twice.
    #[error("the certificate has the extension {0} twice")]
    DuplicateExtension(ObjectIdentifier),
    /// A critical extension that is not understood here must not be passed over.
    #[error("the certificate has the critical extension {0}, which is not known here")]
    UnknownCriticalExtension(ObjectIdentifier),
    /// It was not signed by the key of the certificate that should have.
    #[error("the certificate's signature does not match its issuer's key")]
    SignatureMismatch,
}

impl From<der::Error> for CertificateRefused {
    fn from(error: der::Error) -> Self {
        CertificateRefused::Malformed(error)
    }
}

/// A certificate: the DER bytes as received, never encoded again, and a parsed view of them. Cheap to
/// clone. That it parses says nothing about trust.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    sha256: Hash,
    spki_sha256: Hash,
    point: Option<P256Point>,
    serial: Vec<u8>,
    issuer_der: Vec<u8>,
    subject_der: Vec<u8>,
    subject: Vec<(ObjectIdentifier, String)>,
    not_before: UtcSecond,
    not_after: UtcSecond,
    ecdsa_with_sha256: bool,
    signature: Vec<u8>,
    extensions: Extensions,
}

impl Certificate {
    /// Reads one certificate from its DER.
    ///
    /// # Errors
    /// When it is longer than [`CERTIFICATE_BYTES_MAX`], is not DER to the last byte, is no X.509 v3, has
    /// an extension twice or an unknown critical one, or breaks a rule of RFC 5280 that is checked here.
    pub fn parse_der(der: &[u8]) -> Result<Self, CertificateRefused> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateRefused::TooLarge(der.len()));
        }
        let parsed = x509_cert::Certificate::from_der(der)?;
        // The parser forgives what DER does not (the order of sets, defaults written out): only the
        // certificate's one distinguished encoding survives the round trip.
        if parsed.to_der()? != der {
            return Err(CertificateRefused::NotDer("encoding"));
        }
        Self::from_parsed(der, &parsed).map(|parsed| Self(Arc::new(parsed)))
    }

    /// Reads one certificate from PEM (RFC 7468).
    ///
    /// # Errors
    /// When the text is no PEM of a certificate, or as [`Certificate::parse_der`].
    pub fn parse_pem(text: &str) -> Result<Self, CertificateRefused> {
        let (label, document) = der::Document::from_pem(text)?;
        if label != PEM_LABEL {
            return Err(CertificateRefused::Rule("the PEM is not labelled CERTIFICATE"));
        }
        Self::parse_der(document.as_bytes())
    }

    /// Reads the certificates of a PEM file in its order, at least one.
    ///
    /// # Errors
    /// When there is none, or as [`Certificate::parse_pem`].
    pub fn parse_chain_pem(text: &str) -> Result<Vec<Self>, CertificateRefused> {
        let blocks = text.split_inclusive("-----END CERTIFICATE-----\n").filter(|block| !block.trim().is_empty());
        let chain: Vec<Self> = blocks.map(Self::parse_pem).collect::<Result<_, _>>()?;
        if chain.is_empty() { Err(CertificateRefused::Rule("the PEM holds no certificate")) } else { Ok(chain) }
    }

    fn from_parsed(der: &[u8], parsed: &x509_cert::Certificate) -> Result<Parsed, CertificateRefused> {
        let tbs = parsed.tbs_certificate();
        check_rules(parsed)?;
        let algorithm = parsed.signature_algorithm();
        Ok(Parsed {
            sha256: hash(der),
            spki_sha256: hash(&tbs.subject_public_key_info().to_der()?),
            point: p256_point(tbs.subject_public_key_info()),
            serial: tbs.serial_number().as_bytes().to_vec(),
            issuer_der: tbs.issuer().to_der()?,
            subject_der: tbs.subject().to_der()?,
            subject: name_texts(tbs.subject())?,
            not_before: second(tbs.validity().not_before)?,
            not_after: second(tbs.validity().not_after)?,
            ecdsa_with_sha256: algorithm.oid == ECDSA_WITH_SHA_256 && algorithm.parameters.is_none(),
            signature: parsed.signature().as_bytes().ok_or(CertificateRefused::NotDer("signature"))?.to_vec(),
            extensions: Extensions::parse(tbs)?,
            der: der.to_vec(),
        })
    }

    /// The certificate as it was received, DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate as PEM (RFC 7468), for tools that take no DER.
    pub fn to_pem(&self) -> String {
        // Cannot fail: the length was checked against a limit far below PEM's.
        der::pem::encode_string(PEM_LABEL, LineEnding::LF, self.der()).unwrap_or_default()
    }

    /// SHA-256 of the DER: the name by which statements and the directory call a certificate.
    pub fn certificate_sha256(&self) -> Hash {
        self.0.sha256
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the name of the key, whatever certificate carries it.
    pub fn spki_sha256(&self) -> Hash {
        self.0.spki_sha256
    }

    /// The public key, if it is an uncompressed point on P-256.
    pub fn p256_point(&self) -> Option<&P256Point> {
        self.0.point.as_ref()
    }

    /// The serial number, big-endian, as the INTEGER's contents.
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// The issuer's Name, DER.
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.issuer_der
    }

    /// The subject's Name, DER.
    pub fn subject_der(&self) -> &[u8] {
        &self.0.subject_der
    }

    /// The subject's attributes in their order: type and text.
    pub fn subject(&self) -> &[(ObjectIdentifier, String)] {
        &self.0.subject
    }

    /// The first second of validity.
    pub fn not_before(&self) -> UtcSecond {
        self.0.not_before
    }

    /// The last second of validity.
    pub fn not_after(&self) -> UtcSecond {
        self.0.not_after
    }

    /// Whether it was signed with ecdsa-with-SHA256 (RFC 5758, section 3.2).
    pub fn is_ecdsa_with_sha256(&self) -> bool {
        self.0.ecdsa_with_sha256
    }

    /// basicConstraints, if present.
    pub fn basic_constraints(&self) -> Option<&BasicConstraints> {
        self.0.extensions.basic_constraints.as_ref()
    }

    /// keyUsage, if present.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// The extended key usages; empty if the extension is absent.
    pub fn extended_key_usages(&self) -> &[ObjectIdentifier] {
        &self.0.extensions.extended_key_usages
    }

    /// The names of subjectAltName; empty if the extension is absent.
    pub fn alt_names(&self) -> &[GeneralName] {
        &self.0.extensions.alt_names
    }

    /// Checks that `issuer`'s P-256 key signed this certificate with ecdsa-with-SHA256. Says nothing of names,
    /// purposes or times: paths are `trust`'s.
    ///
    /// # Errors
    /// When it did not.
    pub fn verify_signed_by(&self, issuer: &Certificate) -> Result<(), CertificateRefused> {
        let mismatch = |_: EcdsaMismatch| CertificateRefused::SignatureMismatch;
        let point = issuer.p256_point().filter(|_| self.is_ecdsa_with_sha256()).ok_or(CertificateRefused::SignatureMismatch)?;
        verify_asn1(point, self.tbs_der()?, &self.0.signature).map_err(mismatch)
    }

    fn tbs_der(&self) -> Result<&[u8], der::Error> {
        let mut reader = SliceReader::new(self.der())?;
        reader.sequence(|certificate| {
            let tbs = certificate.tlv_bytes()?;
            certificate.drain(certificate.remaining_len())?;
            Ok(tbs)
        })
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.certificate_sha256())
    }
}

fn check_rules(parsed: &x509_cert::Certificate) -> Result<(), CertificateRefused> {
    let tbs = parsed.tbs_certificate();
    let serial = tbs.serial_number().as_bytes();
    let negative = serial.first().is_none_or(|first| *first >= 0x80);
    let positive = !negative && serial.len() <= 20 && serial.iter().any(|byte| *byte != 0);
    let unique_ids = tbs.issuer_unique_id().is_some() || tbs.subject_unique_id().is_some();
    require(tbs.version() == Version::V3, "it is not X.509 v3 (4.1.2.1)")?;
    require(positive, "its serial number is not positive, or longer than 20 bytes (4.1.2.2)")?;
    require(tbs.signature() == parsed.signature_algorithm(), "its two signature algorithms differ (4.1.1.2)")?;
    require(second(tbs.validity().not_before)? <= second(tbs.validity().not_after)?, "it ends before it begins (4.1.2.5)")?;
    require(!unique_ids, "it has a unique identifier (4.1.2.8)")
}

fn second(time: Time) -> Result<UtcSecond, CertificateRefused> {
    UtcSecond::from_unix(time.to_unix_duration().as_secs())
        .map_err(|_| CertificateRefused::Rule("its validity is no calendar time (4.1.2.5)"))
}

fn name_texts(name: &Name) -> Result<Vec<(ObjectIdentifier, String)>, CertificateRefused> {
    let text = |value: &der::asn1::Any| value.decode_as::<DirectoryString>().map(String::from);
    name.iter().map(|attribute| Ok((attribute.oid, text(&attribute.value)?))).collect()
}

fn p256_point(spki: &SubjectPublicKeyInfoOwned) -> Option<P256Point> {
    let curve = spki.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()?;
    let on_p256 = spki.algorithm.oid == ID_EC_PUBLIC_KEY && curve == SECP_256_R_1;
    spki.subject_public_key.as_bytes().filter(|_| on_p256).and_then(P256Point::from_uncompressed)
}
