//! `admin verify`: reads all that is stored and says whether it is what it was.

use std::path::Path;

use super::{AdminFault, load_server};
use crate::exchange::{ExchangeFault, FoldNews, fold_logs};
use crate::store::{Store, VerifyProgress};

/// What the verification found.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StorageReport {
    /// Rows that were read.
    pub rows: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Leaves of the events log, each opened by its statement.
    pub event_leaves: u64,
    /// Entries of the directory log, each judged again.
    pub directory_entries: u64,
    /// What does not check, in words. Empty means that all is well.
    pub damages: Vec<String>,
}

/// Verifies the store of a server that is not running: every row and blob, both logs, and the indexes by the logs.
///
/// # Errors
/// When it cannot be opened or read; damage that was found is in the report.
pub fn verify_server(config: &Path, on_progress: &mut dyn FnMut(VerifyProgress)) -> Result<StorageReport, AdminFault> {
    let server = load_server(config)?;
    let store = Store::open(&server.config.store)?;
    let mut last = None;
    let damages = store.verify_storage(&mut |progress| {
        last = Some(progress);
        on_progress(progress);
    })?;
    let mut damages: Vec<String> = damages.iter().map(|damage| format!("{}: {}", damage.place, damage.cause)).collect();
    let folded = fold_logs(&store, &server.keys, server.anchors, &mut |news| {
        if let FoldNews::Found(difference) = news {
            damages.push(difference.to_string());
        }
    });
    let (event_leaves, directory_entries) = match folded {
        Ok(folded) => (folded.events, folded.directory),
        Err(fault @ ExchangeFault::Damaged { .. }) => {
            damages.push(fault.to_string());
            (0, 0)
        }
        // Damage that was named above also stops the second reading.
        Err(_) if !damages.is_empty() => (0, 0),
        Err(fault) => return Err(fault.into()),
    };
    let (rows, bytes) = last.map_or((0, 0), |progress| (progress.rows, progress.bytes));
    Ok(StorageReport { rows, bytes, event_leaves, directory_entries, damages })
}
