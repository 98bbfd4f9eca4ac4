//! The leaves of both logs, byte for byte (PROTOCOL.md, "Leaves").
//!
//! ```text
//! event      "elchi-event/v1\n" ‖ u64 time_ms ‖ u64 directory_size ‖ u8 kind ‖ tag[32] ‖ u64 seq ‖ prev[32] ‖ commit[32]
//! directory  "elchi-directory/v1\n" ‖ u64 time_ms ‖ u32 length ‖ statement ‖ signature
//! ```
//! Integers are big-endian.

use crate::domain::limits::{LEAF_BYTES_MAX, SIGNATURE_BYTES_MAX};
use crate::domain::{ChainKind, Hash, Tag, UnixMillis};

const EVENT_PREFIX: &[u8] = b"elchi-event/v1\n";
const DIRECTORY_PREFIX: &[u8] = b"elchi-directory/v1\n";

/// The length of an event leaf: 136 bytes.
pub const EVENT_LEAF_BYTES: usize = EVENT_PREFIX.len() + 8 + 8 + 1 + 32 + 8 + 32 + 32;

/// Bytes that are no leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no leaf of this log")]
pub struct LeafMalformed;

/// A leaf of the events log: a commitment to a statement under one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLeaf {
    /// When the sequencer wrote it; never decreases.
    pub time: UnixMillis,
    /// The directory log's size at that moment; never decreases.
    pub directory_size: u64,
    /// What the tag names.
    pub kind: ChainKind,
    /// The tag.
    pub tag: Tag,
    /// Position in the chain of (kind, tag), from 0.
    pub seq: u64,
    /// Leaf hash of the one before in the chain; zeros for the first.
    pub prev: Hash,
    /// The commitment (`tlog::commitment`).
    pub commit: Hash,
}

/// Writes an event leaf.
pub fn encode_event_leaf(leaf: &EventLeaf) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(EVENT_LEAF_BYTES);
    bytes.extend_from_slice(EVENT_PREFIX);
    bytes.extend_from_slice(&leaf.time.0.to_be_bytes());
    bytes.extend_from_slice(&leaf.directory_size.to_be_bytes());
    bytes.push(leaf.kind.to_byte());
    bytes.extend_from_slice(leaf.tag.as_bytes());
    bytes.extend_from_slice(&leaf.seq.to_be_bytes());
    bytes.extend_from_slice(leaf.prev.as_bytes());
    bytes.extend_from_slice(leaf.commit.as_bytes());
    bytes
}

/// Reads an event leaf.
///
/// # Errors
/// When the bytes are not exactly one.
pub fn decode_event_leaf(bytes: &[u8]) -> Result<EventLeaf, LeafMalformed> {
    let mut rest = bytes.strip_prefix(EVENT_PREFIX).ok_or(LeafMalformed)?;
    let leaf = EventLeaf {
        time: UnixMillis(take_u64(&mut rest)?),
        directory_size: take_u64(&mut rest)?,
        kind: ChainKind::from_byte(take::<1>(&mut rest)?[0]).map_err(|_| LeafMalformed)?,
        tag: Tag::from_bytes(take(&mut rest)?),
        seq: take_u64(&mut rest)?,
        prev: Hash::from_bytes(take(&mut rest)?),
        commit: Hash::from_bytes(take(&mut rest)?),
    };
    if rest.is_empty() { Ok(leaf) } else { Err(LeafMalformed) }
}

/// A leaf of the directory log: the statement itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryLeaf {
    /// When the sequencer wrote it; never decreases.
    pub time: UnixMillis,
    /// The statement's bytes.
    pub statement: Vec<u8>,
    /// Its detached CMS.
    pub signature: Vec<u8>,
}

/// Writes a directory leaf.
///
/// # Errors
/// When it would not fit into an entry bundle.
pub fn encode_directory_leaf(leaf: &DirectoryLeaf) -> Result<Vec<u8>, LeafMalformed> {
    let length = u32::try_from(leaf.statement.len()).map_err(|_| LeafMalformed)?;
    let parts = [DIRECTORY_PREFIX, &leaf.time.0.to_be_bytes(), &length.to_be_bytes(), &leaf.statement, &leaf.signature];
    let bytes = parts.concat();
    let fits = bytes.len() <= LEAF_BYTES_MAX && leaf.signature.len() <= SIGNATURE_BYTES_MAX;
    if fits { Ok(bytes) } else { Err(LeafMalformed) }
}

/// Reads a directory leaf.
///
/// # Errors
/// When the bytes are not one.
pub fn decode_directory_leaf(bytes: &[u8]) -> Result<DirectoryLeaf, LeafMalformed> {
    let mut rest = bytes.strip_prefix(DIRECTORY_PREFIX).ok_or(LeafMalformed)?;
    let time = UnixMillis(take_u64(&mut rest)?);
    let length = usize::try_from(u32::from_be_bytes(take(&mut rest)?)).map_err(|_| LeafMalformed)?;
    let (statement, signature) = rest.split_at_checked(length).ok_or(LeafMalformed)?;
    if signature.is_empty() || signature.len() > SIGNATURE_BYTES_MAX {
        return Err(LeafMalformed);
    }
    Ok(DirectoryLeaf { time, statement: statement.to_vec(), signature: signature.to_vec() })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], LeafMalformed> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(LeafMalformed)?;
    *rest = tail;
    Ok(*head)
}

fn take_u64(rest: &mut &[u8]) -> Result<u64, LeafMalformed> {
    take(rest).map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn event_leaves_round_trip(time: u64, size: u64, kind in 1u8..=3, tag: [u8; 32], seq: u64, prev: [u8; 32], commit: [u8; 32]) {
            let leaf = EventLeaf {
                time: UnixMillis(time),
                directory_size: size,
                kind: ChainKind::from_byte(kind).unwrap(),
                tag: Tag::from_bytes(tag),
                seq,
                prev: Hash::from_bytes(prev),
                commit: Hash::from_bytes(commit),
            };
            let bytes = encode_event_leaf(&leaf);
            prop_assert_eq!(bytes.len(), EVENT_LEAF_BYTES);
            prop_assert_eq!(decode_event_leaf(&bytes).unwrap(), leaf);
            prop_assert!(decode_event_leaf(&bytes[..bytes.len() - 1]).is_err());
            prop_assert!(decode_event_leaf(&[bytes.as_slice(), b"x"].concat()).is_err());
        }

        #[test]
        fn directory_leaves_round_trip(time: u64, statement: Vec<u8>, signature in proptest::collection::vec(any::<u8>(), 1..200)) {
            let leaf = DirectoryLeaf { time: UnixMillis(time), statement, signature };
            let bytes = encode_directory_leaf(&leaf).unwrap();
            prop_assert_eq!(decode_directory_leaf(&bytes).unwrap(), leaf);
        }

        #[test]
        fn foreign_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
            prop_assert!(decode_event_leaf(&bytes).is_err());
            prop_assert!(decode_directory_leaf(&bytes).is_err());
        }
    }

    #[test]
    fn a_fourth_kind_is_refused() {
        let mut bytes = [EVENT_PREFIX, &[0; EVENT_LEAF_BYTES - 15]].concat();
        assert!(decode_event_leaf(&bytes).is_err());
        bytes[EVENT_PREFIX.len() + 16] = 2;
        assert!(decode_event_leaf(&bytes).is_ok());
        bytes[EVENT_PREFIX.len() + 16] = 4;
        assert!(decode_event_leaf(&bytes).is_err());
    }
}
