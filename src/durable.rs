//! The one place that renames and syncs files. A file written through here is all there or not there.
//!
//! ```text
//! stage: create a private temporary file in the same folder ── write ── fsync
//! publish: rename over the final name ── fsync the folder     ← from here on it survives a power cut
//! ```
//!
//! A crash before the rename leaves a `.elchi-*` temporary that nothing reads; one after it leaves the
//! whole new file.

use std::fs::{DirBuilder, File};
use std::io::{self, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What the name of an unfinished file begins with.
pub const UNFINISHED_PREFIX: &str = ".elchi-";

/// A file being written under a temporary name, gone again if it is dropped.
pub struct StagedFile {
    file: NamedTempFile,
    target: PathBuf,
}

impl StagedFile {
    /// Begins a file that only its owner can read, in the folder of `target`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn stage(target: &Path) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix(UNFINISHED_PREFIX).tempfile_in(folder_of(target))?;
        Ok(Self { file, target: target.to_owned() })
    }

    /// Publishes under the final name, replacing what stood there.
    ///
    /// # Errors
    /// When the file or its folder cannot be synced or renamed; the final name is then untouched or new, never half.
    pub fn publish(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.target).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.target))
    }

    /// Publishes unless something already has the final name.
    ///
    /// # Errors
    /// As [`StagedFile::publish`], and `AlreadyExists`.
    pub fn publish_new(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist_noclobber(&self.target).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.target))
    }
}

/// For formats that go back to what they have written.
impl Seek for StagedFile {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a whole small file, durable and all at once, readable by its owner only.
///
/// # Errors
/// When it cannot be written or synced.
pub fn publish_file(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = StagedFile::stage(target)?;
    staged.write_all(bytes)?;
    staged.publish()
}

/// As [`publish_file`], but never over an existing file.
///
/// # Errors
/// When it cannot be written or synced, or `AlreadyExists`.
pub fn publish_new_file(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = StagedFile::stage(target)?;
    staged.write_all(bytes)?;
    staged.publish_new()
}

/// Makes a new folder that only its owner can enter.
///
/// # Errors
/// When it cannot be made or synced, or `AlreadyExists`.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)?;
    sync_folder(folder_of(folder))
}

/// Makes what was written to an open file durable.
///
/// # Errors
/// When it cannot be synced.
pub fn sync_file(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Makes the names in a folder durable.
///
/// # Errors
/// When the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_stage_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        let mut staged = StagedFile::stage(&target).unwrap();
        staged.write_all(b"half").unwrap();
        drop(staged);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn publish_replaces_and_publish_new_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        publish_new_file(&target, b"one").unwrap();
        let refused = publish_new_file(&target, b"two").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&target).unwrap(), b"one");
        publish_file(&target, b"three").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"three");
    }
}
