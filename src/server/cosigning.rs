//! Has witnesses stand behind what is published, before members are shown it.
//!
//! ```text
//! commit ──▶ durable heads ──▶ all witnesses that are there, at once, both logs ──▶ heads shown with their lines
//!                                   │ no answer in time: away                         (with fewer when some are away)
//!                                   └──▶ asked by itself, every few seconds, until it is back
//! ```
//!
//! A witness that stops answering delays one round by its deadline each time, and none while it is away. All commits that
//! come while witnesses are asked go into the next round together.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::witness_link::{Given, WitnessFault, WitnessLink};
use crate::domain::Log;
use crate::exchange::{Exchange, Published, ROUND_DEADLINE};
use crate::net::LinkFault;
use crate::tlog::WitnessVerifierKey;
use crate::wire::{NoteSignature, WitnessSheet};

/// How often one that is away is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often heads are brought again when nothing happens, so that their cosignatures do not get old.
const IDLE_ROUND_AFTER: Duration = Duration::from_secs(10 * 60);

/// The witnesses cannot be asked, or what they say forbids to go on.
#[derive(Debug, thiserror::Error)]
pub enum CosigningRefused {
    /// A sheet that cannot be used.
    #[error("the witness {key} cannot be asked: {reason}\nhint: ask its operator for its sheet again")]
    Sheet {
        /// The verifier key as the sheet has it.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// A witness knows more of a log, or another one.
    #[error(
        "the witness {name} does not let this server go on: {reason}\nhint: see \"An old state of the log\" in OPERATIONS.md; if the witness is the one that is wrong, take its sheet out of the witnesses folder"
    )]
    LogRefused {
        /// The witness.
        name: String,
        /// What it knows.
        reason: String,
    },
}

/// Asks witnesses for as long as it runs.
pub struct Cosigning {
    exchange: Arc<Exchange>,
    moved: Arc<Notify>,
    keys: Vec<WitnessVerifierKey>,
    /// What each gave last, in the order of `keys`, whether it is there now or not.
    given: Vec<[Option<Given>; 2]>,
    present: Vec<WitnessLink>,
    away: JoinSet<Result<WitnessLink, WitnessFault>>,
}

impl Cosigning {
    /// Asks each witness once, and shows the heads. From then on nothing newer is shown until [`Cosigning::run`] does.
    ///
    /// # Errors
    /// When a sheet cannot be used, or a witness has seen more of a log than there is, or another one.
    pub async fn begin(exchange: Arc<Exchange>, sheets: &[WitnessSheet]) -> Result<Self, CosigningRefused> {
        let link =
            |sheet: &WitnessSheet| WitnessLink::new(sheet).map_err(|reason| CosigningRefused::Sheet { key: sheet.key.clone(), reason });
        let present = sheets.iter().map(link).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<WitnessVerifierKey> = present.iter().map(|link| link.key().clone()).collect();
        if let Some((_, twice)) = keys.iter().enumerate().find(|(at, key)| keys[..*at].contains(key)) {
            return Err(CosigningRefused::Sheet { key: twice.to_wire().to_string(), reason: "there are two sheets of it".into() });
        }
        let given = vec![[None, None]; keys.len()];
        let moved = Arc::new(Notify::new());
        let on_moved = moved.clone();
        exchange.show_when_told(Box::new(move || on_moved.notify_one()));
        let mut cosigning = Self { exchange, moved, keys, given, present, away: JoinSet::new() };
        if let Some((link, fault)) = cosigning.round().await.into_iter().find(|(_, fault)| fault.is_about_log()) {
            return Err(CosigningRefused::LogRefused { name: link, reason: fault.to_string() });
        }
        Ok(cosigning)
    }

    /// Goes on for ever; ends only if a witness that was away at the start has seen more of a log than there is, or
    /// another one, or if a task fails.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                () = self.moved.notified() => {}
                () = sleep(IDLE_ROUND_AFTER) => {}
                Some(back) = self.away.join_next(), if !self.away.is_empty() => {
                    let Ok(Ok(link)) = back else { return };
                    tracing::info!(witness = %link.key().name(), "a witness is back");
                    self.present.push(link);
                }
            }
            self.round().await;
        }
    }

    /// Brings the heads of this moment to all that are there, and shows them with what came back. Gives the witnesses that
    /// did not cosign, by name.
    async fn round(&mut self) -> Vec<(String, WitnessFault)> {
        let published = self.exchange.published();
        let mut asked = JoinSet::new();
        for link in self.present.drain(..) {
            asked.spawn(ask(link, self.exchange.clone(), published.clone()));
        }
        let mut faults = Vec::new();
        while let Some(answered) = asked.join_next().await {
            // A task that failed has its witness with it: the server had better begin anew.
            let (link, outcome) = answered.unwrap_or_else(|failed| resume_unwind(failed.into_panic()));
            if let Some(at) = self.keys.iter().position(|key| key == link.key()) {
                self.given[at] = link.given();
            }
            match outcome {
                Ok(()) => self.present.push(link),
                Err(fault) => {
                    let name = link.key().name().to_string();
                    trace_fault(&name, &fault);
                    self.away.spawn(ask_until_back(link, self.exchange.clone()));
                    faults.push((name, fault));
                }
            }
        }
        self.show(&published);
        faults
    }

    /// Shows both heads with all lines for them that still count, also of a witness that is away by now.
    fn show(&self, published: &Published) {
        let cosigned = Log::ALL.map(|log| {
            let head = published.head(log);
            let lines = self.given.iter().filter_map(|given| given[log.place()].as_ref()?.line_for(head.head()));
            head.with_cosignatures(&self.keys, &lines.collect::<Vec<NoteSignature>>())
        });
        match cosigned {
            [Ok(events), Ok(directory)] => self.exchange.show_heads(events, directory),
            _ => tracing::error!("the cosignatures do not fit into a note"),
        }
    }
}

async fn ask(mut link: WitnessLink, exchange: Arc<Exchange>, published: Arc<Published>) -> (WitnessLink, Result<(), WitnessFault>) {
    let outcome = timeout(ROUND_DEADLINE, link.cosign(&exchange, &published)).await;
    let outcome = outcome.unwrap_or(Err(WitnessFault::Link(LinkFault::TooSlow("a cosignature"))));
    (link, outcome)
}

/// Asks until it cosigns again. What a witness says against the log stops the server if it is the first that it says since
/// the server began: then this may be an old state of the log, and nobody could tell before.
async fn ask_until_back(mut link: WitnessLink, exchange: Arc<Exchange>) -> Result<WitnessLink, WitnessFault> {
    loop {
        sleep(ASK_AGAIN_AFTER).await;
        let published = exchange.published();
        let (again, outcome) = ask(link, exchange.clone(), published).await;
        link = again;
        let Err(fault) = outcome else { return Ok(link) };
        let name = link.key().name().to_string();
        if fault.is_about_log() {
            trace_fault(&name, &fault);
            if !link.has_cosigned() {
                return Err(fault);
            }
        } else {
            tracing::debug!(witness = name, %fault, "a witness is still away");
        }
    }
}

fn trace_fault(witness: &str, fault: &WitnessFault) {
    if fault.is_about_log() {
        tracing::error!(witness, %fault, "a witness does not stand behind this log");
    } else {
        tracing::warn!(witness, %fault, "a witness is away; work goes on provisionally");
    }
}
