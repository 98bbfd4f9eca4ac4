//! A member as the directory has them: one record for each of their entries.

use super::entry_place::EntryPlace;
use super::statement::JudgedAt;
use crate::domain::limits::CUSTODY_MS;
use crate::domain::{Role, UnixMillis};
use crate::wire::MemberEntry;

/// A member as one entry of the directory has them.
#[derive(Debug, Clone)]
pub struct MemberRecord {
    entry: MemberEntry,
    place: EntryPlace,
    revoked: Option<EntryPlace>,
}

impl MemberRecord {
    pub(super) fn new(entry: MemberEntry, place: EntryPlace) -> Self {
        Self { entry, place, revoked: None }
    }

    /// The entry.
    pub fn entry(&self) -> &MemberEntry {
        &self.entry
    }

    /// Where it stands in the directory log.
    pub fn entry_index(&self) -> u64 {
        self.place.index()
    }

    /// When it was revoked, if it was.
    pub fn revoked_at(&self) -> Option<UnixMillis> {
        self.revoked.map(|place| place.time())
    }

    /// Whether the member has one of these roles.
    pub fn has_role(&self, roles: &[Role]) -> bool {
        self.entry.roles.iter().any(|role| roles.contains(role))
    }

    /// From when on it is in force: when it was logged, or later where it says so.
    pub fn in_force_from(&self) -> UnixMillis {
        self.place.time().max(self.entry.valid_from.to_millis())
    }

    /// Whether it is in force as of `at`. A revocation counts by place and by time: a log that claims not to have seen
    /// it cannot claim a later time.
    pub(super) fn is_in_force(&self, at: JudgedAt) -> bool {
        let logged = self.place.index() < at.directory_size;
        logged && !self.revoked.is_some_and(|place| place.is_known(at)) && self.is_valid_at(at.time)
    }

    /// Whether it made its member custodian at that time, whatever came after it.
    pub(super) fn was_custodian_at(&self, time: UnixMillis) -> bool {
        let standing = self.place.time() <= time && self.revoked.is_none_or(|place| time < place.time());
        standing && self.is_valid_at(time) && self.has_role(&[Role::Custodian])
    }

    /// Whether its member has been custodian for a day at that time, by this one entry.
    pub(super) fn is_seasoned_at(&self, time: UnixMillis) -> bool {
        self.has_role(&[Role::Custodian]) && time.0.saturating_sub(self.in_force_from().0) >= CUSTODY_MS
    }

    pub(super) fn revoke(&mut self, place: EntryPlace) {
        self.revoked.get_or_insert(place);
    }

    fn is_valid_at(&self, time: UnixMillis) -> bool {
        let second = time.to_second();
        self.entry.valid_from <= second && second <= self.entry.valid_until
    }
}
