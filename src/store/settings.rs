//! Where the store lies and how much memory and room it may take.

use std::path::PathBuf;

use super::StoreFault;

/// The store's part of the server's configuration. The figures' defaults keep a server that streams
/// documents of any size under 200 MB of memory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// The folder of the database and of uploads; one file system, and nothing else in it.
    pub folder: PathBuf,
    /// The guard file: outside `folder` and outside its backups, on a disk that is as durable.
    pub guard_file: PathBuf,
    /// What uploads leave free. A quarter of it is what acts leave free, so that a disk that is full
    /// for documents still takes releases and acknowledgements. Default 1 GiB.
    #[serde(default = "free_bytes_min")]
    pub free_bytes_min: u64,
    /// The one cache that all reads share, indexes and filters included. Default 32 MiB.
    #[serde(default = "block_cache_bytes")]
    pub block_cache_bytes: usize,
    /// Rows that wait in memory (and in the write-ahead log) to be sorted into files. Default 16 MiB.
    #[serde(default = "write_buffer_bytes")]
    pub write_buffer_bytes: usize,
    /// Table files held open at a time; each costs some ten kilobytes. Default 512.
    #[serde(default = "open_files_max")]
    pub open_files_max: u16,
}

impl StoreSettings {
    pub(super) fn database_folder(&self) -> PathBuf {
        self.folder.join("db")
    }

    pub(super) fn uploads_folder(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    /// Where fresh rows are folded. It is there only while an operator verifies or rebuilds, or after a crash then.
    pub(super) fn fresh_folder(&self) -> PathBuf {
        self.folder.join("fresh")
    }

    /// What old write-ahead logs may hold. They are replayed into memory at a start, so they are kept few.
    pub(super) const fn log_bytes_max(&self) -> u64 {
        2 * self.write_buffer_bytes as u64
    }

    /// What opening the database may write: the logs' rows as tables, and its own small files.
    pub(super) const fn opening_bytes(&self) -> u64 {
        self.log_bytes_max() + 8 * 1024 * 1024
    }

    /// What is free for this process on the store's file system.
    pub(super) fn free_bytes(&self, at: &'static str) -> Result<u64, StoreFault> {
        let system = rustix::fs::statvfs(&self.folder).map_err(|error| StoreFault::Broken { at, cause: error.to_string() })?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }
}

const fn free_bytes_min() -> u64 {
    1024 * 1024 * 1024
}

const fn block_cache_bytes() -> usize {
    32 * 1024 * 1024
}

const fn write_buffer_bytes() -> usize {
    16 * 1024 * 1024
}

const fn open_files_max() -> u16 {
    512
}
