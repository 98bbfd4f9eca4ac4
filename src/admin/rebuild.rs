//! `admin rebuild`: folds both logs again, says what is stored otherwise, and puts right what the logs make.

use std::path::Path;

use super::{AdminFault, load_server};
use crate::domain::Log;
use crate::exchange::{Difference, FoldNews, LogsFolded, Part, fold_logs};
use crate::store::Store;

/// What the fold found, and what was done about it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct RebuildReport {
    /// Leaves of the events log.
    pub event_leaves: u64,
    /// Leaves of the directory log.
    pub directory_entries: u64,
    /// All that was stored otherwise than the logs say, as it was found.
    pub differences: Vec<Difference>,
    /// Whether the indexes were replaced, so that those among the differences are no more.
    pub is_rebuilt: bool,
}

impl RebuildReport {
    /// The differences that are still there.
    pub fn remaining(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| !(self.is_rebuilt && difference.part == Part::Indexes))
    }

    /// Whether the logs themselves do not hold. Then nothing was replaced, and what the indexes differ in may only
    /// follow from that.
    pub fn are_logs_damaged(&self) -> bool {
        self.differences.iter().any(|difference| difference.part == Part::Logs)
    }
}

/// What is to be done about what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildMode {
    /// Nothing.
    Check,
    /// The indexes are replaced, if the logs hold and any of them differs or an earlier rebuild was cut short.
    Replace,
}

/// Folds the logs of a server that is not running, compares its indexes with them, and replaces them if that is asked
/// for and needed. `on_progress` is told of which log how many leaves of how many are folded.
///
/// # Errors
/// When the store cannot be opened or read, or has no room. After a fault while rows are replaced the store opens for
/// another rebuild only, which it says.
pub fn rebuild_server(config: &Path, mode: RebuildMode, on_progress: &mut dyn FnMut(Log, u64, u64)) -> Result<RebuildReport, AdminFault> {
    let server = load_server(config)?;
    let settings = &server.config.store;
    let store = match mode {
        RebuildMode::Check => Store::open(settings)?,
        RebuildMode::Replace => Store::open_for_rebuild(settings)?,
    };
    let mut differences = Vec::new();
    let LogsFolded { events, directory, sound } = fold_logs(&store, &server.keys, server.anchors, &mut |news| match news {
        FoldNews::Found(difference) => differences.push(difference),
        FoldNews::Leaves { log, done, all } => on_progress(log, done, all),
    })?;
    let is_needed = store.is_rebuild_unfinished()? || differences.iter().any(|difference| difference.part == Part::Indexes);
    let sound = sound.filter(|_| is_needed && mode == RebuildMode::Replace);
    let is_rebuilt = sound.is_some();
    if let Some(sound) = sound {
        sound.rebuild(&store)?;
    }
    Ok(RebuildReport { event_leaves: events, directory_entries: directory, differences, is_rebuilt })
}
