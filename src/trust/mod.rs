//! Who is it, and what may they do: certificate profiles, chains, the directory, permits. Pure.
//!
//! Never opens a socket and stores no state. Each check returns a value that only the check can make.

mod anchors;
mod chain;
mod profile;

pub use anchors::{AnchorRefused, TrustAnchors};
pub use chain::{ChainRefused, PathPlace, VerifiedCertificate, verify_chain};
pub use profile::{CertificateProfile, MEMBER_URI_SCHEME};
