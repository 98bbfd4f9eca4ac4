//! Cosignatures (C2SP tlog-cosignature, Ed25519, `cosignature/v1`): a witness says that at this time it knew no larger
//! checkpoint of the log that is consistent with all it saw before.
//!
//! ```text
//! — witness.kg.example jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9…      base64(key id ‖ u64 seconds ‖ Ed25519 signature over:)
//!
//! cosignature/v1
//! time 1679315147
//! mla.example/events                                          the checkpoint's text, whole
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! ```

use super::checkpoint::{CheckpointRefused, VerifiedCheckpoint};
use super::keys::{WitnessSigningKey, WitnessVerifierKey};
use super::proof::VerifiedConsistency;
use crate::domain::UtcSecond;
use crate::wire::{NoteSignature, SignedNote, compose_note};

/// A cosignature that was verified, with the line that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    witness: WitnessVerifierKey,
    time: UtcSecond,
    line: NoteSignature,
}

impl Cosignature {
    /// Whose.
    pub fn witness(&self) -> &WitnessVerifierKey {
        &self.witness
    }

    /// When, by the witness's clock.
    pub fn time(&self) -> UtcSecond {
        self.time
    }

    /// The line, to pass on.
    pub fn line(&self) -> &NoteSignature {
        &self.line
    }
}

/// Cosigns a checkpoint. The caller has made durable that this is the last one that it cosigned, and `continues` says
/// that it continues the one before.
pub fn cosign_checkpoint(
    key: &WitnessSigningKey,
    checkpoint: &VerifiedCheckpoint,
    continues: VerifiedConsistency,
    time: UtcSecond,
) -> Option<NoteSignature> {
    let seconds = time.unix();
    (continues.later() == checkpoint.head()).then(|| key.sign_at(seconds, signed_message(seconds, checkpoint.note()).as_bytes()))
}

/// Verifies the cosignature in `line`, which claims to be of `witness`, over a note's text.
///
/// # Errors
/// When it is not, or says a time after the year 9999.
pub(super) fn verify_cosignature(
    note: &SignedNote,
    line: &NoteSignature,
    witness: &WitnessVerifierKey,
) -> Result<Cosignature, CheckpointRefused> {
    let wrong = || CheckpointRefused::WrongCosignature(witness.name().clone());
    let (seconds, signature) = line.signature.split_first_chunk().ok_or_else(wrong)?;
    let seconds = u64::from_be_bytes(*seconds);
    let message = signed_message(seconds, note);
    witness.0.public_key().verify_signature(message.as_bytes(), signature).map_err(|_| wrong())?;
    let time = UtcSecond::from_unix(seconds).map_err(|_| wrong())?;
    Ok(Cosignature { witness: witness.clone(), time, line: line.clone() })
}

/// The cosignature of one of `witnesses` in a note, if it has one.
///
/// # Errors
/// When a line claims to be of the witness and is not, or there are two.
pub(super) fn find_cosignature(note: &SignedNote, witness: &WitnessVerifierKey) -> Result<Option<Cosignature>, CheckpointRefused> {
    let mut lines = note.signatures().iter().filter(|line| witness.0.is_claimed_by(line));
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => verify_cosignature(note, line, witness).map(Some),
        (Some(_), Some(_)) => Err(CheckpointRefused::CosignedTwice(witness.name().clone())),
    }
}

impl VerifiedCheckpoint {
    /// The same checkpoint with the cosignatures that `witnesses` gave for it, in their order. Lines of others, and lines
    /// that do not verify, are left out.
    ///
    /// # Errors
    /// When there are more lines than a note can hold.
    pub fn with_cosignatures(&self, witnesses: &[WitnessVerifierKey], lines: &[NoteSignature]) -> Result<Self, CheckpointRefused> {
        let verify = |witness: &WitnessVerifierKey| {
            let mut claimed = lines.iter().filter(|line| witness.0.is_claimed_by(line));
            claimed.find_map(|line| verify_cosignature(self.note(), line, witness).ok())
        };
        let cosignatures: Vec<Cosignature> = witnesses.iter().filter_map(verify).collect();
        let lines: Vec<NoteSignature> = cosignatures.iter().map(|cosignature| cosignature.line.clone()).collect();
        let note = compose_note(self.note().text(), &[std::slice::from_ref(self.log_signature()), &lines].concat())?;
        Ok(self.cosigned(note, cosignatures))
    }
}

fn signed_message(seconds: u64, note: &SignedNote) -> String {
    format!("cosignature/v1\ntime {seconds}\n{}", note.text())
}
