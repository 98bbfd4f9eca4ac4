//! Working while another state's witness is away: for how long, with which acts, and what is said about it.
//!
//! ```text
//!  full ───── provisional … provisional ───── full        what was provisional is now proven in full
//!   │ since                             └──── no full one in time: alarm, and nothing more is taken
//! ```
//!
//! The window counts from the last full checkpoint of the log that covered all that this machine had (`full_head`).

use super::full_head::load_first_refusal;
use super::{Client, ClientError, Mirror};
use crate::domain::{Log, UnixMillis, UtcSecond};
use crate::mla::Op;
use crate::trust::{CheckpointRejected, Standing, WitnessedCheckpoint};

/// How long this machine must have been refusing what it is shown before that is an alarm: a witness that is only late, when
/// a machine is switched on again after a holiday, is none.
const ALARM_AFTER_SECONDS: u64 = 3600;

/// That this machine works provisionally with a log, and until when it may.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ProvisionalNotice {
    /// Which log.
    pub log: Log,
    /// When the last full checkpoint of it was full.
    pub since: UtcSecond,
    /// When provisional work ends and this becomes an alarm.
    pub until: UtcSecond,
    /// Whose cosignatures are missing.
    pub missing: Vec<String>,
    /// From this leaf on, what the log says is provisional.
    pub first_provisional: u64,
}

impl std::fmt::Display for ProvisionalNotice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { log, since, until, missing, .. } = self;
        write!(
            f,
            "provisional: no witness of {} has cosigned the {log} log since {since}; if none does by {until}, this becomes an alarm",
            missing.join(", ")
        )
    }
}

impl Client {
    /// What a person must be told while this machine works provisionally, for each log; nothing when all is in order.
    pub fn provisional_notices(&self) -> Vec<ProvisionalNotice> {
        Log::ALL.into_iter().filter_map(|log| self.provisional_notice(log)).collect()
    }

    fn provisional_notice(&self, log: Log) -> Option<ProvisionalNotice> {
        let mirror = self.mirror(log);
        let work = self.policy.policy().provisional.as_ref()?;
        let full = mirror.full()?;
        let Standing::Provisional { missing } = self.standing(log) else { return None };
        Some(ProvisionalNotice {
            log,
            since: full.since,
            until: full.provisional_until(work.seconds),
            missing,
            first_provisional: full.head.size,
        })
    }

    /// How far witnesses stand behind this machine's copy of a log: behind the checkpoint that this process took, or else
    /// behind the one that is remembered.
    pub fn standing(&self, log: Log) -> Standing {
        let mirror = self.mirror(log);
        if !self.policy.logs().asks_for_witnesses() {
            return Standing::Unwitnessed;
        }
        match (mirror.standing(), mirror.checkpoint()) {
            (Some(standing), _) => standing.clone(),
            (None, Some(_)) if mirror.is_full() => Standing::Full,
            (None, Some(checkpoint)) => Standing::Provisional { missing: self.policy.missing(&self.policy.count_kept_votes(checkpoint)) },
            (None, None) => Standing::Provisional { missing: Vec::new() },
        }
    }

    /// The weaker standing of the two logs: what is done and shown rests on both.
    pub fn standing_of_both(&self) -> Standing {
        let [events, directory] = Log::ALL.map(|log| self.standing(log));
        if events.is_final() { directory } else { events }
    }

    /// Whether the event at `index` stands under a checkpoint that is all the policy asks for.
    pub fn is_final(&self, log: Log, index: u64) -> bool {
        !self.policy.logs().asks_for_witnesses() || self.mirror(log).full().is_some_and(|full| full.meets_policy && index < full.head.size)
    }

    /// Refuses acts of the events log that the policy does not let be done provisionally, while work is provisional.
    pub(super) fn require_permitted_now(&self, op: Op) -> Result<(), ClientError> {
        let is_provisional = Log::ALL.into_iter().any(|log| !self.standing(log).is_final());
        let is_allowed = self.policy.policy().provisional.as_ref().is_some_and(|work| work.acts.contains(&op));
        if !is_provisional || is_allowed || op.log() == Log::Directory {
            return Ok(());
        }
        let notices: Vec<String> = self.provisional_notices().iter().map(ToString::to_string).collect();
        Err(ClientError::not_possible(
            format!("your policy does not let {op} be done provisionally ({})", notices.join("; ")),
            "try again when all witnesses are back",
        ))
    }

    /// Takes a provisional checkpoint only in the window after the last full one.
    pub(super) fn require_in_time(&self, log: Log, checkpoint: &WitnessedCheckpoint, now: UnixMillis) -> Result<(), ClientError> {
        let (standing, mirror) = (checkpoint.standing(), self.mirror(log));
        if standing.is_final() {
            return Ok(());
        }
        self.require_window_open(log, mirror, now)?;
        match mirror.full() {
            Some(_) => Ok(()),
            None => Err(ClientError::not_possible(
                format!("this machine has not yet seen a checkpoint of the {log} log with all cosignatures, and this one is {standing}"),
                "try again when all witnesses are back: the first checkpoint must be a full one",
            )),
        }
    }

    /// What it means that too few stand behind a checkpoint of `log`: an alarm, or only patience.
    pub(super) fn explain_unwitnessed(&self, log: Log, rejected: &CheckpointRejected, now: UnixMillis) -> ClientError {
        match self.require_window_open(log, self.mirror(log), now) {
            Err(alarm) => alarm,
            Ok(()) => ClientError::NotWitnessed(rejected.to_string()),
        }
    }

    fn require_window_open(&self, log: Log, mirror: &Mirror, now: UnixMillis) -> Result<(), ClientError> {
        let (Some(work), Some(full)) = (&self.policy.policy().provisional, mirror.full()) else { return Ok(()) };
        let until = full.provisional_until(work.seconds);
        if now.to_second() <= until {
            return Ok(());
        }
        // A machine that was off for so long has not been refused anything yet: the first time it only waits.
        let refused_since = load_first_refusal(&self.profile.make_folder("memory")?, log, now)?;
        if now.to_second().unix() < refused_since.unix().saturating_add(ALARM_AFTER_SECONDS) {
            return Err(ClientError::NotWitnessed(format!(
                "the server shows no checkpoint of the {log} log with all cosignatures, and the time for provisional work ended on {until}\nhint: try again in some minutes; if it stays so for an hour, it becomes an alarm"
            )));
        }
        let provisional = mirror.head().size.saturating_sub(full.head.size);
        Err(ClientError::unproven(format!(
            "ALARM: since {} this machine has been shown no checkpoint of the {log} log with the cosignatures that your policy asks for; the time for that ended on {until}, and it has been refusing others since {refused_since}. {provisional} events are provisional. Either a witness has been away for so long, or the server keeps its cosignatures, and history, from you\nhint: call your state's auditor, and the operators of the witnesses, by another way than this network",
            full.since
        )))
    }
}
