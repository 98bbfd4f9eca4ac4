//! An authority's sealing keys over time: which one is in force, which one is pending, who holds which.
//!
//! ```text
//! authority ── first key ───────────────┐ in force until another one is
//! replace by a custodian of a day ──────┴─▶ in force from its entry on
//! replace by anyone else ── pending ── 24 hours ──▶ in force          (one at a time)
//!                              └── cancel ──▶ never
//! ```

use super::entry_place::EntryPlace;
use super::statement::JudgedAt;
use crate::crypto::hash;
use crate::domain::{Hash, MemberCode, UnixMillis};

/// An authority as the directory has it.
#[derive(Debug, Clone)]
pub struct AuthorityRecord {
    central: bool,
    first: SealingKey,
    later: Vec<SealingKey>,
}

impl AuthorityRecord {
    pub(super) fn new(central: bool, first: SealingKey) -> Self {
        Self { central, first, later: Vec::new() }
    }

    /// Whether it is its state's central authority.
    pub fn is_central(&self) -> bool {
        self.central
    }

    /// The key that it was entered with.
    pub fn first_key(&self) -> &SealingKey {
        &self.first
    }

    /// All keys that were ever named for it, in the log's order; some never took effect.
    pub fn keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// The key with this fingerprint.
    pub fn key(&self, fingerprint: &Hash) -> Option<&SealingKey> {
        self.keys().find(|key| key.fingerprint == *fingerprint)
    }

    /// The key that is sealed to as of `at`.
    pub fn key_at(&self, at: JudgedAt) -> &SealingKey {
        self.later.iter().rev().find(|key| key.is_in_force(at)).unwrap_or(&self.first)
    }

    /// The key that waits to take effect as of `at`.
    pub fn pending_at(&self, at: JudgedAt) -> Option<&SealingKey> {
        self.later.iter().find(|key| key.is_pending(at))
    }

    pub(super) fn push_key(&mut self, key: SealingKey) {
        self.later.push(key);
    }

    pub(super) fn cancel(&mut self, replacement: Hash, place: EntryPlace) {
        self.later.iter_mut().filter(|key| key.place.leaf() == replacement).for_each(|key| key.cancelled = Some(place));
    }

    pub(super) fn add_holder(&mut self, fingerprint: Hash, holder: Holder) {
        let keys = std::iter::once(&mut self.first).chain(&mut self.later);
        keys.filter(|key| key.fingerprint == fingerprint).for_each(|key| key.holders.push(holder.clone()));
    }
}

/// A sealing key that an entry names for an authority.
#[derive(Debug, Clone)]
pub struct SealingKey {
    text: String,
    fingerprint: Hash,
    named_by: MemberCode,
    place: EntryPlace,
    /// None for a key that is in force from its entry on.
    waits_until: Option<UnixMillis>,
    cancelled: Option<EntryPlace>,
    holders: Vec<Holder>,
}

impl SealingKey {
    pub(super) fn new(text: String, named_by: MemberCode, place: EntryPlace, waits_until: Option<UnixMillis>) -> Self {
        let fingerprint = hash(text.as_bytes());
        Self { text, fingerprint, named_by, place, waits_until, cancelled: None, holders: Vec::new() }
    }

    /// The key, an `age1pq1…` recipient.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of its text.
    pub fn fingerprint(&self) -> Hash {
        self.fingerprint
    }

    /// Who signed the entry that names it.
    pub fn named_by(&self) -> &MemberCode {
        &self.named_by
    }

    /// Where that entry stands.
    pub fn place(&self) -> EntryPlace {
        self.place
    }

    /// Until when it waits to take effect; nothing for one that is in force from its entry on.
    pub fn waits_until(&self) -> Option<UnixMillis> {
        self.waits_until
    }

    /// From when on it is in force, unless it is cancelled before.
    pub fn takes_effect(&self) -> UnixMillis {
        self.waits_until.unwrap_or(self.place.time())
    }

    /// Whether it is held under this entry of a member, by the directory.
    pub fn is_held_under(&self, member_entry: u64) -> bool {
        self.holders.iter().any(|holder| holder.member_entry == member_entry)
    }

    /// Who holds its identity by the directory, in the log's order: who made it, to whom it was granted, who put it together.
    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }

    fn is_in_force(&self, at: JudgedAt) -> bool {
        self.stands(at) && self.waits_until.is_none_or(|time| time <= at.time)
    }

    fn is_pending(&self, at: JudgedAt) -> bool {
        self.stands(at) && self.waits_until.is_some_and(|time| at.time < time)
    }

    fn stands(&self, at: JudgedAt) -> bool {
        self.place.is_known(at) && !self.cancelled.is_some_and(|place| place.is_known(at))
    }
}

/// A member who holds an authority's sealing identity, by the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    member: MemberCode,
    member_entry: u64,
    since: UnixMillis,
    by: HeldBy,
}

/// How somebody came to hold a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum HeldBy {
    Making,
    Grant(MemberCode),
    Recovery,
}

impl Holder {
    /// Who made the key.
    pub(super) fn maker(member: MemberCode, member_entry: u64, since: UnixMillis) -> Self {
        Self { member, member_entry, since, by: HeldBy::Making }
    }

    /// Whom somebody granted it to.
    pub(super) fn granted(member: MemberCode, member_entry: u64, since: UnixMillis, by: MemberCode) -> Self {
        Self { member, member_entry, since, by: HeldBy::Grant(by) }
    }

    /// Who put it together from its shares.
    pub(super) fn recovered(member: MemberCode, member_entry: u64, since: UnixMillis) -> Self {
        Self { member, member_entry, since, by: HeldBy::Recovery }
    }

    /// Who.
    pub fn member(&self) -> &MemberCode {
        &self.member
    }

    /// Which of their entries it was granted under, by its index: whoever returns after a revocation does not hold it.
    pub fn member_entry(&self) -> u64 {
        self.member_entry
    }

    /// Since when.
    pub fn since(&self) -> UnixMillis {
        self.since
    }

    /// Who granted it; nobody to who made the key or put it together.
    pub fn granted_by(&self) -> Option<&MemberCode> {
        match &self.by {
            HeldBy::Grant(by) => Some(by),
            HeldBy::Making | HeldBy::Recovery => None,
        }
    }

    /// Whether they put it together from its shares.
    pub fn has_recovered(&self) -> bool {
        self.by == HeldBy::Recovery
    }
}
