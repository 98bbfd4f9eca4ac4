//! The certificate profiles: what a certificate of each kind must look like, to the letter.
//!
//! ```text
//! root ──┬── issuing CA ──┬── TLS certificate            EKU clientAuth
//!        │                └── statement certificate      EKU elchi-statement
//!        ├── registrar certificate                       EKU elchi-registrar
//!        └── registrar's TLS certificate                 EKU clientAuth
//! ```
//!
//! All keys are P-256, all signatures ECDSA with SHA-256. A leaf names its member in one URI of its
//! subject alternative name, `elchi:kg.gpo/07`, and has `digitalSignature` as its only key usage and
//! exactly one extended key usage. A registrar's two certificates are issued by the root itself, which is
//! what makes a registrar. `registrar::ca` issues these profiles; [`super`] checks them.

/// The scheme of the URI that names a member in a certificate.
pub const MEMBER_URI_SCHEME: &str = "elchi:";

/// What a leaf certificate is for. One key, one use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateProfile {
    /// A member's side of mutual TLS.
    Tls,
    /// Signs a member's statements.
    Statement,
    /// Signs directory statements and policies of a state.
    Registrar,
    /// A registrar's side of mutual TLS.
    RegistrarTls,
}

impl CertificateProfile {
    /// The one extended key usage of the profile. The private ones stand under the enterprise number
    /// that RFC 5612 sets aside for examples, until the project has its own (DECISIONS.md).
    pub const fn extended_key_usage(self) -> &'static [u32] {
        match self {
            CertificateProfile::Tls | CertificateProfile::RegistrarTls => &[1, 3, 6, 1, 5, 5, 7, 3, 2],
            CertificateProfile::Statement => &[1, 3, 6, 1, 4, 1, 32473, 4713, 1],
            CertificateProfile::Registrar => &[1, 3, 6, 1, 4, 1, 32473, 4713, 2],
        }
    }

    /// The profile in words, for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            CertificateProfile::Tls => "TLS certificate",
            CertificateProfile::Statement => "statement certificate",
            CertificateProfile::Registrar => "registrar certificate",
            CertificateProfile::RegistrarTls => "registrar's TLS certificate",
        }
    }

    /// Whether the root issues it itself, rather than through the issuing CA.
    pub const fn is_issued_by_root(self) -> bool {
        matches!(self, CertificateProfile::Registrar | CertificateProfile::RegistrarTls)
    }
}
