//! Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2).
//!
//! Prover and verifier walk the same way down the tree and note what lies beside it, as ranges of leaves:
//!
//! ```text
//! leaf 2 of 7      [0..7] → [0..4] beside [4..7] → [2..4] beside [0..2] → [2..3] beside [3..4]
//! the proof        roots of [3..4], [0..2], [4..7], from the leaf up
//! ```
//!
//! The prover loads the roots of those ranges; the verifier hashes them on, left or right as they lie. The
//! shape follows from index and sizes alone, so a proof can be neither longer nor shorter: a path in a tree of
//! height h has at most h hashes, a consistency proof one more, and h is at most 64.
//!
//! Clients and auditors hold every leaf and so compute an earlier root themselves; consistency proofs are for
//! who holds none: the witnesses.

use std::ops::Range;

use super::checkpoint::VerifiedCheckpoint;
use super::tree::{NodeSource, empty_root, load_root, node_hash};
use crate::domain::{Hash, TreeHead};

/// A proof that cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProveFault<F> {
    /// The tree does not have that leaf, or is smaller than the size to be consistent with.
    #[error("the log has no such leaf, or no such earlier size")]
    OutOfRange,
    /// A node cannot be read.
    #[error("a node of the log cannot be read")]
    Source(#[source] F),
}

/// A proof that does not prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofMismatch {
    /// The index is not below the size, or the earlier size is above the later.
    #[error("the log of that size has no such leaf, or no such earlier size")]
    OutOfRange,
    /// More or fewer hashes than a proof for this place has.
    #[error("the proof has {found} hashes where it must have {expected}")]
    Length {
        /// How many it must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root than the log's")]
    Root,
}

/// That a leaf stands in a log at an index, under a verified checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedInclusion {
    index: u64,
}

impl VerifiedInclusion {
    /// Its index, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }
}

/// That one tree is the other's beginning: nothing was changed, only appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedConsistency {
    from: TreeHead,
    to: TreeHead,
}

impl VerifiedConsistency {
    /// The earlier tree.
    pub fn earlier(&self) -> TreeHead {
        self.from
    }

    /// The later tree, or the same.
    pub fn later(&self) -> TreeHead {
        self.to
    }
}

/// Proves that leaf `index` stands in the tree of the first `size` leaves. From the leaf up.
///
/// # Errors
/// When it does not, or a node cannot be read.
pub fn prove_inclusion<S: NodeSource>(source: &S, index: u64, size: u64) -> Result<Vec<Hash>, ProveFault<S::Fault>> {
    if index >= size {
        return Err(ProveFault::OutOfRange);
    }
    load_roots(source, inclusion_siblings(index, size))
}

/// Proves that the tree of the first `from` leaves is the beginning of the tree of the first `to`.
///
/// # Errors
/// When `from` is larger than `to`, or a node cannot be read.
pub fn prove_consistency<S: NodeSource>(source: &S, from: u64, to: u64) -> Result<Vec<Hash>, ProveFault<S::Fault>> {
    if from > to {
        return Err(ProveFault::OutOfRange);
    }
    let Way { common, siblings } = consistency_way(from, to);
    let seed = common.filter(|range| range.start > 0);
    load_roots(source, seed.into_iter().chain(siblings))
}

fn load_roots<S: NodeSource>(source: &S, ranges: impl IntoIterator<Item = Range<u64>>) -> Result<Vec<Hash>, ProveFault<S::Fault>> {
    ranges.into_iter().map(|range| load_root(source, range).map_err(ProveFault::Source)).collect()
}

/// Verifies that a leaf stands at `index` in the log that signed `checkpoint`.
///
/// # Errors
/// When the proof does not prove it.
pub fn verify_inclusion(
    leaf_hash: Hash,
    index: u64,
    path: &[Hash],
    checkpoint: &VerifiedCheckpoint,
) -> Result<VerifiedInclusion, ProofMismatch> {
    let head = checkpoint.head();
    if index >= head.size {
        return Err(ProofMismatch::OutOfRange);
    }
    let siblings = inclusion_siblings(index, head.size);
    require_length(siblings.len(), path)?;
    let hash_on = |hash, (sibling, range): (&Hash, &Range<u64>)| {
        if range.start > index { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) }
    };
    let root = path.iter().zip(&siblings).fold(leaf_hash, hash_on);
    if root == head.root { Ok(VerifiedInclusion { index }) } else { Err(ProofMismatch::Root) }
}

/// Verifies that `from` is the beginning of `to`. Every tree begins with the empty one.
///
/// # Errors
/// When the proof does not prove it. Two heads that a log signed and that are not consistent are
/// evidence against the log, but a proof that fails may also just be damaged.
pub fn verify_consistency(from: TreeHead, to: TreeHead, path: &[Hash]) -> Result<VerifiedConsistency, ProofMismatch> {
    if from.size > to.size {
        return Err(ProofMismatch::OutOfRange);
    }
    let (from_root, to_root) = match consistency_way(from.size, to.size) {
        // Nothing to hash on: from an empty tree, whose root everybody knows.
        Way { common: None, .. } => {
            require_length(0, path)?;
            (empty_root(), if to.size == 0 { empty_root() } else { to.root })
        }
        Way { common: Some(common), siblings } => {
            let (seed, path) = split_seed(&common, from.root, siblings.len(), path)?;
            hash_both(&common, seed, &siblings, path)
        }
    };
    if from_root == from.root && to_root == to.root { Ok(VerifiedConsistency { from, to }) } else { Err(ProofMismatch::Root) }
}

/// The hash to begin with: the proof's first, unless the common subtree is the whole earlier tree, which
/// the verifier knows.
fn split_seed<'a>(common: &Range<u64>, from_root: Hash, siblings: usize, path: &'a [Hash]) -> Result<(Hash, &'a [Hash]), ProofMismatch> {
    if common.start == 0 {
        require_length(siblings, path)?;
        return Ok((from_root, path));
    }
    require_length(siblings + 1, path)?;
    path.split_first().map(|(seed, rest)| (*seed, rest)).ok_or(ProofMismatch::Root)
}

/// The roots of the earlier and the later tree: what lies left of the common subtree is in both.
fn hash_both(common: &Range<u64>, seed: Hash, siblings: &[Range<u64>], path: &[Hash]) -> (Hash, Hash) {
    path.iter().zip(siblings).fold((seed, seed), |(from, to), (sibling, range)| {
        if range.start < common.start { (node_hash(sibling, &from), node_hash(sibling, &to)) } else { (from, node_hash(&to, sibling)) }
    })
}

fn require_length(expected: usize, path: &[Hash]) -> Result<(), ProofMismatch> {
    let found = path.len();
    if expected == found { Ok(()) } else { Err(ProofMismatch::Length { expected, found }) }
}

/// What lies beside the way from leaf `index` up to the root of `size` leaves. `index` is below `size`.
fn inclusion_siblings(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut node = 0..size;
    let mut siblings = Vec::new();
    while node.end - node.start > 1 {
        let middle = split_point(&node);
        siblings.push(if index < middle { middle..node.end } else { node.start..middle });
        node = if index < middle { node.start..middle } else { middle..node.end };
    }
    siblings.reverse();
    siblings
}

/// The way up from the last subtree that an earlier and a later tree have in common.
struct Way {
    /// That subtree; none when the earlier tree is empty.
    common: Option<Range<u64>>,
    /// What lies beside the way, from there up.
    siblings: Vec<Range<u64>>,
}

/// `from` is not above `to`.
fn consistency_way(from: u64, to: u64) -> Way {
    let mut siblings = Vec::new();
    if from == 0 {
        return Way { common: None, siblings };
    }
    let mut node = 0..to;
    while node.end != from {
        let middle = split_point(&node);
        siblings.push(if from <= middle { middle..node.end } else { node.start..middle });
        node = if from <= middle { node.start..middle } else { middle..node.end };
    }
    siblings.reverse();
    Way { common: Some(node), siblings }
}

/// Where a node of more than one leaf splits: its left side is the largest power of two below its length.
fn split_point(node: &Range<u64>) -> u64 {
    let length = node.end - node.start;
    node.start + (1 << (length - 1).ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths_max(size: u64) -> (usize, usize) {
        let places = [0, 1, size / 2, size - 1].map(|place| place.min(size - 1));
        let consistency = |place| {
            let Way { common, siblings } = consistency_way(place + 1, size);
            siblings.len() + usize::from(common.unwrap().start > 0)
        };
        let inclusion = places.iter().map(|place| inclusion_siblings(*place, size).len()).max();
        (inclusion.unwrap(), places.map(consistency).into_iter().max().unwrap())
    }

    #[test]
    fn proofs_are_bounded_at_any_size() {
        assert_eq!(lengths_max(1), (0, 0));
        assert_eq!(lengths_max(2), (1, 1));
        assert_eq!(lengths_max(1 << 32), (32, 33));
        assert_eq!(lengths_max(1 << 63), (63, 64));
        for size in [(1 << 63) + 1, u64::MAX - 1, u64::MAX] {
            let (inclusion, consistency) = lengths_max(size);
            assert!(inclusion <= 64 && consistency <= 65, "{size}");
        }
    }

    #[test]
    fn the_example_above() {
        assert_eq!(inclusion_siblings(2, 7), [3..4, 0..2, 4..7]);
    }
}
