//! Writing an upload. A small blob waits in memory, at most 1 MiB, and becomes a row when it is finished;
//! a bulk blob goes through one 1 MiB buffer into segment files.
//!
//! ```text
//! bytes ─▶ buffer 1 MiB ─▶ SHA-256 ─▶ segment file ─(64 chunks)▶ finish, sync ─▶ row: offset, SHA-256 state
//!                                                                               ↑ an interrupted upload resumes here
//! ```

use rocksdb::WriteBatch;

use crate::crypto::Hasher;
use crate::domain::limits::{SEGMENT_BYTES, SEGMENT_VALUE_BYTES, SMALL_BLOB_BYTES_MAX};
use crate::domain::{Hash, MemberCode, UnixMillis, UploadId};

use super::database::{WriteError, WriteTrouble};
use super::opened::{FreeFor, Write};
use super::rows::{Family, UploadRow, UploadState, upload_key};
use super::segments::{SEGMENT_CHUNKS, Segment};
use super::uploads::UploadHold;
use super::{Step, Store, StoreFault, UPLOAD_PREFIX_BYTES, UploadFault};

const AT: &str = "writing an upload";

/// Segments of less than 64 MiB that interruptions may leave in one upload. After so many, an
/// interruption costs what the unfinished segment had: files per gigabyte stay bounded.
const SHORT_SEGMENTS_MAX: u32 = 64;

/// The one writer of an upload. Dropping it keeps what was recorded; [`UploadWriter::pause`] keeps almost all.
pub struct UploadWriter {
    store: Store,
    key: Vec<u8>,
    id: UploadId,
    row: UploadRow,
    /// `None` after a failure: what is on disk is then known only to whoever opens the upload again.
    body: Option<Body>,
    _hold: UploadHold,
}

enum Body {
    Complete(Hash),
    Small(Vec<u8>),
    Bulk(Bulk),
}

struct Bulk {
    hasher: Hasher,
    /// Less than a chunk that has come and is not in a segment yet.
    buffer: Vec<u8>,
    segment: Option<Segment>,
    /// The number of the next chunk.
    chunk: u32,
}

impl Store {
    /// Opens an upload to write on at [`UploadWriter::offset`].
    ///
    /// # Errors
    /// `Unknown` when there is no such upload of this member, `Busy` while another writer has it.
    pub fn open_upload(&self, id: &UploadId, owner: &MemberCode) -> Result<UploadWriter, UploadFault> {
        self.load_upload(id, owner)?;
        let mark = self.hold_upload(id)?;
        // Again, now that nobody else can write it.
        let row = self.load_upload(id, owner)?;
        let body = match &row.state {
            UploadState::Complete(sha256) => Body::Complete(*sha256),
            UploadState::Open(_) if row.bytes <= SMALL_BLOB_BYTES_MAX => Body::Small(Vec::new()),
            UploadState::Open(saved) => {
                let damaged =
                    |error: crate::crypto::StateRefused| StoreFault::Damaged { what: "a row of uploads", cause: error.to_string() };
                let hasher = Hasher::restore(saved).map_err(damaged)?;
                Body::Bulk(Bulk { hasher, buffer: Vec::new(), segment: None, chunk: row.chunks })
            }
            UploadState::Doomed => return Err(UploadFault::Unknown),
        };
        Ok(UploadWriter { store: self.clone(), key: upload_key(owner, id), id: *id, row, body: Some(body), _hold: mark })
    }
}

impl UploadWriter {
    /// How many bytes are kept already: where to go on, also after a crash. All of them when it is complete.
    pub fn offset(&self) -> u64 {
        self.row.offset()
    }

    /// Takes the next bytes, in pieces of any size.
    ///
    /// # Errors
    /// `Overrun` when there are more than were announced; `Full` when the disk has no room for them;
    /// `Interrupted` after an earlier failure.
    pub fn write(&mut self, bytes: &[u8], now: UnixMillis) -> Result<(), UploadFault> {
        let mut body = self.body.take().ok_or(UploadFault::Interrupted)?;
        if bytes.len() as u64 > self.row.bytes.saturating_sub(self.taken(&body)) {
            self.body = Some(body);
            return Err(UploadFault::Overrun);
        }
        match &mut body {
            Body::Complete(_) => {}
            Body::Small(blob) => blob.extend_from_slice(bytes),
            Body::Bulk(bulk) => self.write_bulk(bulk, bytes, now)?,
        }
        self.body = Some(body);
        Ok(())
    }

    /// Stops before the end and keeps every whole MiB that has come.
    ///
    /// # Errors
    /// When storage fails; what was recorded before stays.
    pub fn pause(mut self, now: UnixMillis) -> Result<(), UploadFault> {
        match self.body.take() {
            Some(Body::Bulk(mut bulk)) if self.short_segments() < SHORT_SEGMENTS_MAX => self.record_segment(&mut bulk, now),
            _ => Ok(()),
        }
    }

    /// Ends the upload; from when this returns it can be claimed. The SHA-256 of all its bytes.
    ///
    /// # Errors
    /// `Incomplete` when bytes are missing; it is then kept as by [`UploadWriter::pause`].
    pub fn finish(mut self, now: UnixMillis) -> Result<Hash, UploadFault> {
        let body = self.body.take().ok_or(UploadFault::Interrupted)?;
        if self.taken(&body) < self.row.bytes {
            self.body = Some(body);
            self.pause(now)?;
            return Err(UploadFault::Incomplete);
        }
        match body {
            Body::Complete(sha256) => Ok(sha256),
            Body::Small(blob) => self.finish_small(&blob, now),
            Body::Bulk(bulk) => self.finish_bulk(bulk, now),
        }
    }

    fn taken(&self, body: &Body) -> u64 {
        match body {
            Body::Complete(_) => self.row.bytes,
            Body::Small(blob) => blob.len() as u64,
            Body::Bulk(bulk) => u64::from(bulk.chunk) * SEGMENT_VALUE_BYTES as u64 + bulk.buffer.len() as u64,
        }
    }

    /// How many more segments there are than full ones would be.
    fn short_segments(&self) -> u32 {
        self.row.segments.saturating_sub(self.row.chunks / SEGMENT_CHUNKS)
    }

    fn write_bulk(&mut self, bulk: &mut Bulk, mut bytes: &[u8], now: UnixMillis) -> Result<(), UploadFault> {
        while !bytes.is_empty() {
            // A whole chunk in one piece needs no buffer.
            if bulk.buffer.is_empty() && bytes.len() >= SEGMENT_VALUE_BYTES {
                let (chunk, rest) = bytes.split_at(SEGMENT_VALUE_BYTES);
                self.write_chunk(bulk, chunk, now)?;
                bytes = rest;
                continue;
            }
            let wanted = SEGMENT_VALUE_BYTES - bulk.buffer.len();
            let (head, rest) = bytes.split_at(wanted.min(bytes.len()));
            bulk.buffer.extend_from_slice(head);
            bytes = rest;
            if bulk.buffer.len() == SEGMENT_VALUE_BYTES {
                self.flush_buffer(bulk, now)?;
            }
        }
        Ok(())
    }

    fn flush_buffer(&mut self, bulk: &mut Bulk, now: UnixMillis) -> Result<(), UploadFault> {
        let mut buffer = std::mem::take(&mut bulk.buffer);
        self.write_chunk(bulk, &buffer, now)?;
        buffer.clear();
        bulk.buffer = buffer;
        Ok(())
    }

    fn write_chunk(&mut self, bulk: &mut Bulk, bytes: &[u8], now: UnixMillis) -> Result<(), UploadFault> {
        if bulk.chunk == 0 {
            self.row.prefix = bytes[..bytes.len().min(UPLOAD_PREFIX_BYTES)].to_vec();
        }
        let mut segment = match bulk.segment.take() {
            Some(segment) => segment,
            None => self.stage_segment()?,
        };
        segment.put(&self.id, bulk.chunk, bytes).map_err(|error| self.segment_fault(error))?;
        bulk.hasher.update(bytes);
        bulk.chunk += 1;
        let is_full = segment.is_full();
        bulk.segment = Some(segment);
        // The last chunk's segment is recorded by `finish`, together with the digest.
        if is_full && u64::from(bulk.chunk) * (SEGMENT_VALUE_BYTES as u64) < self.row.bytes {
            self.record_segment(bulk, now)
        } else {
            Ok(())
        }
    }

    fn stage_segment(&self) -> Result<Segment, UploadFault> {
        let shared = &self.store.shared;
        shared.require_free(AT, self.free_bytes_needed())?;
        Segment::stage(&shared.settings.uploads_folder(), &self.id, self.row.segments).map_err(|error| self.segment_fault(error))
    }

    /// The reserve, and room for the rest of the upload or for a segment of it.
    fn free_bytes_needed(&self) -> u64 {
        let rest = self.row.bytes.saturating_sub(self.row.offset());
        FreeFor::Uploads.bytes(&self.store.shared.settings) + rest.min(SEGMENT_BYTES)
    }

    /// Makes the current segment durable and moves the offset behind it.
    fn record_segment(&mut self, bulk: &mut Bulk, now: UnixMillis) -> Result<(), UploadFault> {
        if self.finish_segment(bulk)? {
            self.record(UploadState::Open(bulk.hasher.save()), None, now)?;
        }
        Ok(())
    }

    fn finish_bulk(&mut self, mut bulk: Bulk, now: UnixMillis) -> Result<Hash, UploadFault> {
        if !bulk.buffer.is_empty() {
            self.flush_buffer(&mut bulk, now)?;
        }
        self.finish_segment(&mut bulk)?;
        let sha256 = bulk.hasher.finish();
        self.record(UploadState::Complete(sha256), None, now)?;
        Ok(sha256)
    }

    fn finish_small(&mut self, blob: &[u8], now: UnixMillis) -> Result<Hash, UploadFault> {
        let sha256 = crate::crypto::hash(blob);
        self.record(UploadState::Complete(sha256), Some(blob), now)?;
        Ok(sha256)
    }

    fn finish_segment(&mut self, bulk: &mut Bulk) -> Result<bool, UploadFault> {
        let Some(segment) = bulk.segment.take() else {
            return Ok(false);
        };
        let finished = self.store.shared.step(Step::FinishSegment, || segment.finish());
        finished.map_err(|error| self.segment_fault(error))?;
        self.row.segments += 1;
        self.row.chunks = bulk.chunk;
        Ok(true)
    }

    /// Writes the row; from here on the upload is as far as it says.
    fn record(&mut self, state: UploadState, small_blob: Option<&[u8]>, now: UnixMillis) -> Result<(), UploadFault> {
        self.row.state = state;
        self.row.touched = now;
        let mut writer = self.store.writing(AT, FreeFor::Acts)?;
        let mut batch = WriteBatch::default();
        self.store.reading(|database| {
            if let Some(blob) = small_blob {
                database.put(&mut batch, Family::SmallBlobs, self.id.as_bytes(), blob)?;
            }
            database.put(&mut batch, Family::Uploads, &self.key, &self.row.encode())
        })?;
        self.store.write_rows(&mut writer, Write { step: Step::RecordUpload, at: AT, batch, heads: None })?;
        Ok(())
    }

    /// A segment is no row: when it does not fit, nothing else has failed. Any other error is the disk's.
    fn segment_fault(&self, error: WriteError) -> UploadFault {
        let shared = &self.store.shared;
        if error.trouble == WriteTrouble::Full {
            return shared.full_fault(AT, self.free_bytes_needed()).into();
        }
        self.store.fail(AT, error).into()
    }
}
