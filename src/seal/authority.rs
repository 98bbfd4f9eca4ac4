//! Grants: an authority's sealing identity, sealed to one of its holders.
//!
//! ```text
//! # elchi-authority/v1 tr.moj
//! AGE-SECRET-KEY-PQ-1…
//! ```
//!
//! age proves no sender: whoever knows a holder's public key can seal some identity to it. So a grant gives
//! up its identity only against the key that the directory lists for the authority.

use super::age_file::SealError;
use super::identity_file::{open_identity_file, seal_identity_file};
use super::secret_file::SecretFileRefused;
use super::{SealingIdentity, SealingRecipient};
use crate::domain::{AuthorityCode, Hash};

const MARK: &str = "elchi-authority/v1";

/// An identity that others handed over, in a grant or in shares, not yet known to be the authority's.
pub struct GrantedIdentity(pub(super) SealingIdentity);

/// Why a grant was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefused {
    /// It does not open to an identity.
    #[error("the grant was refused: {0}")]
    File(#[from] SecretFileRefused),
    /// It is for another authority.
    #[error("the grant is for another authority")]
    OtherAuthority,
}

/// The granted identity is not of the key that the directory lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the granted identity is not of the authority's sealing key in the directory")]
pub struct OtherKey;

impl GrantedIdentity {
    /// The fingerprint of the key whose identity it is, which may be anybody's.
    pub fn fingerprint(&self) -> Hash {
        self.0.recipient().fingerprint()
    }

    /// Gives up the identity if it belongs to `listed`, the authority's key in the directory.
    ///
    /// # Errors
    /// When it belongs to another key.
    pub fn verify_listed(self, listed: &SealingRecipient) -> Result<SealingIdentity, OtherKey> {
        if self.0.recipient() == *listed { Ok(self.0) } else { Err(OtherKey) }
    }
}

/// Seals an authority's identity to a holder's own sealing key.
///
/// # Errors
/// Never with a parsed key.
pub fn seal_authority_identity(
    identity: &SealingIdentity,
    authority: &AuthorityCode,
    holder: &SealingRecipient,
) -> Result<Vec<u8>, SealError> {
    seal_identity_file(&format!("{MARK} {authority}"), identity, holder)
}

/// Opens a grant with the holder's own identity.
///
/// # Errors
/// When it does not open, or is for another authority.
pub fn open_authority_identity(grant: &[u8], holder: &SealingIdentity, authority: &AuthorityCode) -> Result<GrantedIdentity, GrantRefused> {
    let (comment, identity) = open_identity_file(grant, holder)?;
    let granted = parse_comment(&comment).ok_or(SecretFileRefused::Malformed)?;
    if granted == *authority { Ok(GrantedIdentity(identity)) } else { Err(GrantRefused::OtherAuthority) }
}

fn parse_comment(comment: &str) -> Option<AuthorityCode> {
    comment.strip_prefix(MARK)?.strip_prefix(' ')?.parse().ok()
}
