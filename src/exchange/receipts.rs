//! Receipts: the leaves of an act with their inclusion proofs under one published checkpoint.

use super::directory_log::StoredNodes;
use super::draft::Drafted;
use super::{Exchange, ExchangeFault};
use crate::tlog::prove_inclusion;
use crate::wire::{Base64Bytes, Receipt, ReceiptLeaf};

impl Exchange {
    /// The receipt of an act that is on disk, under a checkpoint that contains it.
    pub(super) fn load_receipt(&self, act: &Drafted) -> Result<Receipt, ExchangeFault> {
        let head = self.await_shown(act.log, act.first_index + act.leaf_count);
        let stored = self.store.load_statement(&act.statement)?.ok_or(ExchangeFault::Damaged { what: "statements" })?;
        let nodes = StoredNodes { store: &self.store, log: act.log };
        let leaf = |index: u64| {
            let bytes = self.store.load_leaf(act.log, index)?.ok_or(ExchangeFault::Damaged { what: "leaves" })?;
            let path = prove_inclusion(&nodes, index, head.head().size).map_err(|_| ExchangeFault::Damaged { what: "tree" })?;
            Ok::<_, ExchangeFault>(ReceiptLeaf { index, leaf: Base64Bytes(bytes), path })
        };
        let leaves = (act.first_index..act.first_index + act.leaf_count).map(leaf).collect::<Result<_, _>>()?;
        Ok(Receipt {
            statement_sha256: act.statement,
            signature: Base64Bytes(stored.signature),
            leaves,
            checkpoint: head.note().as_str().to_owned(),
        })
    }
}
