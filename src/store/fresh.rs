//! Rows as the logs make them, in a database of their own: what is stored is compared with them, and a rebuild
//! copies them. They take as much room as the store's own indexes, and hardly any memory.
//!
//! ```text
//! the families that can be folded    as in the store
//! statements    SHA-256(statement)   SHA-256 of the row that must be there
//! slips         as in the store      SHA-256 of the slip that must be there
//! openers       commitment           SHA-256(statement) ‖ place u64 among its leaves
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use crate::crypto::hash;
use crate::domain::{ChainKind, Hash, Log, SlipName, Tag};

use super::database::{Database, Scan};
use super::reads::decode_node;
use super::rows::{Family, RowReader, acceptance_key, index_key, node_key, slip_key, view_key};
use super::{Acceptance, ChainEntry, ChainLink, NewNode, Store, StoreFault, StoredDocument, StoredStatement, ViewUpdate};

const AT: &str = "folding the logs";

/// Fresh rows, gone when this is dropped.
pub struct FreshRows {
    database: Database,
    // Dropped after the database, and before anyone else can have the store.
    _folder: ScratchFolder,
    _store: Store,
}

struct ScratchFolder(PathBuf);

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What cannot be removed now goes when the next fold begins.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where a leaf's statement is found: by the commitment that it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opener {
    /// SHA-256 of the statement.
    pub statement: Hash,
    /// Which of the statement's leaves it is, from 0.
    pub place: u64,
}

impl Store {
    /// Begins to fold: no fresh rows yet. One fold at a time.
    ///
    /// # Errors
    /// When the folder beside the database cannot be made.
    pub fn begin_fresh(&self) -> Result<FreshRows, StoreFault> {
        let settings = &self.shared.settings;
        let folder = settings.fresh_folder();
        let fault = |error: io::Error| StoreFault::Broken { at: AT, cause: error.to_string() };
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(error)),
            _ => {}
        }
        let scratch = ScratchFolder(folder);
        let families: Vec<Family> = [&Family::FOLDED[..], &[Family::Statements, Family::Slips, Family::Openers]].concat();
        let database = Database::open_scratch(settings, &scratch.0, &families)?;
        Ok(FreshRows { database, _folder: scratch, _store: self.clone() })
    }
}

impl FreshRows {
    /// A complete subtree's hash.
    ///
    /// # Errors
    /// When there is no room, as for all that is put here.
    pub fn put_node(&self, log: Log, node: &NewNode) -> Result<(), StoreFault> {
        self.put(Family::Nodes, &node_key(log, node.level, node.index), node.hash.as_bytes())
    }

    /// Where a leaf stands in its chain.
    ///
    /// # Errors
    /// See [`FreshRows::put_node`].
    pub fn put_chain(&self, entry: &ChainEntry) -> Result<(), StoreFault> {
        self.put(Family::Index, &index_key(entry.kind, &entry.tag, entry.seq), &entry.leaf_index.to_be_bytes())
    }

    /// Where a statement stands in its log.
    ///
    /// # Errors
    /// See [`FreshRows::put_node`].
    pub fn put_acceptance(&self, log: Log, statement: &Hash, leaves: Acceptance) -> Result<(), StoreFault> {
        self.put(Family::Idempotency, &acceptance_key(log, statement), &leaves.encode())
    }

    /// A value of a view, in place of an earlier one.
    ///
    /// # Errors
    /// See [`FreshRows::put_node`].
    pub fn put_view(&self, update: &ViewUpdate) -> Result<(), StoreFault> {
        self.put(Family::Views, &view_key(update.view, &update.tag), &update.bytes)
    }

    /// A document and the upload that holds its bytes.
    ///
    /// # Errors
    /// See [`FreshRows::put_node`].
    pub fn put_document(&self, tag: &Tag, document: &StoredDocument) -> Result<(), StoreFault> {
        self.put(Family::Documents, tag.as_bytes(), &document.encode())
    }

    /// A statement that leaves name, with the signature that they name.
    ///
    /// # Errors
    /// See [`FreshRows::put_node`].
    pub fn put_statement(&self, sha256: &Hash, statement: &[u8], signature: &[u8]) -> Result<(), StoreFault> {
        let row = hash(&StoredStatement::encode(statement, signature));
        self.put(Family::Statements, sha256.as_bytes(), row.as_bytes())
    }

    /// A slip that a statement names.
    ///
    /// # Errors
    /// See [`FreshRows::put_node`].
    pub fn put_slip(&self, slip: &SlipName) -> Result<(), StoreFault> {
        self.put(Family::Slips, &slip_key(slip), slip.sha256.as_bytes())
    }

    /// A slip that an act made go.
    ///
    /// # Errors
    /// See [`FreshRows::put_node`].
    pub fn drop_slip(&self, slip: &SlipName) -> Result<(), StoreFault> {
        self.database.delete_unlogged(Family::Slips, &slip_key(slip))
    }

    /// A commitment that a stored statement opens.
    ///
    /// # Errors
    /// See [`FreshRows::put_node`].
    pub fn put_opener(&self, commitment: &Hash, opener: Opener) -> Result<(), StoreFault> {
        let value = [opener.statement.as_bytes().as_slice(), &opener.place.to_be_bytes()].concat();
        self.put(Family::Openers, commitment.as_bytes(), &value)
    }

    /// The stored statement that opens a commitment.
    ///
    /// # Errors
    /// When storage fails, as for all that is loaded from here.
    pub fn load_opener(&self, commitment: &Hash) -> Result<Option<Opener>, StoreFault> {
        let row = self.database.load(Family::Openers, commitment.as_bytes())?;
        let decode = |row: Vec<u8>| {
            let mut row = RowReader::new("a fresh row", &row);
            let opener = Opener { statement: Hash::from_bytes(row.take_array()?), place: row.take_u64()? };
            row.end(opener)
        };
        row.map(decode).transpose()
    }

    /// A node that was put.
    ///
    /// # Errors
    /// See [`FreshRows::load_opener`].
    pub fn load_node(&self, log: Log, level: u8, index: u64) -> Result<Option<Hash>, StoreFault> {
        self.database.load(Family::Nodes, &node_key(log, level, index))?.map(|row| decode_node(&row)).transpose()
    }

    /// The last entry of a chain that was put.
    ///
    /// # Errors
    /// See [`FreshRows::load_opener`].
    pub fn load_chain_head(&self, kind: ChainKind, tag: &Tag) -> Result<Option<ChainLink>, StoreFault> {
        self.database.load_chain_head(kind, tag)
    }

    /// Whether a statement was put as accepted.
    ///
    /// # Errors
    /// See [`FreshRows::load_opener`].
    pub fn has_acceptance(&self, log: Log, statement: &Hash) -> Result<bool, StoreFault> {
        self.database.has(Family::Idempotency, &acceptance_key(log, statement))
    }

    /// A value of a view that was put.
    ///
    /// # Errors
    /// See [`FreshRows::load_opener`].
    pub fn load_view(&self, view: u8, tag: &Tag) -> Result<Option<Vec<u8>>, StoreFault> {
        self.database.load(Family::Views, &view_key(view, tag))
    }

    /// All bytes of the rows that a rebuild writes.
    pub(super) fn folded_bytes(&self) -> Result<u64, StoreFault> {
        let mut bytes = 0;
        for family in Family::FOLDED {
            let mut rows = self.scan(family)?;
            while let Some((key, value)) = rows.next_row()? {
                bytes += (key.len() + value.len()) as u64;
            }
        }
        Ok(bytes)
    }

    pub(super) fn scan(&self, family: Family) -> Result<Scan<'_>, StoreFault> {
        self.database.scan(family, &[], None)
    }

    fn put(&self, family: Family, key: &[u8], value: &[u8]) -> Result<(), StoreFault> {
        self.database.put_unlogged(family, key, value)
    }
}
