//! Judging both stored logs again, leaf by leaf, for an operator who wants to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::directory_log::{extend_directory, load_frontier};
use super::views::{load_case, load_leaf_statement};
use super::{ExchangeFault, LogKeys};
use crate::crypto::hash;
use crate::domain::{Hash, Log, Origin, Tag};
use crate::store::Store;
use crate::tlog::{Frontier, commitment, leaf_hash};
use crate::trust::{Case, Directory, JudgedAt, TrustAnchors, permit_act, verify_statement};
use crate::wire::decode_event_leaf;

/// What of the logs was found as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct LogsVerified {
    /// Leaves of the events log whose statement opens them.
    pub events: u64,
    /// Entries of the directory log, each judged as when it was accepted.
    pub directory: u64,
}

/// Recomputes both roots from the leaves and from the nodes, opens every commitment of the events log, judges every
/// directory entry and every act again, and compares the cases that they make with those that are kept.
///
/// # Errors
/// With the first thing that does not check, or that cannot be read.
pub fn verify_logs(store: &Store, keys: &LogKeys, anchors: TrustAnchors) -> Result<LogsVerified, ExchangeFault> {
    let heads = store.load_heads()?;
    let directory = extend_directory(store, Directory::new(keys.origin(Log::Directory).clone(), Arc::new(anchors)))?;
    let mut cases = CaseFold { store, origin: keys.origin(Log::Events), directory: &directory, cases: BTreeMap::new(), last: None };
    for log in [Log::Events, Log::Directory] {
        let head = heads.of(log);
        let mut frontier = Frontier::new();
        while frontier.size() < head.size {
            for bytes in store.load_leaves(log, frontier.size()..head.size)? {
                if log == Log::Events {
                    cases.take(frontier.size(), &bytes)?;
                }
                frontier.append(leaf_hash(&bytes));
            }
        }
        if frontier.head() != head || load_frontier(store, log, head.size)?.root() != head.root {
            return Err(ExchangeFault::Damaged { what: "tree" });
        }
    }
    cases.compare()?;
    Ok(LogsVerified { events: heads.events.size, directory: directory.size() })
}

/// The cases, folded again from the statements, each judged as when it was accepted.
struct CaseFold<'s> {
    store: &'s Store,
    origin: &'s Origin,
    directory: &'s Directory,
    cases: BTreeMap<Tag, Case>,
    /// The statement of the leaf before: one statement's leaves stand side by side.
    last: Option<Hash>,
}

impl CaseFold<'_> {
    fn take(&mut self, index: u64, bytes: &[u8]) -> Result<(), ExchangeFault> {
        let damaged = || ExchangeFault::Damaged { what: "statements" };
        let leaf = decode_event_leaf(bytes).map_err(|_| ExchangeFault::Damaged { what: "leaves" })?;
        let sha256 = load_leaf_statement(self.store, index)?.ok_or_else(damaged)?;
        let stored = self.store.load_statement(&sha256)?.ok_or_else(damaged)?;
        if commitment(leaf.kind, &leaf.tag, &hash(&stored.statement), &hash(&stored.signature)) != leaf.commit {
            return Err(damaged());
        }
        if self.last.replace(sha256) == Some(sha256) {
            return Ok(());
        }
        let at = JudgedAt { directory_size: leaf.directory_size, time: leaf.time };
        let statement = verify_statement(&stored.statement, &stored.signature, self.origin, self.directory, at).map_err(|_| damaged())?;
        let tag = *statement.statement().act.case().ok_or_else(damaged)?;
        let permit = permit_act(self.cases.get(&tag), statement, self.directory, at).map_err(|_| damaged())?;
        if permit.moves_case() {
            // Its first leaf is the case's.
            self.cases.insert(tag, permit.into_case(Some(leaf_hash(bytes))));
        }
        Ok(())
    }

    /// What the server keeps of each case is what its statements make of it.
    fn compare(self) -> Result<(), ExchangeFault> {
        for (tag, folded) in self.cases {
            if load_case(self.store, &tag)? != Some(folded) {
                return Err(ExchangeFault::Damaged { what: "cases" });
            }
        }
        Ok(())
    }
}
