//! A log's checkpoint with all that its proofs are made from.

use crate::client::{Client, ClientError};
use crate::domain::{Hash, Log};
use crate::tlog::{Frontier, NodeSource, leaf_hash, prove_inclusion};
use crate::wire::{PolicyLine, SignedNote, VerifierKey, encode_tlog_proof};

/// Levels of a tree: more than any log can have.
const LEVELS: usize = 64;

/// A log's checkpoint with the nodes of its tree: about 64 bytes of memory a leaf.
pub(super) struct ProvenLog {
    size: u64,
    /// With the log's signature and the witnesses' that were verified, and no other.
    pub(super) note: SignedNote,
    /// The log's key that signed it.
    pub(super) key: VerifierKey,
    /// By level, from the left.
    nodes: Vec<Vec<Hash>>,
}

impl NodeSource for ProvenLog {
    type Fault = ClientError;

    fn load_node(&self, level: u8, index: u64) -> Result<Hash, ClientError> {
        let level = self.nodes.get(usize::from(level));
        let node = usize::try_from(index).ok().and_then(|index| level?.get(index)).copied();
        node.ok_or_else(|| ClientError::unproven("this machine's copy of the log is not complete"))
    }
}

impl ProvenLog {
    /// From this machine's copy.
    ///
    /// # Errors
    /// When there is none yet, or it cannot be read.
    pub(super) fn load(client: &Client, log: Log) -> Result<Self, ClientError> {
        let mirror = client.mirror(log);
        let checkpoint = mirror.checkpoint();
        let checkpoint = checkpoint.ok_or_else(|| ClientError::unproven(format!("there is no checkpoint of the {log} log")))?;
        // A policy may name several keys of a log, old and new: the one whose signature was verified.
        let signed_by = checkpoint.log_signature();
        let by_policy = |line: &PolicyLine| match line {
            PolicyLine::Log { key, .. } if key.name == signed_by.name && key.key_id == signed_by.key_id => Some(key.clone()),
            _ => None,
        };
        let key = client.policy().policy().tlog.lines().iter().find_map(by_policy);
        let key = key.ok_or_else(|| ClientError::unproven("the checkpoint is signed by no key of the policy"))?;
        let note = checkpoint.to_plain_note().map_err(ClientError::unproven)?;
        let (mut frontier, mut nodes) = (Frontier::new(), vec![Vec::new(); LEVELS]);
        mirror.scan(0, |_, leaf| {
            // Each level grows from the left.
            frontier.append(leaf_hash(leaf)).into_iter().for_each(|node| nodes[usize::from(node.level)].push(node.hash));
            Ok(())
        })?;
        Ok(Self { size: checkpoint.head().size, note, key, nodes })
    }

    /// The proof of a leaf, as a file.
    ///
    /// # Errors
    /// When there is no such leaf.
    pub(super) fn prove(&self, index: u64) -> Result<String, ClientError> {
        let path = prove_inclusion(self, index, self.size).map_err(ClientError::unproven)?;
        Ok(encode_tlog_proof(index, &path, &self.note))
    }
}
