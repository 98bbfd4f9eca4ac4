//! The directory: a fold of the directory log, with its rules. Server, clients and auditors use this
//! one piece of code, so none can be persuaded of an entry that another would refuse.
//!
//! An entry is in force iff its state's chain has no gap up to it, it is signed by whom `entry_signer` lets sign it,
//! and it is in its state's own namespace. What else an entry must keep is in `directory_rules`; what keys an authority
//! has at which time, in `sealing_keys`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::anchors::TrustAnchors;
use super::entry_place::EntryPlace;
use super::entry_signer::EntrySigner;
use super::members::MemberRecord;
use super::sealing_keys::{AuthorityRecord, Holder, SealingKey};
use super::statement::{CheckedSignature, JudgedAt, check_signature};
use crate::domain::limits::CUSTODY_MS;
use crate::domain::{AuthorityCode, Hash, MemberCode, Origin, Role, StateCode, UnixMillis};
use crate::wire::{
    Act, AuthorityEntry, DirectoryLeaf, Grant, MemberEntry, Recovery, Refusal, RefusalCode, Replacement, Revocation, Statement,
};

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

/// An entry that fits the directory as it stands. Only [`Directory::verify_entry`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedEntry {
    signed: CheckedSignature,
    signer: EntrySigner,
    size: u64,
    time: UnixMillis,
}

impl VerifiedEntry {
    /// SHA-256 of the statement.
    pub fn sha256(&self) -> Hash {
        self.signed.sha256
    }

    /// The statement.
    pub fn statement(&self) -> &Statement {
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

    /// All of its entries, at `time`.
    pub fn as_of(&self, time: UnixMillis) -> JudgedAt {
        JudgedAt { directory_size: self.size, time }
    }

    /// Leaf hash of a state's last entry; zeros before the first.
    pub fn last_entry(&self, state: StateCode) -> Hash {
        self.chains.get(&state).map_or(Hash::ZERO, |chain| chain.last)
    }

    pub(super) fn entries_of(&self, state: StateCode) -> u64 {
        self.chains.get(&state).map_or(0, |chain| chain.entries)
    }

    /// An authority, as of a directory size.
    pub fn authority_at(&self, authority: &AuthorityCode, directory_size: u64) -> Option<&AuthorityRecord> {
        self.authorities.get(authority).filter(|record| record.first_key().place().index() < directory_size)
    }

    /// An authority, as of now.
    pub fn authority(&self, authority: &AuthorityCode) -> Option<&AuthorityRecord> {
        self.authority_at(authority, self.size)
    }

    /// All authorities in order of their codes.
    pub fn authorities(&self) -> impl Iterator<Item = (&AuthorityCode, &AuthorityRecord)> {
        self.authorities.iter()
    }

    /// The key that is sealed to for an authority, as of `at`: the size says which entries count, the time which of
    /// them have taken effect. PROTOCOL.md, "Directory rules".
    pub fn sealing_at(&self, authority: &AuthorityCode, at: JudgedAt) -> Option<&SealingKey> {
        self.authority_at(authority, at.directory_size).map(|record| record.key_at(at))
    }

    /// A member's entry in force.
    pub fn member_at(&self, member: &MemberCode, at: JudgedAt) -> Option<&MemberRecord> {
        self.records_of(member).iter().find(|record| record.is_in_force(at))
    }

    /// The members of an authority who are custodians as of `at`, in order of their codes.
    pub fn custodians_at<'d>(&'d self, authority: &'d AuthorityCode, at: JudgedAt) -> impl Iterator<Item = &'d MemberRecord> {
        let of_authority = self.members().filter(move |record| record.entry().member.authority() == authority);
        of_authority.filter(move |record| record.is_in_force(at) && record.has_role(&[Role::Custodian]))
    }

    /// The entry under which a member holds a key.
    pub fn record_of(&self, holder: &Holder) -> Option<&MemberRecord> {
        self.records_of(holder.member()).iter().find(|record| record.entry_index() == holder.member_entry())
    }

    /// Whether the member's last entry was revoked.
    pub fn is_revoked(&self, member: &MemberCode) -> bool {
        self.records_of(member).last().is_some_and(|record| record.revoked_at().is_some())
    }

    /// All entries that members ever had, in order of their codes.
    pub fn members(&self) -> impl Iterator<Item = &MemberRecord> {
        self.members.values().flatten()
    }

    /// All entries that a member ever had, in the log's order.
    pub(super) fn records_of(&self, member: &MemberCode) -> &[MemberRecord] {
        self.members.get(member).map_or(&[], Vec::as_slice)
    }

    /// Judges a directory statement as the next entry, at `time`.
    ///
    /// # Errors
    /// A refusal that names the rule it breaks.
    pub fn verify_entry(&self, bytes: &[u8], signature: &[u8], time: UnixMillis) -> Result<VerifiedEntry, Refusal> {
        let (signed, proof) = check_signature(bytes, signature, &self.origin)?;
        let signer = self.verify_entry_signer(&signed, &proof, time)?;
        self.require_timely(&signed, time)?;
        if time < self.last_time {
            return Err(Refusal::new(RefusalCode::EntryRefused, "the entry claims to be older than the one before it"));
        }
        self.require_allowed(&signed, signer, time)?;
        Ok(VerifiedEntry { signed, signer, size: self.size, time })
    }

    /// Adds an entry. `leaf_hash` is the hash of [`VerifiedEntry::to_leaf`]'s bytes.
    ///
    /// # Errors
    /// When other entries were applied since it was judged.
    pub fn apply_entry(&mut self, entry: VerifiedEntry, leaf_hash: Hash) -> Result<(), Refusal> {
        if entry.size != self.size {
            return Err(Refusal::new(RefusalCode::DirectoryStale, "the directory has grown since this entry was judged"));
        }
        let place = EntryPlace::new(self.size, entry.time, leaf_hash);
        let Statement { act, actor, .. } = entry.signed.statement;
        let chain = self.chains.entry(actor.state()).or_insert(StateChain { entries: 0, last: Hash::ZERO });
        *chain = StateChain { entries: chain.entries + 1, last: leaf_hash };
        match act {
            Act::Authority(authority) => self.insert_authority(authority, actor, place),
            Act::Member(member) => self.insert_member(member, place),
            Act::Revoke(revocation) => self.revoke(&revocation, place),
            Act::Replace(replacement) => self.replace(replacement, actor, entry.signer, place),
            Act::Cancel(cancellation) => {
                self.authorities.entry(cancellation.authority).and_modify(|record| record.cancel(cancellation.entry, place));
            }
            Act::Grant(grant) => self.grant(grant, actor, place),
            Act::Recover(recovery) => self.recover(recovery, place),
            // An entry was judged, and none of these is one.
            Act::Submit(_) | Act::Release(_) | Act::Opened(_) | Act::Acknowledge(_) | Act::Forward(_) | Act::Close(_) => {}
            Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => {}
        }
        self.last_time = entry.time;
        self.size += 1;
        Ok(())
    }

    fn insert_authority(&mut self, entry: AuthorityEntry, actor: MemberCode, place: EntryPlace) {
        let first = SealingKey::new(entry.sealing, actor, place, None);
        self.authorities.insert(entry.authority, AuthorityRecord::new(entry.central, first));
    }

    /// The first member of an authority is its founder, on whose machine its first key was made.
    fn insert_member(&mut self, entry: MemberEntry, place: EntryPlace) {
        let (member, authority) = (entry.member.clone(), entry.member.authority().clone());
        if !self.members.keys().any(|other| *other.authority() == authority) {
            let founder = Holder::maker(member.clone(), place.index(), place.time());
            self.authorities.entry(authority).and_modify(|record| record.add_holder(record.first_key().fingerprint(), founder));
        }
        self.members.entry(member).or_default().push(MemberRecord::new(entry, place));
    }

    fn revoke(&mut self, revocation: &Revocation, place: EntryPlace) {
        let records = self.members.entry(revocation.member.clone()).or_default();
        records.iter_mut().for_each(|record| record.revoke(place));
    }

    fn replace(&mut self, entry: Replacement, actor: MemberCode, signer: EntrySigner, place: EntryPlace) {
        let maker = self.member_at(&actor, self.as_of(place.time())).filter(|_| signer == EntrySigner::Member);
        let at_once = maker.is_some_and(|record| record.is_seasoned_at(place.time()));
        let holder = maker.map(|record| Holder::maker(actor.clone(), record.entry_index(), place.time()));
        let waits_until = (!at_once).then_some(UnixMillis(place.time().0.saturating_add(CUSTODY_MS)));
        let key = SealingKey::new(entry.sealing, actor, place, waits_until);
        self.authorities.entry(entry.authority).and_modify(|record| {
            let fingerprint = key.fingerprint();
            record.push_key(key);
            holder.into_iter().for_each(|holder| record.add_holder(fingerprint, holder));
        });
    }

    fn grant(&mut self, entry: Grant, actor: MemberCode, place: EntryPlace) {
        let Some(record) = self.member_at(&entry.member, self.as_of(place.time())) else { return };
        let holder = Holder::granted(entry.member.clone(), record.entry_index(), place.time(), actor);
        self.authorities.entry(entry.member.authority().clone()).and_modify(|record| record.add_holder(entry.key, holder));
    }

    fn recover(&mut self, entry: Recovery, place: EntryPlace) {
        let Some(record) = self.member_at(&entry.member, self.as_of(place.time())) else { return };
        let holder = Holder::recovered(entry.member.clone(), record.entry_index(), place.time());
        self.authorities.entry(entry.member.authority().clone()).and_modify(|record| record.add_holder(entry.key, holder));
    }
}
