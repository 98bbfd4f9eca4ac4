//! What a trust policy (C2SP tlog-policy) makes of a checkpoint: whose it must be, and whose cosignatures count.
//!
//! ```text
//! witness kg.1 …            group kg any kg.1 kg.2          kg.2 cosigned: kg has voted
//! witness kg.2 …            group tr any tr.1               tr.1 did not: tr has not
//! witness tr.1 …            group states all kg tr          so states has not, and the quorum is not met
//!                           quorum states
//! ```

use std::collections::BTreeSet;

use super::checkpoint::{CheckpointRefused, VerifiedCheckpoint, verify_with_keys};
use super::keys::{LogVerifierKey, NoteKeyRefused, WitnessVerifierKey};
use crate::domain::limits::{CLOCK_SKEW_MS_MAX, COSIGNATURE_SECONDS_MAX};
use crate::domain::{Origin, UnixMillis};
use crate::wire::{KeyName, PolicyLine, PolicyName, Quorum, SignedNote, Threshold, TlogPolicy, parse_checkpoint};

/// A policy whose keys have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPolicy {
    log_keys: Vec<LogVerifierKey>,
    witnesses: Vec<(PolicyName, WitnessVerifierKey)>,
    /// Each names only what stands before it.
    groups: Vec<Group>,
    quorum: Quorum,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: PolicyName,
    votes_min: usize,
    members: Vec<PolicyName>,
}

/// Which witnesses and groups of a policy stand behind a checkpoint, at one moment. Only [`LogPolicy::count_votes`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Votes {
    names: BTreeSet<PolicyName>,
    is_quorum: bool,
}

impl Votes {
    /// Whether this witness or group does.
    pub fn has(&self, name: &PolicyName) -> bool {
        self.names.contains(name)
    }

    /// Whether the policy's quorum is met. It always is when the policy asks for none.
    pub fn is_quorum(&self) -> bool {
        self.is_quorum
    }
}

impl LogPolicy {
    /// Takes a policy. Whether it is the registrar's is the caller's to have verified.
    ///
    /// # Errors
    /// When a key's id is not its own, or a log's key is not named as a log.
    pub fn from_wire(policy: &TlogPolicy) -> Result<Self, NoteKeyRefused> {
        let (mut log_keys, mut witnesses, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for line in policy.lines() {
            match line {
                PolicyLine::Log { key, .. } => {
                    key.name.as_str().parse::<Origin>()?;
                    log_keys.push(LogVerifierKey::from_wire(key)?);
                }
                PolicyLine::Witness { name, key, .. } => witnesses.push((name.clone(), WitnessVerifierKey::from_wire(key)?)),
                PolicyLine::Group { name, threshold, members } => {
                    groups.push(Group { name: name.clone(), votes_min: votes_min(*threshold, members.len()), members: members.clone() });
                }
                PolicyLine::Quorum(_) | PolicyLine::Comment(_) | PolicyLine::Empty => {}
            }
        }
        Ok(Self { log_keys, witnesses, groups, quorum: policy.quorum().clone() })
    }

    /// Whether it asks for cosignatures at all.
    pub fn asks_for_witnesses(&self) -> bool {
        self.quorum != Quorum::None
    }

    /// Verifies a checkpoint of the log `origin`: signed by any of the keys that the policy has for it, and by none
    /// of its log keys and witnesses wrongly. Whether enough witnesses cosigned is [`LogPolicy::count_votes`]'s to say.
    ///
    /// # Errors
    /// When the policy does not have the log, the log did not sign, or a witness's line is wrong.
    pub fn verify_checkpoint(&self, origin: &Origin, note: SignedNote) -> Result<VerifiedCheckpoint, CheckpointRefused> {
        let origin = KeyName::from(origin);
        let keys: Vec<&LogVerifierKey> = self.log_keys.iter().filter(|key| *key.origin() == origin).collect();
        if keys.is_empty() {
            return Err(CheckpointRefused::UnknownLog(origin));
        }
        let witnesses: Vec<&WitnessVerifierKey> = self.witnesses.iter().map(|(_, key)| key).collect();
        verify_with_keys(note, &origin, &keys, &witnesses, parse_checkpoint)
    }

    /// Counts the cosignatures that are neither older than six hours nor from a future that no clock's fault explains.
    pub fn count_votes(&self, checkpoint: &VerifiedCheckpoint, now: UnixMillis) -> Votes {
        let counts = |key: &WitnessVerifierKey| {
            let of_witness = checkpoint.cosignatures().iter().find(|cosignature| cosignature.witness() == key);
            of_witness.is_some_and(|cosignature| is_current(cosignature.time().to_millis(), now))
        };
        let mut names: BTreeSet<PolicyName> = self.witnesses.iter().filter(|(_, key)| counts(key)).map(|(name, _)| name.clone()).collect();
        for group in &self.groups {
            if group.members.iter().filter(|member| names.contains(member)).count() >= group.votes_min {
                names.insert(group.name.clone());
            }
        }
        let is_quorum = match &self.quorum {
            Quorum::None => true,
            Quorum::Of(name) => names.contains(name),
        };
        Votes { names, is_quorum }
    }

    /// The checkpoint with the log's signature and with those cosignatures alone that count at `now`.
    ///
    /// # Errors
    /// Never: the lines stood in a note before.
    pub fn keep_current(&self, checkpoint: &VerifiedCheckpoint, now: UnixMillis) -> Result<VerifiedCheckpoint, CheckpointRefused> {
        checkpoint.with_only(|cosignature| is_current(cosignature.time().to_millis(), now))
    }

    /// The witnesses that a name of the policy stands for, groups resolved.
    pub fn witnesses_of(&self, name: &PolicyName) -> Vec<&WitnessVerifierKey> {
        match self.groups.iter().find(|group| group.name == *name) {
            Some(group) => group.members.iter().flat_map(|member| self.witnesses_of(member)).collect(),
            None => self.witnesses.iter().filter(|(witness, _)| witness == name).map(|(_, key)| key).collect(),
        }
    }

    /// Whose votes the quorum waits for: those of the quorum's members that are not there.
    pub fn missing(&self, votes: &Votes) -> Vec<PolicyName> {
        let Quorum::Of(quorum) = &self.quorum else { return Vec::new() };
        let members = self.groups.iter().find(|group| group.name == *quorum).map(|group| group.members.as_slice());
        let asked = members.unwrap_or(std::slice::from_ref(quorum));
        asked.iter().filter(|name| !votes.has(name)).cloned().collect()
    }
}

/// Members that are enough; the policy's text has been held to 1 and their number.
fn votes_min(threshold: Threshold, members: usize) -> usize {
    match threshold {
        Threshold::Any => 1,
        Threshold::All => members,
        Threshold::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
    }
}

fn is_current(cosigned: UnixMillis, now: UnixMillis) -> bool {
    cosigned.0 <= now.0.saturating_add(CLOCK_SKEW_MS_MAX) && now.0 <= cosigned.0.saturating_add(COSIGNATURE_SECONDS_MAX * 1000)
}
