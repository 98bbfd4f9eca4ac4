//! Certificates as bytes, signers, and the detached CMS that signs a statement.
//!
//! This module proves who made which bytes. It never decides whom to trust: chains, profiles and the
//! directory are [`crate::trust`]'s.
//!
//! The signature is CAdES-B-B (ETSI EN 319 122-1) in CMS (RFC 5652), with ESSCertIDv2 (RFC 5035) and
//! ECDSA P-256 with SHA-256 (RFC 5758). Of the many encodings that these allow, exactly one is taken:
//!
//! ```text
//! ContentInfo signedData
//!   SignedData v1
//!     digestAlgorithms   { sha256 }                      no parameters
//!     encapContentInfo   data, no content                detached
//!     certificates       { signer, issuing CA }          in DER order; nothing else
//!     signerInfos        { SignerInfo v1 }               one
//!       sid              issuerAndSerialNumber
//!       signedAttrs      { contentType, messageDigest, signingTime, signingCertificateV2 }   in DER order
//!       signature        ecdsa-with-SHA256, s at most n/2
//! ```
//!
//! So five values determine every byte: digest, time, two certificates, and `r ‖ s`. [`parse_detached`]
//! takes a signature only if encoding its five values gives the same bytes again; what independent
//! verifiers disagree about therefore never gets in. `openssl cms -verify -cades` agrees.

mod asn1;
mod certificate;
mod cms;
mod cms_parse;
mod ecdsa;
mod extensions;
mod signer;

pub use certificate::{CERTIFICATE_BYTES_MAX, Certificate, CertificateRefused};
pub use cms::{DetachedSignature, SignFault, VerifiedSignature, sign_detached, verify_detached};
pub use cms_parse::{SignatureRefused, parse_detached};
pub use ecdsa::{EcdsaSignature, P256Point};
pub use signer::{Signer, SignerRefused, SoftwareSigner};
