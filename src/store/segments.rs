//! Segments: the files that a bulk upload is written as, each a sorted table of 1 MiB values that the
//! database takes over by a hard link. Its bytes are written once.
//!
//! ```text
//! uploads/ID/000000.sst   chunks 0..64      finished and synced, its name synced, then recorded in the row
//! uploads/ID/000001.sst   chunks 64..128    being written: counts for nothing until it is recorded
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rocksdb::{Options, SstFileWriter};

use crate::domain::UploadId;
use crate::domain::limits::{SEGMENT_BYTES, SEGMENT_VALUE_BYTES};
use crate::durable;

use super::database::{WriteError, WriteTrouble, segment_options};
use super::rows::chunk_key;

/// Chunks of a full segment.
pub(super) const SEGMENT_CHUNKS: u32 = (SEGMENT_BYTES / SEGMENT_VALUE_BYTES as u64) as u32;

static OPTIONS: LazyLock<Options> = LazyLock::new(segment_options);

/// A segment being written; its file is removed again when this is dropped unfinished.
pub(super) struct Segment {
    table: SstFileWriter<'static>,
    path: PathBuf,
    chunks: u32,
    is_finished: bool,
}

impl Segment {
    /// Begins a segment, over whatever an interrupted writer left of it.
    pub(super) fn stage(uploads: &Path, id: &UploadId, number: u32) -> Result<Self, WriteError> {
        let folder = segments_folder(uploads, id);
        if !folder.try_exists().map_err(write_error)? {
            fs::create_dir(&folder).map_err(write_error)?;
            durable::sync_folder(uploads).map_err(write_error)?;
        }
        let path = segment_path(uploads, id, number);
        let table = SstFileWriter::create(&OPTIONS);
        table.open(&path).map_err(|error| WriteError::of(&error))?;
        Ok(Self { table, path, chunks: 0, is_finished: false })
    }

    /// Adds the blob's next chunk.
    pub(super) fn put(&mut self, id: &UploadId, chunk: u32, bytes: &[u8]) -> Result<(), WriteError> {
        self.table.put(chunk_key(id, chunk), bytes).map_err(|error| WriteError::of(&error))?;
        self.chunks += 1;
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.chunks == SEGMENT_CHUNKS
    }

    /// Finishes the file and makes it and its name durable; it counts once the row says so.
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        self.table.finish().map_err(|error| WriteError::of(&error))?;
        let folder = self.path.parent().unwrap_or(&self.path);
        durable::sync_folder(folder).map_err(write_error)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed now is written over when the upload resumes, or swept with it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The finished segments of an upload, in order.
pub(super) fn segment_paths(uploads: &Path, id: &UploadId, count: u32) -> Vec<PathBuf> {
    (0..count).map(|number| segment_path(uploads, id, number)).collect()
}

/// Removes an upload's segments, those that no row counts included.
pub(super) fn remove_segments(uploads: &Path, id: &UploadId) -> Result<(), WriteError> {
    match fs::remove_dir_all(segments_folder(uploads, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(write_error(error)),
        _ => Ok(()),
    }
}

/// The uploads that have a folder of segments.
pub(super) fn load_segment_folders(uploads: &Path) -> io::Result<Vec<UploadId>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(uploads)? {
        ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<UploadId>().ok()));
    }
    Ok(ids)
}

fn segments_folder(uploads: &Path, id: &UploadId) -> PathBuf {
    uploads.join(id.to_string())
}

fn segment_path(uploads: &Path, id: &UploadId, number: u32) -> PathBuf {
    segments_folder(uploads, id).join(format!("{number:06}.sst"))
}

fn write_error(error: io::Error) -> WriteError {
    let trouble = if error.kind() == io::ErrorKind::StorageFull { WriteTrouble::Full } else { WriteTrouble::Failed };
    WriteError { trouble, cause: error.to_string() }
}
