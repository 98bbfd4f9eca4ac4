//! Reading the stored logs: nodes for proofs, the directory's fold, the last leaf's time.

use super::ExchangeFault;
use super::published::Published;
use crate::domain::{Hash, Log, UnixMillis};
use crate::store::Store;
use crate::tlog::{Frontier, NodeSource, leaf_hash};
use crate::trust::Directory;
use crate::wire::{decode_directory_leaf, decode_event_leaf};

/// The stored nodes of one log, as proofs need them.
pub(super) struct StoredNodes<'s> {
    pub(super) store: &'s Store,
    pub(super) log: Log,
}

impl NodeSource for StoredNodes<'_> {
    type Fault = ExchangeFault;

    fn load_node(&self, level: u8, index: u64) -> Result<Hash, ExchangeFault> {
        self.store.load_node(self.log, level, index)?.ok_or(ExchangeFault::Damaged { what: "tree" })
    }
}

pub(super) fn load_frontier(store: &Store, log: Log, size: u64) -> Result<Frontier, ExchangeFault> {
    Frontier::from_source(&StoredNodes { store, log }, size)
}

/// The root that a log had at an earlier size.
pub(super) fn load_root_at(store: &Store, log: Log, size: u64) -> Result<Hash, ExchangeFault> {
    Ok(load_frontier(store, log, size)?.root())
}

/// Folds what the directory log has beyond `directory`, judging every entry again as when it was accepted.
pub(super) fn extend_directory(store: &Store, mut directory: Directory) -> Result<Directory, ExchangeFault> {
    let damaged = ExchangeFault::Damaged { what: "directory" };
    let size = store.load_heads()?.directory.size;
    while directory.size() < size {
        for bytes in store.load_leaves(Log::Directory, directory.size()..size)? {
            let applied = decode_directory_leaf(&bytes).ok().and_then(|leaf| {
                let entry = directory.verify_entry(&leaf.statement, &leaf.signature, leaf.time).ok()?;
                directory.apply_entry(entry, leaf_hash(&bytes)).ok()
            });
            if applied.is_none() {
                return Err(damaged);
            }
        }
    }
    Ok(directory)
}

/// The time of the younger of both logs' last leaves; zero before the first.
pub(super) fn load_last_time(store: &Store, published: &Published) -> Result<UnixMillis, ExchangeFault> {
    let last = |log: Log| match published.head(log).head().size.checked_sub(1) {
        Some(index) => Ok(Some(store.load_leaf(log, index)?.ok_or(ExchangeFault::Damaged { what: "leaves" })?)),
        None => Ok::<_, ExchangeFault>(None),
    };
    let event = last(Log::Events)?.map(|bytes| decode_event_leaf(&bytes).map(|leaf| leaf.time));
    let entry = last(Log::Directory)?.map(|bytes| decode_directory_leaf(&bytes).map(|leaf| leaf.time));
    let damaged = |_| ExchangeFault::Damaged { what: "leaves" };
    let event = event.transpose().map_err(damaged)?.unwrap_or(UnixMillis(0));
    Ok(event.max(entry.transpose().map_err(damaged)?.unwrap_or(UnixMillis(0))))
}
