//! RocksDB, set up for this store. Why each option is as it is stands here and nowhere else.
//!
//! **WAL recovery is `PointInTime`**, with the guard file as judge. A power cut may leave the log's end
//! torn in any form: cut off, zeros, half a page. `AbsoluteConsistency` and `TolerateCorruptedTailRecords`
//! refuse to start on some of these, though nothing acknowledged is lost. `PointInTime` replays up to the
//! first record that does not check; if that drops a write that was acknowledged (a flipped byte in the
//! middle), the count of writes is behind the guard's and the store does not open. Since replaying for
//! good removes the damaged log, the check comes first, on a read-only opening that changes no file.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBRawIterator, DBRecoveryMode, ErrorKind,
    IngestExternalFileOptions, LogLevel, Options, ReadOptions, WriteBatch, WriteOptions, properties,
};

use super::guard::{Position, verify_position};
use super::rows::{Family, HEADS_KEY, LAST_WRITE_KEY, LastWrite, REBUILD_KEY};
use super::{Heads, OpenFault, ProbedFailure, StoreFault, StoreSettings};

/// What RocksDB syncs behind the writer's back, so that the final sync of a segment is short.
const BYTES_PER_SYNC: u64 = 4 * 1024 * 1024;

/// The open database.
pub(super) struct Database {
    db: DB,
}

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenFor {
    /// All that a server does. Refused while a rebuild has not ended.
    Work,
    /// A rebuild: what an earlier one left is taken up.
    Rebuild,
}

/// A database as it was opened.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) position: Position,
    /// Opening for writing found no room; what is there can be read.
    pub(super) is_read_only: bool,
}

impl Database {
    /// Opens what is there after checking it against the guard, or a new database where nothing was ever
    /// acknowledged.
    pub(super) fn open(settings: &StoreSettings, guard: &Position, open_for: OpenFor) -> Result<Opened, OpenFault> {
        let folder = settings.database_folder();
        let is_new = *guard == Position::start();
        if !is_new {
            let there = load_families(settings, &folder)?;
            let database = Self::open_read_only(settings, &folder, &there)?;
            database.verify(guard)?;
            database.require_rebuilt(&there, open_for)?;
        }
        let mut options = database_options(settings, is_new);
        // A rebuild that was cut short may have dropped families; no other family may come back empty.
        options.create_missing_column_families(is_new || open_for == OpenFor::Rebuild);
        let (database, is_read_only) = match DB::open_cf_descriptors(&options, &folder, descriptors(settings, &Family::ALL)) {
            Ok(db) => (Self { db }, false),
            Err(error) if !is_new && WriteError::of(&error).trouble == WriteTrouble::Full => {
                (Self::open_read_only(settings, &folder, &load_families(settings, &folder)?)?, true)
            }
            Err(error) => return Err(open_fault(settings, &error)),
        };
        let position = database.verify(guard)?;
        Ok(Opened { database, position, is_read_only })
    }

    fn open_read_only(settings: &StoreSettings, folder: &Path, families: &[Family]) -> Result<Self, OpenFault> {
        let options = database_options(settings, false);
        let db = DB::open_cf_descriptors_read_only(&options, folder, descriptors(settings, families), false);
        Ok(Self { db: db.map_err(|error| open_fault(settings, &error))? })
    }

    /// A new database in a folder of its own, whose rows nobody will miss after a crash.
    pub(super) fn open_scratch(settings: &StoreSettings, folder: &Path, families: &[Family]) -> Result<Self, StoreFault> {
        let options = database_options(settings, true);
        let db = DB::open_cf_descriptors(&options, folder, descriptors(settings, families));
        let fault = |error: rocksdb::Error| StoreFault::Broken { at: "opening the fresh rows", cause: error.to_string() };
        Ok(Self { db: db.map_err(fault)? })
    }

    /// All families are there, or all but some that a rebuild has dropped and will put back.
    fn require_rebuilt(&self, there: &[Family], open_for: OpenFor) -> Result<(), OpenFault> {
        let missing = |family: &Family| !there.contains(family);
        if let Some(lost) = Family::ALL.into_iter().find(|family| missing(family) && !family.is_folded()) {
            return Err(family_missing(lost).into());
        }
        let is_unfinished = Family::ALL.iter().any(missing) || self.has(Family::Meta, REBUILD_KEY)?;
        if is_unfinished && open_for == OpenFor::Work { Err(OpenFault::RebuildUnfinished) } else { Ok(()) }
    }

    fn verify(&self, guard: &Position) -> Result<Position, OpenFault> {
        let heads = self.load_heads()?;
        let last = match self.load(Family::Meta, LAST_WRITE_KEY)? {
            Some(row) => LastWrite::decode(&row)?,
            None => LastWrite { count: 0, before: Heads::empty() },
        };
        let position = Position { writes: last.count, heads };
        verify_position(guard, &position, &last)?;
        Ok(position)
    }

    /// Both heads, of the same commit.
    pub(super) fn load_heads(&self) -> Result<Heads, StoreFault> {
        match self.load(Family::Heads, HEADS_KEY)? {
            Some(row) => Heads::decode("the heads", &row),
            None => Ok(Heads::empty()),
        }
    }

    /// A row's value.
    pub(super) fn load(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreFault> {
        self.db.get_cf(self.handle(family)?, key).map_err(|error| read_fault(family, &error))
    }

    /// Whether there is a row.
    pub(super) fn has(&self, family: Family, key: &[u8]) -> Result<bool, StoreFault> {
        let row = self.db.get_pinned_cf(self.handle(family)?, key).map_err(|error| read_fault(family, &error))?;
        Ok(row.is_some())
    }

    /// A piece of a blob. It does not enter the cache: a long document would push everything else out.
    pub(super) fn load_uncached(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreFault> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        self.db.get_cf_opt(self.handle(family)?, key, &options).map_err(|error| read_fault(family, &error))
    }

    /// Walks the rows with `from <= key`, and `key < until` where there is an end.
    pub(super) fn scan(&self, family: Family, from: &[u8], until: Option<Vec<u8>>) -> Result<Scan<'_>, StoreFault> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        if let Some(until) = until {
            options.set_iterate_upper_bound(until);
        }
        let mut rows = self.db.raw_iterator_cf_opt(self.handle(family)?, options);
        rows.seek(from);
        Ok(Scan { family, rows, started: false })
    }

    /// The last row with `from <= key < until`.
    pub(super) fn load_last(&self, family: Family, from: &[u8], until: &[u8]) -> Result<Option<Row>, StoreFault> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(until);
        let mut rows = self.db.raw_iterator_cf_opt(self.handle(family)?, options);
        rows.seek_to_last();
        rows.status().map_err(|error| read_fault(family, &error))?;
        Ok(rows.item().map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    /// Adds a row to a batch.
    pub(super) fn put(&self, batch: &mut WriteBatch, family: Family, key: &[u8], value: &[u8]) -> Result<(), StoreFault> {
        batch.put_cf(self.handle(family)?, key, value);
        Ok(())
    }

    /// Adds a row's removal to a batch.
    pub(super) fn delete(&self, batch: &mut WriteBatch, family: Family, key: &[u8]) -> Result<(), StoreFault> {
        batch.delete_cf(self.handle(family)?, key);
        Ok(())
    }

    /// Writes a batch; with `sync` it is on disk when this returns.
    pub(super) fn write(&self, batch: WriteBatch, sync: bool) -> Result<(), WriteError> {
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        self.db.write_opt(batch, &options).map_err(|error| WriteError::of(&error))
    }

    /// Writes a row of a scratch database: quickly, and gone after a crash.
    pub(super) fn put_unlogged(&self, family: Family, key: &[u8], value: &[u8]) -> Result<(), StoreFault> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.put_cf_opt(self.handle(family)?, key, value, &options).map_err(fresh_fault)
    }

    /// Removes a row, as [`Database::put_unlogged`] writes one.
    pub(super) fn delete_unlogged(&self, family: Family, key: &[u8]) -> Result<(), StoreFault> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.delete_cf_opt(self.handle(family)?, key, &options).map_err(fresh_fault)
    }

    /// Drops the families of rows that can be folded, whatever state their files are in. Each is gone or whole
    /// after a crash. The database must be opened again before it is used.
    pub(super) fn drop_folded(&mut self) -> Result<(), WriteError> {
        for family in Family::FOLDED {
            self.db.drop_cf(family.name()).map_err(|error| WriteError::of(&error))?;
        }
        Ok(())
    }

    /// What stopped RocksDB since it was opened, if it still is: it then refuses even a batch of nothing.
    pub(super) fn load_background_error(&self) -> Option<WriteError> {
        let count = self.db.property_int_value(properties::BACKGROUND_ERRORS).ok().flatten();
        if count == Some(0) { None } else { self.write(WriteBatch::default(), false).err() }
    }

    /// Moves finished segment files into the blobs, all or none.
    pub(super) fn ingest(&self, files: Vec<std::path::PathBuf>) -> Result<(), WriteError> {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        options.set_snapshot_consistency(false);
        // Upload ids are random: a file that overlaps anything is a mistake, never to be sorted out quietly.
        options.set_allow_global_seqno(false);
        options.set_allow_blocking_flush(false);
        let blobs = self.handle(Family::Blobs).map_err(WriteError::failed)?;
        self.db.ingest_external_file_cf_opts(blobs, &options, files).map_err(|error| WriteError::of(&error))
    }

    /// Removes the segment files whose keys lie in `from ..= until`. Files are never shared between
    /// uploads, so nothing else goes and nothing is left; a range tombstone would stay for ever in a
    /// family that is never compacted.
    pub(super) fn delete_segments(&self, from: &[u8], until: &[u8]) -> Result<(), WriteError> {
        let blobs = self.handle(Family::Blobs).map_err(WriteError::failed)?;
        self.db.delete_file_in_range_cf(blobs, from, until).map_err(|error| WriteError::of(&error))
    }

    fn handle(&self, family: Family) -> Result<&ColumnFamily, StoreFault> {
        self.db.cf_handle(family.name()).ok_or_else(|| family_missing(family))
    }
}

fn fresh_fault(error: rocksdb::Error) -> StoreFault {
    StoreFault::Broken { at: "writing fresh rows", cause: error.to_string() }
}

fn family_missing(family: Family) -> StoreFault {
    StoreFault::Damaged { what: family.name(), cause: "the column family is missing".to_owned() }
}

/// The families that the database has.
fn load_families(settings: &StoreSettings, folder: &Path) -> Result<Vec<Family>, OpenFault> {
    let names = DB::list_cf(&Options::default(), folder).map_err(|error| open_fault(settings, &error))?;
    Ok(Family::ALL.into_iter().filter(|family| names.iter().any(|name| name == family.name())).collect())
}

/// A row's key and value.
pub(super) type Row = (Vec<u8>, Vec<u8>);
pub(super) type RowRef<'a> = (&'a [u8], &'a [u8]);

/// Rows in key order.
pub(super) struct Scan<'a> {
    family: Family,
    rows: DBRawIterator<'a>,
    started: bool,
}

impl Scan<'_> {
    /// The next row, valid until the one after it.
    pub(super) fn next_row(&mut self) -> Result<Option<RowRef<'_>>, StoreFault> {
        if self.started && self.rows.valid() {
            self.rows.next();
        }
        self.started = true;
        self.rows.status().map_err(|error| read_fault(self.family, &error))?;
        Ok(self.rows.item())
    }
}

/// What the storage said to something that was to become durable.
#[derive(Debug)]
pub(super) struct WriteError {
    pub(super) trouble: WriteTrouble,
    pub(super) cause: String,
}

/// What a [`WriteError`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteTrouble {
    /// No room; nothing worse.
    Full,
    /// A file that was to be taken over does not check or is not there.
    Damaged,
    /// Anything else. Nobody knows what reached the disk.
    Failed,
}

impl WriteError {
    pub(super) fn of(error: &rocksdb::Error) -> Self {
        let cause = error.to_string();
        // A sync that failed is final, whatever the reason: nobody knows which pages reached the disk.
        let in_sync = cause.contains("While fsync") || cause.contains("While fdatasync");
        let trouble = match error.kind() {
            ErrorKind::IOError if cause.contains("No space left on device") && !in_sync => WriteTrouble::Full,
            ErrorKind::IOError if cause.contains("No such file or directory") => WriteTrouble::Damaged,
            ErrorKind::Corruption => WriteTrouble::Damaged,
            _ => WriteTrouble::Failed,
        };
        Self { trouble, cause }
    }

    pub(super) fn failed(cause: impl ToString) -> Self {
        Self { trouble: WriteTrouble::Failed, cause: cause.to_string() }
    }
}

impl From<ProbedFailure> for WriteError {
    fn from(failure: ProbedFailure) -> Self {
        let trouble = match failure {
            ProbedFailure::Failed => WriteTrouble::Failed,
            ProbedFailure::Full => WriteTrouble::Full,
        };
        Self { trouble, cause: failure.to_string() }
    }
}

fn read_fault(family: Family, error: &rocksdb::Error) -> StoreFault {
    match error.kind() {
        ErrorKind::IOError => StoreFault::Broken { at: family.name(), cause: error.to_string() },
        _ => StoreFault::Damaged { what: family.name(), cause: error.to_string() },
    }
}

fn open_fault(settings: &StoreSettings, error: &rocksdb::Error) -> OpenFault {
    let cause = error.to_string();
    if cause.contains("lock") && cause.contains("LOCK") {
        return OpenFault::Locked(settings.database_folder());
    }
    match error.kind() {
        ErrorKind::IOError => StoreFault::Broken { at: "opening the database", cause }.into(),
        _ => StoreFault::Damaged { what: "the database", cause }.into(),
    }
}

fn database_options(settings: &StoreSettings, create: bool) -> Options {
    let mut options = Options::default();
    // Only where the guard knows of no write: a database whose files are lost must not come back empty.
    options.create_if_missing(create);
    options.create_missing_column_families(create);
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_paranoid_checks(true);
    options.set_db_write_buffer_size(settings.write_buffer_bytes);
    options.set_max_total_wal_size(settings.log_bytes_max());
    options.set_max_open_files(settings.open_files_max.into());
    options.set_allow_mmap_reads(false);
    options.set_allow_mmap_writes(false);
    // Blobs are read from front to back: the kernel's read-ahead is welcome.
    options.set_advise_random_on_open(false);
    options.set_bytes_per_sync(BYTES_PER_SYNC);
    options.set_max_background_jobs(2);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 * 1024 * 1024);
    options.set_stats_dump_period_sec(0);
    options
}

fn descriptors(settings: &StoreSettings, families: &[Family]) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(settings.block_cache_bytes);
    let rows = row_options(settings, &cache);
    let mut descriptors = vec![ColumnFamilyDescriptor::new("default", rows.clone())];
    for &family in families {
        let mut options = rows.clone();
        if family == Family::Blobs {
            // Every segment stays the file that it came as; erasing it is removing the file.
            options.set_disable_auto_compactions(true);
        }
        descriptors.push(ColumnFamilyDescriptor::new(family.name(), options));
    }
    descriptors
}

fn row_options(settings: &StoreSettings, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    // Indexes and filters inside the cache, so that it is the only bound that matters.
    table.set_cache_index_and_filter_blocks(true);
    table.set_bloom_filter(10.0, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    // Sealed bytes and hashes do not compress.
    options.set_compression_type(rocksdb::DBCompressionType::None);
    options.set_write_buffer_size(settings.write_buffer_bytes);
    // Fourteen families begin an arena each; large first blocks alone would fill the write buffer.
    options.set_arena_block_size(64 * 1024);
    options.set_target_file_size_base(16 * 1024 * 1024);
    options
}

/// The options that segment files are written with: as the blobs', which have neither cache nor filter
/// while they are written.
pub(super) fn segment_options() -> Options {
    let mut options = Options::default();
    options.set_compression_type(rocksdb::DBCompressionType::None);
    options.set_bytes_per_sync(BYTES_PER_SYNC);
    options
}
