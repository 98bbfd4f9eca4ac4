//! A log's tree, folded from its leaves; and when they do not make the head, which of them are to blame.

use super::ExchangeFault;
use super::fold::{Fold, leaf_place};
use crate::domain::{Hash, Log, TreeHead};
use crate::store::{DifferenceKind, NewNode, StoreFault};
use crate::tlog::{Frontier, leaf_hash};

pub(super) struct TreeFold {
    log: Log,
    /// Over the leaves. Where one is missing, its stored hash stands in.
    by_leaves: Frontier,
    /// Over the stored hashes of the leaves. Where one is missing, its leaf's stands in.
    by_hashes: Frontier,
    /// Where the two are not the same. Empty unless something is wrong.
    unlike: Vec<Unlike>,
}

/// A leaf that is not the one whose hash is stored.
struct Unlike {
    index: u64,
    leaf: Hash,
    stored: Hash,
}

impl TreeFold {
    pub(super) fn new(log: Log) -> Self {
        Self { log, by_leaves: Frontier::new(), by_hashes: Frontier::new(), unlike: Vec::new() }
    }

    /// Takes the next leaf, or that there is none.
    pub(super) fn take(&mut self, fold: &Fold<'_>, index: u64, leaf: Option<&[u8]>) -> Result<(), ExchangeFault> {
        let (leaf, stored) = (leaf.map(leaf_hash), load_hash(fold, self.log, index)?);
        let by_leaf = leaf.or(stored).unwrap_or(Hash::ZERO);
        self.by_hashes.append(stored.unwrap_or(by_leaf));
        for node in self.by_leaves.append(by_leaf) {
            fold.fresh.put_node(self.log, &NewNode { level: node.level, index: node.index, hash: node.hash })?;
        }
        if let (Some(leaf), Some(stored)) = (leaf, stored)
            && leaf != stored
        {
            self.unlike.push(Unlike { index, leaf, stored });
        }
        Ok(())
    }

    /// The leaves make the head. If they do not and the stored hashes do, leaves were altered; otherwise nobody can
    /// say which.
    pub(super) fn finish(self, fold: &mut Fold<'_>, head: TreeHead) {
        if self.by_leaves.head() == head {
            return;
        }
        if self.by_hashes.head() != head {
            let made = self.by_leaves.head();
            fold.fault(
                DifferenceKind::Altered,
                format!("head of the {} log", self.log),
                format!("size {}, root {}", head.size, head.root),
                format!("size {}, root {}", made.size, made.root),
            );
        }
        for Unlike { index, leaf, stored } in self.unlike {
            let said = format!("hash {stored}, by the head and the stored hashes");
            fold.fault(DifferenceKind::Altered, leaf_place(self.log, index), format!("a leaf of hash {leaf}"), said);
        }
    }
}

/// The stored hash of a leaf; none where it cannot be read.
fn load_hash(fold: &Fold<'_>, log: Log, index: u64) -> Result<Option<Hash>, ExchangeFault> {
    match fold.store.load_node(log, 0, index) {
        Err(StoreFault::Damaged { .. }) => Ok(None),
        other => Ok(other?),
    }
}
