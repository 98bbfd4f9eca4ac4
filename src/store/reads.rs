//! Reading rows. A row that must be there and is not is damage, not an answer.

use std::ops::Range;

use crate::crypto::hash;
use crate::domain::{ChainKind, Hash, Log, SlipName, Tag};

use super::database::Database;
use super::rows::{Family, RowReader, acceptance_key, index_key, leaf_key, node_key, slip_key, view_key};
use super::{Heads, Store, StoreFault, StoredDocument};

/// Rows that one call returns at most: a tile of the log has 256 leaves, and a leaf up to 64 kB.
pub const LOAD_ROWS_MAX: usize = 256;

/// Statements that one call returns at most, in bytes: eight of the largest.
pub const LOAD_STATEMENTS_BYTES: usize = 8 * 1024 * 1024;

/// A statement with the signature that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStatement {
    /// The signed text, byte for byte.
    pub statement: Vec<u8>,
    /// Its detached CMS signature (DER).
    pub signature: Vec<u8>,
}

/// Where in a log an accepted statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptance {
    /// The index of its first leaf.
    pub first_leaf: u64,
    /// How many leaves it made, at consecutive indices.
    pub leaf_count: u64,
}

/// One entry of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainLink {
    /// Its number in the chain, from 0.
    pub seq: u64,
    /// Its leaf in the events log.
    pub leaf_index: u64,
}

impl Store {
    /// The heads of both logs, as of the same commit.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_heads(&self) -> Result<Heads, StoreFault> {
        self.reading(Database::load_heads)
    }

    /// A leaf, or `None` beyond the end of the log.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_leaf(&self, log: Log, index: u64) -> Result<Option<Vec<u8>>, StoreFault> {
        self.reading(|database| database.load(Family::Leaves, &leaf_key(log, index)))
    }

    /// The leaves of a range, in order: as many as there are, and at most [`LOAD_ROWS_MAX`].
    ///
    /// # Errors
    /// When storage fails, or a leaf is damaged or missing between two others.
    pub fn load_leaves(&self, log: Log, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreFault> {
        self.reading(|database| {
            let mut rows = database.scan(Family::Leaves, &leaf_key(log, range.start), Some(leaf_key(log, range.end)))?;
            let mut leaves = Vec::new();
            for index in range.take(LOAD_ROWS_MAX) {
                match rows.next_row()? {
                    Some((key, leaf)) if key == leaf_key(log, index) => leaves.push(leaf.to_vec()),
                    Some(_) => return Err(missing("leaves", index)),
                    None => break,
                }
            }
            Ok(leaves)
        })
    }

    /// The leaves that are there from an index on, gaps or not, by their indices: at most [`LOAD_ROWS_MAX`]. For
    /// whoever looks for what is wrong.
    ///
    /// # Errors
    /// When storage fails or a leaf is damaged.
    pub fn load_leaves_there(&self, log: Log, from: u64) -> Result<Vec<(u64, Vec<u8>)>, StoreFault> {
        self.reading(|database| {
            let mut rows = database.scan(Family::Leaves, &leaf_key(log, from), Some(leaf_key(log, u64::MAX)))?;
            let mut leaves = Vec::new();
            while leaves.len() < LOAD_ROWS_MAX
                && let Some((key, leaf)) = rows.next_row()?
            {
                leaves.push((decode_leaf_key(key)?, leaf.to_vec()));
            }
            Ok(leaves)
        })
    }

    /// The statements whose SHA-256 comes after `after`, in order, as many as fit into [`LOAD_STATEMENTS_BYTES`] or one
    /// more; none at the end. `None` stands for a row that is not what its key says.
    ///
    /// # Errors
    /// When storage fails or a row cannot be read.
    pub fn load_statements_after(&self, after: Option<Hash>) -> Result<Vec<(Hash, Option<StoredStatement>)>, StoreFault> {
        self.reading(|database| {
            let from = after.map_or_else(Vec::new, |key| [key.as_bytes().as_slice(), &[0]].concat());
            let mut rows = database.scan(Family::Statements, &from, None)?;
            let (mut statements, mut bytes) = (Vec::new(), 0);
            while bytes < LOAD_STATEMENTS_BYTES
                && let Some((key, row)) = rows.next_row()?
            {
                let Ok(key) = Hash::try_from(key) else { continue };
                bytes += row.len();
                statements.push((key, StoredStatement::decode(row).ok().filter(|row| hash(&row.statement) == key)));
            }
            Ok(statements)
        })
    }

    /// The hash of the complete subtree over leaves `index · 2^level ..= (index + 1) · 2^level - 1`, or
    /// `None` while it is not complete.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_node(&self, log: Log, level: u8, index: u64) -> Result<Option<Hash>, StoreFault> {
        let row = self.reading(|database| database.load(Family::Nodes, &node_key(log, level, index)))?;
        row.map(|row| decode_node(&row)).transpose()
    }

    /// A statement by its SHA-256.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_statement(&self, sha256: &Hash) -> Result<Option<StoredStatement>, StoreFault> {
        let row = self.reading(|database| database.load(Family::Statements, sha256.as_bytes()))?;
        row.map(|row| StoredStatement::decode(&row)).transpose()
    }

    /// Where a statement was accepted, if it was: the answer to whoever sends it again.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_acceptance(&self, log: Log, statement: &Hash) -> Result<Option<Acceptance>, StoreFault> {
        let row = self.reading(|database| database.load(Family::Idempotency, &acceptance_key(log, statement)))?;
        row.map(|row| Acceptance::decode(&row)).transpose()
    }

    /// The last entry of a chain, or `None` where there is no such chain.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_chain_head(&self, kind: ChainKind, tag: &Tag) -> Result<Option<ChainLink>, StoreFault> {
        self.reading(|database| database.load_chain_head(kind, tag))
    }

    /// A slip.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_slip(&self, slip: &SlipName) -> Result<Option<Vec<u8>>, StoreFault> {
        self.reading(|database| database.load(Family::Slips, &slip_key(slip)))
    }

    /// A document's blob: which bytes, how many, with what digest.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_document(&self, document: &Tag) -> Result<Option<StoredDocument>, StoreFault> {
        let row = self.reading(|database| database.load(Family::Documents, document.as_bytes()))?;
        row.map(|row| StoredDocument::decode(&row)).transpose()
    }

    /// What `exchange` folded under a tag, for the view it calls `view`.
    ///
    /// # Errors
    /// When storage fails or the row is damaged.
    pub fn load_view(&self, view: u8, tag: &Tag) -> Result<Option<Vec<u8>>, StoreFault> {
        self.reading(|database| database.load(Family::Views, &view_key(view, tag)))
    }
}

impl Database {
    pub(super) fn load_chain_head(&self, kind: ChainKind, tag: &Tag) -> Result<Option<ChainLink>, StoreFault> {
        let last = self.load_last(Family::Index, &index_key(kind, tag, 0), &index_key(kind, tag, u64::MAX))?;
        last.map(|(key, row)| Ok(ChainLink { seq: decode_seq(&key)?, leaf_index: decode_index(&row)? })).transpose()
    }
}

impl StoredStatement {
    pub(super) fn encode(statement: &[u8], signature: &[u8]) -> Vec<u8> {
        // A statement is at most 1 MiB (`limits::STATEMENT_BYTES_MAX`), which the commit has checked.
        let length = u32::try_from(statement.len()).unwrap_or(u32::MAX);
        [length.to_be_bytes().as_slice(), statement, signature].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreFault> {
        let mut row = RowReader::new("a row of statements", bytes);
        let length = u32::from_be_bytes(row.take_array()?);
        let statement = row.take(length as usize)?.to_vec();
        Ok(Self { statement, signature: row.rest().to_vec() })
    }
}

impl Acceptance {
    pub(super) fn encode(&self) -> Vec<u8> {
        [self.first_leaf.to_be_bytes(), self.leaf_count.to_be_bytes()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreFault> {
        let mut row = RowReader::new("a row of idempotency", bytes);
        let acceptance = Self { first_leaf: row.take_u64()?, leaf_count: row.take_u64()? };
        row.end(acceptance)
    }
}

pub(super) fn decode_node(row: &[u8]) -> Result<Hash, StoreFault> {
    Hash::try_from(row).map_err(|error| StoreFault::Damaged { what: "a row of nodes", cause: error.to_string() })
}

pub(super) fn decode_index(row: &[u8]) -> Result<u64, StoreFault> {
    let mut row = RowReader::new("a row of index", row);
    let leaf_index = row.take_u64()?;
    row.end(leaf_index)
}

fn decode_leaf_key(key: &[u8]) -> Result<u64, StoreFault> {
    let mut row = RowReader::new("a key of leaves", key);
    row.take(1)?;
    let index = row.take_u64()?;
    row.end(index)
}

fn decode_seq(key: &[u8]) -> Result<u64, StoreFault> {
    let mut row = RowReader::new("a key of index", key);
    row.take(33)?;
    let seq = row.take_u64()?;
    row.end(seq)
}

fn missing(what: &'static str, number: u64) -> StoreFault {
    StoreFault::Damaged { what, cause: format!("number {number} is missing") }
}
