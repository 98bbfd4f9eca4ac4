//! What is not as the logs say, in words for an operator.

use std::fmt;

use serde::Serialize;

use super::views::{CASE_VIEW, LEAF_VIEW, RELEASE_VIEW, index_of_leaf_key};
use crate::domain::{Log, SlipName};
use crate::store::{DifferenceKind, RowDifference, RowName};

/// One thing that is stored otherwise than the logs say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// How it differs.
    pub kind: DifferenceKind,
    /// Whose fault it is, and so what puts it right.
    pub part: Part,
    /// Where.
    pub place: String,
    /// What is stored.
    pub stored: String,
    /// What the logs say.
    pub logs: String,
}

/// Which part of the store a difference is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The logs themselves: leaves, heads, statements that leaves name. Nothing can be folded from them as they are;
    /// only a backup helps.
    Logs,
    /// What the logs name by its digest and do not make: statements and slips. Only a backup helps.
    Kept,
    /// What the logs make. A rebuild puts it right.
    Indexes,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { kind, place, stored, logs, .. } = self;
        write!(f, "{kind}: {place}: stored is {stored}; the logs say {logs}")
    }
}

impl Difference {
    pub(super) fn of_row(row: RowDifference) -> Self {
        let part = if row.row.is_folded() { Part::Indexes } else { Part::Kept };
        let nothing = || "nothing".to_owned();
        let logs = match (row.fresh, row.kind) {
            (Some(fresh), _) => fresh,
            (None, DifferenceKind::Altered) => "a text of this SHA-256".to_owned(),
            (None, DifferenceKind::Unreadable) => "more than can be compared".to_owned(),
            (None, _) => nothing(),
        };
        Self { kind: row.kind, part, place: name(&row.row), stored: row.stored.unwrap_or_else(nothing), logs }
    }
}

fn name(row: &RowName) -> String {
    match row {
        RowName::Node { log, level, index } => format!("tree of the {log} log, level {level}, node {index}"),
        RowName::Chain { kind, tag, seq } => format!("chain of {} {tag}, number {seq}", format!("{kind:?}").to_lowercase()),
        RowName::Acceptance { log, statement } => format!("place of statement {statement} in the {log} log"),
        RowName::View { view: CASE_VIEW, tag } => format!("case {tag}"),
        RowName::View { view: RELEASE_VIEW, tag } => format!("release {tag}"),
        RowName::View { view: LEAF_VIEW, tag } => format!("statement of {} leaf {}", Log::Events, index_of_leaf_key(tag)),
        RowName::View { view, tag } => format!("view {view} of {tag}"),
        RowName::Document(tag) => format!("document {tag}"),
        RowName::Statement(sha256) => format!("statement {sha256}"),
        RowName::Slip(SlipName { document, authority, sha256 }) => format!("slip {sha256} of document {document} for {authority}"),
        RowName::Other { family, key } => format!("{family} {key}"),
    }
}
