//! Both logs folded again, from leaves and statements alone, into fresh rows; and all that is stored beside them
//! compared with these. What the operator's `verify` and `rebuild` say comes from here.
//!
//! ```text
//! statements ─ commitments ─▶ openers ┐
//! directory leaves ─ judge ─▶ directory ├─▶ event leaves: open, judge ─▶ fresh rows ─▶ compare with what is stored
//!                                      ┘                                       └─ the logs hold: rebuild from them
//! ```
//!
//! No index is believed: which statement a leaf is of is found by its commitment. Leaves, statements and cases
//! pass one by one; in memory grow only the directory, as in the server, and what whoever is told keeps of it.

use std::sync::Arc;

use super::differences::{Difference, Part};
use super::event_fold::EventFold;
use super::tree_fold::TreeFold;
use super::{ExchangeFault, LogKeys};
use crate::crypto::hash;
use crate::domain::{Hash, Log};
use crate::store::{Acceptance, DifferenceKind, FreshRows, Opener, Store, StoredStatement};
use crate::tlog::{commitment, leaf_hash, touched_chains};
use crate::trust::{Directory, TrustAnchors};
use crate::wire::{decode_directory_leaf, parse_statement};

/// Both logs, folded.
pub struct LogsFolded {
    /// Leaves of the events log that the head counts.
    pub events: u64,
    /// Leaves of the directory log that the head counts.
    pub directory: u64,
    /// The fresh rows, if the logs hold from their first leaf to their heads: only then may anything be replaced.
    pub sound: Option<SoundFold>,
}

/// Fresh rows of logs that hold. Only [`fold_logs`] makes them.
pub struct SoundFold {
    fresh: FreshRows,
}

impl SoundFold {
    /// Replaces all indexes of the store that was folded.
    ///
    /// # Errors
    /// See [`Store::rebuild_from`].
    pub fn rebuild(&self, store: &Store) -> Result<(), ExchangeFault> {
        Ok(store.rebuild_from(&self.fresh)?)
    }
}

/// What a fold tells while it works.
pub enum FoldNews {
    /// Something is not as the logs say.
    Found(Difference),
    /// So many leaves of so many are folded.
    Leaves {
        /// Of which log.
        log: Log,
        /// How many are folded.
        done: u64,
        /// How many there are.
        all: u64,
    },
}

/// Folds both logs and tells every difference: leaves that do not make their head, that no statement opens, or
/// whose act is not permitted; nodes, chains, places of statements, documents, cases, releases that are not those
/// of the logs; statements and slips that the logs name and that are not there, or that they do not name.
///
/// # Errors
/// When the disk cannot be read, or has no room for the fresh rows; when leaves or statements are so damaged that
/// they cannot even be listed.
pub fn fold_logs(
    store: &Store,
    keys: &LogKeys,
    anchors: TrustAnchors,
    tell: &mut dyn FnMut(FoldNews),
) -> Result<LogsFolded, ExchangeFault> {
    let heads = store.load_heads()?;
    let fresh = store.begin_fresh()?;
    let mut fold = Fold { store, fresh: &fresh, tell, is_sound: true };
    fold.list_openers()?;
    let empty = Directory::new(keys.origin(Log::Directory).clone(), Arc::new(anchors));
    let directory = fold.fold_directory(heads.directory.size, empty)?;
    let mut events = EventFold::new(keys.origin(Log::Events), &directory, heads.directory.size);
    fold.fold_leaves(Log::Events, |fold, index, leaf| events.take(fold, index, leaf))?;
    events.finish(&mut fold, heads.events.size);
    let Fold { tell, is_sound, .. } = fold;
    store.compare_with(&fresh, &mut |row| tell(FoldNews::Found(Difference::of_row(row))))?;
    let sound = is_sound.then_some(SoundFold { fresh });
    Ok(LogsFolded { events: heads.events.size, directory: heads.directory.size, sound })
}

/// A fold under way.
pub(super) struct Fold<'s> {
    pub(super) store: &'s Store,
    pub(super) fresh: &'s FreshRows,
    tell: &'s mut dyn FnMut(FoldNews),
    /// Nothing wrong was found in the logs themselves.
    is_sound: bool,
}

impl Fold<'_> {
    /// Something is wrong with the logs themselves.
    pub(super) fn fault(&mut self, kind: DifferenceKind, place: String, stored: impl ToString, logs: impl ToString) {
        self.is_sound = false;
        let (stored, logs) = (stored.to_string(), logs.to_string());
        (self.tell)(FoldNews::Found(Difference { kind, part: Part::Logs, place, stored, logs }));
    }

    /// A leaf is not what it must be.
    pub(super) fn leaf_fault(&mut self, log: Log, index: u64, stored: impl ToString, logs: impl ToString) {
        self.fault(DifferenceKind::Altered, leaf_place(log, index), stored, logs);
    }

    /// Lists which commitments the stored statements open.
    fn list_openers(&self) -> Result<(), ExchangeFault> {
        let mut after = None;
        loop {
            let statements = self.store.load_statements_after(after)?;
            let Some((last, _)) = statements.last() else { return Ok(()) };
            after = Some(*last);
            for (sha256, stored) in statements {
                if let Some(stored) = stored {
                    self.put_openers(sha256, &stored)?;
                }
            }
        }
    }

    fn put_openers(&self, sha256: Hash, stored: &StoredStatement) -> Result<(), ExchangeFault> {
        // What is no statement opens nothing; if a leaf needs it, the leaf says so.
        let Ok(statement) = parse_statement(&stored.statement) else { return Ok(()) };
        let signature_sha256 = hash(&stored.signature);
        for (place, (kind, tag)) in (0..).zip(touched_chains(&statement)) {
            let commit = commitment(kind, &tag, &sha256, &signature_sha256);
            self.fresh.put_opener(&commit, Opener { statement: sha256, place })?;
        }
        Ok(())
    }

    /// Gives every leaf that the head counts to `take`, and compares the tree that they make with the head.
    fn fold_leaves(
        &mut self,
        log: Log,
        mut take: impl FnMut(&mut Self, u64, &[u8]) -> Result<(), ExchangeFault>,
    ) -> Result<(), ExchangeFault> {
        let head = self.store.load_heads()?.of(log);
        let (mut tree, mut next) = (TreeFold::new(log), 0);
        loop {
            let leaves = self.store.load_leaves_there(log, next)?;
            let is_last = leaves.is_empty();
            // Beyond the last leaf that is there come those that the head counts.
            let until = leaves.last().map_or(head.size, |(index, _)| index.saturating_add(1));
            let mut there = leaves.into_iter().peekable();
            while next < until {
                let leaf = there.next_if(|(index, _)| *index == next);
                if next >= head.size {
                    // Indices between two surplus leaves are nobody's.
                    let Some((index, leaf)) = leaf.or_else(|| there.next()) else { break };
                    self.fault(DifferenceKind::Surplus, leaf_place(log, index), describe(&leaf), format!("{} leaves", head.size));
                    next = index.saturating_add(1);
                    continue;
                }
                tree.take(self, next, leaf.as_ref().map(|(_, leaf)| leaf.as_slice()))?;
                match leaf {
                    Some((_, leaf)) => take(self, next, &leaf)?,
                    None => self.fault(DifferenceKind::Missing, leaf_place(log, next), "nothing", "a leaf"),
                }
                next += 1;
            }
            (self.tell)(FoldNews::Leaves { log, done: next.min(head.size), all: head.size });
            if is_last {
                tree.finish(self, head);
                return Ok(());
            }
        }
    }

    /// Folds the directory log, judging each entry as when it was accepted, up to the first that does not hold: what
    /// comes after it was judged by a directory that nobody has.
    fn fold_directory(&mut self, size: u64, mut directory: Directory) -> Result<Directory, ExchangeFault> {
        self.fold_leaves(Log::Directory, |fold, index, bytes| {
            let Ok(leaf) = decode_directory_leaf(bytes) else {
                fold.leaf_fault(Log::Directory, index, describe(bytes), "an entry");
                return Ok(());
            };
            let sha256 = hash(&leaf.statement);
            fold.put_accepted(Log::Directory, &sha256, Acceptance { first_leaf: index, leaf_count: 1 })?;
            fold.fresh.put_statement(&sha256, &leaf.statement, &leaf.signature)?;
            if directory.size() != index {
                return Ok(());
            }
            let entry = directory.verify_entry(&leaf.statement, &leaf.signature, leaf.time);
            let applied = entry.and_then(|entry| directory.apply_entry(entry, leaf_hash(bytes)));
            if let Err(refusal) = applied {
                fold.leaf_fault(Log::Directory, index, format!("an entry that is refused ({refusal})"), "an entry that holds");
            }
            Ok(())
        })?;
        if directory.size() < size {
            let judged = format!("{} entries that hold", directory.size());
            self.fault(DifferenceKind::Altered, "directory".into(), judged, format!("{size} entries"));
        }
        Ok(directory)
    }

    /// A statement's place in its log, which is one.
    pub(super) fn put_accepted(&mut self, log: Log, statement: &Hash, leaves: Acceptance) -> Result<(), ExchangeFault> {
        if self.fresh.has_acceptance(log, statement)? {
            self.leaf_fault(log, leaves.first_leaf, format!("statement {statement} a second time"), "each statement once");
            return Ok(());
        }
        Ok(self.fresh.put_acceptance(log, statement, leaves)?)
    }
}

pub(super) fn leaf_place(log: Log, index: u64) -> String {
    format!("{log} leaf {index}")
}

/// Bytes of which nothing better can be said.
pub(super) fn describe(bytes: &[u8]) -> String {
    format!("{} bytes, SHA-256 {}", bytes.len(), hash(bytes))
}
