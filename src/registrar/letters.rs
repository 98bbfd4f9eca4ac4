//! The files that registrar and member hand each other: JSON, one object, unknown keys refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::client::ClientError;
use crate::domain::{Hash, MemberCode, Role, StateCode};
use crate::durable;
use crate::wire::Base64Bytes;

/// The longest letter: a policy, its signature, 32 roots.
const LETTER_BYTES_MAX: u64 = 512 * 1024;

/// A policy with all that it takes to check it, except the knowledge of whose roots these are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBundle {
    /// The policy's text, `elchi-policy/v1`.
    pub policy: String,
    /// The registrar's CMS over it, DER.
    pub signature: Base64Bytes,
    /// The root certificates that it names, PEM, by state.
    pub roots: BTreeMap<StateCode, String>,
}

/// From the registrar to a new member. It is a secret until it was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Who is invited.
    pub member: MemberCode,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Whether they are the first of their authority, and make its sealing key.
    pub founds: bool,
    /// 32 random bytes that the answer repeats.
    pub token: Hash,
    /// The policy in force.
    pub policy: PolicyBundle,
}

/// From the new member to the registrar. It holds public keys only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Who enrols.
    pub member: MemberCode,
    /// The invitation's token.
    pub token: Hash,
    /// Signing request of the TLS key, PEM.
    pub tls_request: String,
    /// Signing request of the statement key, PEM.
    pub statement_request: String,
    /// The member's own sealing key, `age1pq1…`.
    pub sealing: String,
    /// The authority's sealing key, if this member founds it.
    pub authority_sealing: Option<String>,
}

/// From the registrar to the member: the certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Who is admitted.
    pub member: MemberCode,
    /// The token of the enrolment that this answers.
    pub token: Hash,
    /// TLS certificate and issuing CA's, PEM.
    pub tls: String,
    /// Statement certificate and issuing CA's, PEM.
    pub statement: String,
}

/// Reads a letter.
///
/// # Errors
/// When it cannot be read, is too long, or is not such a letter.
pub fn load_letter<T: DeserializeOwned>(path: &Path) -> Result<T, ClientError> {
    let file = File::open(path).map_err(ClientError::file("open", path))?;
    let mut bytes = Vec::new();
    file.take(LETTER_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(ClientError::file("read", path))?;
    if bytes.len() as u64 > LETTER_BYTES_MAX {
        return Err(ClientError::not_possible(format!("{} is too long", path.display()), "name the file that you were given"));
    }
    serde_json::from_slice(&bytes).map_err(|fault| {
        ClientError::not_possible(
            format!("{} is not the file that is expected: {fault}", path.display()),
            "name the file that you were given",
        )
    })
}

/// Writes a letter, readable by its owner only.
///
/// # Errors
/// When it cannot be written.
pub fn publish_letter<T: Serialize>(path: &Path, letter: &T) -> Result<(), ClientError> {
    let mut json = serde_json::to_vec_pretty(letter).map_err(ClientError::unproven)?;
    json.push(b'\n');
    durable::publish_file(path, &json).map_err(ClientError::file("write", path))
}
