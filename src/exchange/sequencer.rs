//! The one writer of both logs: takes what is queued, drafts it, commits it at once, signs, publishes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::directory_log::{extend_directory, load_frontier};
use super::draft::{Draft, Drafted, Frontiers, Job};
use super::faults::storage_full;
use super::published::{Published, PublishedCell};
use super::{ActError, ExchangeFault, LogKeys};
use crate::clock;
use crate::domain::{Log, TreeHead, UploadId};
use crate::store::{CommitFault, Store, StoreFault};
use crate::tlog::{LogSigningKey, sign_checkpoint};
use crate::trust::Directory;
use crate::wire::{Refusal, RefusalCode};

/// Acts that wait for the sequencer. More than this and callers are told to come back. Each holds a statement of at
/// most 1 MiB and at most 2,304 slips of 4 KiB, which is 10.5 MB; nearly all are a few kilobytes, and what all of
/// them hold together is bounded where they come in (`ACT_BODIES_BYTES_MAX`).
const QUEUE_MAX: usize = 64;

/// Acts in one commit. One sync serves them all; more would only make the first of them wait.
const BATCH_MAX: usize = 64;

struct Queued {
    job: Job,
    reply: SyncSender<Result<Drafted, ActError>>,
}

/// An act in the batch, and whom to tell.
struct Waiting {
    drafted: Drafted,
    uploads: Vec<UploadId>,
    reply: SyncSender<Result<Drafted, ActError>>,
}

/// The way to the sequencer.
pub(super) struct Queue {
    sender: Mutex<Option<SyncSender<Queued>>>,
    stopped: Arc<AtomicBool>,
}

impl Queue {
    /// Hands an act over and waits for its outcome.
    pub(super) fn sequence(&self, job: Job) -> Result<Drafted, ActError> {
        let (reply, answer) = sync_channel(1);
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sender = sender.ok_or(ExchangeFault::Stopped)?;
        match sender.try_send(Queued { job, reply }) {
            Ok(()) => answer.recv().unwrap_or(Err(ExchangeFault::Stopped.into())),
            Err(TrySendError::Full(_)) => Err(Refusal::new(RefusalCode::Busy, "too many acts are waiting").into()),
            Err(TrySendError::Disconnected(_)) => Err(ExchangeFault::Stopped.into()),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Recomputes both roots from the stored nodes, compares them with the stored heads, signs them.
pub(super) fn load_published(store: &Store, keys: &LogKeys, directory: Directory) -> Result<(Frontiers, Published), ExchangeFault> {
    let heads = store.load_heads()?;
    let frontiers = Frontiers::load(store, &heads)?;
    if directory.size() != heads.directory.size {
        return Err(ExchangeFault::Damaged { what: "directory" });
    }
    let published = sign_published(keys, heads.events, heads.directory, Arc::new(directory))?;
    Ok((frontiers, published))
}

/// Signs what is durable. Called with heads that were just read from disk or just committed, never others.
fn sign_published(
    keys: &LogKeys,
    events: TreeHead,
    directory_head: TreeHead,
    directory: Arc<Directory>,
) -> Result<Published, ExchangeFault> {
    let sign = |key: &LogSigningKey, head| sign_checkpoint(key, head).map_err(|_| ExchangeFault::Damaged { what: "log key" });
    Ok(Published { events: sign(&keys.events, events)?, directory_head: sign(&keys.directory, directory_head)?, directory })
}

/// Starts the sequencer's thread.
pub(super) fn spawn(
    store: Store,
    keys: Arc<LogKeys>,
    published: Arc<PublishedCell>,
    frontiers: Frontiers,
) -> Result<(Queue, JoinHandle<()>), ExchangeFault> {
    let (sender, receiver) = sync_channel(QUEUE_MAX);
    let stopped = Arc::new(AtomicBool::new(false));
    let mut sequencer = Sequencer { store, keys, published, frontiers, met_full_disk: false, stopped: stopped.clone() };
    let thread = std::thread::Builder::new().name("sequencer".into()).spawn(move || sequencer.run(&receiver))?;
    Ok((Queue { sender: Mutex::new(Some(sender)), stopped }, thread))
}

struct Sequencer {
    store: Store,
    keys: Arc<LogKeys>,
    published: Arc<PublishedCell>,
    frontiers: Frontiers,
    /// A commit met a full disk, and nothing was written since.
    met_full_disk: bool,
    stopped: Arc<AtomicBool>,
}

impl Drop for Sequencer {
    /// However its thread ends, by a fault or by a panic, whoever watches learns that nothing more is taken.
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
    }
}

impl Sequencer {
    fn run(&mut self, receiver: &Receiver<Queued>) {
        while let Ok(first) = receiver.recv() {
            if let Err(fault) = self.sequence_batch(first, receiver) {
                // The outcome on disk is unknown, so nothing more may be signed from this memory.
                tracing::error!(%fault, "the sequencer stops: restart the server");
                return;
            }
        }
    }

    /// Takes the first act and those that wait behind it, as many as one commit holds.
    fn sequence_batch(&mut self, first: Queued, receiver: &Receiver<Queued>) -> Result<(), ExchangeFault> {
        if self.met_full_disk && !self.has_room_again()? {
            answer(&first.reply, Err(storage_full().into()));
            return Ok(());
        }
        let base = self.published.current();
        let mut draft = Draft::begin(&self.store, base, self.frontiers.clone(), clock::now())?;
        let mut waiting = Vec::new();
        let mut next = Some(first);
        while let Some(Queued { job, reply }) = next {
            let uploads = job.uploads();
            match draft.admit(job) {
                Ok(drafted) => waiting.push(Waiting { drafted, uploads, reply }),
                Err(error) => answer(&reply, Err(error)),
            }
            let has_room = waiting.len() < BATCH_MAX && draft.has_room();
            next = if has_room { receiver.try_recv().ok() } else { None };
        }
        if draft.is_empty() {
            answer_accepted(waiting);
            return Ok(());
        }
        let finished = draft.finish();
        match self.store.commit(&finished.batch) {
            Ok(()) => {}
            Err(CommitFault::Fault(StoreFault::Full { .. })) => {
                self.met_full_disk = true;
                waiting.iter().for_each(|act| answer(&act.reply, Err(storage_full().into())));
                return Ok(());
            }
            Err(CommitFault::UploadGone(id) | CommitFault::UploadDamaged(id)) => {
                // Its file no longer checks. Nothing was written, and it is no reason to stop for everyone else.
                waiting.iter().for_each(|act| answer(&act.reply, Err(describe_lost_upload(act, &id))));
                return Ok(());
            }
            Err(CommitFault::Inconsistent(rule)) => {
                // A fault of this program, for these acts; memory and disk still agree.
                tracing::error!(rule, "the store found a batch inconsistent");
                waiting.iter().for_each(|act| answer(&act.reply, Err(ExchangeFault::Damaged { what: "batch" }.into())));
                return Ok(());
            }
            Err(CommitFault::Fault(fault)) => return Err(fault.into()),
            Err(refused) => {
                // Checked before it was handed over, so this is a contradiction between memory and disk.
                tracing::error!(%refused, "the store refused a batch");
                return Err(ExchangeFault::Damaged { what: "agreement of sequencer and store" });
            }
        }
        // From here on every act of the batch is on disk, and the guard file says so. A crash now loses
        // only answers; the same statements sent again are answered with their receipts.
        self.frontiers = finished.frontiers;
        self.published.publish(sign_published(&self.keys, finished.events, finished.directory_head, finished.directory)?);
        answer_accepted(waiting);
        Ok(())
    }

    /// After a full disk: whether there is room again. What is stored then is taken up as when the process starts,
    /// for the write that failed may be there.
    fn has_room_again(&mut self) -> Result<bool, ExchangeFault> {
        let heads = match self.store.heal() {
            Ok(heads) => heads,
            Err(StoreFault::Full { .. }) => return Ok(false),
            Err(fault) => return Err(fault.into()),
        };
        let base = self.published.current();
        if Log::ALL.iter().any(|log| heads.of(*log) != base.head(*log).head()) {
            let directory = extend_directory(&self.store, Directory::clone(&base.directory))?;
            let (frontiers, published) = load_published(&self.store, &self.keys, directory)?;
            self.frontiers = frontiers;
            self.published.publish(published);
        }
        self.met_full_disk = false;
        Ok(true)
    }
}

fn answer_accepted(waiting: Vec<Waiting>) {
    waiting.into_iter().for_each(|Waiting { drafted, reply, .. }| answer(&reply, Ok(drafted)));
}

/// What the acts of a batch are told that a lost upload has undone: the one that named it, and the others.
fn describe_lost_upload(act: &Waiting, lost: &UploadId) -> ActError {
    if act.uploads.contains(lost) {
        return Refusal::new(RefusalCode::UploadMismatch, format!("the upload {lost} is gone or damaged")).into();
    }
    Refusal::new(RefusalCode::Busy, "another act of the same moment could not be written").into()
}

/// The caller may have gone away; its act stands all the same.
fn answer(reply: &SyncSender<Result<Drafted, ActError>>, outcome: Result<Drafted, ActError>) {
    let _ = reply.send(outcome);
}

impl Frontiers {
    fn load(store: &Store, heads: &crate::store::Heads) -> Result<Self, ExchangeFault> {
        let load = |log: Log| {
            let head = heads.of(log);
            let frontier = load_frontier(store, log, head.size)?;
            if frontier.root() == head.root { Ok(frontier) } else { Err(ExchangeFault::Damaged { what: "tree" }) }
        };
        Ok(Self { events: load(Log::Events)?, directory: load(Log::Directory)? })
    }
}
