//! A receipt that proves what it must: exactly one leaf for each tag the statement touches and no other,
//! consecutive, committing to this statement and the signature that was logged, under one checkpoint.

use super::directory::Directory;
use super::policy::VerifiedPolicy;
use super::statement::{JudgedAt, VerifiedStatement, check_signature, verify_statement};
use super::witnessing::{CheckpointRejected, WitnessedCheckpoint};
use crate::crypto::hash;
use crate::domain::{Log, UnixMillis};
use crate::tlog::{commitment, leaf_hash, touched_chains, verify_inclusion};
use crate::wire::{Receipt, ReceiptLeaf, decode_directory_leaf, decode_event_leaf, parse_note};

/// A receipt that does not prove the act. It is kept: it may be evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefused {
    /// It is not a receipt of this act.
    #[error("the server's receipt does not prove the act: {0}")]
    Unproven(String),
    /// It is, and too few witnesses stand behind its checkpoint yet.
    #[error(transparent)]
    NotWitnessed(CheckpointRejected),
}

fn refused(reason: impl std::fmt::Display) -> ReceiptRefused {
    ReceiptRefused::Unproven(reason.to_string())
}

/// Proof that a statement stands in the log, where and since when. Only the functions here make one.
#[derive(Debug, Clone)]
pub struct VerifiedReceipt {
    checkpoint: WitnessedCheckpoint,
    first_index: u64,
    leaf_count: u64,
    time: UnixMillis,
}

impl VerifiedReceipt {
    /// The checkpoint that contains the leaves.
    pub fn checkpoint(&self) -> &WitnessedCheckpoint {
        &self.checkpoint
    }

    /// The index of the first leaf.
    pub fn first_index(&self) -> u64 {
        self.first_index
    }

    /// How many leaves a log must have to contain the act: one more than the index of its last.
    pub fn size_min(&self) -> u64 {
        self.first_index + self.leaf_count
    }

    /// When the log says it happened.
    pub fn time(&self) -> UnixMillis {
        self.time
    }
}

/// Checks the receipt of an act of the events log, and the act as of the time and the directory size
/// that its leaves say. `directory` must have been folded at least that far. Witnesses are counted at `now`.
///
/// # Errors
/// When anything does not match.
pub fn verify_receipt(
    receipt: &Receipt,
    statement: &[u8],
    policy: &VerifiedPolicy,
    directory: &Directory,
    now: UnixMillis,
) -> Result<(VerifiedReceipt, VerifiedStatement), ReceiptRefused> {
    if receipt.statement_sha256 != hash(statement) {
        return Err(refused("it is of another statement"));
    }
    let first = receipt.leaves.first().ok_or_else(|| refused("it has no leaf"))?;
    let first_leaf = decode_event_leaf(&first.leaf.0).map_err(refused)?;
    if first_leaf.directory_size > directory.size() {
        // What nobody was shown yet may well refer to entries that nobody was shown yet.
        let note = parse_note(receipt.checkpoint.as_bytes()).map_err(refused)?;
        policy.verify_checkpoint(Log::Events, note, now).map_err(ReceiptRefused::NotWitnessed)?;
        return Err(refused("it refers to directory entries that the directory log does not have"));
    }
    let at = JudgedAt { directory_size: first_leaf.directory_size, time: first_leaf.time };
    let verified = verify_statement(statement, &receipt.signature.0, policy.origin(Log::Events), directory, at).map_err(refused)?;
    let chains = touched_chains(verified.statement());
    if chains.len() != receipt.leaves.len() {
        return Err(refused("it has not exactly one leaf for each tag the statement touches"));
    }
    for (position, ((kind, tag), given)) in (0u64..).zip(chains.into_iter().zip(&receipt.leaves)) {
        let leaf = decode_event_leaf(&given.leaf.0).map_err(refused)?;
        let expected = commitment(kind, &tag, &verified.sha256(), &verified.signature_sha256());
        let same_moment = leaf.time == at.time && leaf.directory_size == at.directory_size;
        let same_act = leaf.kind == kind && leaf.tag == tag && leaf.commit == expected;
        if !same_moment || !same_act || given.index != first.index + position {
            return Err(refused("a leaf is not the one that the statement makes"));
        }
    }
    let receipt = prove_leaves(receipt, Log::Events, policy, at.time, now)?;
    Ok((receipt, verified))
}

/// Checks the receipt of a directory entry: its one leaf carries this statement and a signature over it.
///
/// # Errors
/// When anything does not match.
pub fn verify_entry_receipt(
    receipt: &Receipt,
    statement: &[u8],
    policy: &VerifiedPolicy,
    now: UnixMillis,
) -> Result<VerifiedReceipt, ReceiptRefused> {
    let [given] = receipt.leaves.as_slice() else { return Err(refused("an entry has exactly one leaf")) };
    let leaf = decode_directory_leaf(&given.leaf.0).map_err(refused)?;
    if receipt.statement_sha256 != hash(statement) || leaf.statement != statement || leaf.signature != receipt.signature.0 {
        return Err(refused("the leaf is not the one that the statement makes"));
    }
    check_signature(statement, &leaf.signature, policy.origin(Log::Directory)).map_err(refused)?;
    prove_leaves(receipt, Log::Directory, policy, leaf.time, now)
}

fn prove_leaves(
    receipt: &Receipt,
    log: Log,
    policy: &VerifiedPolicy,
    time: UnixMillis,
    now: UnixMillis,
) -> Result<VerifiedReceipt, ReceiptRefused> {
    let note = parse_note(receipt.checkpoint.as_bytes()).map_err(refused)?;
    let signed = policy.logs().verify_checkpoint(policy.origin(log), note.clone()).map_err(refused)?;
    let prove = |given: &ReceiptLeaf| verify_inclusion(leaf_hash(&given.leaf.0), given.index, &given.path, &signed);
    let proven = receipt.leaves.iter().map(prove).collect::<Result<Vec<_>, _>>().map_err(refused)?;
    let first = proven.first().ok_or_else(|| refused("it has no leaf"))?;
    // Asked last, so that what is wrong is never taken for what is only not witnessed yet.
    let checkpoint = policy.verify_checkpoint(log, note, now).map_err(ReceiptRefused::NotWitnessed)?;
    Ok(VerifiedReceipt { first_index: first.index(), leaf_count: receipt.leaves.len() as u64, checkpoint, time })
}
