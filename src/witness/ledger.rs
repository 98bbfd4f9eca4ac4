//! What a witness remembers of each log, and the one decision it takes: whether a checkpoint continues it.
//!
//! ```text
//! logs/4f2a…       elchi-witness-log/v1
//!                  key mla.example/events+4a2f90c1+ATs0…
//!                                                             empty line
//!                  the checkpoint, a signed note              nothing before the first
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::FlockOperation;

use crate::crypto::hash;
use crate::domain::{TreeHead, UtcSecond};
use crate::durable::{self, UNFINISHED_PREFIX};
use crate::tlog::{
    Frontier, LogVerifierKey, VerifiedCheckpoint, WitnessSigningKey, cosign_checkpoint, verify_consistency, verify_extended_checkpoint,
};
use crate::wire::{AddCheckpoint, KeyName, NoteSignature, SignedNote, VerifierKey, parse_extended_checkpoint, parse_note};

const FIRST_LINE: &str = "elchi-witness-log/v1";

/// Why a checkpoint was not cosigned, with what C2SP tlog-witness answers.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// 404: no log of this origin was added here.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// 403: the log's key did not sign it.
    #[error("the checkpoint is not signed by the log: {0}")]
    NotSigned(String),
    /// 400: the old size is larger than the checkpoint's, or the request makes no sense.
    #[error("the request makes no sense: {0}")]
    BadRequest(String),
    /// 409: the old size, or the root at that size, is not what was cosigned last.
    #[error("the last checkpoint cosigned here has {0} leaves")]
    Conflict(u64),
    /// 422: the proof does not lead from the one to the other.
    #[error("the checkpoint does not continue the last one that was cosigned")]
    Inconsistent,
    /// 500: the memory cannot be written.
    #[error(transparent)]
    Fault(#[from] WitnessFault),
}

/// A witness whose memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WitnessFault {
    /// A file of it.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is in a file is not what the witness wrote.
    #[error(
        "{path} is damaged: {reason}\nhint: a witness must not go on with less memory than it had; make a new witness, with a new key, and tell the registrars"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A part of the configuration that cannot be used.
    #[error("{path} cannot be used: {reason}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The settings.
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingsRefused),
}

impl WitnessFault {
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| WitnessFault::File { action, path: path.to_owned(), source }
    }

    pub(super) fn unusable(path: &Path, reason: impl std::fmt::Display) -> Self {
        WitnessFault::Unusable { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// All logs that a witness knows, with the key that it cosigns with.
pub struct Ledger {
    key: WitnessSigningKey,
    logs: BTreeMap<KeyName, LogPage>,
    /// The folder, held as long as the witness lives: two of one memory would each continue it in their own way.
    _lock: File,
}

struct LogPage {
    path: PathBuf,
    key: LogVerifierKey,
    /// Locked from the judgement to the answer: two requests at once cannot both continue the same checkpoint. None after
    /// a failed write, when what is on disk is not known: then nothing is cosigned until the witness has started again.
    last: Mutex<Option<TreeHead>>,
}

impl Ledger {
    /// Takes up what the witness remembers, in the folder `logs`.
    ///
    /// # Errors
    /// When a file cannot be read, or is not as the witness wrote it.
    pub fn open(logs: &Path, key: WitnessSigningKey) -> Result<Self, WitnessFault> {
        let lock = File::open(logs).map_err(WitnessFault::file("open", logs))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| WitnessFault::unusable(logs, "another process works with it"))?;
        // A name that a crash left unsynced is durable from here on, before anything is built on it.
        durable::sync_folder(logs).map_err(WitnessFault::file("sync", logs))?;
        let mut pages = BTreeMap::new();
        for entry in fs::read_dir(logs).map_err(WitnessFault::file("read", logs))? {
            let path = entry.map_err(WitnessFault::file("read", logs))?.path();
            if is_unfinished(&path) {
                continue;
            }
            let page = LogPage::load(path)?;
            pages.insert(page.key.origin().clone(), page);
        }
        Ok(Self { key, logs: pages, _lock: lock })
    }

    /// The logs, by origin, and how many leaves of each were cosigned.
    pub fn sizes(&self) -> impl Iterator<Item = (&KeyName, u64)> {
        let size = |page: &LogPage| page.last.lock().unwrap_or_else(PoisonError::into_inner).map_or(0, |last| last.size);
        self.logs.iter().map(move |(origin, page)| (origin, size(page)))
    }

    /// Judges a checkpoint, remembers it, and cosigns it as of `now`.
    ///
    /// # Errors
    /// When it does not continue what was cosigned before, or the memory cannot be written; nothing is cosigned then.
    pub fn add_checkpoint(&self, request: AddCheckpoint, now: UtcSecond) -> Result<NoteSignature, Refused> {
        let text = parse_extended_checkpoint(request.checkpoint.text()).map_err(|fault| Refused::BadRequest(fault.to_string()))?;
        let page = self.logs.get(&text.origin).ok_or(Refused::UnknownLog)?;
        let checkpoint =
            verify_extended_checkpoint(request.checkpoint, &page.key).map_err(|refused| Refused::NotSigned(refused.to_string()))?;
        let head = checkpoint.head();
        if request.old_size > head.size {
            return Err(Refused::BadRequest("the old size is larger than the checkpoint's".into()));
        }
        let mut remembered = page.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = remembered.ok_or_else(|| WitnessFault::unusable(&page.path, "writing it failed; start the witness again"))?;
        if request.old_size != last.size || (last.size == head.size && last.root != head.root) {
            return Err(Refused::Conflict(last.size));
        }
        let continues = verify_consistency(last, head, &request.proof).map_err(|_| Refused::Inconsistent)?;
        if last != head {
            *remembered = None;
            page.publish(&checkpoint)?;
            // From here on the witness holds the log to this checkpoint.
            *remembered = Some(head);
        }
        cosign_checkpoint(&self.key, &checkpoint, continues, now).ok_or(Refused::Inconsistent)
    }
}

impl LogPage {
    fn load(path: PathBuf) -> Result<Self, WitnessFault> {
        let bytes = fs::read(&path).map_err(WitnessFault::file("read", &path))?;
        let damaged = |reason: String| WitnessFault::Damaged { path: path.clone(), reason };
        let (key, note) = parse_page(&bytes).ok_or_else(|| damaged("it is not the file of a log".into()))?;
        let last = match note {
            Some(note) => verify_extended_checkpoint(note, &key).map_err(|refused| damaged(refused.to_string()))?.head(),
            None => Frontier::new().head(),
        };
        let is_named = path.file_name().is_some_and(|name| name == page_name(&key).as_str());
        if !is_named {
            return Err(damaged("its name is not that of its log: it is a copy, and a witness has one memory".into()));
        }
        Ok(Self { path, key, last: Mutex::new(Some(last)) })
    }

    fn publish(&self, checkpoint: &VerifiedCheckpoint) -> Result<(), WitnessFault> {
        let text = format!("{}{}", encode_head(&self.key), checkpoint.note().as_str());
        durable::publish_file(&self.path, text.as_bytes()).map_err(WitnessFault::file("write", &self.path))
    }
}

/// What a crash left of a file that was never published (`durable`): nothing was answered for it.
fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(UNFINISHED_PREFIX.as_bytes()))
}

/// The name of a log's file: of its origin, whatever characters that has.
pub(super) fn page_name(key: &LogVerifierKey) -> String {
    hash(key.origin().as_str().as_bytes()).to_string()
}

/// The file of a log that was never cosigned.
pub(super) fn encode_head(key: &LogVerifierKey) -> String {
    format!("{FIRST_LINE}\nkey {}\n\n", key.to_wire())
}

fn parse_page(bytes: &[u8]) -> Option<(LogVerifierKey, Option<SignedNote>)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (key, note) = text.strip_prefix(FIRST_LINE)?.strip_prefix("\nkey ")?.split_once("\n\n")?;
    let key: VerifierKey = key.parse().ok()?;
    let key = LogVerifierKey::from_wire(&key).ok()?;
    let note = if note.is_empty() { None } else { Some(parse_note(note.as_bytes()).ok()?) };
    Some((key, note))
}
