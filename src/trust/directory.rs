//! The directory: a fold of the directory log, with its rules. Server, clients and auditors use this
//! one piece of code, so none can be persuaded of an entry that another would refuse.
//!
//! An entry is in force iff its state's chain has no gap up to it, it is signed by that state's
//! registrar (a revocation also by its subject), and it is in its state's own namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::anchors::TrustAnchors;
use super::profile::CertificateProfile;
use super::statement::{CheckedSignature, JudgedAt, check_signature, require_near, verify_member, verify_signer};
use crate::crypto::hash;
use crate::domain::limits::DIRECTORY_ENTRIES_PER_STATE_MAX;
use crate::domain::{AuthorityCode, Hash, MemberCode, Origin, Role, StateCode, UnixMillis};
use crate::wire::{Act, AuthorityEntry, DirectoryLeaf, MemberEntry, Refusal, RefusalCode, Revocation};

/// The folded directory, with its history: it answers as of any earlier size.
#[derive(Debug, Clone)]
pub struct Directory {
    origin: Origin,
    anchors: Arc<TrustAnchors>,
    size: u64,
    last_time: UnixMillis,
    chains: BTreeMap<StateCode, StateChain>,
    authorities: BTreeMap<AuthorityCode, AuthorityRecord>,
    members: BTreeMap<MemberCode, Vec<MemberRecord>>,
}

/// A state's entries: how many, and the leaf hash of the last.
#[derive(Debug, Clone, Copy)]
struct StateChain {
    entries: u64,
    last: Hash,
}

/// An authority as the directory has it.
#[derive(Debug, Clone)]
pub struct AuthorityRecord {
    entry: AuthorityEntry,
    entry_index: u64,
    sealing_fingerprint: Hash,
}

impl AuthorityRecord {
    /// Whether it is its state's central authority.
    pub fn is_central(&self) -> bool {
        self.entry.central
    }

    /// Its sealing key, an `age1pq1…` recipient.
    pub fn sealing(&self) -> &str {
        &self.entry.sealing
    }

    /// SHA-256 of the sealing key's text.
    pub fn sealing_fingerprint(&self) -> Hash {
        self.sealing_fingerprint
    }
}

/// A member as one entry of the directory has them.
#[derive(Debug, Clone)]
pub struct MemberRecord {
    entry: MemberEntry,
    entry_index: u64,
    revoked: Option<(u64, UnixMillis)>,
}

impl MemberRecord {
    /// The entry.
    pub fn entry(&self) -> &MemberEntry {
        &self.entry
    }

    /// Where it stands in the directory log.
    pub fn entry_index(&self) -> u64 {
        self.entry_index
    }

    /// When it was revoked, if it was.
    pub fn revoked_at(&self) -> Option<UnixMillis> {
        self.revoked.map(|(_, time)| time)
    }

    /// Whether the member has one of these roles.
    pub fn has_role(&self, roles: &[Role]) -> bool {
        self.entry.roles.iter().any(|role| roles.contains(role))
    }

    fn is_in_force(&self, at: JudgedAt) -> bool {
        let logged = self.entry_index < at.directory_size;
        // By either count: a log that claims not to have seen the revocation cannot claim a later time.
        let revoked = self.revoked.is_some_and(|(index, time)| index < at.directory_size || time < at.time);
        let second = at.time.to_second();
        logged && !revoked && self.entry.valid_from <= second && second <= self.entry.valid_until
    }
}

/// An entry that fits the directory as it stands. Only [`Directory::verify_entry`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedEntry {
    signed: CheckedSignature,
    size: u64,
    time: UnixMillis,
}

impl VerifiedEntry {
    /// SHA-256 of the statement.
    pub fn sha256(&self) -> Hash {
        self.signed.sha256
    }

    /// The statement.
    pub fn statement(&self) -> &crate::wire::Statement {
        &self.signed.statement
    }

    /// The leaf that this entry becomes.
    pub fn to_leaf(&self) -> DirectoryLeaf {
        DirectoryLeaf { time: self.time, statement: self.signed.bytes.clone(), signature: self.signed.signature.clone() }
    }
}

impl Directory {
    /// The empty directory of a log, with the roots of its states.
    pub fn new(origin: Origin, anchors: Arc<TrustAnchors>) -> Self {
        let (chains, authorities, members) = Default::default();
        Self { origin, anchors, size: 0, last_time: UnixMillis(0), chains, authorities, members }
    }

    /// How many entries were applied.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The log's origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The roots it was judged by.
    pub fn anchors(&self) -> &Arc<TrustAnchors> {
        &self.anchors
    }

    /// Leaf hash of a state's last entry; zeros before the first.
    pub fn last_entry(&self, state: StateCode) -> Hash {
        self.chains.get(&state).map_or(Hash::ZERO, |chain| chain.last)
    }

    /// An authority, as of a directory size.
    pub fn authority_at(&self, authority: &AuthorityCode, directory_size: u64) -> Option<&AuthorityRecord> {
        self.authorities.get(authority).filter(|record| record.entry_index < directory_size)
    }

    /// An authority, as of now.
    pub fn authority(&self, authority: &AuthorityCode) -> Option<&AuthorityRecord> {
        self.authority_at(authority, self.size)
    }

    /// All authorities in order of their codes.
    pub fn authorities(&self) -> impl Iterator<Item = (&AuthorityCode, &AuthorityRecord)> {
        self.authorities.iter()
    }

    /// A member's entry in force.
    pub fn member_at(&self, member: &MemberCode, at: JudgedAt) -> Option<&MemberRecord> {
        self.members.get(member)?.iter().find(|record| record.is_in_force(at))
    }

    /// Whether the member's last entry was revoked.
    pub fn is_revoked(&self, member: &MemberCode) -> bool {
        self.members.get(member).and_then(|records| records.last()).is_some_and(|record| record.revoked.is_some())
    }

    /// All entries that members ever had, in order of their codes.
    pub fn members(&self) -> impl Iterator<Item = &MemberRecord> {
        self.members.values().flatten()
    }

    /// Judges a directory statement as the next entry, at `time`.
    ///
    /// # Errors
    /// A refusal that names the rule it breaks.
    pub fn verify_entry(&self, bytes: &[u8], signature: &[u8], time: UnixMillis) -> Result<VerifiedEntry, Refusal> {
        let (signed, proof) = check_signature(bytes, signature, &self.origin)?;
        let by_registrar = verify_signer(&signed, &proof, CertificateProfile::Registrar, &self.anchors, time);
        if let Err(refusal) = by_registrar {
            // The one entry that its subject may sign.
            let Some(own) = own_revocation(&signed) else { return Err(refusal) };
            verify_signer(&signed, &proof, CertificateProfile::Statement, &self.anchors, time)?;
            verify_member(own, self, JudgedAt { directory_size: self.size, time })?;
        }
        require_near(&signed.statement, time)?;
        if time < self.last_time {
            return Err(refused("the entry claims to be older than the one before it".into()));
        }
        self.require_allowed(&signed)?;
        Ok(VerifiedEntry { signed, size: self.size, time })
    }

    /// Adds an entry. `leaf_hash` is the hash of [`VerifiedEntry::to_leaf`]'s bytes.
    ///
    /// # Errors
    /// When other entries were applied since it was judged.
    pub fn apply_entry(&mut self, entry: VerifiedEntry, leaf_hash: Hash) -> Result<(), Refusal> {
        if entry.size != self.size {
            return Err(Refusal::new(RefusalCode::DirectoryStale, "the directory has grown since this entry was judged"));
        }
        let index = self.size;
        let statement = entry.signed.statement;
        let chain = self.chains.entry(statement.actor.state()).or_insert(StateChain { entries: 0, last: Hash::ZERO });
        *chain = StateChain { entries: chain.entries + 1, last: leaf_hash };
        self.last_time = entry.time;
        match statement.act {
            Act::Authority(authority) => self.insert_authority(authority, index),
            Act::Member(member) => self.insert_member(member, index),
            Act::Revoke(revocation) => self.revoke(&revocation, index, entry.time),
            // An entry was judged, and none of these is one.
            Act::Submit(_) | Act::Release(_) | Act::Opened(_) | Act::Acknowledge(_) | Act::Forward(_) | Act::Close(_) => {}
        }
        self.size += 1;
        Ok(())
    }

    fn require_allowed(&self, signed: &CheckedSignature) -> Result<(), Refusal> {
        let statement = &signed.statement;
        let state = statement.actor.state();
        if statement.act.after() != Some(&self.last_entry(state)) {
            return Err(Refusal::new(RefusalCode::CaseMoved, format!("the entry does not build on {state}'s last entry")));
        }
        // A revocation is always possible: each takes a living entry, so they are as many at most.
        let is_revocation = matches!(statement.act, Act::Revoke(_));
        if !is_revocation && self.chains.get(&state).is_some_and(|chain| chain.entries >= DIRECTORY_ENTRIES_PER_STATE_MAX) {
            return Err(refused(format!("{state} has as many entries as a state may have, {DIRECTORY_ENTRIES_PER_STATE_MAX}")));
        }
        match &statement.act {
            Act::Authority(entry) => self.require_new_authority(entry, state),
            Act::Member(entry) => self.require_new_member(entry, state),
            Act::Revoke(entry) => self.require_living_member(entry, state),
            Act::Submit(_) | Act::Release(_) | Act::Opened(_) | Act::Acknowledge(_) | Act::Forward(_) | Act::Close(_) => {
                Err(Refusal::new(RefusalCode::WrongLog, format!("{} is no directory entry", statement.act.op())))
            }
        }
    }

    fn require_new_authority(&self, entry: &AuthorityEntry, state: StateCode) -> Result<(), Refusal> {
        require_own(entry.authority.state(), state)?;
        if self.authorities.contains_key(&entry.authority) {
            return Err(refused(format!("{} is in the directory already; its key cannot be swapped by naming it again", entry.authority)));
        }
        let has_central = self.authorities.iter().any(|(code, record)| code.state() == state && record.is_central());
        if entry.central && has_central {
            return Err(refused(format!("{state} has a central authority already")));
        }
        Ok(())
    }

    fn require_new_member(&self, entry: &MemberEntry, state: StateCode) -> Result<(), Refusal> {
        require_own(entry.member.state(), state)?;
        if !self.authorities.contains_key(entry.member.authority()) {
            return Err(refused(format!("{} is not in the directory", entry.member.authority())));
        }
        let earlier = self.members.get(&entry.member).map_or(&[][..], Vec::as_slice);
        if earlier.iter().any(|record| record.revoked.is_none()) {
            return Err(refused(format!("{} has an entry that was not revoked", entry.member)));
        }
        let hashes = [entry.tls, entry.statement];
        if self.members().any(|record| hashes.contains(&record.entry.tls) || hashes.contains(&record.entry.statement)) {
            return Err(refused("a certificate of this entry stands in another one".into()));
        }
        if entry.roles.contains(&Role::Registrar) {
            return Err(refused("a registrar is certified by the root, not by an entry".into()));
        }
        Ok(())
    }

    fn require_living_member(&self, entry: &Revocation, state: StateCode) -> Result<(), Refusal> {
        require_own(entry.member.state(), state)?;
        let living = self.members.get(&entry.member).is_some_and(|records| records.iter().any(|record| record.revoked.is_none()));
        if living { Ok(()) } else { Err(refused(format!("{} has no entry to revoke", entry.member))) }
    }

    fn insert_authority(&mut self, entry: AuthorityEntry, entry_index: u64) {
        let sealing_fingerprint = hash(entry.sealing.as_bytes());
        self.authorities.insert(entry.authority.clone(), AuthorityRecord { entry, entry_index, sealing_fingerprint });
    }

    fn insert_member(&mut self, entry: MemberEntry, entry_index: u64) {
        self.members.entry(entry.member.clone()).or_default().push(MemberRecord { entry, entry_index, revoked: None });
    }

    fn revoke(&mut self, revocation: &Revocation, index: u64, time: UnixMillis) {
        let records = self.members.entry(revocation.member.clone()).or_default();
        records.iter_mut().filter(|record| record.revoked.is_none()).for_each(|record| record.revoked = Some((index, time)));
    }
}

fn own_revocation(signed: &CheckedSignature) -> Option<&crate::wire::Statement> {
    match &signed.statement.act {
        Act::Revoke(entry) if entry.member == signed.statement.actor => Some(&signed.statement),
        _ => None,
    }
}

fn require_own(namespace: StateCode, state: StateCode) -> Result<(), Refusal> {
    if namespace == state { Ok(()) } else { Err(refused(format!("{state}'s registrar cannot name {namespace}'s authorities"))) }
}

fn refused(reason: String) -> Refusal {
    Refusal::new(RefusalCode::EntryRefused, reason)
}
