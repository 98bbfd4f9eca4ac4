//! What the server has published last: heads with their signed checkpoints, and the directory at that size; and the
//! heads that it shows, with the cosignatures of witnesses.
//!
//! ```text
//! commit ── publish ──▶ durable heads ── witnesses asked ── show ──▶ shown heads: never ahead, never back
//!                            └ without witnesses they are shown at once
//! ```

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::Log;
use crate::tlog::VerifiedCheckpoint;
use crate::trust::Directory;

/// Everything in here is durable. It is replaced as a whole after each commit.
#[derive(Debug)]
pub struct Published {
    /// The events log.
    pub events: VerifiedCheckpoint,
    /// The directory log.
    pub directory_head: VerifiedCheckpoint,
    /// The directory, folded up to its head.
    pub directory: Arc<Directory>,
}

impl Published {
    /// The newest checkpoint of one of the logs.
    pub fn head(&self, log: Log) -> &VerifiedCheckpoint {
        match log {
            Log::Events => &self.events,
            Log::Directory => &self.directory_head,
        }
    }

    fn both(&self) -> [Arc<VerifiedCheckpoint>; 2] {
        Log::ALL.map(|log| Arc::new(self.head(log).clone()))
    }
}

/// Told after each commit that the durable heads have moved. Must not block.
pub type HeadsMoved = Box<dyn Fn() + Send + Sync>;

pub(super) struct PublishedCell {
    heads: Mutex<Heads>,
    shown: Condvar,
}

struct Heads {
    published: Arc<Published>,
    /// Of the events log, then of the directory log.
    shown: [Arc<VerifiedCheckpoint>; 2],
    /// Who asks witnesses, and shows heads when they have answered.
    on_moved: Option<HeadsMoved>,
}

impl PublishedCell {
    pub(super) fn new(published: Published) -> Self {
        let published = Arc::new(published);
        let shown = published.both();
        Self { heads: Mutex::new(Heads { published, shown, on_moved: None }), shown: Condvar::new() }
    }

    pub(super) fn current(&self) -> Arc<Published> {
        self.lock().published.clone()
    }

    pub(super) fn publish(&self, published: Published) {
        let mut heads = self.lock();
        heads.published = Arc::new(published);
        match &heads.on_moved {
            Some(on_moved) => on_moved(),
            None => heads.shown = heads.published.both(),
        }
    }

    /// From now on heads are shown only when [`PublishedCell::show`] says so.
    pub(super) fn show_when_told(&self, on_moved: HeadsMoved) {
        self.lock().on_moved = Some(on_moved);
    }

    pub(super) fn shown(&self, log: Log) -> Arc<VerifiedCheckpoint> {
        self.lock().shown[log.place()].clone()
    }

    /// Shows durable heads with the cosignatures they have, of one moment: events refer to directory entries, so that
    /// the directory shown is never behind them. A head that is older than the one shown is left out.
    pub(super) fn show(&self, checkpoints: [VerifiedCheckpoint; 2]) {
        let mut heads = self.lock();
        for (log, checkpoint) in Log::ALL.into_iter().zip(checkpoints) {
            let is_durable = checkpoint.head().size <= heads.published.head(log).head().size;
            if is_durable && heads.shown[log.place()].head().size <= checkpoint.head().size {
                heads.shown[log.place()] = Arc::new(checkpoint);
            }
        }
        drop(heads);
        self.shown.notify_all();
    }

    /// Waits until a head of at least so many leaves is shown; for so long at most, and then gives the durable one.
    pub(super) fn await_shown(&self, log: Log, size: u64, patience: Duration) -> Arc<VerifiedCheckpoint> {
        let is_short = |heads: &mut Heads| heads.shown[log.place()].head().size < size;
        let (heads, timeout) = self.shown.wait_timeout_while(self.lock(), patience, is_short).unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() { Arc::new(heads.published.head(log).clone()) } else { heads.shown[log.place()].clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Heads> {
        // Every change is one assignment, so a panic elsewhere leaves nothing half done.
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
