//! A server's sheet: what its operator gives to each registrar, by hand. It is public, and believed by
//! nobody until a registrar has signed it into a policy.

use serde::{Deserialize, Serialize};

use crate::domain::Hash;

/// `server-sheet.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSheet {
    /// Host and port.
    pub address: String,
    /// SHA-256 of the TLS public key (SubjectPublicKeyInfo).
    pub tls_spki: Hash,
    /// Verifier key of the events log.
    pub events: String,
    /// Verifier key of the directory log.
    pub directory: String,
}
