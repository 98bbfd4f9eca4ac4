//! Who is it, and what may they do: certificate profiles, chains, the directory, permits. Pure.
//!
//! Never opens a socket and stores no state. Each check returns a value that only the check can make.

mod profile;

pub use profile::{CertificateProfile, MEMBER_URI_SCHEME};
