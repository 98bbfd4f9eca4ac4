//! The Merkle tree (RFC 6962, section 2.1), as far as appending needs it.
//!
//! ```text
//! level 2        n20            Seven leaves. The complete subtrees n20, n12, n06 are the frontier's
//!             ╱       ╲         peaks; root = H(1 ‖ n20 ‖ H(1 ‖ n12 ‖ n06)).
//! level 1   n10       n11    n12
//!          ╱  ╲      ╱  ╲   ╱  ╲
//! level 0 n00 n01 n02 n03 n04 n05 n06
//! ```
//!
//! Node `index` at `level` is the root over the leaves `index << level` to `(index + 1) << level`, and is
//! stored once that subtree is complete; it never changes after.

use std::ops::Range;

use crate::crypto::{hash, hash_parts};
use crate::domain::{Hash, TreeHead};

/// The hash of a leaf: `SHA-256(0x00 ‖ leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    hash_parts(&[&[0x00], leaf])
}

/// The hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash_parts(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub(super) fn empty_root() -> Hash {
    hash(b"")
}

/// A complete subtree's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Its height above the leaves.
    pub level: u8,
    /// Its position among the nodes of its level, from 0.
    pub index: u64,
    /// Its hash.
    pub hash: Hash,
}

/// Where the hashes of complete subtrees are kept.
pub trait NodeSource {
    /// Why a node cannot be had.
    type Fault;

    /// The hash of a node that [`Frontier::append`] gave out.
    ///
    /// # Errors
    /// When it cannot be read, or is not there.
    fn load_node(&self, level: u8, index: u64) -> Result<Hash, Self::Fault>;
}

/// A tree's right edge: all that appending and the root need of it, at most 64 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// The roots of the complete subtrees that make up the tree, from the left, the largest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The frontier of the first `size` leaves of a stored tree.
    ///
    /// # Errors
    /// When a node cannot be read.
    pub fn from_source<S: NodeSource>(source: &S, size: u64) -> Result<Self, S::Fault> {
        let peaks = load_peaks(source, 0..size)?;
        Ok(Self { size, peaks })
    }

    /// Appends a leaf by its hash, and gives the nodes that this completes, to be stored: the leaf, then
    /// upwards.
    pub fn append(&mut self, leaf: Hash) -> Vec<Node> {
        let mut node = Node { level: 0, index: self.size, hash: leaf };
        let mut completed = vec![node];
        // An odd node is a right child: its left sibling is the last peak.
        while node.index % 2 == 1
            && let Some(left) = self.peaks.pop()
        {
            node = Node { level: node.level + 1, index: node.index / 2, hash: node_hash(&left, &node.hash) };
            completed.push(node);
        }
        self.peaks.push(node.hash);
        self.size += 1;
        completed
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    pub fn root(&self) -> Hash {
        fold_peaks(&self.peaks)
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }
}

/// The root over a range of leaves that is the left or the right side of some node, or a whole tree.
pub(super) fn load_root<S: NodeSource>(source: &S, leaves: Range<u64>) -> Result<Hash, S::Fault> {
    Ok(fold_peaks(&load_peaks(source, leaves)?))
}

/// The complete subtrees that make up such a range, from the left: one for each bit of its length.
fn load_peaks<S: NodeSource>(source: &S, leaves: Range<u64>) -> Result<Vec<Hash>, S::Fault> {
    let length = leaves.end - leaves.start;
    let levels = (0..64u8).rev().filter(|level| length >> level & 1 == 1);
    // The peak at `level` is the last node of its level that the range has in full.
    levels.map(|level| source.load_node(level, (leaves.end >> level) - 1)).collect()
}

/// Hashes peaks to the root, from the right.
fn fold_peaks(peaks: &[Hash]) -> Hash {
    let mut from_right = peaks.iter().rev();
    match from_right.next() {
        Some(last) => from_right.fold(*last, |right, left| node_hash(left, &right)),
        None => empty_root(),
    }
}
