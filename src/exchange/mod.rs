//! The server's acts, without HTTP and without an async runtime: admit, accept, sequence, release, receipt.
//!
//! Never names a status code or a header; holds the log keys and signs checkpoints with them, but can
//! neither make nor alter a statement, nor open a document.
//!
//! ```text
//!  caller's thread                              the sequencer's thread (one)
//!  accept_act: decode ── verify ── claim ──▶ queue ──▶ draft: permit, leaves, indexes   (many acts)
//!                                                       │
//!                                                       ▼  one synced batch      ◀── true from here on
//!                                                      guard file, checkpoints signed, published
//!                                                       │ witnesses asked, if there are any
//!  receipt: proofs under the head that is shown ◀───────┘
//! ```
//!
//! A crash before the batch leaves nothing of an act; one after it leaves all of it, and the same
//! statement sent again gets its receipt.

mod accept;
mod budget;
mod differences;
mod directory_log;
mod draft;
mod event_fold;
mod faults;
mod fold;
mod heads;
mod published;
mod reading;
mod receipts;
mod releases;
mod sequencer;
mod tree_fold;
mod uploads;
mod views;

use std::sync::Arc;
use std::thread::JoinHandle;

use crate::domain::{Log, Origin};
use crate::store::Store;
use crate::tlog::LogSigningKey;
use crate::trust::{Directory, TrustAnchors};

pub use crate::store::{UploadFault, UploadProgress, UploadWriter};
pub use differences::{Difference, Part};
pub use faults::{ActError, ExchangeFault};
pub use fold::{FoldNews, LogsFolded, SoundFold, fold_logs};
pub use heads::ROUND_DEADLINE;
pub use published::{HeadsMoved, Published};
pub use releases::ReleasedBlob;

use budget::LeafBudget;
use published::PublishedCell;
use sequencer::Queue;

/// The two keys that sign checkpoints. Their names are the logs' origins.
pub struct LogKeys {
    /// Of the events log.
    pub events: LogSigningKey,
    /// Of the directory log.
    pub directory: LogSigningKey,
}

impl LogKeys {
    fn origin(&self, log: Log) -> &Origin {
        match log {
            Log::Events => self.events.origin(),
            Log::Directory => self.directory.origin(),
        }
    }
}

/// The server's side of every act.
pub struct Exchange {
    store: Store,
    keys: Arc<LogKeys>,
    published: Arc<PublishedCell>,
    queue: Queue,
    budget: LeafBudget,
    sequencer: Option<JoinHandle<()>>,
}

impl Exchange {
    /// Takes up the stored logs: recomputes both roots from their nodes and compares them with the
    /// stored heads before anything is signed, folds the directory, starts the sequencer.
    ///
    /// # Errors
    /// When what is stored does not check, or cannot be read.
    pub fn open(store: Store, keys: LogKeys, anchors: TrustAnchors) -> Result<Self, ExchangeFault> {
        let keys = Arc::new(keys);
        let empty = Directory::new(keys.origin(Log::Directory).clone(), Arc::new(anchors));
        let directory = directory_log::extend_directory(&store, empty)?;
        let (frontiers, published) = sequencer::load_published(&store, &keys, directory)?;
        let published = Arc::new(PublishedCell::new(published));
        let (queue, sequencer) = sequencer::spawn(store.clone(), keys.clone(), published.clone(), frontiers)?;
        Ok(Self { store, keys, published, queue, budget: LeafBudget::default(), sequencer: Some(sequencer) })
    }

    /// What the server has published last.
    pub fn published(&self) -> Arc<Published> {
        self.published.current()
    }

    /// Whether a storage fault has stopped the sequencer, so that the process must end and start again.
    pub fn is_stopped(&self) -> bool {
        self.queue.is_stopped()
    }
}

impl Drop for Exchange {
    /// Ends the sequencer after what is already queued.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.sequencer.take() {
            // A panic of the sequencer has been traced by its own thread.
            let _ = thread.join();
        }
    }
}
