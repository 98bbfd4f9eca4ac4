//! The rows: column families, keys and values, byte for byte. All numbers are big-endian, so that keys
//! sort as their numbers do.
//!
//! ```text
//! leaves        log u8 ‖ index u64                       leaf
//! nodes         log u8 ‖ level u8 ‖ index u64            hash of the complete subtree over leaves [i·2^l, (i+1)·2^l)
//! statements    SHA-256(statement)                       length u32 ‖ statement ‖ signature
//! index         kind u8 ‖ tag ‖ seq u64                  leaf index u64
//! heads         "heads"                                  (size u64 ‖ root) of events, then of directory
//! meta          "write"                                  count u64 of synced writes ‖ the heads before the last one
//! idempotency   log u8 ‖ SHA-256(statement)              first leaf index u64 ‖ leaf count u64
//! uploads       member ‖ 0x00 ‖ upload id                see `UploadRow`
//! documents     document tag                             upload id ‖ bytes u64 ‖ SHA-256
//! slips         document tag ‖ authority ‖ 0x00 ‖ SHA-256  slip
//! blobs         upload id ‖ chunk u32                    1 MiB of the blob; the last chunk may be shorter
//! small_blobs   upload id                                the blob
//! views         view u8 ‖ tag                            bytes that only `exchange` reads
//! ```
//!
//! `meta` has a second row, "rebuild", while a rebuild of the rows that can be folded is under way.

use crate::crypto::{HashState, hash};
use crate::domain::{ChainKind, Hash, Log, MemberCode, SlipName, Tag, TreeHead, UnixMillis, UploadId};

use super::StoreFault;

/// A column family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Leaves,
    Nodes,
    Statements,
    Index,
    Heads,
    Meta,
    Idempotency,
    Uploads,
    Documents,
    Slips,
    Blobs,
    SmallBlobs,
    Views,
    /// Only in the database of fresh rows: see `fresh.rs`.
    Openers,
}

impl Family {
    pub(super) const ALL: [Family; 13] = [
        Family::Leaves,
        Family::Nodes,
        Family::Statements,
        Family::Index,
        Family::Heads,
        Family::Meta,
        Family::Idempotency,
        Family::Uploads,
        Family::Documents,
        Family::Slips,
        Family::Blobs,
        Family::SmallBlobs,
        Family::Views,
    ];

    /// Rows that the logs make, and nothing else: dropped and put back by a rebuild.
    pub(super) const FOLDED: [Family; 5] = [Family::Nodes, Family::Index, Family::Idempotency, Family::Documents, Family::Views];

    pub(super) fn is_folded(self) -> bool {
        Self::FOLDED.contains(&self)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Family::Leaves => "leaves",
            Family::Nodes => "nodes",
            Family::Statements => "statements",
            Family::Index => "index",
            Family::Heads => "heads",
            Family::Meta => "meta",
            Family::Idempotency => "idempotency",
            Family::Uploads => "uploads",
            Family::Documents => "documents",
            Family::Slips => "slips",
            Family::Blobs => "blobs",
            Family::SmallBlobs => "small_blobs",
            Family::Views => "views",
            Family::Openers => "openers",
        }
    }
}

/// The heads of both logs, as of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Of the events log.
    pub events: TreeHead,
    /// Of the directory log.
    pub directory: TreeHead,
}

impl Heads {
    /// The head of one log.
    pub const fn of(&self, log: Log) -> TreeHead {
        match log {
            Log::Events => self.events,
            Log::Directory => self.directory,
        }
    }

    /// Both logs empty: size 0, root SHA-256 of nothing (RFC 6962, section 2.1).
    pub fn empty() -> Self {
        let head = TreeHead { size: 0, root: hash(b"") };
        Self { events: head, directory: head }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(80);
        for log in Log::ALL {
            let head = self.of(log);
            out.extend(head.size.to_be_bytes());
            out.extend(head.root.as_bytes());
        }
        out
    }

    pub(super) fn decode(what: &'static str, bytes: &[u8]) -> Result<Self, StoreFault> {
        let mut row = RowReader::new(what, bytes);
        let heads = row.take_heads()?;
        row.end(heads)
    }
}

/// A document's blob, as claimed by the act that made the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredDocument {
    /// The key of its bytes.
    pub upload: UploadId,
    /// How many sealed bytes.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: Hash,
}

impl StoredDocument {
    pub(super) fn encode(&self) -> Vec<u8> {
        [self.upload.as_bytes().as_slice(), &self.bytes.to_be_bytes(), self.sha256.as_bytes()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreFault> {
        let mut row = RowReader::new("a row of documents", bytes);
        let document =
            Self { upload: UploadId::from_bytes(row.take_array()?), bytes: row.take_u64()?, sha256: Hash::from_bytes(row.take_array()?) };
        row.end(document)
    }
}

/// How far the database is: the last synced write, and the heads before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastWrite {
    pub(super) count: u64,
    pub(super) before: Heads,
}

pub(super) const LAST_WRITE_KEY: &[u8] = b"write";
pub(super) const HEADS_KEY: &[u8] = b"heads";
/// There from before a rebuild's first change until after its last.
pub(super) const REBUILD_KEY: &[u8] = b"rebuild";

impl LastWrite {
    pub(super) fn encode(&self) -> Vec<u8> {
        [self.count.to_be_bytes().as_slice(), &self.before.encode()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreFault> {
        let mut row = RowReader::new("a row of meta", bytes);
        let last = Self { count: row.take_u64()?, before: row.take_heads()? };
        row.end(last)
    }
}

/// An upload that no act has claimed yet.
///
/// ```text
/// state u8 ‖ bytes u64 ‖ touched u64 ‖ segments u32 ‖ chunks u32 ‖ length u16 ‖ SHA-256 state or digest ‖ prefix
/// ```
#[derive(Clone, PartialEq, Eq)]
pub(super) struct UploadRow {
    /// The announced size.
    pub(super) bytes: u64,
    /// When something last happened to it.
    pub(super) touched: UnixMillis,
    /// Segment files that are finished, synced and named.
    pub(super) segments: u32,
    /// Chunks in them: the upload resumes at chunk × 1 MiB.
    pub(super) chunks: u32,
    pub(super) state: UploadState,
    /// The first bytes of a bulk upload.
    pub(super) prefix: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum UploadState {
    /// Bytes are missing; the digest's state after all that is recorded.
    Open(HashState),
    /// All bytes are there.
    Complete(Hash),
    /// Given up: its bytes may be gone already, then the row goes.
    Doomed,
}

impl UploadRow {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (state, digest): (u8, &[u8]) = match &self.state {
            UploadState::Open(saved) => (1, saved.as_bytes()),
            UploadState::Complete(sha256) => (2, sha256.as_bytes()),
            UploadState::Doomed => (3, &[]),
        };
        let mut out = vec![state];
        out.extend(self.bytes.to_be_bytes());
        out.extend(self.touched.0.to_be_bytes());
        out.extend(self.segments.to_be_bytes());
        out.extend(self.chunks.to_be_bytes());
        out.extend(u16::try_from(digest.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(digest);
        out.extend(&self.prefix);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreFault> {
        let mut row = RowReader::new("a row of uploads", bytes);
        let [state] = row.take_array()?;
        let bytes = row.take_u64()?;
        let touched = UnixMillis(row.take_u64()?);
        let segments = u32::from_be_bytes(row.take_array()?);
        let chunks = u32::from_be_bytes(row.take_array()?);
        let digest_bytes = u16::from_be_bytes(row.take_array()?);
        let digest = row.take(digest_bytes.into())?;
        let state = match (state, digest) {
            (1, saved) => UploadState::Open(HashState::from_bytes(saved.to_vec())),
            (2, digest) => UploadState::Complete(Hash::try_from(digest).map_err(|error| row.damaged(&error.to_string()))?),
            (3, []) => UploadState::Doomed,
            _ => return Err(row.damaged("an unknown state")),
        };
        Ok(Self { bytes, touched, segments, chunks, state, prefix: row.rest().to_vec() })
    }
}

/// Reads a value's fields in order; what is missing or left over is damage.
pub(super) struct RowReader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> RowReader<'a> {
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    pub(super) fn damaged(&self, cause: &str) -> StoreFault {
        StoreFault::Damaged { what: self.what, cause: cause.to_owned() }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], StoreFault> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or_else(|| self.damaged("it is too short"))?;
        self.rest = tail;
        Ok(head)
    }

    pub(super) fn take_array<const N: usize>(&mut self) -> Result<[u8; N], StoreFault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn take_u64(&mut self) -> Result<u64, StoreFault> {
        self.take_array().map(u64::from_be_bytes)
    }

    pub(super) fn take_heads(&mut self) -> Result<Heads, StoreFault> {
        let events = TreeHead { size: self.take_u64()?, root: Hash::from_bytes(self.take_array()?) };
        let directory = TreeHead { size: self.take_u64()?, root: Hash::from_bytes(self.take_array()?) };
        Ok(Heads { events, directory })
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn end<T>(self, value: T) -> Result<T, StoreFault> {
        if self.rest.is_empty() { Ok(value) } else { Err(self.damaged("it is too long")) }
    }
}

const fn log_byte(log: Log) -> u8 {
    match log {
        Log::Events => 0,
        Log::Directory => 1,
    }
}

pub(super) fn log_of_byte(byte: u8) -> Option<Log> {
    Log::ALL.into_iter().find(|log| log_byte(*log) == byte)
}

pub(super) fn leaf_key(log: Log, index: u64) -> Vec<u8> {
    [[log_byte(log)].as_slice(), &index.to_be_bytes()].concat()
}

pub(super) fn node_key(log: Log, level: u8, index: u64) -> Vec<u8> {
    [[log_byte(log), level].as_slice(), &index.to_be_bytes()].concat()
}

pub(super) fn acceptance_key(log: Log, statement: &Hash) -> Vec<u8> {
    [[log_byte(log)].as_slice(), statement.as_bytes()].concat()
}

pub(super) fn index_key(kind: ChainKind, tag: &Tag, seq: u64) -> Vec<u8> {
    [[kind.to_byte()].as_slice(), tag.as_bytes(), &seq.to_be_bytes()].concat()
}

/// All uploads of a member begin so; a member code has no zero byte.
pub(super) fn uploads_prefix(owner: &MemberCode) -> Vec<u8> {
    [owner.to_string().as_bytes(), &[0]].concat()
}

pub(super) fn upload_key(owner: &MemberCode, id: &UploadId) -> Vec<u8> {
    [uploads_prefix(owner).as_slice(), id.as_bytes()].concat()
}

/// The id at the end of an upload's key.
pub(super) fn upload_of_key(key: &[u8]) -> Result<UploadId, StoreFault> {
    let damaged = || StoreFault::Damaged { what: "a key of uploads", cause: "it is too short".to_owned() };
    let start = key.len().checked_sub(32).ok_or_else(damaged)?;
    UploadId::try_from(&key[start..]).map_err(|_| damaged())
}

/// An authority's code has no zero byte.
pub(super) fn slip_key(slip: &SlipName) -> Vec<u8> {
    [slip.document.as_bytes().as_slice(), slip.authority.as_str().as_bytes(), &[0], slip.sha256.as_bytes()].concat()
}

/// The slip that a key names.
pub(super) fn slip_of_key(key: &[u8]) -> Option<SlipName> {
    let (document, rest) = key.split_at_checked(32)?;
    let (authority, sha256) = rest.split_at_checked(rest.len().checked_sub(33)?)?;
    let [0, sha256 @ ..] = sha256 else { return None };
    let authority = std::str::from_utf8(authority).ok()?.parse().ok()?;
    Some(SlipName { document: Tag::try_from(document).ok()?, authority, sha256: Hash::try_from(sha256).ok()? })
}

pub(super) fn chunk_key(id: &UploadId, chunk: u32) -> Vec<u8> {
    [id.as_bytes().as_slice(), &chunk.to_be_bytes()].concat()
}

pub(super) fn view_key(view: u8, tag: &Tag) -> Vec<u8> {
    [[view].as_slice(), tag.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_upload_row_comes_back(
            bytes in any::<u64>(), touched in any::<u64>(), counts in any::<(u32, u32)>(), digest in any::<[u8; 32]>(), state in 0..3,
            saved in proptest::collection::vec(any::<u8>(), 0..200), prefix in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let state = match state {
                0 => UploadState::Open(HashState::from_bytes(saved)),
                1 => UploadState::Complete(Hash::from_bytes(digest)),
                _ => UploadState::Doomed,
            };
            let row = UploadRow { bytes, touched: UnixMillis(touched), segments: counts.0, chunks: counts.1, state, prefix };
            prop_assert!(UploadRow::decode(&row.encode()).unwrap() == row);
        }

        #[test]
        fn no_bytes_make_a_row_that_is_written_otherwise(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(row) = UploadRow::decode(&bytes) {
                prop_assert_eq!(row.encode(), bytes);
            }
        }
    }

    #[test]
    fn fixed_rows_take_their_length_only() {
        let heads = Heads::empty();
        let encoded = heads.encode();
        assert_eq!(Heads::decode("heads", &encoded).unwrap(), heads);
        assert!(Heads::decode("heads", &encoded[1..]).is_err());
        assert!(Heads::decode("heads", &[encoded.as_slice(), &[0]].concat()).is_err());
        let document = StoredDocument { upload: UploadId::ZERO, bytes: 7, sha256: Hash::ZERO };
        assert_eq!(StoredDocument::decode(&document.encode()).unwrap(), document);
        assert!(StoredDocument::decode(&document.encode()[..71]).is_err());
        let last = LastWrite { count: 3, before: heads };
        assert_eq!(LastWrite::decode(&last.encode()).unwrap(), last);
        assert!(LastWrite::decode(&[last.encode(), vec![0]].concat()).is_err());
    }

    #[test]
    fn keys_sort_as_their_numbers() {
        assert!(leaf_key(Log::Events, 255) < leaf_key(Log::Events, 256));
        assert!(leaf_key(Log::Events, u64::MAX) < leaf_key(Log::Directory, 0));
        assert!(chunk_key(&UploadId::ZERO, 255) < chunk_key(&UploadId::ZERO, 256));
    }
}
