//! Signed views: every statement says which head of the logs its actor had seen. A view that is not on this
//! log's history is a fork, and the statement its proof.

use std::collections::BTreeMap;

use crate::client::{ClientError, Mirror};
use crate::domain::{Hash, Log, TreeHead};
use crate::tlog::{Frontier, leaf_hash};

/// The views to be compared with one log's history.
pub(super) struct Views {
    log: Log,
    views: Vec<View>,
}

struct View {
    head: TreeHead,
    /// The log's size when the statement was logged: nobody can have seen more.
    size_max: u64,
    /// The statement.
    sha256: Hash,
}

impl Views {
    pub(super) fn of(log: Log) -> Self {
        Self { log, views: Vec::new() }
    }

    /// Takes the view that a statement signs. The log had `size_max` leaves when the statement was logged.
    pub(super) fn take(&mut self, head: TreeHead, size_max: u64, sha256: Hash) {
        self.views.push(View { head, size_max, sha256 });
    }

    /// Compares all of them with the auditor's own copy. Gives their number.
    pub(super) fn verify(&self, mirror: &Mirror) -> Result<u64, ClientError> {
        let mut roots: BTreeMap<u64, Option<Hash>> = self.views.iter().map(|view| (view.head.size, None)).collect();
        let mut frontier = Frontier::new();
        let mut note = |frontier: &Frontier| {
            if let Some(root) = roots.get_mut(&frontier.size()) {
                *root = Some(frontier.root());
            }
        };
        note(&frontier);
        mirror.scan(0, |_, leaf| {
            frontier.append(leaf_hash(leaf));
            note(&frontier);
            Ok(())
        })?;
        for view in &self.views {
            let root = roots.get(&view.head.size).copied().flatten();
            if root != Some(view.head.root) || view.head.size > view.size_max {
                return Err(ClientError::unproven(format!(
                    "statement {} was signed in view of another history of the {} log (size {}, root {})\nhint: keep this profile's folder; the signed statement proves that the log was shown in two ways",
                    view.sha256, self.log, view.head.size, view.head.root
                )));
            }
        }
        Ok(self.views.len() as u64)
    }
}
