//! How far witnesses stand behind a checkpoint, for a reader under their policy.
//!
//! ```text
//! the quorum of the policy            Full             history is one, for both states
//! the own state's witnesses alone     Provisional      work goes on, openly, for as long as the policy says
//! neither                             refused          nothing is believed
//! a policy that asks for none         Unwitnessed      the log's word alone
//! ```

use std::fmt;

use super::policy::VerifiedPolicy;
use crate::domain::{Log, StateCode, TreeHead, UnixMillis, UtcSecond};
use crate::tlog::{CheckpointRefused, VerifiedCheckpoint, Votes};
use crate::wire::{PolicyName, SignedNote};

/// How far witnesses stand behind a checkpoint, at the moment when it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// By the log's own word alone: the policy says `quorum none`.
    Unwitnessed,
    /// By the reader's own state's witnesses; others that the quorum asks for are missing.
    Provisional {
        /// Whose cosignatures are missing: states by their codes, others as the policy calls them.
        missing: Vec<String>,
    },
    /// By all that the quorum asks for.
    Full,
}

impl Standing {
    /// The one word for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Standing::Unwitnessed => "unwitnessed",
            Standing::Provisional { .. } => "provisional",
            Standing::Full => "full",
        }
    }

    /// Whether it is all that the policy asks for.
    pub fn is_final(&self) -> bool {
        !matches!(self, Standing::Provisional { .. })
    }
}

impl serde::Serialize for Standing {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Unwitnessed => f.write_str("unwitnessed"),
            Standing::Full => f.write_str("witnessed in full"),
            Standing::Provisional { missing } => {
                write!(f, "provisional: no witness of {} has cosigned", missing.join(", "))
            }
        }
    }
}

/// A checkpoint with its standing, and with no line but the log's and those that counted. Only [`VerifiedPolicy::verify_checkpoint`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    checkpoint: VerifiedCheckpoint,
    standing: Standing,
}

impl WitnessedCheckpoint {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// Its size and root.
    pub fn head(&self) -> TreeHead {
        self.checkpoint.head()
    }

    /// How far witnesses stand behind it.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }
}

/// A checkpoint that this reader does not go by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointRejected {
    /// It is not what it says it is.
    #[error(transparent)]
    Refused(#[from] CheckpointRefused),
    /// It is the log's, and none of the own state's witnesses stands behind it now.
    #[error("{}", describe_unwitnessed(*.log, *.state, .checkpoint, *.own, *.now))]
    NotWitnessed {
        /// The log.
        log: Log,
        /// The reader's state, whose witnesses are missing.
        state: StateCode,
        /// The checkpoint. If it contradicts what this reader has, it is evidence all the same.
        checkpoint: Box<VerifiedCheckpoint>,
        /// When one of the own witnesses cosigned it, if one did: too long ago, or in the future, by this reader's clock.
        own: Option<UtcSecond>,
        /// This reader's clock.
        now: UtcSecond,
    },
    /// The own state's witnesses stand behind it, others do not, and the policy allows no provisional work.
    #[error(
        "the newest checkpoint of the {log} log (size {}) is {standing}, and your policy asks for all\nhint: try again later; your registrar can allow provisional work", .checkpoint.head().size
    )]
    NotFull {
        /// The log.
        log: Log,
        /// Whose cosignatures are missing.
        standing: Standing,
        /// The checkpoint.
        checkpoint: Box<VerifiedCheckpoint>,
    },
}

fn describe_unwitnessed(log: Log, state: StateCode, checkpoint: &VerifiedCheckpoint, own: Option<UtcSecond>, now: UtcSecond) -> String {
    let size = checkpoint.head().size;
    match own {
        None => format!(
            "no witness of {state} has cosigned the newest checkpoint of the {log} log (size {size})\nhint: try again in a minute; if it lasts, tell whoever runs {state}'s witnesses"
        ),
        Some(own) => format!(
            "{state}'s witness cosigned the newest checkpoint of the {log} log (size {size}) at {own}, and this machine's clock says {now}\nhint: set this machine's clock; if it is right, tell whoever runs {state}'s witnesses"
        ),
    }
}

impl CheckpointRejected {
    /// The checkpoint, if it is the log's.
    pub fn checkpoint(&self) -> Option<&VerifiedCheckpoint> {
        match self {
            CheckpointRejected::Refused(_) => None,
            CheckpointRejected::NotWitnessed { checkpoint, .. } | CheckpointRejected::NotFull { checkpoint, .. } => Some(checkpoint),
        }
    }
}

impl VerifiedPolicy {
    /// Verifies a checkpoint of one of the two logs, and counts who stands behind it at `now`.
    ///
    /// # Errors
    /// When the log did not sign it, a witness's line is wrong, or too few witnesses have cosigned.
    pub fn verify_checkpoint(&self, log: Log, note: SignedNote, now: UnixMillis) -> Result<WitnessedCheckpoint, CheckpointRejected> {
        let checkpoint = self.logs().verify_checkpoint(self.origin(log), note)?;
        let Some(own) = self.policy().own_vote().filter(|_| self.logs().asks_for_witnesses()) else {
            return Ok(WitnessedCheckpoint { checkpoint, standing: Standing::Unwitnessed });
        };
        let votes = self.logs().count_votes(&checkpoint, now);
        if !votes.has(own) {
            let own = self.own_times(&checkpoint).into_iter().max();
            let (state, now, checkpoint) = (self.policy().state, now.to_second(), Box::new(checkpoint));
            return Err(CheckpointRejected::NotWitnessed { log, state, checkpoint, own, now });
        }
        // What does not count now is not kept either: a line with a false time is nobody's word about anything later.
        let checkpoint = self.logs().keep_current(&checkpoint, now)?;
        if votes.is_quorum() {
            return Ok(WitnessedCheckpoint { checkpoint, standing: Standing::Full });
        }
        let standing = Standing::Provisional { missing: self.missing(&votes) };
        match self.policy().provisional {
            Some(_) => Ok(WitnessedCheckpoint { checkpoint, standing }),
            None => Err(CheckpointRejected::NotFull { log, standing, checkpoint: Box::new(checkpoint) }),
        }
    }

    /// Counts the votes behind a checkpoint that was kept, as of its newest cosignature.
    pub fn count_kept_votes(&self, checkpoint: &VerifiedCheckpoint) -> Votes {
        let newest = checkpoint.cosignatures().iter().map(|cosignature| cosignature.time().to_millis()).max();
        self.logs().count_votes(checkpoint, newest.unwrap_or(UnixMillis(0)))
    }

    /// Whether a checkpoint that was kept was full then.
    pub fn was_full(&self, checkpoint: &VerifiedCheckpoint) -> bool {
        let votes = self.count_kept_votes(checkpoint);
        votes.is_quorum() && self.policy().own_vote().is_some_and(|own| votes.has(own))
    }

    /// When the own state's witnesses cosigned a checkpoint, by their clocks.
    pub fn own_times(&self, checkpoint: &VerifiedCheckpoint) -> Vec<UtcSecond> {
        let own = self.policy().own_vote().map(|name| self.logs().witnesses_of(name)).unwrap_or_default();
        let of_own = checkpoint.cosignatures().iter().filter(|cosignature| own.contains(&cosignature.witness()));
        of_own.map(|cosignature| cosignature.time()).collect()
    }

    /// Who is missing for the quorum, as people call them.
    pub fn missing(&self, votes: &Votes) -> Vec<String> {
        let call = |name: PolicyName| {
            let state = self.policy().votes.iter().find(|(_, vote)| *vote == name);
            state.map_or_else(|| name.to_string(), |(state, _)| state.to_string())
        };
        self.logs().missing(votes).into_iter().map(call).collect()
    }
}
