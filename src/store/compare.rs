//! What is stored beside what the logs make of it: both in the order of their keys, row by row.

use std::fmt;

use crate::crypto::hash;
use crate::domain::{ChainKind, Hash, Log, SlipName, Tag};

use super::database::{Database, Row, Scan};
use super::fresh::FreshRows;
use super::reads::{decode_index, decode_node};
use super::rows::{Family, RowReader, log_of_byte, slip_of_key};
use super::{Acceptance, Store, StoreFault, StoredDocument, StoredStatement};

/// A row that is not as the logs make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDifference {
    /// How it differs.
    pub kind: DifferenceKind,
    /// Which row.
    pub row: RowName,
    /// What is stored, in words.
    pub stored: Option<String>,
    /// What the logs say, in words.
    pub fresh: Option<String>,
}

/// How a row differs from what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// It is not there.
    Missing,
    /// It is there and says something else.
    Altered,
    /// It is there and nothing accounts for it.
    Surplus,
    /// The disk gives no whole rows here; those after it in the same family were not compared.
    Unreadable,
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DifferenceKind::Missing => "missing",
            DifferenceKind::Altered => "altered",
            DifferenceKind::Surplus => "surplus",
            DifferenceKind::Unreadable => "unreadable",
        })
    }
}

/// A row by what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowName {
    /// A complete subtree's hash.
    Node {
        /// The log.
        log: Log,
        /// 0 for a leaf.
        level: u8,
        /// Counted in subtrees of this level.
        index: u64,
    },
    /// An entry of a chain.
    Chain {
        /// The chain's kind.
        kind: ChainKind,
        /// The chain's tag.
        tag: Tag,
        /// Its number, from 0.
        seq: u64,
    },
    /// Where a statement was accepted.
    Acceptance {
        /// The log.
        log: Log,
        /// SHA-256 of the statement.
        statement: Hash,
    },
    /// A value of one of `exchange`'s views.
    View {
        /// Which view.
        view: u8,
        /// Of what.
        tag: Tag,
    },
    /// A document's upload, length and digest.
    Document(Tag),
    /// A statement, by its SHA-256.
    Statement(Hash),
    /// A slip.
    Slip(SlipName),
    /// A key that no version of this program wrote, or a place between two rows.
    Other {
        /// The column family.
        family: &'static str,
        /// The key in hex.
        key: String,
    },
}

impl RowName {
    /// Whether the logs make this row, so that a rebuild puts it right.
    pub fn is_folded(&self) -> bool {
        match self {
            RowName::Statement(_) | RowName::Slip(_) => false,
            RowName::Other { family, .. } => Family::FOLDED.iter().any(|folded| folded.name() == *family),
            _ => true,
        }
    }
}

impl Store {
    /// Compares all rows that the logs account for with fresh ones, and gives every difference.
    ///
    /// # Errors
    /// When the disk cannot be read at all. What is damaged is a difference.
    pub fn compare_with(&self, fresh: &FreshRows, found: &mut dyn FnMut(RowDifference)) -> Result<(), StoreFault> {
        let kept = [Family::Statements, Family::Slips];
        self.reading(|database| Family::FOLDED.into_iter().chain(kept).try_for_each(|family| compare(database, fresh, family, found)))
    }
}

/// Walks one family and its fresh rows side by side.
fn compare(database: &Database, fresh: &FreshRows, family: Family, found: &mut dyn FnMut(RowDifference)) -> Result<(), StoreFault> {
    let mut expected = fresh.scan(family)?;
    let mut wanted = next(&mut expected)?;
    let mut last_key = Vec::new();
    let mut rows = match database.scan(family, &[], None) {
        Ok(rows) => rows,
        Err(fault) => return unreadable(family, &last_key, fault, found),
    };
    loop {
        let there = match next(&mut rows) {
            Ok(there) => there,
            Err(fault) => return unreadable(family, &last_key, fault, found),
        };
        // All that should come before this row, or after the last one.
        while let Some(row) = wanted.take_if(|(key, _)| there.as_ref().is_none_or(|(stored, _)| *key < *stored)) {
            found(difference(family, DifferenceKind::Missing, &row.0, None, Some(&row.1)));
            wanted = next(&mut expected)?;
        }
        let Some((key, stored)) = there else { return Ok(()) };
        match wanted.take_if(|(expected, _)| *expected == key) {
            Some((_, value)) => {
                if !is_same(family, &stored, &value) {
                    found(difference(family, DifferenceKind::Altered, &key, Some(&stored), Some(&value)));
                }
                wanted = next(&mut expected)?;
            }
            None => found(difference(family, surplus_kind(family, &key, &stored), &key, Some(&stored), None)),
        }
        last_key = key;
    }
}

fn next(rows: &mut Scan<'_>) -> Result<Option<Row>, StoreFault> {
    Ok(rows.next_row()?.map(|(key, value)| (key.to_vec(), value.to_vec())))
}

fn is_same(family: Family, stored: &[u8], fresh: &[u8]) -> bool {
    match family {
        // Only digests of these are folded: the rows themselves are nowhere else.
        Family::Statements | Family::Slips => hash(stored).as_bytes() == fresh,
        _ => stored == fresh,
    }
}

/// A statement that is not its key's was another one once.
fn surplus_kind(family: Family, key: &[u8], stored: &[u8]) -> DifferenceKind {
    let is_its_keys = |row: StoredStatement| hash(&row.statement).as_bytes() == key;
    match family {
        Family::Statements if !StoredStatement::decode(stored).is_ok_and(is_its_keys) => DifferenceKind::Altered,
        _ => DifferenceKind::Surplus,
    }
}

/// Damage is a difference; a disk that cannot be read is none.
fn unreadable(family: Family, after: &[u8], fault: StoreFault, found: &mut dyn FnMut(RowDifference)) -> Result<(), StoreFault> {
    let StoreFault::Damaged { cause, .. } = fault else { return Err(fault) };
    let row = RowName::Other { family: family.name(), key: format!("after {}", hex(after)) };
    found(RowDifference { kind: DifferenceKind::Unreadable, row, stored: Some(cause), fresh: None });
    Ok(())
}

fn difference(family: Family, kind: DifferenceKind, key: &[u8], stored: Option<&[u8]>, fresh: Option<&[u8]>) -> RowDifference {
    let row = name_row(family, key).unwrap_or_else(|| RowName::Other { family: family.name(), key: hex(key) });
    let stored = stored.map(|value| describe_stored(family, value));
    RowDifference { kind, row, stored, fresh: fresh.map(|value| describe(family, value)) }
}

fn name_row(family: Family, key: &[u8]) -> Option<RowName> {
    let mut row = RowReader::new("a key", key);
    let name = match family {
        Family::Nodes => {
            let [log, level] = row.take_array().ok()?;
            RowName::Node { log: log_of_byte(log)?, level, index: row.take_u64().ok()? }
        }
        Family::Index => {
            let [kind] = row.take_array().ok()?;
            let tag = Tag::from_bytes(row.take_array().ok()?);
            RowName::Chain { kind: ChainKind::from_byte(kind).ok()?, tag, seq: row.take_u64().ok()? }
        }
        Family::Idempotency => {
            let [log] = row.take_array().ok()?;
            RowName::Acceptance { log: log_of_byte(log)?, statement: Hash::from_bytes(row.take_array().ok()?) }
        }
        Family::Views => {
            let [view] = row.take_array().ok()?;
            RowName::View { view, tag: Tag::from_bytes(row.take_array().ok()?) }
        }
        Family::Documents => RowName::Document(Tag::from_bytes(row.take_array().ok()?)),
        Family::Statements => RowName::Statement(Hash::from_bytes(row.take_array().ok()?)),
        Family::Slips => return slip_of_key(key).map(RowName::Slip),
        _ => return None,
    };
    row.end(name).ok()
}

/// A stored value: as [`describe`], but statements and slips are there themselves.
fn describe_stored(family: Family, value: &[u8]) -> String {
    match family {
        Family::Statements | Family::Slips => digest_of(value),
        _ => describe(family, value),
    }
}

fn describe(family: Family, value: &[u8]) -> String {
    let words = match family {
        Family::Nodes => decode_node(value).map(|hash| hash.to_string()),
        Family::Index => decode_index(value).map(|leaf| format!("leaf {leaf}")),
        Family::Idempotency => Acceptance::decode(value).map(|at| format!("{} leaves from {}", at.leaf_count, at.first_leaf)),
        Family::Documents => StoredDocument::decode(value)
            .map(|document| format!("upload {}, {} bytes, SHA-256 {}", document.upload, document.bytes, document.sha256)),
        Family::Statements | Family::Slips => decode_node(value).map(|hash| format!("SHA-256 {hash}")),
        _ => Ok(if value.len() <= 32 { hex(value) } else { digest_of(value) }),
    };
    // What has not its form is shown as it is.
    words.unwrap_or_else(|_| if value.len() <= 100 { hex(value) } else { digest_of(value) })
}

fn digest_of(value: &[u8]) -> String {
    format!("{} bytes, SHA-256 {}", value.len(), hash(value))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
