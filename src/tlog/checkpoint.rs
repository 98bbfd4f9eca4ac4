//! Signing and verifying checkpoints (C2SP tlog-checkpoint over signed-note).

use super::cosignature::{Cosignature, find_cosignature};
use super::keys::{LogSigningKey, LogVerifierKey, WitnessVerifierKey};
use super::tree::empty_root;
use crate::domain::{Malformed, TreeHead};
use crate::wire::{
    Checkpoint, KeyName, NoteMalformed, NoteSignature, SignedNote, compose_note, encode_checkpoint, parse_checkpoint,
    parse_extended_checkpoint,
};

/// A checkpoint that is not the log's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointRefused {
    /// The policy has no key for this log.
    #[error("the policy names no key of the log {0}\nhint: ask your registrar for the current policy")]
    UnknownLog(KeyName),
    /// No signature line is by a known key of the log.
    #[error("the checkpoint is not signed by the log {0} with a key known here\nhint: ask your registrar for the current policy")]
    NotSigned(KeyName),
    /// A line claims to be by a known key and is not.
    #[error("the checkpoint's signature by the log {0} does not match")]
    WrongSignature(KeyName),
    /// More than one line claims to be by the same known key.
    #[error("the checkpoint has two signature lines by one key of the log {0}")]
    SignedTwice(KeyName),
    /// A known key signed it, for another log.
    #[error("the log {key} signed a checkpoint of the log {text}")]
    OtherLog {
        /// Whose key signed.
        key: KeyName,
        /// Whose checkpoint the text says it is.
        text: KeyName,
    },
    /// A known key signed a text that is no checkpoint.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// The tree is empty and its root is not the empty tree's.
    #[error("the checkpoint of an empty log has a root")]
    EmptyWithRoot,
    /// A line claims to be by a known witness and is not.
    #[error("the cosignature of {0} does not match the checkpoint")]
    WrongCosignature(KeyName),
    /// More than one line claims to be by the same known witness.
    #[error("the checkpoint has two cosignatures by {0}")]
    CosignedTwice(KeyName),
    /// What was signed makes no note.
    #[error(transparent)]
    Note(#[from] NoteMalformed),
}

/// A tree head that carries a good signature of its log, with the exact note that does. Whether enough witnesses stand
/// behind it is for a policy to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
    log_signature: NoteSignature,
    cosignatures: Vec<Cosignature>,
}

impl VerifiedCheckpoint {
    /// The log.
    pub fn origin(&self) -> &KeyName {
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

    /// The line of the log's own signature that was verified.
    pub fn log_signature(&self) -> &NoteSignature {
        &self.log_signature
    }

    /// The cosignatures that were verified, of witnesses known here, whatever their time.
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }

    /// The checkpoint with the log's signature and the verified cosignatures alone.
    ///
    /// # Errors
    /// Never: the lines stood in a note before.
    pub fn to_plain_note(&self) -> Result<SignedNote, NoteMalformed> {
        let cosignatures = self.cosignatures.iter().map(Cosignature::line);
        let lines: Vec<NoteSignature> = std::iter::once(&self.log_signature).chain(cosignatures).cloned().collect();
        compose_note(self.note.text(), &lines)
    }

    /// The same with the log's signature and these cosignatures alone.
    pub(super) fn with_only(&self, keep: impl Fn(&Cosignature) -> bool) -> Result<Self, CheckpointRefused> {
        let cosignatures = self.cosignatures.iter().filter(|cosignature| keep(cosignature)).cloned().collect();
        let kept = self.cosigned(self.note.clone(), cosignatures);
        Ok(Self { note: kept.to_plain_note()?, ..kept })
    }

    pub(super) fn cosigned(&self, note: SignedNote, cosignatures: Vec<Cosignature>) -> Self {
        Self { note, cosignatures, ..self.clone() }
    }
}

/// Signs a tree head. The caller has made durable all that `head` covers, and never signs two heads
/// that are not consistent.
///
/// # Errors
/// When the signature just made does not verify, or an empty tree has a root.
pub fn sign_checkpoint(key: &LogSigningKey, head: TreeHead) -> Result<VerifiedCheckpoint, CheckpointRefused> {
    let text = encode_checkpoint(&Checkpoint { origin: KeyName::from(key.origin()), head });
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
    verify_with_keys(note, key.origin(), &[key], &[], parse_checkpoint)
}

/// Verifies a checkpoint of any log, as a witness does: it may have extension lines.
///
/// # Errors
/// When the log did not sign it.
pub fn verify_extended_checkpoint(note: SignedNote, key: &LogVerifierKey) -> Result<VerifiedCheckpoint, CheckpointRefused> {
    verify_with_keys(note, key.origin(), &[key], &[], parse_extended_checkpoint)
}

/// `keys` are the log's; one must have signed, and none may have signed wrongly. Nor may any of `witnesses`.
pub(super) fn verify_with_keys(
    note: SignedNote,
    origin: &KeyName,
    keys: &[&LogVerifierKey],
    witnesses: &[&WitnessVerifierKey],
    parse_text: fn(&str) -> Result<Checkpoint, Malformed>,
) -> Result<VerifiedCheckpoint, CheckpointRefused> {
    let mut signature = None;
    for key in keys {
        signature = signature.or(find_signature(&note, key)?);
    }
    let log_signature = signature.ok_or_else(|| CheckpointRefused::NotSigned(origin.clone()))?;
    // From here on the text is the log's word.
    let checkpoint = parse_text(note.text())?;
    if checkpoint.origin != *origin {
        return Err(CheckpointRefused::OtherLog { key: origin.clone(), text: checkpoint.origin });
    }
    if checkpoint.head.size == 0 && checkpoint.head.root != empty_root() {
        return Err(CheckpointRefused::EmptyWithRoot);
    }
    let cosignatures = witnesses.iter().filter_map(|witness| find_cosignature(&note, witness).transpose()).collect::<Result<_, _>>()?;
    Ok(VerifiedCheckpoint { checkpoint, note, log_signature, cosignatures })
}

/// The line by which `key` signed, if it did; lines of other keys are passed over, as C2SP signed-note demands.
fn find_signature(note: &SignedNote, key: &LogVerifierKey) -> Result<Option<NoteSignature>, CheckpointRefused> {
    let mut lines = note.signatures().iter().filter(|line| key.0.is_claimed_by(line));
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    // A log signs once. Who adds a second line by its key has something to hide in one of them.
    if lines.next().is_some() {
        return Err(CheckpointRefused::SignedTwice(key.origin().clone()));
    }
    let verified = key.0.public_key().verify_signature(note.text().as_bytes(), &line.signature);
    verified.map(|()| Some(line.clone())).map_err(|_| CheckpointRefused::WrongSignature(key.origin().clone()))
}
