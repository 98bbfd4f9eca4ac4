//! Issues the certificates that `trust::CertificateProfile` describes.

use pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::crypto::random_array;
use crate::domain::{MemberCode, StateCode, UtcSecond};
use crate::trust::{CertificateProfile, MEMBER_URI_SCHEME};

/// A certificate could not be issued, or a stored CA could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CaFault {
    /// A key or certificate that is not of the profile, or an encoding failure.
    #[error("the CA failed: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A validity that the calendar does not have.
    #[error("the validity is not a calendar time")]
    Validity,
    /// What was made cannot be read back.
    #[error("the certificate that was made cannot be read")]
    Unreadable,
}

/// From when until when a certificate is valid, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: UtcSecond,
    /// The last second.
    pub until: UtcSecond,
}

/// A fresh P-256 key as PKCS#8 DER, with its SubjectPublicKeyInfo as DER.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn generate_key() -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), CaFault> {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    Ok((Zeroizing::new(pair.serialize_der()), pair.subject_public_key_info()))
}

/// A certificate signing request (PKCS #10, PEM) for the key (PKCS#8 DER). It proves possession of the key and
/// claims nothing: what a certificate says is the registrar's word.
///
/// # Errors
/// When the key is not P-256.
pub fn create_request(key_pkcs8: &[u8]) -> Result<String, CaFault> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(&key_pair(key_pkcs8)?)?.pem()?)
}

/// The public key (SubjectPublicKeyInfo, DER) of a signing request whose own signature holds.
///
/// # Errors
/// When it is no request, is not signed by its key, or the key is not P-256.
pub fn verify_request(request_pem: &str) -> Result<Vec<u8>, CaFault> {
    let request = CertificateSigningRequestParams::from_pem(request_pem)?;
    if *request.public_key.algorithm() != PKCS_ECDSA_P256_SHA256 {
        return Err(rcgen::Error::UnsupportedSignatureAlgorithm.into());
    }
    Ok(request.public_key.subject_public_key_info())
}

/// A state's root and its issuing CA, with their private keys.
pub struct StateCa {
    root: CaKey,
    issuing: CaKey,
}

struct CaKey {
    certificate: CertificateDer<'static>,
    key_pkcs8: Zeroizing<Vec<u8>>,
}

impl StateCa {
    /// Makes a new root and a new issuing CA for `state`.
    ///
    /// # Errors
    /// When a certificate cannot be made.
    pub fn create(state: StateCode, validity: Validity) -> Result<Self, CaFault> {
        let (root_key, _) = generate_key()?;
        let root_pair = key_pair(&root_key)?;
        let root_params = ca_params(&format!("Elchi {state} root"), state, 1, validity)?;
        let root_certificate = root_params.self_signed(&root_pair)?.der().clone();

        let (issuing_key, issuing_spki) = generate_key()?;
        let issuing_params = ca_params(&format!("Elchi {state} issuing CA"), state, 0, validity)?;
        let issuer = Issuer::from_ca_cert_der(&root_certificate, root_pair)?;
        let issuing_certificate = issuing_params.signed_by(&SubjectPublicKeyInfo::from_der(&issuing_spki)?, &issuer)?.der().clone();

        Ok(Self {
            root: CaKey { certificate: root_certificate, key_pkcs8: root_key },
            issuing: CaKey { certificate: issuing_certificate, key_pkcs8: issuing_key },
        })
    }

    /// Takes up a CA whose certificates (DER) and keys (PKCS#8 DER) were stored.
    pub fn from_stored(root: (Vec<u8>, Zeroizing<Vec<u8>>), issuing: (Vec<u8>, Zeroizing<Vec<u8>>)) -> Self {
        let stored = |(certificate, key_pkcs8): (Vec<u8>, _)| CaKey { certificate: CertificateDer::from(certificate), key_pkcs8 };
        Self { root: stored(root), issuing: stored(issuing) }
    }

    /// The root certificate, DER.
    pub fn root_der(&self) -> &[u8] {
        &self.root.certificate
    }

    /// The issuing CA's certificate, DER.
    pub fn issuing_der(&self) -> &[u8] {
        &self.issuing.certificate
    }

    /// The root's private key, PKCS#8 DER, for the one place that stores it.
    pub fn expose_root_key(&self) -> &[u8] {
        &self.root.key_pkcs8
    }

    /// The issuing CA's private key, PKCS#8 DER, for the one place that stores it.
    pub fn expose_issuing_key(&self) -> &[u8] {
        &self.issuing.key_pkcs8
    }

    /// The certificate (DER) of the CA that issues `profile`.
    pub fn issuer_der(&self, profile: CertificateProfile) -> &[u8] {
        &self.issuer_of(profile).certificate
    }

    /// Issues a leaf of `profile` to `member` for the key in `spki_der`.
    ///
    /// # Errors
    /// When the key is not one that a certificate can name, or the validity is no calendar time.
    pub fn issue(&self, profile: CertificateProfile, member: &MemberCode, spki_der: &[u8], validity: Validity) -> Result<Vec<u8>, CaFault> {
        let mut params = leaf_params(&member.to_string(), validity)?;
        params.distinguished_name.push(DnType::CountryName, country(member.state())?);
        params.subject_alt_names = vec![SanType::URI(format!("{MEMBER_URI_SCHEME}{member}").try_into()?)];
        params.extended_key_usages = vec![extended_key_usage(profile)];
        let ca = self.issuer_of(profile);
        let issuer = Issuer::from_ca_cert_der(&ca.certificate, key_pair(&ca.key_pkcs8)?)?;
        Ok(params.signed_by(&SubjectPublicKeyInfo::from_der(spki_der)?, &issuer)?.der().to_vec())
    }

    fn issuer_of(&self, profile: CertificateProfile) -> &CaKey {
        if profile.is_issued_by_root() { &self.root } else { &self.issuing }
    }
}

/// A server's self-signed TLS certificate (DER) for the key (PKCS#8 DER). Clients pin its public key by
/// their policy; the names in it prove nothing.
///
/// # Errors
/// When the key is not P-256 or the name is no DNS name.
pub fn issue_server_certificate(host: &str, key_pkcs8: &[u8], validity: Validity) -> Result<Vec<u8>, CaFault> {
    let mut params = leaf_params(host, validity)?;
    params.subject_alt_names = vec![SanType::DnsName(host.try_into()?)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params.self_signed(&key_pair(key_pkcs8)?)?.der().to_vec())
}

fn key_pair(key_pkcs8: &[u8]) -> Result<KeyPair, CaFault> {
    let key = PrivatePkcs8KeyDer::from(key_pkcs8);
    Ok(KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ECDSA_P256_SHA256)?)
}

fn ca_params(name: &str, state: StateCode, path_length: u8, validity: Validity) -> Result<CertificateParams, CaFault> {
    let mut params = leaf_params(name, validity)?;
    params.distinguished_name.push(DnType::CountryName, country(state)?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf_params(name: &str, validity: Validity) -> Result<CertificateParams, CaFault> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = calendar_time(validity.from)?;
    params.not_after = calendar_time(validity.until)?;
    params.serial_number = Some(random_serial());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// countryName is a PrintableString, whatever other names are (RFC 5280, appendix A.1).
fn country(state: StateCode) -> Result<DnValue, CaFault> {
    Ok(DnValue::PrintableString(state.to_string().try_into()?))
}

/// 127 random bits: positive and sixteen bytes long (RFC 5280, 4.1.2.2).
fn random_serial() -> SerialNumber {
    let mut bytes: [u8; 16] = random_array();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn calendar_time(second: UtcSecond) -> Result<OffsetDateTime, CaFault> {
    let seconds = i64::try_from(second.unix()).map_err(|_| CaFault::Validity)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| CaFault::Validity)
}

fn extended_key_usage(profile: CertificateProfile) -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(profile.extended_key_usage().iter().map(|arc| u64::from(*arc)).collect())
}
