//! A batch being drawn up in memory: what the acts admitted so far make of the logs, the cases and the
//! directory. Nothing of it exists until the store has committed it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::published::Published;
use super::{ActError, ExchangeFault, directory_log};
use crate::crypto::hash;
use crate::domain::{ChainKind, Hash, Log, Tag, TreeHead, UnixMillis, UploadId};
use crate::store::{
    Acceptance, AcceptedStatement, COMMIT_BYTES_MAX, ChainEntry, ClaimedDocument, CommitBatch, Heads, LogAppend, NewNode, NewSlip,
    SlipChange, Store, UploadHold, ViewUpdate,
};
use crate::tlog::{Frontier, commitment, leaf_hash, touched_chains};
use crate::trust::{Case, Directory, JudgedAt, VerifiedEntry, VerifiedStatement, permit_act, permit_inspection, require_near};
use crate::wire::{ACT_REQUEST_BYTES_MAX, Act, EventLeaf, Refusal, RefusalCode, encode_directory_leaf, encode_event_leaf};

use super::directory_log::load_root_at;
use super::uploads::{claim_document, upload_mismatch};
use super::views::{CASE_BYTES_MAX, CASE_VIEW, encode_case, leaf_row, load_case, release_rows};

/// An act that waits to be sequenced.
pub(super) enum Job {
    /// An act of the events log.
    Event(Box<EventJob>),
    /// A directory statement and its signature.
    Entry { statement: Vec<u8>, signature: Vec<u8> },
    /// An act that is in the database already; its caller waits until it is published.
    Earlier(Drafted),
}

impl Job {
    /// The uploads that it claims.
    pub(super) fn uploads(&self) -> Vec<UploadId> {
        match self {
            Job::Event(job) => job.uploads().collect(),
            Job::Entry { .. } | Job::Earlier(_) => Vec::new(),
        }
    }
}

/// An act of the events log, verified as of a moment ago, with what must be stored beside it.
pub(super) struct EventJob {
    pub(super) statement: VerifiedStatement,
    pub(super) slips: Vec<NewSlip>,
    /// SHA-256 of the TLS certificate that asked; a release is in force for this certificate.
    pub(super) tls_certificate: Hash,
}

impl EventJob {
    fn uploads(&self) -> impl Iterator<Item = UploadId> {
        let documents = match &self.statement.statement().act {
            Act::Submit(act) => act.documents.as_slice(),
            _ => &[],
        };
        documents.iter().map(|document| document.upload)
    }
}

/// Where an act's leaves are: the log, the first index, how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drafted {
    pub(super) log: Log,
    pub(super) statement: Hash,
    pub(super) first_index: u64,
    pub(super) leaf_count: u64,
}

/// The right edges of both trees.
#[derive(Clone)]
pub(super) struct Frontiers {
    pub(super) events: Frontier,
    pub(super) directory: Frontier,
}

/// A finished draft: the batch, and what memory must become once it is on disk.
pub(super) struct FinishedDraft {
    pub(super) batch: CommitBatch,
    pub(super) frontiers: Frontiers,
    pub(super) events: TreeHead,
    pub(super) directory_head: TreeHead,
    pub(super) directory: Arc<Directory>,
    /// The uploads that the batch claims: kept from everyone else until it is committed.
    pub(super) _claimed: BTreeMap<UploadId, UploadHold>,
}

pub(super) struct Draft<'s> {
    store: &'s Store,
    base: Arc<Published>,
    time: UnixMillis,
    frontiers: Frontiers,
    directory: Arc<Directory>,
    chains: BTreeMap<(ChainKind, Tag), ChainHead>,
    cases: BTreeMap<Tag, Case>,
    drafted: BTreeMap<Hash, Drafted>,
    claimed: BTreeMap<UploadId, UploadHold>,
    /// The cases as they will be written.
    case_rows: BTreeMap<Tag, Vec<u8>>,
    batch: CommitBatch,
}

#[derive(Clone, Copy)]
struct ChainHead {
    next_seq: u64,
    last: Hash,
}

impl<'s> Draft<'s> {
    /// Begins a batch on what is published. Its time never lies before the last leaf's.
    pub(super) fn begin(store: &'s Store, base: Arc<Published>, frontiers: Frontiers, now: UnixMillis) -> Result<Self, ExchangeFault> {
        let time = now.max(directory_log::load_last_time(store, &base)?);
        let heads = Heads { events: base.events.head(), directory: base.directory_head.head() };
        let directory = base.directory.clone();
        let (chains, cases, drafted, claimed, case_rows) = Default::default();
        let batch = CommitBatch::on(heads);
        Ok(Self { store, base, time, frontiers, directory, chains, cases, drafted, claimed, case_rows, batch })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.drafted.is_empty()
    }

    /// Whether one more act of the largest kind would still fit into one commit.
    pub(super) fn has_room(&self) -> bool {
        self.batch.bytes() + self.case_rows.values().map(Vec::len).sum::<usize>() + ACT_REQUEST_BYTES_MAX + CASE_BYTES_MAX
            <= COMMIT_BYTES_MAX
    }

    /// Takes one act into the batch, or refuses it and leaves the batch as it was.
    pub(super) fn admit(&mut self, job: Job) -> Result<Drafted, ActError> {
        match job {
            Job::Event(job) => self.admit_event(*job),
            Job::Entry { statement, signature } => self.admit_entry(&statement, &signature),
            Job::Earlier(drafted) => Ok(drafted),
        }
    }

    /// What the batch makes of the logs, to be committed.
    pub(super) fn finish(self) -> FinishedDraft {
        let (events, directory_head) = (self.frontiers.events.head(), self.frontiers.directory.head());
        let mut batch = self.batch;
        batch.events.head = events;
        batch.directory.head = directory_head;
        batch.views.extend(self.case_rows.into_iter().map(|(tag, bytes)| ViewUpdate { view: CASE_VIEW, tag, bytes }));
        FinishedDraft { batch, frontiers: self.frontiers, events, directory_head, directory: self.directory, _claimed: self.claimed }
    }

    fn admit_event(&mut self, job: EventJob) -> Result<Drafted, ActError> {
        let sha256 = job.statement.sha256();
        if let Some(earlier) = self.accepted_before(Log::Events, &sha256)? {
            return Ok(earlier);
        }
        self.require_now(&job.statement)?;
        self.require_same_history(&job.statement)?;
        self.require_unchanged_directory(&job.statement)?;
        self.require_new_tags(&job.statement)?;
        let at = JudgedAt { directory_size: self.directory.size(), time: self.time };
        let Some(case_tag) = job.statement.statement().act.case().copied() else { return self.admit_inspection(job, at) };
        let case = self.case(&case_tag)?;
        let permit = permit_act(case.as_ref(), job.statement.clone(), &self.directory, at)?;
        let (documents, holds) = self.claim_uploads(&job.statement)?;
        // Permitted. Nothing below is refused any more; only a storage fault can end it.
        let (drafted, case_leaf) = self.append_event(&job.statement)?;
        self.batch.slips.extend(permit.dropped_slips().iter().cloned().map(SlipChange::Drop));
        if permit.changes_case() {
            let case = permit.into_case(case_leaf);
            self.case_rows.insert(case_tag, encode_case(&case));
            self.cases.insert(case_tag, case);
        }
        self.claimed.extend(holds);
        self.store_beside(job, documents);
        Ok(drafted)
    }

    /// An act on no case: it makes a leaf, and whoever signed it may read for a day.
    fn admit_inspection(&mut self, job: EventJob, at: JudgedAt) -> Result<Drafted, ActError> {
        let permit = permit_inspection(job.statement.clone(), &self.directory, at)?;
        let (drafted, _) = self.append_event(permit.statement())?;
        self.store_beside(job, Vec::new());
        Ok(drafted)
    }

    fn admit_entry(&mut self, statement: &[u8], signature: &[u8]) -> Result<Drafted, ActError> {
        let sha256 = hash(statement);
        if let Some(earlier) = self.accepted_before(Log::Directory, &sha256)? {
            return Ok(earlier);
        }
        let entry = self.directory.verify_entry(statement, signature, self.time)?;
        let text = entry.statement();
        self.require_root(Log::Directory, text.directory)?;
        self.require_root(Log::Directory, text.seen)?;
        self.append_entry(entry, signature)
    }

    fn append_entry(&mut self, entry: VerifiedEntry, signature: &[u8]) -> Result<Drafted, ActError> {
        let leaf = entry.to_leaf();
        let (sha256, statement) = (entry.sha256(), leaf.statement.clone());
        let bytes = encode_directory_leaf(&leaf).map_err(|_| Refusal::new(RefusalCode::TooLarge, "the entry does not fit into a leaf"))?;
        Arc::make_mut(&mut self.directory).apply_entry(entry, leaf_hash(&bytes))?;
        let (first_index, _) = append(&mut self.frontiers.directory, &mut self.batch.directory, bytes);
        Ok(self.record(Drafted { log: Log::Directory, statement: sha256, first_index, leaf_count: 1 }, statement, signature.to_vec()))
    }

    /// Appends a statement's leaves; gives where they are, and the hash of the one under the case's tag.
    fn append_event(&mut self, statement: &VerifiedStatement) -> Result<(Drafted, Option<Hash>), ActError> {
        let chains = touched_chains(statement.statement());
        let heads = chains.iter().map(|chain| self.chain_head(*chain)).collect::<Result<Vec<_>, _>>()?;
        let (sha256, signature_sha256) = (statement.sha256(), statement.signature_sha256());
        let first_index = self.frontiers.events.size();
        let mut case_leaf = None;
        for (&(kind, tag), head) in chains.iter().zip(heads) {
            let commit = commitment(kind, &tag, &sha256, &signature_sha256);
            let (time, directory_size) = (self.time, self.directory.size());
            let leaf = EventLeaf { time, directory_size, kind, tag, seq: head.next_seq, prev: head.last, commit };
            let (index, leaf_hash) = append(&mut self.frontiers.events, &mut self.batch.events, encode_event_leaf(&leaf));
            self.batch.chain.push(ChainEntry { kind, tag, seq: head.next_seq, leaf_index: index });
            self.batch.views.push(leaf_row(index, &sha256));
            self.chains.insert((kind, tag), ChainHead { next_seq: head.next_seq + 1, last: leaf_hash });
            if kind == ChainKind::Case {
                case_leaf = Some(leaf_hash);
            }
        }
        let drafted = Drafted { log: Log::Events, statement: sha256, first_index, leaf_count: chains.len() as u64 };
        Ok((self.record(drafted, statement.bytes().to_vec(), statement.signature().to_vec()), case_leaf))
    }

    fn record(&mut self, drafted: Drafted, statement: Vec<u8>, signature: Vec<u8>) -> Drafted {
        let Drafted { log, statement: sha256, first_index, leaf_count } = drafted;
        let leaves = Acceptance { first_leaf: first_index, leaf_count };
        self.batch.statements.push(AcceptedStatement { log, statement, signature, leaves });
        self.drafted.insert(sha256, drafted);
        drafted
    }

    fn store_beside(&mut self, job: EventJob, documents: Vec<ClaimedDocument>) {
        self.batch.views.extend(release_rows(&job.statement.statement().act, &job.tls_certificate, self.time));
        self.batch.slips.extend(job.slips.into_iter().map(SlipChange::Put));
        self.batch.documents.extend(documents);
    }

    /// A submission's uploads, each claimed once and from now on kept from everyone else: none twice in this
    /// batch, none that is gone since the act was queued. A batch that names one twice would be refused whole.
    fn claim_uploads(&self, statement: &VerifiedStatement) -> Result<(Vec<ClaimedDocument>, BTreeMap<UploadId, UploadHold>), ActError> {
        let (mut claimed, mut holds) = (Vec::new(), BTreeMap::new());
        let Act::Submit(act) = &statement.statement().act else { return Ok((claimed, holds)) };
        for document in &act.documents {
            let id = document.upload;
            if self.claimed.contains_key(&id) || holds.contains_key(&id) {
                return Err(upload_mismatch(&document.tag, "its upload is another document's").into());
            }
            holds.insert(id, self.store.hold_upload(&id)?);
            let upload = claim_document(self.store, &statement.statement().actor, document)?;
            claimed.push(ClaimedDocument { tag: document.tag, upload });
        }
        Ok((claimed, holds))
    }

    fn accepted_before(&self, log: Log, sha256: &Hash) -> Result<Option<Drafted>, ActError> {
        if let Some(drafted) = self.drafted.get(sha256) {
            return Ok(Some(*drafted));
        }
        let stored = self.store.load_acceptance(log, sha256)?;
        Ok(stored.map(|stored| Drafted { log, statement: *sha256, first_index: stored.first_leaf, leaf_count: stored.leaf_count }))
    }

    /// The statement's clock is near the leaf's time, and its certificate still valid then.
    fn require_now(&self, statement: &VerifiedStatement) -> Result<(), Refusal> {
        require_near(statement.statement(), self.time)?;
        if self.time.to_second() > statement.certificate_until() {
            return Err(Refusal::new(RefusalCode::CertificateRefused, "the statement certificate has just expired"));
        }
        Ok(())
    }

    /// The trees that the actor says they saw are this log's.
    fn require_same_history(&self, statement: &VerifiedStatement) -> Result<(), ActError> {
        let text = statement.statement();
        self.require_root(Log::Directory, text.directory)?;
        self.require_root(Log::Events, text.seen)
    }

    fn require_root(&self, log: Log, seen: TreeHead) -> Result<(), ActError> {
        let published = self.base.head(log).head();
        let same = if seen.size == published.size {
            seen.root == published.root
        } else {
            seen.size < published.size && load_root_at(self.store, log, seen.size)? == seen.root
        };
        if same {
            return Ok(());
        }
        Err(Refusal::new(RefusalCode::LogForked, format!("the statement saw a {log} log of size {} that is not this one", seen.size))
            .into())
    }

    /// Since the statement's directory line neither the actor's entry nor a recipient's key changed.
    fn require_unchanged_directory(&self, statement: &VerifiedStatement) -> Result<(), Refusal> {
        let text = statement.statement();
        let now = JudgedAt { directory_size: self.directory.size(), time: self.time };
        let then = JudgedAt { directory_size: text.directory.size, time: text.time.to_millis() };
        let entry = |at| self.directory.member_at(&text.actor, at).map(|record| record.entry_index());
        let stale =
            |who: String| Refusal::new(RefusalCode::DirectoryStale, format!("the directory's entry of {who} changed since you looked"));
        if entry(now) != entry(then) {
            return Err(stale(text.actor.to_string()));
        }
        for to in text.act.recipients() {
            let key = |at: JudgedAt| self.directory.sealing_at(to, at).map(|key| key.fingerprint());
            if key(now) != key(then) {
                return Err(stale(to.to_string()));
            }
        }
        Ok(())
    }

    /// A document's tag, and a request's case tag, name nothing yet, under any kind.
    fn require_new_tags(&self, statement: &VerifiedStatement) -> Result<(), ActError> {
        let Act::Submit(act) = &statement.statement().act else { return Ok(()) };
        let opens_case = act.kind == crate::mla::SubmissionKind::Request;
        let case = opens_case.then_some(act.case);
        if act.documents.iter().any(|document| document.tag == act.case) {
            return Err(Refusal::new(RefusalCode::TagTaken, "a document cannot have its case's tag").into());
        }
        for tag in act.documents.iter().map(|document| document.tag).chain(case) {
            for kind in [ChainKind::Case, ChainKind::Document, ChainKind::Register] {
                if self.chain_head((kind, tag))?.next_seq != 0 {
                    return Err(Refusal::new(RefusalCode::TagTaken, format!("the tag {tag} names something already")).into());
                }
            }
        }
        Ok(())
    }

    fn chain_head(&self, chain: (ChainKind, Tag)) -> Result<ChainHead, ActError> {
        if let Some(head) = self.chains.get(&chain) {
            return Ok(*head);
        }
        let Some(last) = self.store.load_chain_head(chain.0, &chain.1)? else { return Ok(ChainHead { next_seq: 0, last: Hash::ZERO }) };
        let leaf = self.store.load_node(Log::Events, 0, last.leaf_index)?.ok_or(ExchangeFault::Damaged { what: "chain index" })?;
        Ok(ChainHead { next_seq: last.seq + 1, last: leaf })
    }

    fn case(&self, tag: &Tag) -> Result<Option<Case>, ActError> {
        match self.cases.get(tag) {
            Some(case) => Ok(Some(case.clone())),
            None => Ok(load_case(self.store, tag)?),
        }
    }
}

fn append(frontier: &mut Frontier, log: &mut LogAppend, leaf: Vec<u8>) -> (u64, Hash) {
    let (index, leaf_hash) = (frontier.size(), leaf_hash(&leaf));
    let nodes = frontier.append(leaf_hash).into_iter();
    log.nodes.extend(nodes.map(|node| NewNode { level: node.level, index: node.index, hash: node.hash }));
    log.leaves.push(leaf);
    (index, leaf_hash)
}
