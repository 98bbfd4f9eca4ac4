//! The open store: who may write, what a failed write leaves, and how it heals.
//!
//! ```text
//! Sound ── a write met a full disk ──▶ Full ── space is back: close, reopen, check the guard ──▶ Sound
//!   └───── any other failed write ───▶ Broken (until the process has restarted)
//! ```

use std::collections::HashSet;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rocksdb::WriteBatch;

use crate::domain::UploadId;
use crate::durable;

use super::database::{Database, OpenFor, Opened, WriteError, WriteTrouble};
use super::guard::{Guard, Position};
use super::probe::NoProbe;
use super::rows::{Family, HEADS_KEY, LAST_WRITE_KEY, LastWrite};
use super::{Heads, Moment, OpenFault, Step, StepProbe, StoreFault, StoreSettings};

/// The store of one server. Clones are handles of the same store.
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) settings: StoreSettings,
    open_for: OpenFor,
    /// `None` only when reopening failed; then the store is broken.
    database: RwLock<Option<Database>>,
    writer: Mutex<Writer>,
    /// Uploads that are being written now.
    pub(super) busy: Mutex<HashSet<UploadId>>,
    probe: Arc<dyn StepProbe>,
}

/// The right to write rows. One at a time, so that writes have an order that the guard can count.
pub(super) struct Writer {
    guard: Guard,
    position: Position,
    condition: Condition,
}

enum Condition {
    Sound,
    /// The disk was full when a write failed, or when the database was opened, then only for reading.
    /// RocksDB may refuse writes until it is opened again.
    Full,
    Broken(StoreFault),
}

impl Condition {
    const fn after_opening(is_read_only: bool) -> Self {
        if is_read_only { Condition::Full } else { Condition::Sound }
    }
}

/// What must be free on the disk for which kind of work: the last room is for what makes room.
#[derive(Clone, Copy)]
pub(super) enum FreeFor {
    /// Uploads stop first.
    Uploads,
    /// Acts go on in a quarter of that.
    Acts,
    /// Giving uploads up goes on in a quarter of that again.
    Removals,
}

impl FreeFor {
    pub(super) const fn bytes(self, settings: &StoreSettings) -> u64 {
        match self {
            FreeFor::Uploads => settings.free_bytes_min,
            FreeFor::Acts => settings.free_bytes_min / 4,
            FreeFor::Removals => settings.free_bytes_min / 16,
        }
    }
}

/// A write of rows, all or none.
pub(super) struct Write {
    pub(super) step: Step,
    pub(super) at: &'static str,
    pub(super) batch: WriteBatch,
    /// The heads after it, when it moves them.
    pub(super) heads: Option<Heads>,
}

impl Store {
    /// Opens the store, or begins a new one where neither database nor guard file exist.
    ///
    /// # Errors
    /// When another process has it, when guard and database do not agree, or when storage fails.
    pub fn open(settings: &StoreSettings) -> Result<Self, OpenFault> {
        Self::open_with_probe(settings, Arc::new(NoProbe))
    }

    /// As [`Store::open`], with steps that can be made to fail; for tests.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with_probe(settings: &StoreSettings, probe: Arc<dyn StepProbe>) -> Result<Self, OpenFault> {
        Self::open_for(settings, probe, OpenFor::Work)
    }

    /// Opens a store whose indexes are to be rebuilt, also one whose rebuild was cut short.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_for_rebuild(settings: &StoreSettings) -> Result<Self, OpenFault> {
        Self::open_for_rebuild_with_probe(settings, Arc::new(NoProbe))
    }

    /// As [`Store::open_for_rebuild`], with steps that can be made to fail; for tests.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_for_rebuild_with_probe(settings: &StoreSettings, probe: Arc<dyn StepProbe>) -> Result<Self, OpenFault> {
        Self::open_for(settings, probe, OpenFor::Rebuild)
    }

    fn open_for(settings: &StoreSettings, probe: Arc<dyn StepProbe>, open_for: OpenFor) -> Result<Self, OpenFault> {
        let fault = |error: io::Error| StoreFault::Broken { at: "preparing the store's folder", cause: error.to_string() };
        let uploads = settings.uploads_folder();
        fs::create_dir_all(&uploads).map_err(fault)?;
        durable::sync_folder(&settings.folder).map_err(fault)?;
        if guard_is_inside(settings).map_err(fault)? {
            return Err(OpenFault::GuardInside(settings.guard_file.clone()));
        }
        let is_new = !settings.database_folder().try_exists().map_err(fault)?;
        let (guard, acknowledged) = Guard::open(&settings.guard_file, is_new)?;
        let Opened { database, position, is_read_only } = Database::open(settings, &acknowledged, open_for)?;
        // A crash between a write and its guard left the guard one behind: from here on it is level.
        guard.store(&position).map_err(|error| StoreFault::Broken { at: "writing the guard file", cause: error.to_string() })?;
        let writer = Writer { guard, position, condition: Condition::after_opening(is_read_only) };
        let shared = Shared {
            settings: settings.clone(),
            open_for,
            database: RwLock::new(Some(database)),
            writer: Mutex::new(writer),
            busy: Mutex::default(),
            probe,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Reads from the database. Not to be nested: a reopening that waits between two readings of one
    /// thread would wait for ever.
    pub(super) fn reading<T, E: From<StoreFault>>(&self, read: impl FnOnce(&Database) -> Result<T, E>) -> Result<T, E> {
        let database = self.shared.database.read().unwrap_or_else(PoisonError::into_inner);
        match database.as_ref() {
            Some(database) => read(database),
            None => Err(closed().into()),
        }
    }

    /// Takes the right to write if so much is free, healing the store first if a full disk had stopped it.
    pub(super) fn writing(&self, at: &'static str, free_for: FreeFor) -> Result<MutexGuard<'_, Writer>, StoreFault> {
        let poisoned = |_| StoreFault::Broken { at: "an earlier write", cause: "it panicked".to_owned() };
        let mut writer = self.shared.writer.lock().map_err(poisoned)?;
        if let Condition::Broken(fault) = &writer.condition {
            return Err(fault.clone());
        }
        self.shared.require_free(at, free_for.bytes(&self.shared.settings))?;
        if self.met_full_disk(&mut writer, at)? {
            self.shared.require_free(at, free_for.bytes(&self.shared.settings) + self.shared.settings.opening_bytes())?;
            self.reopen(&mut writer, at, self.shared.open_for)?;
        }
        Ok(writer)
    }

    /// Goes on after a full disk, as every write would; gives the heads, which are those of a commit that was
    /// answered with `Full` if it reached the disk after all.
    ///
    /// # Errors
    /// `Full` while there is no room.
    pub fn heal(&self) -> Result<Heads, StoreFault> {
        Ok(self.writing("going on after a full disk", FreeFor::Acts)?.heads())
    }

    /// Whether a full disk stopped the last write, or RocksDB's own work in the background.
    fn met_full_disk(&self, writer: &mut Writer, at: &'static str) -> Result<bool, StoreFault> {
        if matches!(writer.condition, Condition::Sound) {
            let stopped = self.reading(|database| Ok::<_, StoreFault>(database.load_background_error()))?;
            match stopped {
                Some(error) if error.trouble != WriteTrouble::Full => return Err(writer.fail(&self.shared, at, error)),
                Some(_) => writer.condition = Condition::Full,
                None => {}
            }
        }
        Ok(matches!(writer.condition, Condition::Full))
    }

    /// Closes and opens the database. What the failed write left is then known: either it is in the
    /// log and becomes the last write, or it is nowhere.
    fn reopen(&self, writer: &mut Writer, at: &'static str, open_for: OpenFor) -> Result<(), StoreFault> {
        let mut database = self.shared.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        let opened = Database::open(&self.shared.settings, &writer.position, open_for).map_err(|fault| match fault {
            OpenFault::Fault(fault) => fault,
            other => StoreFault::Damaged { what: "the database", cause: other.to_string() },
        });
        let opened = opened.inspect_err(|fault| writer.condition = Condition::Broken(fault.clone()))?;
        writer.store_guard(&opened.position)?;
        writer.condition = Condition::after_opening(opened.is_read_only);
        *database = Some(opened.database);
        if opened.is_read_only { Err(self.shared.full_fault(at, self.shared.settings.opening_bytes())) } else { Ok(()) }
    }

    /// Empties the families of rows that can be folded: drops them, and opens the database again with new ones.
    pub(super) fn empty_folded(&self, writer: &mut Writer, at: &'static str) -> Result<(), StoreFault> {
        let dropped = self.shared.step(Step::DropFolded, || {
            let mut database = self.shared.database.write().unwrap_or_else(PoisonError::into_inner);
            database.as_mut().map_or_else(|| Err(WriteError::failed(closed())), Database::drop_folded)
        });
        dropped.map_err(|error| writer.fail(&self.shared, at, error))?;
        self.reopen(writer, at, OpenFor::Rebuild)
    }

    /// Ends all writing after a failure outside the rows; for a full disk it only says so.
    pub(super) fn fail(&self, at: &'static str, error: WriteError) -> StoreFault {
        let mut writer = self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.fail(&self.shared, at, error)
    }

    /// Writes rows, synced, then the guard. When this returns they survive a power cut.
    pub(super) fn write_rows(&self, writer: &mut Writer, write: Write) -> Result<(), StoreFault> {
        let Write { step, at, mut batch, heads } = write;
        let before = writer.position;
        let after = Position { writes: before.writes + 1, heads: heads.unwrap_or(before.heads) };
        self.reading(|database| {
            let last = LastWrite { count: after.writes, before: before.heads };
            database.put(&mut batch, Family::Meta, LAST_WRITE_KEY, &last.encode())?;
            database.put(&mut batch, Family::Heads, HEADS_KEY, &after.heads.encode())?;
            // A crash before this line leaves nothing of the batch; after it, all.
            let written = self.shared.step(step, || database.write(batch, true));
            written.map_err(|error| writer.fail(&self.shared, at, error))
        })?;
        // A crash here leaves the guard one write behind, which the next start accepts and mends.
        let guarded = self.shared.step(Step::WriteGuard, || writer.guard.store(&after).map_err(WriteError::failed));
        guarded.map_err(|error| writer.fail(&self.shared, "writing the guard file", error))?;
        writer.position = after;
        Ok(())
    }
}

impl Writer {
    /// The heads after the last write.
    pub(super) fn heads(&self) -> Heads {
        self.position.heads
    }

    /// Remembers that a write failed and how, and says it to the caller.
    pub(super) fn fail(&mut self, shared: &Shared, at: &'static str, error: WriteError) -> StoreFault {
        if error.trouble == WriteTrouble::Full {
            self.condition = Condition::Full;
            return shared.full_fault(at, FreeFor::Acts.bytes(&shared.settings));
        }
        let fault = StoreFault::Broken { at, cause: error.cause };
        self.condition = Condition::Broken(fault.clone());
        fault
    }

    fn store_guard(&mut self, position: &Position) -> Result<(), StoreFault> {
        let stored = self.guard.store(position);
        let fault = |error: io::Error| StoreFault::Broken { at: "writing the guard file", cause: error.to_string() };
        stored.map_err(fault).inspect_err(|fault| self.condition = Condition::Broken(fault.clone()))?;
        self.position = *position;
        Ok(())
    }
}

impl Shared {
    /// Does something durable, with the probe on both sides of it.
    pub(super) fn step<T>(&self, step: Step, act: impl FnOnce() -> Result<T, WriteError>) -> Result<T, WriteError> {
        let pass = |moment| self.probe.pass(step, moment).map_err(WriteError::from);
        pass(Moment::Before)?;
        let done = act()?;
        pass(Moment::AfterPersisting)?;
        Ok(done)
    }

    /// Refuses when less than this would be free.
    pub(super) fn require_free(&self, at: &'static str, needed_bytes: u64) -> Result<(), StoreFault> {
        let free_bytes = self.settings.free_bytes(at)?;
        if free_bytes < needed_bytes { Err(StoreFault::Full { at, needed_bytes, free_bytes }) } else { Ok(()) }
    }

    pub(super) fn full_fault(&self, at: &'static str, needed_bytes: u64) -> StoreFault {
        match self.settings.free_bytes(at) {
            Ok(free_bytes) => StoreFault::Full { at, needed_bytes, free_bytes },
            Err(fault) => fault,
        }
    }
}

fn closed() -> StoreFault {
    StoreFault::Broken { at: "reopening the database", cause: "it is closed".to_owned() }
}

fn guard_is_inside(settings: &StoreSettings) -> io::Result<bool> {
    let folder = settings.folder.canonicalize()?;
    let parent = settings.guard_file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let home = parent.unwrap_or_else(|| ".".as_ref()).canonicalize()?;
    Ok(home.starts_with(folder))
}
