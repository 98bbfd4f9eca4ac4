//! What the server has published last: heads with their signed checkpoints, and the directory at that size.

use std::sync::{Arc, PoisonError, RwLock};

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
}

pub(super) struct PublishedCell(RwLock<Arc<Published>>);

impl PublishedCell {
    pub(super) fn new(published: Published) -> Self {
        Self(RwLock::new(Arc::new(published)))
    }

    pub(super) fn current(&self) -> Arc<Published> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn publish(&self, published: Published) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(published);
    }
}
