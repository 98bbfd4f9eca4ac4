//! Uploads: bytes that came and that no act has named yet. Each is bound to the member who began it; to
//! everyone else it does not exist.
//!
//! ```text
//! (nothing) ─ create ─▶ Open ─ finish ─▶ Complete ─ commit ─▶ a document's blob
//!                        └───── delete, sweep ─────▶ Doomed ─ bytes removed ─▶ (nothing)
//! ```
//!
//! Bytes go between two writes of the row: `Doomed` first, so that a crash while they are being removed
//! leaves nothing that could be claimed; the row last, so that the next sweep goes on where it stopped.

use std::collections::HashSet;
use std::sync::PoisonError;

use rocksdb::WriteBatch;

use crate::crypto::Hasher;
use crate::domain::limits::{BLOB_BYTES_MAX, SEGMENT_VALUE_BYTES, SMALL_BLOB_BYTES_MAX, UPLOAD_IDLE_SECONDS_MAX, UPLOADS_PER_MEMBER_MAX};
use crate::domain::{Hash, MemberCode, UnixMillis, UploadId};

use super::database::{Database, WriteError};
use super::opened::{FreeFor, Shared, Write};
use super::rows::{Family, UploadRow, UploadState, chunk_key, upload_key, upload_of_key, uploads_prefix};
use super::segments::{load_segment_folders, remove_segments};
use super::{Step, Store, StoreFault, StoredDocument, UploadFault};

/// The first bytes of a blob that can be read before it is a document: its age header.
pub const UPLOAD_PREFIX_BYTES: usize = 4096;

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadProgress {
    /// The announced size.
    pub bytes: u64,
    /// Where to go on; what lies before it survives a crash.
    pub offset: u64,
    /// Whether it is finished and can be claimed.
    pub is_complete: bool,
}

/// Proof that an upload is this member's, complete, and the bytes of the statement. Only
/// [`Store::claim_upload`] makes one; the commit checks that it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedUpload {
    pub(super) owner: MemberCode,
    pub(super) document: StoredDocument,
}

impl Store {
    /// Begins an upload of `bytes` sealed bytes. This alone is not synced: a power cut at once may make
    /// the id unknown again, and the client begins anew.
    ///
    /// # Errors
    /// `Size` and `TooMany` by the limits; `Full` when the disk has no room for all of it.
    pub fn create_upload(&self, id: &UploadId, owner: &MemberCode, bytes: u64, now: UnixMillis) -> Result<(), UploadFault> {
        const AT: &str = "beginning an upload";
        if !(1..=BLOB_BYTES_MAX).contains(&bytes) {
            return Err(UploadFault::Size);
        }
        let mut writer = self.writing(AT, FreeFor::Uploads)?;
        self.shared.require_free(AT, FreeFor::Uploads.bytes(&self.shared.settings) + bytes)?;
        let row = UploadRow { bytes, touched: now, segments: 0, chunks: 0, state: UploadState::Open(Hasher::new().save()), prefix: vec![] };
        self.reading(|database| {
            if count_uploads(database, owner)? >= UPLOADS_PER_MEMBER_MAX {
                return Err(UploadFault::TooMany);
            }
            let mut batch = WriteBatch::default();
            database.put(&mut batch, Family::Uploads, &upload_key(owner, id), &row.encode())?;
            let written = self.shared.step(Step::CreateUpload, || database.write(batch, false));
            written.map_err(|error| writer.fail(&self.shared, AT, error).into())
        })
    }

    /// How far a member's upload is.
    ///
    /// # Errors
    /// `Unknown` when there is no such upload of this member.
    pub fn load_progress(&self, id: &UploadId, owner: &MemberCode) -> Result<UploadProgress, UploadFault> {
        let row = self.load_upload(id, owner)?;
        let is_complete = matches!(row.state, UploadState::Complete(_));
        Ok(UploadProgress { bytes: row.bytes, offset: row.offset(), is_complete })
    }

    /// Claims a complete upload for a statement that says its digest and length.
    ///
    /// # Errors
    /// `Unknown`, `Incomplete`, or `Mismatch` when the statement is about other bytes.
    pub fn claim_upload(&self, id: &UploadId, owner: &MemberCode, sha256: &Hash, bytes: u64) -> Result<ClaimedUpload, UploadFault> {
        let row = self.load_upload(id, owner)?;
        let UploadState::Complete(found) = row.state else {
            return Err(UploadFault::Incomplete);
        };
        if (found, row.bytes) != (*sha256, bytes) {
            return Err(UploadFault::Mismatch);
        }
        Ok(ClaimedUpload { owner: owner.clone(), document: StoredDocument { upload: *id, bytes, sha256: found } })
    }

    /// The first bytes of a complete upload, at most [`UPLOAD_PREFIX_BYTES`].
    ///
    /// # Errors
    /// `Unknown` or `Incomplete`.
    pub fn read_upload_prefix(&self, id: &UploadId, owner: &MemberCode) -> Result<Vec<u8>, UploadFault> {
        let row = self.load_upload(id, owner)?;
        if !matches!(row.state, UploadState::Complete(_)) {
            return Err(UploadFault::Incomplete);
        }
        if row.bytes > SMALL_BLOB_BYTES_MAX {
            return Ok(row.prefix);
        }
        let blob = self.reading(|database| database.load_uncached(Family::SmallBlobs, id.as_bytes()))?;
        let lost = || StoreFault::Damaged { what: "small_blobs", cause: "the bytes of a complete upload are missing".to_owned() };
        let mut prefix = blob.ok_or_else(lost)?;
        prefix.truncate(UPLOAD_PREFIX_BYTES);
        Ok(prefix)
    }

    /// Gives an upload up at its owner's wish.
    ///
    /// # Errors
    /// `Unknown`, or `Busy` while it is being written.
    pub fn delete_upload(&self, id: &UploadId, owner: &MemberCode) -> Result<(), UploadFault> {
        // Whose it is comes first: to everyone else it is not there, also while it is being written.
        self.load_upload(id, owner)?;
        let _hold = self.hold_upload(id)?;
        self.remove_upload(&upload_key(owner, id), id).map_err(UploadFault::Fault)
    }

    /// Removes what nobody will claim: uploads idle for longer than the limit, those whose removal a
    /// crash has cut short, and segment files that no row knows. Returns how many.
    ///
    /// # Errors
    /// When storage fails; what was removed until then stays removed.
    pub fn sweep_uploads(&self, now: UnixMillis) -> Result<u64, StoreFault> {
        const AT: &str = "sweeping uploads";
        drop(self.writing(AT, FreeFor::Removals)?);
        let uploads = self.shared.settings.uploads_folder();
        let fault = |error: std::io::Error| StoreFault::Broken { at: AT, cause: error.to_string() };
        // Folders first: an upload begun after this has no folder in the list.
        let folders = load_segment_folders(&uploads).map_err(fault)?;
        let (idle, known) = self.load_sweepable(now)?;
        let mut count = 0;
        for (key, id) in idle {
            if let Ok(_hold) = self.hold_upload(&id) {
                self.remove_upload(&key, &id)?;
                count += 1;
            }
        }
        for id in folders.into_iter().filter(|id| !known.contains(id)) {
            remove_segments(&uploads, &id).map_err(|error| self.fail(AT, error))?;
            count += 1;
        }
        Ok(count)
    }

    /// The uploads to remove, with their keys, and all that there are.
    #[allow(clippy::type_complexity, reason = "two lists that only the sweep reads")]
    fn load_sweepable(&self, now: UnixMillis) -> Result<(Vec<(Vec<u8>, UploadId)>, HashSet<UploadId>), StoreFault> {
        self.reading(|database| {
            let (mut idle, mut known) = (Vec::new(), HashSet::new());
            let mut rows = database.scan(Family::Uploads, &[], None)?;
            while let Some((key, row)) = rows.next_row()? {
                let (id, row) = (upload_of_key(key)?, UploadRow::decode(row)?);
                known.insert(id);
                if row.state == UploadState::Doomed || now.0.saturating_sub(row.touched.0) > UPLOAD_IDLE_SECONDS_MAX * 1000 {
                    idle.push((key.to_vec(), id));
                }
            }
            Ok((idle, known))
        })
    }

    /// Dooms an upload, removes its bytes, then its row. The caller holds its hold.
    fn remove_upload(&self, key: &[u8], id: &UploadId) -> Result<(), StoreFault> {
        const AT: &str = "removing an upload";
        let mut writer = self.writing(AT, FreeFor::Removals)?;
        let Some(row) = self.reading(|database| load_row(database, key))? else {
            // A commit claimed it since it was looked at: its bytes are a document's now.
            return Ok(());
        };
        let (mut doom, mut forget) = (WriteBatch::default(), WriteBatch::default());
        self.reading(|database| {
            database.put(&mut doom, Family::Uploads, key, &UploadRow { state: UploadState::Doomed, prefix: vec![], ..row }.encode())?;
            database.delete(&mut forget, Family::Uploads, key)?;
            database.delete(&mut forget, Family::SmallBlobs, id.as_bytes())
        })?;
        // From here on nobody can resume or claim it.
        self.write_rows(&mut writer, Write { step: Step::DoomUpload, at: AT, batch: doom, heads: None })?;
        let removed = self.shared.step(Step::RemoveUpload, || self.remove_bytes(id));
        removed.map_err(|error| writer.fail(&self.shared, AT, error))?;
        // Only now may its name be forgotten: nothing is left that nobody would find.
        self.write_rows(&mut writer, Write { step: Step::ForgetUpload, at: AT, batch: forget, heads: None })
    }

    fn remove_bytes(&self, id: &UploadId) -> Result<(), WriteError> {
        let deleted = self.reading(|database| Ok::<_, StoreFault>(database.delete_segments(&chunk_key(id, 0), &chunk_key(id, u32::MAX))));
        deleted.map_err(WriteError::failed)??;
        remove_segments(&self.shared.settings.uploads_folder(), id)
    }

    /// A member's upload, as long as it is not given up.
    pub(super) fn load_upload(&self, id: &UploadId, owner: &MemberCode) -> Result<UploadRow, UploadFault> {
        let row = self.reading(|database| load_row(database, &upload_key(owner, id)))?;
        row.filter(|row| row.state != UploadState::Doomed).ok_or(UploadFault::Unknown)
    }

    /// Keeps an upload from being written, given up or swept until what this returns is dropped. Whether there is
    /// such an upload is not asked.
    ///
    /// # Errors
    /// `Busy` while someone else has it.
    pub fn hold_upload(&self, id: &UploadId) -> Result<UploadHold, UploadFault> {
        let mut busy = self.shared.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.insert(*id) { Ok(UploadHold { store: self.clone(), id: *id }) } else { Err(UploadFault::Busy) }
    }
}

/// The exclusive right to an upload.
pub struct UploadHold {
    store: Store,
    id: UploadId,
}

impl Drop for UploadHold {
    fn drop(&mut self) {
        let shared: &Shared = &self.store.shared;
        shared.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl UploadRow {
    /// Where the upload resumes.
    pub(super) fn offset(&self) -> u64 {
        match self.state {
            UploadState::Complete(_) => self.bytes,
            _ => u64::from(self.chunks) * SEGMENT_VALUE_BYTES as u64,
        }
    }
}

pub(super) fn load_row(database: &Database, key: &[u8]) -> Result<Option<UploadRow>, StoreFault> {
    database.load(Family::Uploads, key)?.map(|row| UploadRow::decode(&row)).transpose()
}

fn count_uploads(database: &Database, owner: &MemberCode) -> Result<usize, StoreFault> {
    let prefix = uploads_prefix(owner);
    let mut rows = database.scan(Family::Uploads, &prefix, None)?;
    let mut count = 0;
    while rows.next_row()?.is_some_and(|(key, _)| key.starts_with(&prefix)) {
        count += 1;
    }
    Ok(count)
}
