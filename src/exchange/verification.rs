//! Judging both stored logs again, leaf by leaf, for an operator who wants to know.

use std::sync::Arc;

use super::directory_log::{extend_directory, load_frontier};
use super::views::load_leaf_statement;
use super::{ExchangeFault, LogKeys};
use crate::crypto::hash;
use crate::domain::Log;
use crate::store::Store;
use crate::tlog::{Frontier, commitment, leaf_hash};
use crate::trust::{Directory, TrustAnchors};
use crate::wire::decode_event_leaf;

/// What of the logs was found as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct LogsVerified {
    /// Leaves of the events log whose statement opens them.
    pub events: u64,
    /// Entries of the directory log, each judged as when it was accepted.
    pub directory: u64,
}

/// Recomputes both roots from the leaves and from the nodes, opens every commitment of the events log, and
/// judges every directory entry.
///
/// # Errors
/// With the first thing that does not check, or that cannot be read.
pub fn verify_logs(store: &Store, keys: &LogKeys, anchors: TrustAnchors) -> Result<LogsVerified, ExchangeFault> {
    let heads = store.load_heads()?;
    for log in [Log::Events, Log::Directory] {
        let head = heads.of(log);
        let mut frontier = Frontier::new();
        while frontier.size() < head.size {
            for bytes in store.load_leaves(log, frontier.size()..head.size)? {
                if log == Log::Events {
                    verify_statement_of(store, frontier.size(), &bytes)?;
                }
                frontier.append(leaf_hash(&bytes));
            }
        }
        if frontier.head() != head || load_frontier(store, log, head.size)?.root() != head.root {
            return Err(ExchangeFault::Damaged { what: "tree" });
        }
    }
    let directory = extend_directory(store, Directory::new(keys.origin(Log::Directory).clone(), Arc::new(anchors)))?;
    Ok(LogsVerified { events: heads.events.size, directory: directory.size() })
}

fn verify_statement_of(store: &Store, index: u64, bytes: &[u8]) -> Result<(), ExchangeFault> {
    let damaged = || ExchangeFault::Damaged { what: "statements" };
    let leaf = decode_event_leaf(bytes).map_err(|_| ExchangeFault::Damaged { what: "leaves" })?;
    let sha256 = load_leaf_statement(store, index)?.ok_or_else(damaged)?;
    let stored = store.load_statement(&sha256)?.ok_or_else(damaged)?;
    let opened = commitment(leaf.kind, &leaf.tag, &hash(&stored.statement), &hash(&stored.signature));
    if opened == leaf.commit { Ok(()) } else { Err(damaged()) }
}
