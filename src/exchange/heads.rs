//! The heads that members are shown, and what witnesses need to stand behind them.

use std::sync::Arc;
use std::time::Duration;

use super::directory_log::StoredNodes;
use super::published::HeadsMoved;
use super::{Exchange, ExchangeFault};
use crate::domain::{Hash, Log};
use crate::tlog::{VerifiedCheckpoint, prove_consistency};

/// How long a witness has for both heads: three round trips over a satellite.
pub const ROUND_DEADLINE: Duration = Duration::from_secs(3);

/// How long an act waits for the witnesses before its receipt is given under a head without them: the round that it just
/// missed, its own, and some more.
const SHOWN_PATIENCE: Duration = Duration::from_secs(8);
const _: () = assert!(SHOWN_PATIENCE.as_secs() > 2 * ROUND_DEADLINE.as_secs());

impl Exchange {
    /// The newest checkpoint of a log that members are shown.
    pub fn shown(&self, log: Log) -> Arc<VerifiedCheckpoint> {
        self.published.shown(log)
    }

    /// A head to prove a log's first `size` leaves under: one that is shown, if it comes in time.
    pub(super) fn await_shown(&self, log: Log, size: u64) -> Arc<VerifiedCheckpoint> {
        self.published.await_shown(log, size, SHOWN_PATIENCE)
    }

    /// From now on heads are shown only through [`Exchange::show_heads`]; `on_moved` is called after each commit.
    pub fn show_when_told(&self, on_moved: HeadsMoved) {
        self.published.show_when_told(on_moved);
    }

    /// Shows heads of one moment, of the events log and of the directory log, with the cosignatures that they have. What
    /// is not durable, or older than what is shown, is not shown.
    pub fn show_heads(&self, events: VerifiedCheckpoint, directory: VerifiedCheckpoint) {
        self.published.show([events, directory]);
    }

    /// Proves that the log of the first `from` leaves is the beginning of that of the first `to`.
    ///
    /// # Errors
    /// When there are not so many leaves, or the nodes cannot be read.
    pub fn prove_consistency(&self, log: Log, from: u64, to: u64) -> Result<Vec<Hash>, ExchangeFault> {
        prove_consistency(&StoredNodes { store: &self.store, log }, from, to).map_err(|_| ExchangeFault::Damaged { what: "tree" })
    }
}
