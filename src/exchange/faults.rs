//! What can go wrong on our side, and the two ways an act can end without a receipt.

use crate::store::StoreFault;
use crate::wire::{Refusal, RefusalCode};

/// A fault of the server. Callers see a request id only; the operator sees this.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeFault {
    /// The store cannot read or write.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// What is stored does not agree with itself.
    #[error("the stored {what} does not check")]
    Damaged {
        /// Which part.
        what: &'static str,
    },
    /// The sequencer is gone; the process must be started again.
    #[error("the sequencer has stopped")]
    Stopped,
    /// The sequencer's thread could not be started.
    #[error("the sequencer cannot be started: {0}")]
    Spawn(#[from] std::io::Error),
}

/// Why an act got no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// Theirs to fix.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] ExchangeFault),
}

impl From<StoreFault> for ActError {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Full { .. } => ActError::Refused(storage_full()),
            other => ActError::Fault(other.into()),
        }
    }
}

pub(super) fn storage_full() -> Refusal {
    Refusal::new(RefusalCode::StorageFull, "the server's disk has no room for this")
}
