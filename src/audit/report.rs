//! What an audit found.

use serde::Serialize;

use super::releases::Release;
use crate::client::ProvisionalNotice;
use crate::domain::{AuthorityCode, Hash, MemberCode, Tag, UnixMillis};
use crate::mla::{CaseState, Op};
use crate::trust::Standing;

/// The result of an audit in which nothing was wrong.
#[derive(Debug, Clone, Serialize)]
pub struct AuditReport {
    /// Leaves of the events log, and its root.
    pub events: (u64, Hash),
    /// Entries of the directory log, and its root.
    pub directory: (u64, Hash),
    /// How far witnesses stand behind the newest checkpoints, the weaker of both.
    pub standing: Standing,
    /// For each log that has been provisional for some time, since when.
    pub provisional: Vec<ProvisionalNotice>,
    /// Chains of the events log that are whole, also those of others' cases.
    pub chains: u64,
    /// Whose registers were replayed.
    pub authorities: Vec<AuthorityCode>,
    /// Statements whose signature, certificate, permit and leaves were verified.
    pub statements: u64,
    /// Signed views of a log (`seen` and `directory` lines) that were compared with the history.
    pub heads: u64,
    /// The cases.
    pub cases: Vec<AuditedCase>,
    /// Auditors who read statements of these authorities' cases.
    pub inspections: Vec<Inspected>,
    /// Releases that nobody of the authority has signed `opened` for since. Not wrong; worth a question.
    pub unopened_releases: Vec<Release>,
    /// Replacements of sealing keys that wait to take effect. Not wrong; worth a question.
    pub pending_replacements: Vec<PendingReplacement>,
    /// Revoked members who hold a key in force, which should be replaced. Not wrong; worth a question.
    pub revoked_holders: Vec<RevokedHolder>,
}

/// An auditor's inspection of a register.
#[derive(Debug, Clone, Serialize)]
pub struct Inspected {
    /// Index of its leaf.
    pub event: u64,
    /// When, by the log.
    pub time: UnixMillis,
    /// Who.
    pub member: MemberCode,
    /// Whose register.
    pub authority: AuthorityCode,
}

/// A case as it was replayed.
#[derive(Debug, Clone, Serialize)]
pub struct AuditedCase {
    /// Its tag.
    pub case: Tag,
    /// Where it stands.
    pub state: CaseState,
    /// Who is a party.
    pub parties: Vec<AuthorityCode>,
    /// Its acts, in the log's order.
    pub events: Vec<AuditedEvent>,
}

/// An act of a case.
#[derive(Debug, Clone, Serialize)]
pub struct AuditedEvent {
    /// Index of its first leaf.
    pub index: u64,
    /// When, by the log.
    pub time: UnixMillis,
    /// What.
    pub op: Op,
    /// Who.
    pub actor: MemberCode,
}

/// A sealing key that waits to take an authority's over.
#[derive(Debug, Clone, Serialize)]
pub struct PendingReplacement {
    /// Whose key.
    pub authority: AuthorityCode,
    /// Fingerprint of the new one.
    pub key: Hash,
    /// Who signed it.
    pub named_by: MemberCode,
    /// When it takes effect.
    pub takes_effect: UnixMillis,
}

/// A leaver who can open what is sealed to an authority today.
#[derive(Debug, Clone, Serialize)]
pub struct RevokedHolder {
    /// Whose key.
    pub authority: AuthorityCode,
    /// Fingerprint of the key in force.
    pub key: Hash,
    /// Who holds it.
    pub member: MemberCode,
    /// When they were revoked.
    pub revoked: UnixMillis,
}

impl AuditReport {
    /// One line.
    pub fn in_short(&self) -> String {
        format!(
            "{} events in {} chains and {} directory entries in order, {} statements and {} signed views verified, {} cases, {} releases not opened; {}",
            self.events.0,
            self.chains,
            self.directory.0,
            self.statements,
            self.heads,
            self.cases.len(),
            self.unopened_releases.len(),
            self.standing
        )
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let authorities: Vec<String> = self.authorities.iter().map(AuthorityCode::label).collect();
        let mut text = format!("Consistent: {}\n", self.in_short());
        text += &format!("  events     {} {}\n  directory  {} {}\n", self.events.0, self.events.1, self.directory.0, self.directory.1);
        text += &format!("  registers  {}\n", authorities.join(", "));
        self.provisional.iter().for_each(|notice| text += &format!("  {notice}\n"));
        for case in &self.cases {
            text += &format!("  case {}  {}, {} acts\n", case.case, case.state, case.events.len());
        }
        for Inspected { time, member, authority, .. } in &self.inspections {
            text += &format!("  read by auditors: {} the cases of {}, {}\n", member.label(), authority.label(), time.to_second());
        }
        for release in &self.unopened_releases {
            text += &format!(
                "  released and not opened: document {} to {}, {}\n",
                release.document,
                release.member.label(),
                release.time.to_second()
            );
        }
        text + &self.keys_text()
    }

    /// What is worth a question about sealing keys.
    fn keys_text(&self) -> String {
        let mut text = String::new();
        for PendingReplacement { authority, key, named_by, takes_effect } in &self.pending_replacements {
            let (authority, by, effect) = (authority.label(), named_by.label(), takes_effect.to_second());
            text += &format!("  worth a question: {by} replaces the sealing key of {authority} by {key}, from {effect} on\n");
        }
        for RevokedHolder { authority, key, member, revoked } in &self.revoked_holders {
            let (authority, member, revoked) = (authority.label(), member.label(), revoked.to_second());
            text += &format!("  worth a question: {member}, revoked {revoked}, still holds the sealing key {key} of {authority}\n");
        }
        text
    }
}
