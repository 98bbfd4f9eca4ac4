//! This machine's own copy of a log, and the last checkpoint it was verified against. It is what makes
//! a rewritten, shortened or forked log visible here, whatever the server says later.
//!
//! ```text
//! memory/events.leaves       the leaves, as in entry bundles: (u16 length ‖ leaf)…
//! memory/events.checkpoint   the newest checkpoint (a signed note) that they were verified against
//! memory/events.full         the last one that all witnesses stood behind (`full_head`)
//! ```
//!
//! Leaves are appended and synced first, then the checkpoint is replaced, then the last full one if this is full. A
//! crash after the first leaves more leaves than the checkpoint covers; they are cut off when the mirror is opened.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::ClientError;
use super::full_head::FullHead;
use crate::domain::limits::{CLOCK_SKEW_MS_MAX, LEAF_BYTES_MAX};
use crate::domain::{Log, TreeHead, UnixMillis};
use crate::durable;
use crate::tlog::{Frontier, VerifiedCheckpoint, leaf_hash};
use crate::trust::{Standing, VerifiedPolicy};
use crate::wire::{NOTE_BYTES_MAX, decode_directory_leaf, decode_event_leaf, parse_note};

/// A verified copy of one log.
pub struct Mirror {
    log: Log,
    folder: PathBuf,
    leaves: PathBuf,
    checkpoint_file: PathBuf,
    frontier: Frontier,
    checkpoint: Option<VerifiedCheckpoint>,
    full: Option<FullHead>,
    /// How far witnesses stood behind the checkpoint when it was taken; none if that was before this process began.
    standing: Option<Standing>,
    bytes: u64,
}

impl Mirror {
    /// Opens the copy in `folder`, recomputes its root and compares it with its checkpoint.
    ///
    /// # Errors
    /// When a file cannot be read, or what is in it no longer has the root that was verified.
    pub fn open(folder: &Path, log: Log, policy: &VerifiedPolicy) -> Result<Self, ClientError> {
        let leaves = folder.join(format!("{log}.leaves"));
        let checkpoint_file = folder.join(format!("{log}.checkpoint"));
        let checkpoint = load_checkpoint(&checkpoint_file, log, policy)?;
        let full = FullHead::load(folder, log, policy)?;
        let folder = folder.to_owned();
        let mut mirror =
            Self { log, folder, leaves, checkpoint_file, frontier: Frontier::new(), checkpoint, full, standing: None, bytes: 0 };
        mirror.recompute()?;
        Ok(mirror)
    }

    /// Size and root of the copy. Of an empty one, those of an empty tree.
    pub fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    /// The newest checkpoint that it was verified against.
    pub fn checkpoint(&self) -> Option<&VerifiedCheckpoint> {
        self.checkpoint.as_ref()
    }

    /// The last full checkpoint that covered all that this machine had of the log.
    pub fn full(&self) -> Option<FullHead> {
        self.full
    }

    /// Whether all witnesses have stood behind all of the copy.
    pub fn is_full(&self) -> bool {
        self.full.is_some_and(|full| full.meets_policy && full.head.size == self.frontier.size())
    }

    /// How far witnesses stood behind the newest checkpoint when this process took it, if it did.
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// Adds the leaves between the copy and `checkpoint`, if they lead to its root: then the log has
    /// only grown since the last time. `fetch` gives leaves from an index on, at least one. `now` is this machine's clock.
    /// Without a `standing` they are only held against each other, and nothing is added.
    ///
    /// # Errors
    /// When they do not, which makes the two checkpoints evidence; when `fetch` says so; or a file cannot be written.
    pub fn extend(
        &mut self,
        checkpoint: &VerifiedCheckpoint,
        standing: Option<&Standing>,
        policy: &VerifiedPolicy,
        now: UnixMillis,
        mut fetch: impl FnMut(u64) -> Result<Vec<Vec<u8>>, ClientError>,
    ) -> Result<(), ClientError> {
        let head = checkpoint.head();
        let mut added = Added { log: self.log, frontier: self.frontier.clone(), bytes: self.bytes, times: None };
        let mut file = self.open_to_append()?;
        while added.frontier.size() < head.size {
            for leaf in fetch(added.frontier.size())? {
                added.take(&mut file, &leaf).map_err(ClientError::file("write", &self.leaves))?;
            }
        }
        if added.frontier.head() != head {
            // What was added is cut off again before anything is added the next time.
            return Err(ClientError::unproven(format!(
                "the {} log was rewritten: its checkpoint of size {} does not continue the one of size {} that this machine verified before",
                self.log,
                head.size,
                self.head().size
            )));
        }
        self.require_times(&added, checkpoint, policy)?;
        // What is only tried is cut off again, too.
        let Some(standing) = standing else { return Ok(()) };
        file.flush().and_then(|()| durable::sync_file(file.get_ref())).map_err(ClientError::file("write", &self.leaves))?;
        durable::publish_file(&self.checkpoint_file, checkpoint.note().as_str().as_bytes())
            .map_err(ClientError::file("write", &self.checkpoint_file))?;
        // From here on this machine holds the log to this checkpoint.
        (self.frontier, self.bytes) = (added.frontier, added.bytes);
        self.checkpoint = Some(checkpoint.clone());
        self.standing = Some(standing.clone());
        match standing {
            // From here on the window of provisional work begins anew. A crash before leaves it shorter, never longer.
            Standing::Full => self.full = Some(FullHead::publish(&self.folder, self.log, checkpoint, self.full, now)?),
            Standing::Unwitnessed if self.full.take().is_some() => FullHead::forget(&self.folder, self.log)?,
            Standing::Unwitnessed | Standing::Provisional { .. } => {}
        }
        Ok(())
    }

    /// Witnesses have clocks of their own: no leaf was written later than a cosignature over it says, nor earlier than one
    /// over the log without it; give or take ten minutes. Only the own state's witnesses are believed against the log.
    fn require_times(&self, added: &Added, checkpoint: &VerifiedCheckpoint, policy: &VerifiedPolicy) -> Result<(), ClientError> {
        let Some((first, last)) = added.times else { return Ok(()) };
        let cosigned =
            |checkpoint: &VerifiedCheckpoint| policy.own_times(checkpoint).into_iter().map(|time| time.to_millis().0).collect::<Vec<_>>();
        let later = cosigned(checkpoint).into_iter().find(|time| last.0 > time + CLOCK_SKEW_MS_MAX);
        let before = self.checkpoint.as_ref().map(cosigned).unwrap_or_default();
        let earlier = before.into_iter().find(|time| first.0 + CLOCK_SKEW_MS_MAX < *time);
        let told = |time: UnixMillis, what: &str, witnessed: u64| {
            let (log, time, witnessed) = (self.log, time.to_second(), UnixMillis(witnessed).to_second());
            ClientError::unproven(format!(
                "a leaf of the {log} log claims to be of {time}, and a witness saw the log {what} at {witnessed}"
            ))
        };
        match (earlier, later) {
            (Some(witnessed), _) => Err(told(first, "without it", witnessed)),
            (None, Some(witnessed)) => Err(told(last, "with it", witnessed)),
            (None, None) => Ok(()),
        }
    }

    /// Calls `visit` with each leaf's index and bytes, from `first` on, in order.
    ///
    /// # Errors
    /// When the file cannot be read, or `visit` says so.
    pub fn scan(&self, first: u64, mut visit: impl FnMut(u64, &[u8]) -> Result<(), ClientError>) -> Result<(), ClientError> {
        let mut reader = LeafReader::open(&self.leaves)?;
        for index in 0..self.frontier.size() {
            let leaf = reader.next_leaf()?.ok_or_else(|| damaged(&self.leaves))?;
            if index >= first {
                visit(index, leaf)?;
            }
        }
        Ok(())
    }

    /// The file of leaves, to write on behind what was verified.
    fn open_to_append(&self) -> Result<BufWriter<File>, ClientError> {
        self.cut(self.bytes)?;
        let file = OpenOptions::new().append(true).create(true).open(&self.leaves);
        Ok(BufWriter::new(file.map_err(ClientError::file("write", &self.leaves))?))
    }

    fn recompute(&mut self) -> Result<(), ClientError> {
        let Some(checkpoint) = &self.checkpoint else {
            // A full head without a checkpoint: somebody took the one away and not the other.
            return if self.full.is_none() { self.cut(0) } else { Err(damaged(&self.checkpoint_file)) };
        };
        let head = checkpoint.head();
        let mut reader = LeafReader::open(&self.leaves)?;
        let mut went_through_full = self.went_through_full();
        while self.frontier.size() < head.size {
            let leaf = reader.next_leaf()?.ok_or_else(|| damaged(&self.leaves))?;
            self.frontier.append(leaf_hash(leaf));
            self.bytes += 2 + leaf.len() as u64;
            went_through_full |= self.went_through_full();
        }
        if self.frontier.head() != head || !went_through_full {
            return Err(damaged(&self.leaves));
        }
        self.cut(self.bytes)
    }

    /// Whether the copy, as far as it is read, ends at the last full checkpoint; or there was none yet.
    fn went_through_full(&self) -> bool {
        self.full.is_none_or(|full| full.head.size == self.frontier.size() && full.head == self.frontier.head())
    }

    /// Removes what a crash left beyond the checkpoint.
    fn cut(&self, bytes: u64) -> Result<(), ClientError> {
        match OpenOptions::new().write(true).open(&self.leaves) {
            Ok(file) => file.set_len(bytes).map_err(ClientError::file("cut", &self.leaves)),
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(other) => Err(ClientError::file("open", &self.leaves)(other)),
        }
    }
}

/// What an extension has added so far.
struct Added {
    log: Log,
    frontier: Frontier,
    bytes: u64,
    /// When the first and the last of the new leaves say that they were written.
    times: Option<(UnixMillis, UnixMillis)>,
}

impl Added {
    fn take(&mut self, file: &mut impl Write, leaf: &[u8]) -> std::io::Result<()> {
        let too_long = |_| std::io::Error::other("a leaf is longer than 65,535 bytes");
        file.write_all(&u16::try_from(leaf.len()).map_err(too_long)?.to_be_bytes())?;
        file.write_all(leaf)?;
        self.bytes += 2 + leaf.len() as u64;
        // What is no leaf of this log is found, and named, where it is read.
        let time = match self.log {
            Log::Events => decode_event_leaf(leaf).ok().map(|leaf| leaf.time),
            Log::Directory => decode_directory_leaf(leaf).ok().map(|leaf| leaf.time),
        };
        if let Some(time) = time {
            self.times = Some((self.times.map_or(time, |(first, _)| first), time));
        }
        self.frontier.append(leaf_hash(leaf));
        Ok(())
    }
}

fn load_checkpoint(path: &Path, log: Log, policy: &VerifiedPolicy) -> Result<Option<VerifiedCheckpoint>, ClientError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(other) => return Err(ClientError::file("open", path)(other)),
    };
    let mut bytes = Vec::new();
    file.take(NOTE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(ClientError::file("read", path))?;
    let note = parse_note(&bytes).map_err(|_| damaged(path))?;
    let verified = policy.logs().verify_checkpoint(policy.origin(log), note);
    verified.map(Some).map_err(|fault| ClientError::unproven(format!("{}: {fault}", path.display())))
}

fn damaged(path: &Path) -> ClientError {
    ClientError::unproven(format!(
        "{} no longer has the content that this machine verified\nhint: keep the folder for your state's auditor; then restore the profile's memory folder from a backup",
        path.display()
    ))
}

struct LeafReader {
    path: PathBuf,
    file: Option<BufReader<File>>,
    leaf: Vec<u8>,
}

impl LeafReader {
    fn open(path: &Path) -> Result<Self, ClientError> {
        let file = match File::open(path) {
            Ok(file) => Some(BufReader::with_capacity(256 * 1024, file)),
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => None,
            Err(other) => return Err(ClientError::file("open", path)(other)),
        };
        Ok(Self { path: path.to_owned(), file, leaf: Vec::with_capacity(LEAF_BYTES_MAX) })
    }

    fn next_leaf(&mut self) -> Result<Option<&[u8]>, ClientError> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut length = [0u8; 2];
        match file.read_exact(&mut length) {
            Ok(()) => {}
            Err(end) if end.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(other) => return Err(ClientError::file("read", &self.path)(other)),
        }
        self.leaf.resize(usize::from(u16::from_be_bytes(length)), 0);
        match file.read_exact(&mut self.leaf) {
            Ok(()) => Ok(Some(&self.leaf)),
            Err(end) if end.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(other) => Err(ClientError::file("read", &self.path)(other)),
        }
    }
}
