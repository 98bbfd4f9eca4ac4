//! What a trust policy (C2SP tlog-policy) makes of a checkpoint.
//!
//! Only `quorum none` is judged so far: it asks for no cosignature, and what it accepts is
//! [`Witnessing::Unwitnessed`]. A policy that asks for more is refused, never taken for less.

use super::checkpoint::{CheckpointRefused, VerifiedCheckpoint, Witnessing, verify_with_keys};
use super::keys::{LogKeyRefused, LogVerifierKey, require_key_id};
use crate::domain::Origin;
use crate::wire::{PolicyLine, Quorum, SignedNote, TlogPolicy};

/// A policy that cannot be gone by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefused {
    /// A key in it is not what it says.
    #[error(transparent)]
    Key(#[from] LogKeyRefused),
    /// It asks for cosignatures.
    #[error("the policy asks for cosignatures of witnesses, which this version cannot verify\nhint: use a newer version")]
    NeedsWitnesses,
}

/// A policy whose keys have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPolicy {
    log_keys: Vec<LogVerifierKey>,
}

impl LogPolicy {
    /// Takes a policy. Whether it is the registrar's is the caller's to have verified.
    ///
    /// # Errors
    /// When a key's id is not its own, a log's key is not named as a log, or cosignatures are asked for.
    pub fn from_wire(policy: &TlogPolicy) -> Result<Self, PolicyRefused> {
        let mut log_keys = Vec::new();
        for line in policy.lines() {
            match line {
                PolicyLine::Log { key, .. } => log_keys.push(LogVerifierKey::from_wire(key)?),
                PolicyLine::Witness { key, .. } => require_key_id(key)?,
                PolicyLine::Group { .. } | PolicyLine::Quorum(_) | PolicyLine::Comment(_) | PolicyLine::Empty => {}
            }
        }
        match policy.quorum() {
            Quorum::None => Ok(Self { log_keys }),
            Quorum::Of(_) => Err(PolicyRefused::NeedsWitnesses),
        }
    }

    /// Verifies a checkpoint of the log `origin`: by any of the keys that the policy has for it, and by
    /// its quorum.
    ///
    /// # Errors
    /// When the policy does not have the log, or the log did not sign.
    pub fn verify_checkpoint(&self, origin: &Origin, note: SignedNote) -> Result<VerifiedCheckpoint, CheckpointRefused> {
        let keys: Vec<&LogVerifierKey> = self.log_keys.iter().filter(|key| key.origin() == origin).collect();
        if keys.is_empty() {
            return Err(CheckpointRefused::UnknownLog(origin.clone()));
        }
        verify_with_keys(note, origin, &keys, Witnessing::Unwitnessed)
    }
}
