//! Reading a blob, a chunk at a time: the memory of a reader is one chunk, whatever the blob's size.
//!
//! A reader holds nothing open between two chunks. A download may take a day; an iterator held that long
//! would keep every file and every memory table that the store has replaced since.

use crate::domain::Tag;
use crate::domain::limits::{SEGMENT_VALUE_BYTES, SMALL_BLOB_BYTES_MAX};

use super::database::Database;
use super::rows::{Family, chunk_key};
use super::{Store, StoreFault, StoredDocument};

/// Reads one document's sealed bytes.
pub struct BlobReader {
    store: Store,
    document: StoredDocument,
}

impl Store {
    /// Opens a document's blob, or `None` where no act has made such a document.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn open_blob(&self, document: &Tag) -> Result<Option<BlobReader>, StoreFault> {
        let found = self.load_document(document)?;
        Ok(found.map(|document| BlobReader { store: self.clone(), document }))
    }
}

impl BlobReader {
    /// The blob's length.
    pub const fn bytes(&self) -> u64 {
        self.document.bytes
    }

    /// The bytes from `offset` to the end of the chunk that it lies in, 1 to 1,048,576 of them; at the
    /// end of the blob and beyond it, none. The checksum of what was read is verified.
    ///
    /// # Errors
    /// `Damaged` when it does not match or the chunk is not there; `Broken` when the disk cannot be read.
    pub fn read_at(&self, offset: u64) -> Result<Vec<u8>, StoreFault> {
        if offset >= self.document.bytes {
            return Ok(Vec::new());
        }
        let chunk_bytes = SEGMENT_VALUE_BYTES as u64;
        let chunk = u32::try_from(offset / chunk_bytes).map_err(|_| damaged("it has too many chunks"))?;
        let mut bytes = self.store.reading(|database| load_blob_chunk(database, &self.document, chunk))?;
        let skipped = usize::try_from(offset % chunk_bytes).map_err(|_| damaged("a chunk is too long"))?;
        bytes.drain(..skipped);
        Ok(bytes)
    }
}

/// A whole chunk, as long as it must be.
pub(super) fn load_blob_chunk(database: &Database, document: &StoredDocument, chunk: u32) -> Result<Vec<u8>, StoreFault> {
    let row = if document.bytes <= SMALL_BLOB_BYTES_MAX {
        database.load_uncached(Family::SmallBlobs, document.upload.as_bytes())?
    } else {
        database.load_uncached(Family::Blobs, &chunk_key(&document.upload, chunk))?
    };
    let bytes = row.ok_or_else(|| damaged("a chunk is missing"))?;
    let start = u64::from(chunk) * SEGMENT_VALUE_BYTES as u64;
    let expected = document.bytes.saturating_sub(start).min(SEGMENT_VALUE_BYTES as u64);
    if bytes.len() as u64 == expected { Ok(bytes) } else { Err(damaged("a chunk has the wrong length")) }
}

fn damaged(cause: &str) -> StoreFault {
    StoreFault::Damaged { what: "a blob", cause: cause.to_owned() }
}
