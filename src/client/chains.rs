//! The chains of the events log, one for each kind and tag: each leaf must build on the one before it.

use std::collections::HashMap;

use super::{ClientError, Mirror};
use crate::domain::{ChainKind, Hash, Tag, UnixMillis};
use crate::tlog::leaf_hash;
use crate::wire::{EventLeaf, decode_event_leaf};

/// The chains that are being followed: how many leaves each has, and the hash of the last.
#[derive(Default)]
pub(super) struct Chains(HashMap<(ChainKind, Tag), (u64, Hash)>);

impl Chains {
    /// Takes the next leaf of a chain.
    pub(super) fn take(&mut self, index: u64, leaf: &EventLeaf, bytes: &[u8]) -> Result<(), ClientError> {
        let (next, last) = self.0.get(&(leaf.kind, leaf.tag)).copied().unwrap_or((0, Hash::ZERO));
        if leaf.seq != next || leaf.prev != last {
            return Err(wrong(index, "it does not build on the one before it in its chain"));
        }
        self.0.insert((leaf.kind, leaf.tag), (next + 1, leaf_hash(bytes)));
        Ok(())
    }
}

/// Time and directory size of the leaf before, whosever it is: neither ever falls.
#[derive(Default)]
pub(super) struct Order(Option<(UnixMillis, u64)>);

impl Order {
    /// Takes the next leaf of the log.
    pub(super) fn take(&mut self, index: u64, leaf: &EventLeaf) -> Result<(), ClientError> {
        let moment = (leaf.time, leaf.directory_size);
        if self.0.is_some_and(|(time, size)| leaf.time < time || leaf.directory_size < size) {
            return Err(wrong(index, "it claims to be older than the one before it"));
        }
        self.0 = Some(moment);
        Ok(())
    }
}

impl Mirror {
    /// Verifies every chain of this copy of the events log, also those of cases that are not this member's: their
    /// leaves tell nothing, but each must build on the one before. Gives the number of chains. Takes about 150 bytes of memory a chain.
    ///
    /// # Errors
    /// When a leaf is no event, is older than the one before it, or does not build on its chain.
    pub fn verify_chains(&self) -> Result<u64, ClientError> {
        let (mut chains, mut order) = (Chains::default(), Order::default());
        self.scan(0, |index, bytes| {
            let leaf = decode_event_leaf(bytes).map_err(|fault| wrong(index, &fault.to_string()))?;
            order.take(index, &leaf)?;
            chains.take(index, &leaf, bytes)
        })?;
        Ok(chains.0.len() as u64)
    }
}

/// An event that an honest log would not have.
pub(super) fn wrong(index: u64, reason: &str) -> ClientError {
    ClientError::unproven(format!("event {index} should not stand in the log like this: {reason}"))
}
