//! From a leaf certificate to the root of a state, and what that proves.
//!
//! webpki builds and checks the path; it leaves to its caller what decides here: whose name, which one
//! purpose, which exact shape, and the root's own validity (SECURITY.md, the strict leaf profile). There are
//! no revocation lists: what is revoked stands in the directory log.

use std::time::Duration;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{COMMON_NAME, COUNTRY_NAME};
use pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

use super::anchors::{TrustAnchors, check_ca, check_country, sole_text};
use super::profile::{CertificateProfile, MEMBER_URI_SCHEME};
use crate::domain::{Hash, MemberCode, StateCode, UnixMillis, UtcSecond};
use crate::sign::Certificate;

/// The path length of an issuing CA: leaves only.
const ISSUING_PATH_LENGTH: u8 = 0;

/// The one signature algorithm of every path.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[webpki::ring::ECDSA_P256_SHA256];

/// A certificate's place in a path, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathPlace {
    /// The member's own.
    Leaf,
    /// The CA between the root and the leaf.
    IssuingCa,
    /// The state's root.
    Root,
}

impl std::fmt::Display for PathPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PathPlace::Leaf => "the certificate",
            PathPlace::IssuingCa => "the issuing CA's certificate",
            PathPlace::Root => "the state's root certificate",
        })
    }
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainRefused {
    /// The validity of a certificate of the path is over.
    #[error("{place} expired at {since}; the state's registrar issues a new one")]
    Expired {
        /// Which certificate.
        place: PathPlace,
        /// Its last second.
        since: UtcSecond,
    },
    /// The validity of a certificate of the path has not begun.
    #[error("{place} is not valid before {from}; check the clock of this machine")]
    NotYetValid {
        /// Which certificate.
        place: PathPlace,
        /// Its first second.
        from: UtcSecond,
    },
    /// The extended key usage is not exactly the one of the profile.
    #[error("this is not a {}: its extended key usage must be that one purpose and no other", .0.as_str())]
    WrongPurpose(CertificateProfile),
    /// The key usage is not exactly digitalSignature.
    #[error("the certificate's key usage must be digitalSignature and no other")]
    KeyUsage,
    /// A CA's certificate where a member's must be.
    #[error("the certificate is a CA's; it cannot stand for a member")]
    CaAsLeaf,
    /// Another kind of key or signature than the profiles have.
    #[error("the certificate must have a key on P-256 and be signed with ecdsa-with-SHA256")]
    Algorithm,
    /// The alternative names are not exactly one member URI.
    #[error("the certificate must name one member, as the only alternative name, in the form elchi:kg.gpo/07")]
    MemberName,
    /// The subject says something else than the member's code and state.
    #[error("the certificate's subject must be the member's code and state and nothing else")]
    Subject,
    /// Not the number of issuing CAs that the profile has.
    #[error("a {} comes with {expected} issuing CA certificates, not {found}", .profile.as_str())]
    IssuerCount {
        /// The profile.
        profile: CertificateProfile,
        /// How many stand between the leaf and the root in this profile.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// The issuing CA is not of the profile.
    #[error("the issuing CA is not of the profile: {0}")]
    IssuingCa(&'static str),
    /// No root that is trusted here certified it.
    #[error("the certificate's issuer is not known: no root that is trusted here certified it")]
    UnknownIssuer,
    /// A signature of the path does not match.
    #[error("a signature between the certificate and the state's root does not match")]
    SignatureMismatch,
    /// A root of one state certified a member of another.
    #[error("the root of {root} certified a member of {member}; a state speaks for its own only")]
    ForeignState {
        /// The state whose root certified it.
        root: StateCode,
        /// The state whose member it names.
        member: StateCode,
    },
    /// Anything else that the path builder refuses.
    #[error("the path to the state's root is refused: {0}")]
    Path(webpki::Error),
}

/// Proof that, at one time, a state's root stood behind this certificate for this member and purpose. The
/// directory says whether it has been revoked or replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCertificate {
    member: MemberCode,
    certificate_sha256: Hash,
    not_after: UtcSecond,
}

impl VerifiedCertificate {
    /// Whom it names.
    pub fn member(&self) -> &MemberCode {
        &self.member
    }

    /// The state whose root certified it, which is the member's.
    pub fn state(&self) -> StateCode {
        self.member.state()
    }

    /// SHA-256 of its DER.
    pub fn certificate_sha256(&self) -> Hash {
        self.certificate_sha256
    }

    /// The last second at which every certificate of the path is valid. What outlives the check, such as an
    /// open connection, ends here.
    pub fn not_after(&self) -> UtcSecond {
        self.not_after
    }
}

/// Checks that `leaf` is a certificate of `profile` and leads to a root of `anchors` by exactly the path of
/// the profile, at the time `at`.
///
/// `issuers` are the certificates that came with the leaf: the issuing CA's; for a registrar's leaf none, or
/// the root itself, which a CMS carries as the leaf's issuer.
///
/// # Errors
/// With the first rule that is broken.
pub fn verify_chain(
    profile: CertificateProfile,
    leaf: &Certificate,
    issuers: &[Certificate],
    anchors: &TrustAnchors,
    at: UnixMillis,
) -> Result<VerifiedCertificate, ChainRefused> {
    let member = check_leaf(profile, leaf)?;
    let issuing = issuing_ca(profile, issuers, anchors)?;
    if let Some(issuing) = issuing {
        check_ca(issuing, ISSUING_PATH_LENGTH).map_err(ChainRefused::IssuingCa)?;
        check_time(PathPlace::IssuingCa, issuing, at)?;
    }
    check_time(PathPlace::Leaf, leaf, at)?;
    let (state, root) = build_path(profile, leaf, issuing, anchors, at)?;
    check_time(PathPlace::Root, root, at)?;
    if state != member.state() {
        return Err(ChainRefused::ForeignState { root: state, member: member.state() });
    }
    issuing.map_or(Ok(()), |issuing| check_country(issuing, state)).map_err(ChainRefused::IssuingCa)?;
    let path = issuing.into_iter().chain([leaf, root]);
    let not_after = path.map(Certificate::not_after).fold(leaf.not_after(), UtcSecond::min);
    Ok(VerifiedCertificate { member, certificate_sha256: leaf.certificate_sha256(), not_after })
}

fn check_leaf(profile: CertificateProfile, leaf: &Certificate) -> Result<MemberCode, ChainRefused> {
    let purpose_is = |oid: &ObjectIdentifier| oid.arcs().eq(profile.extended_key_usage().iter().copied());
    if leaf.basic_constraints().is_some_and(|constraints| constraints.ca) {
        return Err(ChainRefused::CaAsLeaf);
    }
    if !matches!(leaf.extended_key_usages(), [only] if purpose_is(only)) {
        return Err(ChainRefused::WrongPurpose(profile));
    }
    if leaf.key_usage() != Some(KeyUsage(KeyUsages::DigitalSignature.into())) {
        return Err(ChainRefused::KeyUsage);
    }
    if leaf.p256_point().is_none() || !leaf.is_ecdsa_with_sha256() {
        return Err(ChainRefused::Algorithm);
    }
    let member = member_name(leaf)?;
    let subject = [(COMMON_NAME, member.to_string()), (COUNTRY_NAME, member.state().to_string())];
    let says = |(oid, text): &(ObjectIdentifier, String)| sole_text(leaf, *oid) == Some(text);
    if leaf.subject().len() == subject.len() && subject.iter().all(says) { Ok(member) } else { Err(ChainRefused::Subject) }
}

fn member_name(leaf: &Certificate) -> Result<MemberCode, ChainRefused> {
    let [GeneralName::UniformResourceIdentifier(uri)] = leaf.alt_names() else {
        return Err(ChainRefused::MemberName);
    };
    let code = uri.as_str().strip_prefix(MEMBER_URI_SCHEME).ok_or(ChainRefused::MemberName)?;
    code.parse().map_err(|_| ChainRefused::MemberName)
}

/// The CA between root and leaf. A root among `issuers` is none.
fn issuing_ca<'a>(
    profile: CertificateProfile,
    issuers: &'a [Certificate],
    anchors: &TrustAnchors,
) -> Result<Option<&'a Certificate>, ChainRefused> {
    let between: Vec<&Certificate> = issuers.iter().filter(|issuer| !anchors.is_root(issuer)).collect();
    let expected = issuing_cas_of(profile);
    if between.len() == expected {
        Ok(between.first().copied())
    } else {
        Err(ChainRefused::IssuerCount { profile, expected, found: between.len() })
    }
}

const fn issuing_cas_of(profile: CertificateProfile) -> usize {
    if profile.is_issued_by_root() { 0 } else { 1 }
}

fn check_time(place: PathPlace, certificate: &Certificate, at: UnixMillis) -> Result<(), ChainRefused> {
    let (from, since) = (certificate.not_before(), certificate.not_after());
    match at.to_second() {
        second if second < from => Err(ChainRefused::NotYetValid { place, from }),
        second if second > since => Err(ChainRefused::Expired { place, since }),
        _ => Ok(()),
    }
}

/// Has webpki find the root that the leaf leads to, and holds the path to the profile's exact shape.
fn build_path<'a>(
    profile: CertificateProfile,
    leaf: &Certificate,
    issuing: Option<&Certificate>,
    anchors: &'a TrustAnchors,
    at: UnixMillis,
) -> Result<(StateCode, &'a Certificate), ChainRefused> {
    let leaf_der = CertificateDer::from(leaf.der());
    let between: Vec<CertificateDer<'_>> = issuing.map(|issuing| CertificateDer::from(issuing.der())).into_iter().collect();
    let end_entity = EndEntityCert::try_from(&leaf_der)?;
    let time = UnixTime::since_unix_epoch(Duration::from_millis(at.0));
    let path = end_entity.verify_for_usage(ALGORITHMS, anchors.anchors(), &between, time, OnlyPurposesOf(leaf), None, None)?;
    let (expected, found) = (issuing_cas_of(profile), path.intermediate_certificates().count());
    if found != expected {
        return Err(ChainRefused::IssuerCount { profile, expected, found });
    }
    anchors.of_anchor(path.anchor()).ok_or(ChainRefused::UnknownIssuer)
}

/// Holds every extended key usage in a path to the leaf's, which is the profile's by now. webpki asks of CAs too,
/// which have none.
struct OnlyPurposesOf<'a>(&'a Certificate);

impl ExtendedKeyUsageValidator for OnlyPurposesOf<'_> {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        for purpose in purposes {
            // Compared as bytes: webpki 0.103 decodes arcs above 127 wrongly.
            let purpose = purpose?;
            if !self.0.extended_key_usages().iter().any(|oid| KeyPurposeId::new(oid.as_bytes()) == purpose) {
                return Err(webpki::Error::ExtensionValueInvalid);
            }
        }
        Ok(())
    }
}

impl From<webpki::Error> for ChainRefused {
    fn from(error: webpki::Error) -> Self {
        match error {
            webpki::Error::UnknownIssuer => ChainRefused::UnknownIssuer,
            webpki::Error::InvalidSignatureForPublicKey => ChainRefused::SignatureMismatch,
            other => ChainRefused::Path(other),
        }
    }
}
