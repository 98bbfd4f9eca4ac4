//! The guard file: outside the database and its backups it says how far the database must be.
//!
//! ```text
//! slot = "elchi-guard/v1\n" ‖ write count u64 ‖ size u64 ‖ root of events ‖ size u64 ‖ root of directory ‖ SHA-256 of all before
//! file = slot of even counts at byte 0, slot of odd counts at byte 4096
//! ```
//!
//! A write goes into the slot that the last one did not use, in place, followed by `fdatasync`: no new
//! name, no new size, so nothing but the sector is to be made durable (replacing a file costs three
//! flushes). A torn slot leaves the other one, which is one write behind; the database is then allowed to
//! be exactly one ahead, and to say that its last write began at the heads that the guard has.
//!
//! The file stays locked while the store is open.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::FlockOperation;

use crate::crypto::hash;
use crate::durable;

use super::rows::{LastWrite, RowReader};
use super::{Heads, OpenFault, StoreFault};

const MAGIC: &[u8; 15] = b"elchi-guard/v1\n";
const SLOT_BYTES: usize = 4096;
/// Magic, count, two heads.
const BODY_BYTES: usize = 15 + 8 + 80;
const USED_BYTES: usize = BODY_BYTES + 32;

/// A point in the store's history: how many synced writes there were, and the heads after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) writes: u64,
    pub(super) heads: Heads,
}

impl Position {
    pub(super) fn start() -> Self {
        Self { writes: 0, heads: Heads::empty() }
    }
}

/// The guard file, open and locked.
pub(super) struct Guard {
    file: File,
}

impl Guard {
    /// Opens the guard and reads its position. Where there is none, `may_create` decides whether the
    /// store may begin here.
    pub(super) fn open(path: &Path, may_create: bool) -> Result<(Self, Position), OpenFault> {
        let fault = |error: io::Error| StoreFault::Broken { at: "opening the guard file", cause: error.to_string() };
        if !path.try_exists().map_err(fault)? {
            if !may_create {
                return Err(OpenFault::GuardMissing(path.to_owned()));
            }
            // From here on a database that is not there is known to be new, not lost.
            match durable::publish_new_file(path, &first_slots()) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(fault(error).into()),
                _ => {}
            }
        }
        let file = File::options().read(true).write(true).open(path).map_err(fault)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| OpenFault::Locked(path.to_owned()))?;
        let position = load_position(&file).map_err(fault)?.ok_or_else(|| OpenFault::GuardDamaged(path.to_owned()))?;
        Ok((Self { file }, position))
    }

    /// Makes a position durable.
    pub(super) fn store(&self, position: &Position) -> io::Result<()> {
        self.file.write_all_at(&encode(position), slot_offset(position.writes))?;
        rustix::fs::fdatasync(&self.file)?;
        Ok(())
    }
}

/// Whether the database may go on from where it is.
pub(super) fn verify_position(guard: &Position, database: &Position, last: &LastWrite) -> Result<(), OpenFault> {
    if database.writes < guard.writes {
        return Err(OpenFault::Behind {
            database_writes: database.writes,
            guard_writes: guard.writes,
            database_events: database.heads.events.size,
            guard_events: guard.heads.events.size,
        });
    }
    let same = database == guard;
    // The write was durable and the process died before it told the guard.
    let one_ahead = Some(database.writes) == guard.writes.checked_add(1) && last.before == guard.heads;
    if same || one_ahead { Ok(()) } else { Err(OpenFault::Disagrees) }
}

fn slot_offset(writes: u64) -> u64 {
    (writes % 2) * SLOT_BYTES as u64
}

fn first_slots() -> Vec<u8> {
    let mut bytes = encode(&Position::start());
    bytes.resize(2 * SLOT_BYTES, 0);
    bytes
}

fn encode(position: &Position) -> Vec<u8> {
    let mut slot = [MAGIC.as_slice(), &position.writes.to_be_bytes(), &position.heads.encode()].concat();
    slot.extend(hash(&slot).as_bytes());
    slot
}

fn decode(slot: &[u8]) -> Option<Position> {
    let (body, digest) = slot.get(..USED_BYTES)?.split_at(BODY_BYTES);
    if hash(body).as_bytes() != digest {
        return None;
    }
    let mut row = RowReader::new("the guard file", body.strip_prefix(MAGIC)?);
    let position = Position { writes: row.take_u64().ok()?, heads: row.take_heads().ok()? };
    row.end(position).ok()
}

fn load_position(file: &File) -> io::Result<Option<Position>> {
    let mut newest: Option<Position> = None;
    for parity in 0..2 {
        let mut slot = [0; USED_BYTES];
        file.read_exact_at(&mut slot, slot_offset(parity))?;
        let found = decode(&slot).filter(|position| position.writes % 2 == parity);
        newest = newest.into_iter().chain(found).max_by_key(|position| position.writes);
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Hash, TreeHead};

    fn position(writes: u64) -> Position {
        let events = TreeHead { size: writes * 3, root: Hash::from_bytes([u8::try_from(writes).unwrap(); 32]) };
        Position { writes, heads: Heads { events, ..Heads::empty() } }
    }

    #[test]
    fn the_newest_slot_counts_and_a_torn_one_leaves_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        let (guard, start) = Guard::open(&path, true).unwrap();
        assert_eq!(start, Position::start());
        for writes in 1..=5 {
            guard.store(&position(writes)).unwrap();
        }
        drop(guard);
        let intact = std::fs::read(&path).unwrap();
        assert_eq!(Guard::open(&path, false).unwrap().1, position(5));
        for at in 0..USED_BYTES {
            let mut bytes = intact.clone();
            bytes[SLOT_BYTES + at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(Guard::open(&path, false).unwrap().1, position(4), "byte {at}");
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert!(matches!(Guard::open(&path, false), Err(OpenFault::GuardDamaged(_))), "byte {at}");
        }
    }

    #[test]
    fn a_guard_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        assert!(matches!(Guard::open(&path, false), Err(OpenFault::GuardMissing(_))));
        let held = Guard::open(&path, true).unwrap();
        assert!(matches!(Guard::open(&path, true), Err(OpenFault::Locked(_))));
        drop(held);
        assert!(Guard::open(&path, true).is_ok());
    }

    #[test]
    fn only_the_same_history_may_go_on() {
        let last = |writes: u64| LastWrite { count: writes, before: position(writes - 1).heads };
        verify_position(&position(5), &position(5), &last(5)).unwrap();
        verify_position(&position(5), &position(6), &last(6)).unwrap();
        let behind = verify_position(&position(5), &position(4), &last(4));
        assert!(matches!(behind, Err(OpenFault::Behind { database_writes: 4, guard_writes: 5, .. })));
        for (database, last) in [(position(7), last(7)), (position(6), last(7)), (Position { writes: 5, ..position(6) }, last(5))] {
            assert!(matches!(verify_position(&position(5), &database, &last), Err(OpenFault::Disagrees)));
        }
    }
}
