//! The commit: all rows of one or more acts, in one synced batch.
//!
//! ```text
//! check ─▶ ingest the segments of claimed uploads ─▶ one synced batch ─▶ guard file ─▶ Ok
//! ```
//!
//! The batch is refused, and nothing written, unless it builds on the stored heads, names no document that
//! exists, repeats no statement, and continues every chain. What the rows mean is `exchange`'s business.

use std::collections::{BTreeMap, BTreeSet};

use rocksdb::WriteBatch;

use crate::crypto::hash;
use crate::domain::limits::{LEAF_BYTES_MAX, SIGNATURE_BYTES_MAX, SLIP_BYTES_MAX, SMALL_BLOB_BYTES_MAX, STATEMENT_BYTES_MAX};
use crate::domain::{AuthorityCode, ChainKind, Hash, Log, SlipName, Tag, TreeHead};

use super::database::{Database, WriteTrouble};
use super::opened::{FreeFor, Write, Writer};
use super::rows::{Family, UploadState, acceptance_key, chunk_key, index_key, leaf_key, node_key, slip_key, upload_key, view_key};
use super::segments::{remove_segments, segment_paths};
use super::uploads::load_row;
use super::{Acceptance, ClaimedUpload, CommitFault, Heads, Step, Store, StoreFault, StoredStatement};

/// All bytes of a batch: three of the largest submissions (9.3 MB with all their slips). A batch is in
/// memory three times for a moment: as values, in the log's buffer, in the memory table.
pub const COMMIT_BYTES_MAX: usize = 32 * 1024 * 1024;

const AT: &str = "committing an act";

/// What one commit writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitBatch {
    /// The heads that it builds on.
    pub expected: Heads,
    /// What it adds to the events log.
    pub events: LogAppend,
    /// What it adds to the directory log.
    pub directory: LogAppend,
    /// The statements that made the leaves, in the order of their leaves; each leaf is one statement's.
    pub statements: Vec<AcceptedStatement>,
    /// Where the new leaves stand in their chains.
    pub chain: Vec<ChainEntry>,
    /// Slips that come and go, in the order of the acts.
    pub slips: Vec<SlipChange>,
    /// Documents that begin here, with their bytes.
    pub documents: Vec<ClaimedDocument>,
    /// What `exchange` folded, in place of what was there.
    pub views: Vec<ViewUpdate>,
}

/// Leaves added to one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAppend {
    /// The leaves after those of the expected head, in order.
    pub leaves: Vec<Vec<u8>>,
    /// Every subtree that these leaves complete, level 0 included.
    pub nodes: Vec<NewNode>,
    /// The head with them.
    pub head: TreeHead,
}

/// The hash of a complete subtree over leaves `index · 2^level ..= (index + 1) · 2^level - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewNode {
    /// 0 for a leaf.
    pub level: u8,
    /// Counted in subtrees of this level.
    pub index: u64,
    /// RFC 6962, section 2.1.
    pub hash: Hash,
}

/// A statement and the leaves that it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedStatement {
    /// The log it was accepted in.
    pub log: Log,
    /// The signed text, byte for byte.
    pub statement: Vec<u8>,
    /// Its signature.
    pub signature: Vec<u8>,
    /// Where its leaves are.
    pub leaves: Acceptance,
}

/// An entry of a chain of the events log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainEntry {
    /// The chain's kind.
    pub kind: ChainKind,
    /// The chain's tag.
    pub tag: Tag,
    /// Its number, from 0; one more than the last.
    pub seq: u64,
    /// Its leaf, one of this batch.
    pub leaf_index: u64,
}

/// A slip for one authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSlip {
    /// The document it opens.
    pub document: Tag,
    /// The authority it is sealed to.
    pub authority: AuthorityCode,
    /// The age file.
    pub bytes: Vec<u8>,
}

impl NewSlip {
    fn name(&self) -> SlipName {
        SlipName { document: self.document, authority: self.authority.clone(), sha256: hash(&self.bytes) }
    }
}

/// What an act does to the slips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlipChange {
    /// One comes.
    Put(NewSlip),
    /// One goes.
    Drop(SlipName),
}

impl SlipChange {
    fn bytes(&self) -> &[u8] {
        match self {
            SlipChange::Put(slip) => &slip.bytes,
            SlipChange::Drop(_) => &[],
        }
    }
}

/// A document and the upload that holds its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDocument {
    /// The document's tag, never used before.
    pub tag: Tag,
    /// The upload.
    pub upload: ClaimedUpload,
}

/// A value of one of `exchange`'s views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewUpdate {
    /// Which view.
    pub view: u8,
    /// Of what.
    pub tag: Tag,
    /// The whole value.
    pub bytes: Vec<u8>,
}

impl LogAppend {
    /// Adds nothing to a log of this head.
    pub const fn nothing(head: TreeHead) -> Self {
        Self { leaves: Vec::new(), nodes: Vec::new(), head }
    }
}

impl CommitBatch {
    /// Changes nothing yet, on top of these heads.
    pub const fn on(expected: Heads) -> Self {
        Self {
            expected,
            events: LogAppend::nothing(expected.events),
            directory: LogAppend::nothing(expected.directory),
            statements: Vec::new(),
            chain: Vec::new(),
            slips: Vec::new(),
            documents: Vec::new(),
            views: Vec::new(),
        }
    }

    /// What the batch adds to a log.
    pub const fn of(&self, log: Log) -> &LogAppend {
        match log {
            Log::Events => &self.events,
            Log::Directory => &self.directory,
        }
    }

    /// All bytes of its values, to be kept at or under [`COMMIT_BYTES_MAX`] by whoever collects a group.
    pub fn bytes(&self) -> usize {
        let leaves: usize = Log::ALL.iter().flat_map(|log| &self.of(*log).leaves).map(Vec::len).sum();
        let statements: usize = self.statements.iter().map(|accepted| accepted.statement.len() + accepted.signature.len()).sum();
        let slips: usize = self.slips.iter().map(|slip| slip.bytes().len()).sum();
        let views: usize = self.views.iter().map(|update| update.bytes.len()).sum();
        leaves + statements + slips + views
    }

    fn heads(&self) -> Heads {
        Heads { events: self.events.head, directory: self.directory.head }
    }

    /// The rules that need no database.
    fn verify_consistency(&self) -> Result<(), CommitFault> {
        for log in Log::ALL {
            self.verify_append(log)?;
            self.verify_coverage(log)?;
        }
        let appended = self.expected.events.size..self.events.head.size;
        require(self.chain.iter().all(|entry| appended.contains(&entry.leaf_index)), "a chain entry names a leaf that is not new")?;
        require(self.slips.iter().all(|slip| slip.bytes().len() <= SLIP_BYTES_MAX), "a slip is too long")?;
        let within = |accepted: &AcceptedStatement| {
            accepted.statement.len() <= STATEMENT_BYTES_MAX && accepted.signature.len() <= SIGNATURE_BYTES_MAX
        };
        require(self.statements.iter().all(within), "a statement or signature is too long")?;
        require(self.bytes() <= COMMIT_BYTES_MAX, "it is too large")
    }

    fn verify_append(&self, log: Log) -> Result<(), CommitFault> {
        let (old, append) = (self.expected.of(log), self.of(log));
        require(old.size.checked_add(append.leaves.len() as u64) == Some(append.head.size), "a head does not count its leaves")?;
        require(!append.leaves.is_empty() || append.head == old, "a head moves without leaves")?;
        require(append.leaves.iter().all(|leaf| (1..=LEAF_BYTES_MAX).contains(&leaf.len())), "a leaf is empty or too long")?;
        let given: BTreeSet<(u8, u64)> = append.nodes.iter().map(|node| (node.level, node.index)).collect();
        let complete: BTreeSet<(u8, u64)> = (0u8..64)
            .take_while(|level| append.head.size >> level > 0)
            .flat_map(|level| (old.size >> level..append.head.size >> level).map(move |index| (level, index)))
            .collect();
        require(given.len() == append.nodes.len() && given == complete, "the nodes are not the subtrees that the leaves complete")
    }

    /// Each leaf is made by exactly one statement, and the statements stand in order.
    fn verify_coverage(&self, log: Log) -> Result<(), CommitFault> {
        let mut next = self.expected.of(log).size;
        for accepted in self.statements.iter().filter(|accepted| accepted.log == log) {
            require(accepted.leaves.first_leaf == next && accepted.leaves.leaf_count > 0, "a statement's leaves are not contiguous")?;
            next = next.saturating_add(accepted.leaves.leaf_count);
        }
        require(next == self.of(log).head.size, "the statements do not account for the leaves")
    }
}

impl Store {
    /// Writes a batch. When this returns `Ok`, all of it is on disk and the guard knows.
    ///
    /// # Errors
    /// A refusal, after which nothing was written; or a fault: `Full`, not acknowledged and to be repeated
    /// as it is, or `Broken`, the outcome being unknown until the store is opened again.
    pub fn commit(&self, batch: &CommitBatch) -> Result<(), CommitFault> {
        batch.verify_consistency()?;
        let mut writer = self.writing(AT, FreeFor::Acts)?;
        self.shared.require_free(AT, FreeFor::Acts.bytes(&self.shared.settings) + batch.bytes() as u64)?;
        if batch.expected != writer.heads() {
            return Err(CommitFault::HeadsMoved);
        }
        let segments = self.reading(|database| {
            verify_statements_new(database, batch)?;
            verify_chains_continue(database, batch)?;
            verify_documents(database, batch)
        })?;
        for (claimed, count) in &segments {
            // A crash after this leaves blobs that no row names: they are found ingested, or swept.
            self.ingest_upload(&mut writer, claimed, *count)?;
        }
        let rows = self.reading(|database| encode_rows(database, batch))?;
        // The commit point: a crash before it leaves nothing of these acts, one after it all of them.
        self.write_rows(&mut writer, Write { step: Step::WriteCommit, at: AT, batch: rows, heads: Some(batch.heads()) })?;
        for (claimed, _) in &segments {
            // Only the empty folders; what stays is swept as belonging to no upload.
            let _ = remove_segments(&self.shared.settings.uploads_folder(), &claimed.document.upload);
        }
        Ok(())
    }

    fn ingest_upload(&self, writer: &mut Writer, claimed: &ClaimedUpload, count: u32) -> Result<(), CommitFault> {
        let id = &claimed.document.upload;
        let files = segment_paths(&self.shared.settings.uploads_folder(), id, count);
        let ingested = self.reading(|database| {
            if database.has(Family::Blobs, &chunk_key(id, 0))? {
                // An earlier commit came as far as this and no further.
                return Ok(Ok(()));
            }
            Ok::<_, StoreFault>(self.shared.step(Step::IngestSegments, || database.ingest(files)))
        })?;
        ingested.map_err(|error| match error.trouble {
            // It was looked at before anything changed, so only this upload is lost.
            WriteTrouble::Damaged => CommitFault::UploadDamaged(*id),
            _ => writer.fail(&self.shared, "ingesting an upload", error).into(),
        })
    }
}

fn verify_statements_new(database: &Database, batch: &CommitBatch) -> Result<(), CommitFault> {
    let mut seen = BTreeSet::new();
    for accepted in &batch.statements {
        let sha256 = hash(&accepted.statement);
        let mut is_known = !seen.insert(sha256);
        for log in Log::ALL {
            is_known |= database.has(Family::Idempotency, &acceptance_key(log, &sha256))?;
        }
        if is_known {
            return Err(CommitFault::AlreadyAccepted(sha256));
        }
    }
    Ok(())
}

fn verify_chains_continue(database: &Database, batch: &CommitBatch) -> Result<(), CommitFault> {
    let mut next_seqs: BTreeMap<(ChainKind, Tag), u64> = BTreeMap::new();
    for entry in &batch.chain {
        let next = match next_seqs.get(&(entry.kind, entry.tag)) {
            Some(next) => *next,
            None => database.load_chain_head(entry.kind, &entry.tag)?.map_or(0, |link| link.seq + 1),
        };
        if entry.seq != next {
            return Err(CommitFault::ChainMoved);
        }
        next_seqs.insert((entry.kind, entry.tag), next + 1);
    }
    Ok(())
}

/// Checks that tags are new and uploads still there; gives the bulk ones with their counts of segments.
fn verify_documents<'a>(database: &Database, batch: &'a CommitBatch) -> Result<Vec<(&'a ClaimedUpload, u32)>, CommitFault> {
    let (mut tags, mut uploads, mut segments) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for ClaimedDocument { tag, upload } in &batch.documents {
        if !tags.insert(*tag) || database.has(Family::Documents, tag.as_bytes())? {
            return Err(CommitFault::DocumentTaken(*tag));
        }
        let row = load_row(database, &upload_key(&upload.owner, &upload.document.upload))?;
        let row = row.filter(|row| row.state == UploadState::Complete(upload.document.sha256) && uploads.insert(upload.document.upload));
        let row = row.ok_or(CommitFault::UploadGone(upload.document.upload))?;
        if upload.document.bytes > SMALL_BLOB_BYTES_MAX {
            segments.push((upload, row.segments));
        }
    }
    Ok(segments)
}

fn encode_rows(database: &Database, batch: &CommitBatch) -> Result<WriteBatch, StoreFault> {
    let mut rows = WriteBatch::default();
    for log in Log::ALL {
        let append = batch.of(log);
        for (index, leaf) in (batch.expected.of(log).size..).zip(&append.leaves) {
            database.put(&mut rows, Family::Leaves, &leaf_key(log, index), leaf)?;
        }
        for node in &append.nodes {
            database.put(&mut rows, Family::Nodes, &node_key(log, node.level, node.index), node.hash.as_bytes())?;
        }
    }
    for AcceptedStatement { log, statement, signature, leaves } in &batch.statements {
        let sha256 = hash(statement);
        database.put(&mut rows, Family::Statements, sha256.as_bytes(), &StoredStatement::encode(statement, signature))?;
        database.put(&mut rows, Family::Idempotency, &acceptance_key(*log, &sha256), &leaves.encode())?;
    }
    for entry in &batch.chain {
        database.put(&mut rows, Family::Index, &index_key(entry.kind, &entry.tag, entry.seq), &entry.leaf_index.to_be_bytes())?;
    }
    for change in &batch.slips {
        match change {
            SlipChange::Put(slip) => database.put(&mut rows, Family::Slips, &slip_key(&slip.name()), &slip.bytes)?,
            SlipChange::Drop(slip) => database.delete(&mut rows, Family::Slips, &slip_key(slip))?,
        }
    }
    for ClaimedDocument { tag, upload } in &batch.documents {
        database.put(&mut rows, Family::Documents, tag.as_bytes(), &upload.document.encode())?;
        database.delete(&mut rows, Family::Uploads, &upload_key(&upload.owner, &upload.document.upload))?;
    }
    for update in &batch.views {
        database.put(&mut rows, Family::Views, &view_key(update.view, &update.tag), &update.bytes)?;
    }
    Ok(rows)
}

fn require(holds: bool, rule: &'static str) -> Result<(), CommitFault> {
    if holds { Ok(()) } else { Err(CommitFault::Inconsistent(rule)) }
}
