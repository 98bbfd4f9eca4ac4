//! The last full checkpoint of a log: since when this machine has had to do without one.
//!
//! ```text
//! memory/events.full
//! since 2026-11-24T09:00:00Z          this machine's clock when it was verified, or its oldest cosignature
//! mla.example/events                  the checkpoint with all its cosignatures
//! 1042
//! …
//! ```
//!
//! It is replaced only by a full checkpoint that covers all that this machine has of the log. So a server that claims
//! that a witness is away, again and again, does not begin the window of provisional work anew.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::ClientError;
use crate::domain::{Log, TreeHead, UnixMillis, UtcSecond};
use crate::durable;
use crate::tlog::VerifiedCheckpoint;
use crate::trust::VerifiedPolicy;
use crate::wire::{NOTE_BYTES_MAX, parse_checkpoint, parse_note};

/// The line `since` and its LF.
const SINCE_BYTES: u64 = 64;

/// When, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullHead {
    /// When it was full: this machine's clock, or the oldest of its cosignatures if that is earlier.
    pub since: UtcSecond,
    /// Size and root.
    pub head: TreeHead,
    /// Whether it is full by the policy in force now, which may ask for others than the one that it was verified under.
    pub meets_policy: bool,
}

impl FullHead {
    /// The last second of provisional work, if so many seconds of it are allowed.
    pub fn provisional_until(&self, seconds: u64) -> UtcSecond {
        let until = self.since.unix().saturating_add(seconds);
        UtcSecond::from_unix(until).unwrap_or(self.since)
    }

    pub(super) fn load(folder: &Path, log: Log, policy: &VerifiedPolicy) -> Result<Option<Self>, ClientError> {
        let path = path(folder, log);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(other) => return Err(ClientError::file("open", &path)(other)),
        };
        let mut bytes = Vec::new();
        file.take(NOTE_BYTES_MAX as u64 + SINCE_BYTES).read_to_end(&mut bytes).map_err(ClientError::file("read", &path))?;
        let parsed = parse(&bytes, log, policy);
        parsed.map(Some).ok_or_else(|| {
            ClientError::unproven(format!(
                "{} is not as this machine wrote it\nhint: restore the profile's memory folder from a backup",
                path.display()
            ))
        })
    }

    /// Makes `checkpoint` the last full one, as of `now`; never earlier than the one before it.
    pub(super) fn publish(
        folder: &Path,
        log: Log,
        checkpoint: &VerifiedCheckpoint,
        before: Option<Self>,
        now: UnixMillis,
    ) -> Result<Self, ClientError> {
        let oldest = checkpoint.cosignatures().iter().map(|cosignature| cosignature.time()).min();
        let full_at = oldest.map_or(now.to_second(), |oldest| oldest.min(now.to_second()));
        let since = before.map_or(full_at, |before| before.since.max(full_at));
        let path = path(folder, log);
        let text = format!("since {since}\n{}", checkpoint.note().as_str());
        durable::publish_file(&path, text.as_bytes()).map_err(ClientError::file("write", &path))?;
        remove(&refused_path(folder, log))?;
        Ok(Self { since, head: checkpoint.head(), meets_policy: true })
    }

    /// Forgets it: the policy asks for no witnesses any more, and a later one that does begins anew.
    pub(super) fn forget(folder: &Path, log: Log) -> Result<(), ClientError> {
        remove(&path(folder, log))?;
        remove(&refused_path(folder, log))
    }
}

/// Since when this machine has been refusing what the server shows, because the time for provisional work is over. The
/// first refusal is remembered on disk; a full checkpoint ends it.
pub(super) fn load_first_refusal(folder: &Path, log: Log, now: UnixMillis) -> Result<UtcSecond, ClientError> {
    let path = refused_path(folder, log);
    let stored = std::fs::read_to_string(&path).ok().and_then(|text| text.trim_end().parse().ok());
    if let Some(since) = stored {
        return Ok(since);
    }
    durable::publish_file(&path, format!("{}\n", now.to_second()).as_bytes()).map_err(ClientError::file("write", &path))?;
    Ok(now.to_second())
}

fn path(folder: &Path, log: Log) -> PathBuf {
    folder.join(format!("{log}.full"))
}

fn refused_path(folder: &Path, log: Log) -> PathBuf {
    folder.join(format!("{log}.refused"))
}

fn remove(path: &Path) -> Result<(), ClientError> {
    match std::fs::remove_file(path) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => Err(ClientError::file("remove", path)(fault)),
        _ => Ok(()),
    }
}

/// This machine's own file: what is in it was verified when it was written, by the policy of then.
fn parse(bytes: &[u8], log: Log, policy: &VerifiedPolicy) -> Option<FullHead> {
    let (since, note) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let since = since.strip_prefix("since ")?.parse().ok()?;
    let note = parse_note(note.as_bytes()).ok()?;
    let head = parse_checkpoint(note.text()).ok()?.head;
    let meets_policy = policy.logs().verify_checkpoint(policy.origin(log), note).is_ok_and(|checkpoint| policy.was_full(&checkpoint));
    Some(FullHead { since, head, meets_policy })
}
