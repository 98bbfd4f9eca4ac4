//! Reading everything back: every row of every family with its checksum, every row's form, statements
//! against their keys, heads against leaves and nodes, every document's blob against its SHA-256.
//!
//! Run it on a store that was just opened: what is cached in memory is not read from disk again.

use crate::crypto::{Hasher, hash, hash_parts};
use crate::domain::limits::{SEGMENT_VALUE_BYTES, SMALL_BLOB_BYTES_MAX};
use crate::domain::{Hash, Log, UploadId};

use super::blobs::load_blob_chunk;
use super::database::Database;
use super::reads::{decode_index, decode_node};
use super::rows::{Family, LastWrite, UploadRow, UploadState, leaf_key, node_key, upload_of_key};
use super::{Acceptance, Heads, Store, StoreFault, StoredDocument, StoredStatement};

/// Something that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The row or the document, with its key in hex.
    pub place: String,
    /// What does not check.
    pub cause: String,
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyProgress {
    /// What is being read.
    pub family: &'static str,
    /// Rows read so far, of all families.
    pub rows: u64,
    /// Bytes read so far.
    pub bytes: u64,
}

struct Verification<'a> {
    database: &'a Database,
    progress: VerifyProgress,
    on_progress: &'a mut dyn FnMut(VerifyProgress),
    damages: Vec<Damage>,
}

impl Store {
    /// Reads all that the store has and names what is damaged; nothing named means that all is well.
    ///
    /// # Errors
    /// When the disk cannot be read at all.
    pub fn verify_storage(&self, on_progress: &mut dyn FnMut(VerifyProgress)) -> Result<Vec<Damage>, StoreFault> {
        self.reading(|database| {
            let progress = VerifyProgress { family: "", rows: 0, bytes: 0 };
            let mut verification = Verification { database, progress, on_progress, damages: Vec::new() };
            // The blobs are read document by document: once, and against their digests.
            for family in Family::ALL.into_iter().filter(|family| *family != Family::Blobs) {
                verification.progress.family = family.name();
                verification.read_family(family)?;
            }
            verification.check_logs()?;
            Ok(verification.damages)
        })
    }
}

impl Verification<'_> {
    /// Reads a family to its end, or to the first block that does not check: nothing after it is reachable.
    fn read_family(&mut self, family: Family) -> Result<(), StoreFault> {
        let database = self.database;
        let mut rows = match database.scan(family, &[], None) {
            Ok(rows) => rows,
            Err(fault) => return self.note(family.name().to_owned(), Err(fault)),
        };
        let mut last_key = Vec::new();
        loop {
            let (key, value) = match rows.next_row() {
                Ok(Some((key, value))) => (key.to_vec(), value),
                Ok(None) => return Ok(()),
                Err(fault) => return self.note(format!("{} after {}", family.name(), hex(&last_key)), Err(fault)),
            };
            self.count(value.len());
            let checked = self.check_row(family, &key, value);
            self.note(format!("{} {}", family.name(), hex(&key)), checked)?;
            last_key = key;
        }
    }

    fn check_row(&mut self, family: Family, key: &[u8], value: &[u8]) -> Result<(), StoreFault> {
        match family {
            Family::Nodes => decode_node(value).map(drop),
            Family::Statements => check_statement(key, value),
            Family::Index => decode_index(value).map(drop),
            Family::Heads => Heads::decode("the heads", value).map(drop),
            Family::Meta => LastWrite::decode(value).map(drop),
            Family::Idempotency => Acceptance::decode(value).map(drop),
            Family::Documents => self.check_document(&StoredDocument::decode(value)?),
            Family::Uploads => self.check_upload(upload_of_key(key)?, &UploadRow::decode(value)?),
            // Leaves are checked with the logs; the others' values have no form of ours.
            Family::Leaves | Family::Slips | Family::Blobs | Family::SmallBlobs | Family::Views => Ok(()),
        }
    }

    fn check_upload(&mut self, upload: UploadId, row: &UploadRow) -> Result<(), StoreFault> {
        match row.state {
            UploadState::Complete(sha256) if row.bytes <= SMALL_BLOB_BYTES_MAX => {
                self.check_document(&StoredDocument { upload, bytes: row.bytes, sha256 })
            }
            _ => Ok(()),
        }
    }

    fn check_document(&mut self, document: &StoredDocument) -> Result<(), StoreFault> {
        let mut hasher = Hasher::new();
        let chunks = document.bytes.div_ceil(SEGMENT_VALUE_BYTES as u64);
        for chunk in 0..u32::try_from(chunks).map_err(|_| damaged("a blob", "it has too many chunks"))? {
            let bytes = load_blob_chunk(self.database, document, chunk)?;
            hasher.update(&bytes);
            self.count(bytes.len());
        }
        if hasher.finish() == document.sha256 { Ok(()) } else { Err(damaged("a blob", "its SHA-256 is another")) }
    }

    /// Leaves are gapless up to the head, their hashes are the nodes of level 0, each node is of its two
    /// children, and the head's root is of the nodes (RFC 6962, section 2.1).
    fn check_logs(&mut self) -> Result<(), StoreFault> {
        let heads = match self.database.load_heads() {
            Ok(heads) => heads,
            Err(fault) => return self.note("the heads".to_owned(), Err(fault)),
        };
        for log in Log::ALL {
            let size = heads.of(log).size;
            for index in 0..size {
                let checked = self.check_leaf(log, index);
                self.note(format!("{log} leaf {index}"), checked)?;
            }
            let beyond = self.database.has(Family::Leaves, &leaf_key(log, size));
            let beyond =
                beyond.and_then(|found| if found { Err(damaged("leaves", "there are more than the head counts")) } else { Ok(()) });
            self.note(format!("{log} leaf {size}"), beyond)?;
            let root = self.check_root(log, &heads);
            self.note(format!("{log} head"), root)?;
        }
        Ok(())
    }

    /// A leaf, and every subtree that it completes.
    fn check_leaf(&self, log: Log, index: u64) -> Result<(), StoreFault> {
        let leaf = self.database.load(Family::Leaves, &leaf_key(log, index))?.ok_or_else(|| damaged("leaves", "it is missing"))?;
        let mut expected = hash_parts(&[&[0], &leaf]);
        for level in 0..64u8 {
            let node = index >> level;
            if self.load_node(log, level, node)? != expected {
                return Err(damaged("nodes", "a subtree's hash is not of its leaves"));
            }
            // A right child completes its parent.
            if node.is_multiple_of(2) {
                break;
            }
            let left = self.load_node(log, level, node - 1)?;
            expected = hash_parts(&[&[1], left.as_bytes(), expected.as_bytes()]);
        }
        Ok(())
    }

    fn check_root(&self, log: Log, heads: &Heads) -> Result<(), StoreFault> {
        let head = heads.of(log);
        let mut root: Option<Hash> = None;
        // The complete subtrees that make up the tree, from the right and smallest to the left.
        for level in (0..64u8).filter(|level| head.size >> level & 1 == 1) {
            let subtree = self.load_node(log, level, (head.size >> level) - 1)?;
            root = Some(match root {
                None => subtree,
                Some(right) => hash_parts(&[&[1], subtree.as_bytes(), right.as_bytes()]),
            });
        }
        let root = root.unwrap_or_else(|| hash(b""));
        if root == head.root { Ok(()) } else { Err(damaged("the heads", "the root is not of the leaves")) }
    }

    fn load_node(&self, log: Log, level: u8, index: u64) -> Result<Hash, StoreFault> {
        let row = self.database.load(Family::Nodes, &node_key(log, level, index))?;
        decode_node(&row.ok_or_else(|| damaged("nodes", "one is missing"))?)
    }

    fn count(&mut self, bytes: usize) {
        self.progress.rows += 1;
        self.progress.bytes += bytes as u64;
        (self.on_progress)(self.progress);
    }

    /// Keeps damage for the report; only a disk that cannot be read ends the reading.
    fn note(&mut self, place: String, checked: Result<(), StoreFault>) -> Result<(), StoreFault> {
        match checked {
            Err(StoreFault::Damaged { what, cause }) => self.damages.push(Damage { place, cause: format!("{what}: {cause}") }),
            Err(fault) => return Err(fault),
            Ok(()) => {}
        }
        Ok(())
    }
}

fn check_statement(key: &[u8], value: &[u8]) -> Result<(), StoreFault> {
    let stored = StoredStatement::decode(value)?;
    if hash(&stored.statement).as_bytes() == key { Ok(()) } else { Err(damaged("statements", "its SHA-256 is not its key")) }
}

fn damaged(what: &'static str, cause: &str) -> StoreFault {
    StoreFault::Damaged { what, cause: cause.to_owned() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
