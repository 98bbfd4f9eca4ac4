//! Where an entry of the directory stands, and since when it counts.

use super::statement::JudgedAt;
use crate::domain::{Hash, UnixMillis};

/// An entry's place in the directory log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryPlace {
    index: u64,
    time: UnixMillis,
    leaf: Hash,
}

impl EntryPlace {
    pub(super) fn new(index: u64, time: UnixMillis, leaf: Hash) -> Self {
        Self { index, time, leaf }
    }

    /// Its index, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Its leaf's time.
    pub fn time(&self) -> UnixMillis {
        self.time
    }

    /// Its leaf's hash.
    pub fn leaf(&self) -> Hash {
        self.leaf
    }

    /// Whether an act at `at` must have known of it, by either count: both logs are written in one order, so a log that
    /// claims not to have had the entry cannot claim a later time.
    pub(super) fn is_known(&self, at: JudgedAt) -> bool {
        self.index < at.directory_size || self.time < at.time
    }
}
