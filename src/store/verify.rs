//! Reading everything back: every row of every family with its checksum, every row's form, statements
//! against their keys, every document's blob against its SHA-256. Whether the rows are those that the logs
//! make is another question, which needs their meaning: `exchange` folds the logs, `compare.rs` compares.
//!
//! Run it on a store that was just opened: what is cached in memory is not read from disk again.

use crate::crypto::{Hasher, hash};
use crate::domain::UploadId;
use crate::domain::limits::{SEGMENT_VALUE_BYTES, SMALL_BLOB_BYTES_MAX};

use super::blobs::load_blob_chunk;
use super::database::Database;
use super::reads::{decode_index, decode_node};
use super::rows::{Family, LastWrite, UploadRow, UploadState, upload_of_key};
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
            // Their values have no form of the store's.
            Family::Leaves | Family::Slips | Family::Blobs | Family::SmallBlobs | Family::Views | Family::Openers => Ok(()),
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
