//! The rebuild: all rows that can be folded, dropped and put back.
//!
//! ```text
//! room for all of it ─▶ mark ─▶ drop the families ─▶ fresh rows, batch by batch ─▶ compare ─▶ unmark
//!                         │                                                                      │
//!                         └─ from here on the store opens for a rebuild only                     └─ from here on as ever
//! ```
//!
//! Each write is synced, counted, and told to the guard, as all are. Leaves, statements, slips, blobs and heads
//! are not touched. Dropping a family reads none of its files, so damaged ones go as well as sound ones.

use rocksdb::WriteBatch;

use super::database::Row;
use super::fresh::FreshRows;
use super::opened::{FreeFor, Write, Writer};
use super::rows::{Family, REBUILD_KEY};
use super::{RowDifference, Step, Store, StoreFault};

/// Rows of one write. It is in memory three times for a moment, as an act's.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

const AT: &str = "rebuilding the indexes";

impl Store {
    /// Whether an earlier rebuild was cut short. Only a store that was opened for a rebuild can say so.
    ///
    /// # Errors
    /// When storage fails.
    pub fn is_rebuild_unfinished(&self) -> Result<bool, StoreFault> {
        self.reading(|database| database.has(Family::Meta, REBUILD_KEY))
    }

    /// Replaces all rows that can be folded by fresh ones. When this returns `Ok`, all of it is on disk, was read
    /// back and compared.
    ///
    /// # Errors
    /// `Full` before anything changed, when there is no room for it. After any other fault the store opens as
    /// before or, once the mark is on disk, for another rebuild only.
    pub fn rebuild_from(&self, fresh: &FreshRows) -> Result<(), StoreFault> {
        let mut writer = self.writing(AT, FreeFor::Acts)?;
        // Twice: as log and as tables. What is dropped gives room back, but not at once.
        self.shared.require_free(AT, FreeFor::Acts.bytes(&self.shared.settings) + 2 * fresh.folded_bytes()?)?;
        let mut mark = WriteBatch::default();
        self.reading(|database| database.put(&mut mark, Family::Meta, REBUILD_KEY, &[]))?;
        // From here on, and until the mark is removed, nothing but a rebuild opens this store.
        self.write_rows(&mut writer, Write { step: Step::MarkRebuild, at: AT, batch: mark, heads: None })?;
        self.empty_folded(&mut writer, AT)?;
        for family in Family::FOLDED {
            self.write_fresh(&mut writer, fresh, family)?;
        }
        self.require_same(fresh)?;
        let mut unmark = WriteBatch::default();
        self.reading(|database| database.delete(&mut unmark, Family::Meta, REBUILD_KEY))?;
        // The rows before it are on disk, so from here on the store opens as ever. A crash before this line has
        // the rebuild done again.
        self.write_rows(&mut writer, Write { step: Step::FinishRebuild, at: AT, batch: unmark, heads: None })
    }

    fn write_fresh(&self, writer: &mut Writer, fresh: &FreshRows, family: Family) -> Result<(), StoreFault> {
        let mut rows = fresh.scan(family)?;
        loop {
            let mut some: Vec<Row> = Vec::new();
            let mut bytes = 0;
            while bytes < BATCH_BYTES_MAX
                && let Some((key, value)) = rows.next_row()?
            {
                bytes += key.len() + value.len();
                some.push((key.to_vec(), value.to_vec()));
            }
            if some.is_empty() {
                return Ok(());
            }
            let mut batch = WriteBatch::default();
            self.reading(|database| some.iter().try_for_each(|(key, value)| database.put(&mut batch, family, key, value)))?;
            self.write_rows(writer, Write { step: Step::WriteFresh, at: AT, batch, heads: None })?;
        }
    }

    /// What can be folded is stored as it was folded.
    fn require_same(&self, fresh: &FreshRows) -> Result<(), StoreFault> {
        let mut first: Option<RowDifference> = None;
        self.compare_with(fresh, &mut |difference| {
            if difference.row.is_folded() {
                first.get_or_insert(difference);
            }
        })?;
        match first {
            Some(difference) => Err(StoreFault::Damaged { what: "the rebuilt rows", cause: format!("{:?}", difference.row) }),
            None => Ok(()),
        }
    }
}
