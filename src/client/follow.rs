//! Following the logs: newer checkpoints are taken only if they continue this machine's copies.

use super::{Client, ClientError, Mirror, Session};
use crate::clock;
use crate::crypto::hash;
use crate::domain::{Log, UnixMillis};
use crate::durable;
use crate::tlog::{VerifiedCheckpoint, leaf_hash};
use crate::trust::{CheckpointRejected, Standing, VerifiedPolicy, VerifiedReceipt, WitnessedCheckpoint};
use crate::wire::{DirectoryLeaf, EntryBundleName, decode_directory_leaf};

impl Client {
    /// Fetches the newest checkpoint of both logs, extends this machine's copies to them, and judges
    /// every new directory entry.
    ///
    /// # Errors
    /// When a log was rewritten or shortened, or an entry is not allowed: then the server, or a registrar,
    /// has done wrong, and both checkpoints are kept as evidence. When too few witnesses stand behind a checkpoint, or
    /// have for too long. Or when the server cannot be reached.
    pub fn follow(&mut self) -> Result<(), ClientError> {
        // Events refer to directory entries, so the directory is fetched last: it is never behind them.
        for log in [Log::Events, Log::Directory] {
            let note = self.session.fetch_checkpoint(log)?;
            let now = clock::now();
            match self.policy.verify_checkpoint(log, note, now) {
                Ok(checkpoint) => self.follow_to(log, &checkpoint, Offered::AsNewest)?,
                Err(rejected) => return Err(self.explain_rejected(log, &rejected, Offered::AsNewest, now)),
            }
        }
        Ok(())
    }

    /// Extends the copy of a log so that it contains what a receipt proves.
    pub(super) fn follow_receipt(&mut self, log: Log, receipt: &VerifiedReceipt) -> Result<(), ClientError> {
        self.follow_to(log, receipt.checkpoint(), Offered::InReceipt)
    }

    fn follow_to(&mut self, log: Log, checkpoint: &WitnessedCheckpoint, offered: Offered) -> Result<(), ClientError> {
        let (taken, now) = (checkpoint.checkpoint(), clock::now());
        if let Err(not_now) = self.require_in_time(log, checkpoint, now) {
            self.hold_against_copy(log, taken, Offer { standing: None, offered })?;
            return Err(not_now);
        }
        self.hold_against_copy(log, taken, Offer { standing: Some(checkpoint.standing()), offered })?;
        if log == Log::Directory { self.fold_directory() } else { Ok(()) }
    }

    /// What it means that a checkpoint is not taken. If too few stand behind it and it contradicts what this machine has
    /// verified, the log has signed two histories, and that is the answer.
    pub(super) fn explain_rejected(&mut self, log: Log, rejected: &CheckpointRejected, offered: Offered, now: UnixMillis) -> ClientError {
        let Some(checkpoint) = rejected.checkpoint() else { return ClientError::unproven(rejected) };
        let held = self.hold_against_copy(log, checkpoint, Offer { standing: None, offered });
        held.err().unwrap_or_else(|| self.explain_unwitnessed(log, rejected, now))
    }

    /// Extends the copy, or only tries to; and keeps both checkpoints when they contradict each other.
    fn hold_against_copy(&mut self, log: Log, checkpoint: &VerifiedCheckpoint, offer: Offer<'_>) -> Result<(), ClientError> {
        let folder = self.profile.make_folder("evidence")?;
        let mirror = match log {
            Log::Events => &mut self.events,
            Log::Directory => &mut self.directory_mirror,
        };
        let remembered = mirror.checkpoint().cloned();
        let extended = extend(mirror, &mut self.session, log, checkpoint, offer, &self.policy);
        if let (Err(ClientError::Unproven(_)), Some(remembered)) = (&extended, remembered) {
            for (name, note) in [("remembered", &remembered), ("offered", checkpoint)] {
                let path = folder.join(format!("{log}-{}-{name}.checkpoint", hash(checkpoint.note().as_str().as_bytes())));
                durable::publish_file(&path, note.note().as_str().as_bytes()).map_err(ClientError::file("write", &path))?;
            }
        }
        extended
    }

    /// Judges the entries of the directory that were not judged yet.
    pub(super) fn fold_directory(&mut self) -> Result<(), ClientError> {
        let directory = &mut self.directory;
        self.directory_mirror.scan(directory.size(), |index, bytes| {
            let wrong = |reason: String| ClientError::unproven(format!("entry {index} of the directory log is not allowed: {reason}"));
            let leaf: DirectoryLeaf = decode_directory_leaf(bytes).map_err(|fault| wrong(fault.to_string()))?;
            let entry =
                directory.verify_entry(&leaf.statement, &leaf.signature, leaf.time).map_err(|refusal| wrong(refusal.to_string()))?;
            directory.apply_entry(entry, leaf_hash(bytes)).map_err(|refusal| wrong(refusal.to_string()))
        })
    }
}

/// How a checkpoint came, and whether it is to be taken.
struct Offer<'s> {
    /// None if it is only held against the copy.
    standing: Option<&'s Standing>,
    offered: Offered,
}

/// As what a checkpoint came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Offered {
    AsNewest,
    InReceipt,
}

fn extend(
    mirror: &mut Mirror,
    session: &mut Session,
    log: Log,
    checkpoint: &VerifiedCheckpoint,
    offer: Offer<'_>,
    policy: &VerifiedPolicy,
) -> Result<(), ClientError> {
    let (have, want) = (mirror.head(), checkpoint.head());
    if want.size < have.size {
        // An older head of the same log must be one that this machine went through; and a server that has shown a
        // newer one has no reason to go back.
        require_prefix(mirror, checkpoint)?;
        return match offer.offered {
            Offered::InReceipt => Ok(()),
            Offered::AsNewest => Err(ClientError::unproven(format!(
                "the server shows a {log} log of {} leaves as the newest, after it has shown one of {}: it hides what came since",
                want.size, have.size
            ))),
        };
    }
    mirror.extend(checkpoint, offer.standing, policy, clock::now(), |next| {
        let Some(name) = EntryBundleName::of_leaf(next, want.size) else { return Ok(Vec::new()) };
        let skip = usize::try_from(next - name.first_leaf()).unwrap_or(usize::MAX);
        Ok(session.fetch_leaves(log, name)?.into_iter().skip(skip).collect())
    })
}

fn require_prefix(mirror: &Mirror, checkpoint: &VerifiedCheckpoint) -> Result<(), ClientError> {
    let mut frontier = crate::tlog::Frontier::new();
    mirror.scan(0, |index, leaf| {
        if index < checkpoint.head().size {
            frontier.append(leaf_hash(leaf));
        }
        Ok(())
    })?;
    if frontier.head() == checkpoint.head() {
        return Ok(());
    }
    Err(ClientError::unproven("the server showed a checkpoint that is not on the log's history as this machine verified it"))
}
