//! Signing and verifying checkpoints (C2SP tlog-checkpoint over signed-note).

use std::fmt;

use super::keys::{LogSigningKey, LogVerifierKey};
use super::tree::empty_root;
use crate::domain::{Malformed, Origin, TreeHead};
use crate::wire::{Checkpoint, NoteMalformed, SignedNote, compose_note, encode_checkpoint, parse_checkpoint};

/// A checkpoint that is not the log's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointRefused {
    /// The policy has no key for this log.
    #[error("the policy names no key of the log {0}\nhint: ask your registrar for the current policy")]
    UnknownLog(Origin),
    /// No signature line is by a known key of the log.
    #[error("the checkpoint is not signed by the log {0} with a key known here\nhint: ask your registrar for the current policy")]
    NotSigned(Origin),
    /// A line claims to be by a known key and is not.
    #[error("the checkpoint's signature by the log {0} does not match")]
    WrongSignature(Origin),
    /// More than one line claims to be by the same known key.
    #[error("the checkpoint has two signature lines by one key of the log {0}")]
    SignedTwice(Origin),
    /// A known key signed it, for another log.
    #[error("the log {key} signed a checkpoint of the log {text}")]
    OtherLog {
        /// Whose key signed.
        key: Origin,
        /// Whose checkpoint the text says it is.
        text: Origin,
    },
    /// A known key signed a text that is no checkpoint.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// The tree is empty and its root is not the empty tree's.
    #[error("the checkpoint of an empty log has a root")]
    EmptyWithRoot,
    /// What was signed makes no note.
    #[error(transparent)]
    Note(#[from] NoteMalformed),
}

/// How far witnesses stand behind a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witnessing {
    /// By the log's own word alone: the policy says `quorum none`, or no policy was asked.
    Unwitnessed,
}

impl fmt::Display for Witnessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Witnessing::Unwitnessed => f.write_str("unwitnessed"),
        }
    }
}

/// A tree head that carries a good signature of its log, with the exact note that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
    witnessing: Witnessing,
}

impl VerifiedCheckpoint {
    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.checkpoint.origin
    }

    /// Its size and root.
    pub fn head(&self) -> TreeHead {
        self.checkpoint.head
    }

    /// The note as it was signed, to keep and to pass on. Lines by keys not known here are as they came.
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    /// How far witnesses stand behind it.
    pub fn witnessing(&self) -> Witnessing {
        self.witnessing
    }
}

/// Signs a tree head. The caller has made durable all that `head` covers, and never signs two heads
/// that are not consistent.
///
/// # Errors
/// When the signature just made does not verify, or an empty tree has a root.
pub fn sign_checkpoint(key: &LogSigningKey, head: TreeHead) -> Result<VerifiedCheckpoint, CheckpointRefused> {
    let text = encode_checkpoint(&Checkpoint { origin: key.origin().clone(), head });
    let note = compose_note(&text, &[key.sign_text(&text)])?;
    // One way to a verified checkpoint; and a flipped bit is caught before anyone else sees it.
    verify_checkpoint(note, key.verifier_key())
}

/// Verifies a checkpoint by the one key of its log, such as the log itself has. A client goes by its
/// policy: [`super::LogPolicy::verify_checkpoint`].
///
/// # Errors
/// When the log did not sign it.
pub fn verify_checkpoint(note: SignedNote, key: &LogVerifierKey) -> Result<VerifiedCheckpoint, CheckpointRefused> {
    verify_with_keys(note, key.origin(), &[key], Witnessing::Unwitnessed)
}

/// `keys` are the log's; one must have signed, and none may have signed wrongly.
pub(super) fn verify_with_keys(
    note: SignedNote,
    origin: &Origin,
    keys: &[&LogVerifierKey],
    witnessing: Witnessing,
) -> Result<VerifiedCheckpoint, CheckpointRefused> {
    let mut is_signed = false;
    for key in keys {
        is_signed |= verify_signature_by(&note, key)?;
    }
    if !is_signed {
        return Err(CheckpointRefused::NotSigned(origin.clone()));
    }
    // From here on the text is the log's word.
    let checkpoint = parse_checkpoint(note.text())?;
    if checkpoint.origin != *origin {
        return Err(CheckpointRefused::OtherLog { key: origin.clone(), text: checkpoint.origin });
    }
    if checkpoint.head.size == 0 && checkpoint.head.root != empty_root() {
        return Err(CheckpointRefused::EmptyWithRoot);
    }
    Ok(VerifiedCheckpoint { checkpoint, note, witnessing })
}

/// Whether `key` signed; lines of other keys are passed over, as C2SP signed-note demands.
fn verify_signature_by(note: &SignedNote, key: &LogVerifierKey) -> Result<bool, CheckpointRefused> {
    let mut lines = note.signatures().iter().filter(|line| key.is_claimed_by(line));
    let Some(line) = lines.next() else {
        return Ok(false);
    };
    // A log signs once. Who adds a second line by its key has something to hide in one of them.
    if lines.next().is_some() {
        return Err(CheckpointRefused::SignedTwice(key.origin().clone()));
    }
    let verified = key.public_key().verify_signature(note.text().as_bytes(), &line.signature);
    verified.map(|()| true).map_err(|_| CheckpointRefused::WrongSignature(key.origin().clone()))
}
