//! The entries of the directory log, as values. Their text is `entries_text`'s.

use super::statement::Act;
use crate::domain::{AuthorityCode, Hash, MemberCode, Role, UtcSecond};
use crate::mla::RevocationReason;

/// Names an authority of the registrar's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityEntry {
    /// Leaf hash of the state's last directory entry; zeros for the first.
    pub after: Hash,
    /// Which authority.
    pub authority: AuthorityCode,
    /// Whether it is the state's central authority.
    pub central: bool,
    /// Its sealing key, an `age1pq1…` recipient as text.
    pub sealing: String,
}

/// Names a member of an authority of the registrar's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEntry {
    /// Leaf hash of the state's last directory entry.
    pub after: Hash,
    /// Who.
    pub member: MemberCode,
    /// Roles, in the order of [`Role::ALL`], each once.
    pub roles: Vec<Role>,
    /// SHA-256 of the TLS certificate.
    pub tls: Hash,
    /// SHA-256 of the statement certificate.
    pub statement: Hash,
    /// The member's own sealing key, an `age1pq1…` recipient as text.
    pub sealing: String,
    /// The first second the entry holds.
    pub valid_from: UtcSecond,
    /// The last second the entry holds.
    pub valid_until: UtcSecond,
}

/// Ends a member's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Leaf hash of the state's last directory entry.
    pub after: Hash,
    /// Whose.
    pub member: MemberCode,
    /// Why.
    pub reason: RevocationReason,
}

/// Names the sealing key that takes the place of an authority's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Leaf hash of the state's last directory entry.
    pub after: Hash,
    /// Whose.
    pub authority: AuthorityCode,
    /// Fingerprint of the key in force, which it replaces.
    pub key: Hash,
    /// The new sealing key, an `age1pq1…` recipient as text.
    pub sealing: String,
}

/// Undoes a replacement that has not taken effect yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// Leaf hash of the state's last directory entry, or of the entry that it cancels.
    pub after: Hash,
    /// Whose key would be replaced.
    pub authority: AuthorityCode,
    /// Leaf hash of the replacement.
    pub entry: Hash,
}

/// Says that a member now holds their authority's sealing identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Leaf hash of the state's last directory entry.
    pub after: Hash,
    /// Who holds it.
    pub member: MemberCode,
    /// Fingerprint of the key in force, whose identity it is.
    pub key: Hash,
}

/// Says that its actor has put their authority's sealing identity together from its shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Leaf hash of the state's last directory entry.
    pub after: Hash,
    /// Who holds it: the actor.
    pub member: MemberCode,
    /// Fingerprint of the key, in force or not, whose identity it is.
    pub key: Hash,
}

impl Act {
    /// The authority that a directory entry is about: the one whose members must hear of it.
    pub fn entry_authority(&self) -> Option<&AuthorityCode> {
        match self {
            Act::Authority(entry) => Some(&entry.authority),
            Act::Member(entry) => Some(entry.member.authority()),
            Act::Revoke(entry) => Some(entry.member.authority()),
            Act::Replace(entry) => Some(&entry.authority),
            Act::Cancel(entry) => Some(&entry.authority),
            Act::Grant(entry) => Some(entry.member.authority()),
            Act::Recover(entry) => Some(entry.member.authority()),
            Act::Submit(_) | Act::Release(_) | Act::Opened(_) | Act::Acknowledge(_) | Act::Forward(_) | Act::Close(_) => None,
            Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => None,
        }
    }
}
