//! Cases replayed from this machine's copy of the log: every statement that touches them, in the log's
//! order, judged as of its leaf by the same rules that the server had to follow.
//!
//! ```text
//! registers ── which cases were sent to us or by us      (`registers`)
//!    cases  ── one pass over all leaves: the case's chain, and the chain of each document it gains
//! ```
//!
//! Chains must be gapless and every statement must have all of its leaves, side by side; so nothing that
//! was logged can be left out, and nothing that was not logged can be shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::chains::{Chains, Order, wrong};
use super::{Client, ClientError, Session};
use crate::crypto::hash;
use crate::domain::{ChainKind, Hash, Log, Origin, Tag, UnixMillis};
use crate::durable;
use crate::tlog::{commitment, leaf_hash, touched_chains};
use crate::trust::{Case, Directory, JudgedAt, VerifiedStatement, permit_act, verify_statement};
use crate::wire::{EventLeaf, SignedStatement, decode_event_leaf};

/// A statement's exact bytes and its detached CMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBytes {
    /// The statement.
    pub statement: Vec<u8>,
    /// The CMS.
    pub signature: Vec<u8>,
}

impl From<SignedStatement> for SignedBytes {
    fn from(signed: SignedStatement) -> Self {
        Self { statement: signed.statement.0, signature: signed.signature.0 }
    }
}

/// An act as it stands in the log.
#[derive(Debug, Clone)]
pub struct CaseEvent {
    /// Index of its first leaf.
    pub first_index: u64,
    /// Its leaves' bytes, as the log has them.
    pub leaves: Vec<Vec<u8>>,
    /// When the log says it happened.
    pub time: UnixMillis,
    /// The statement.
    pub statement: VerifiedStatement,
}

impl CaseEvent {
    /// The indices of its leaves.
    pub(super) fn indices(&self) -> std::ops::Range<u64> {
        self.first_index..self.first_index + self.leaves.len() as u64
    }
}

/// A case and everything that happened in it.
#[derive(Debug, Clone)]
pub struct CaseHistory {
    /// The case's tag.
    pub tag: Tag,
    /// What the acts made of it.
    pub case: Case,
    /// The acts, in the log's order.
    pub events: Vec<CaseEvent>,
}

impl Client {
    /// Replays one case.
    ///
    /// # Errors
    /// As [`Client::load_cases`]; or when the log has no such case.
    pub fn load_case(&mut self, tag: &Tag) -> Result<CaseHistory, ClientError> {
        let mut cases = self.load_cases(&BTreeSet::from([*tag]))?;
        cases.pop().ok_or_else(|| ClientError::not_possible(format!("the log has no case {tag}"), "check the tag with `elchi inbox`"))
    }

    /// Replays cases, in order of their tags.
    ///
    /// # Errors
    /// When a leaf is missing or out of order, a statement does not open its leaf, or an act was not
    /// allowed: then the server has done wrong. Or when a statement cannot be fetched.
    pub fn load_cases(&mut self, tags: &BTreeSet<Tag>) -> Result<Vec<CaseHistory>, ClientError> {
        let origin = self.policy.origin(Log::Events).clone();
        let folder = self.profile.make_folder("memory/statements")?;
        let statements = Statements { session: &mut self.session, folder };
        let mut replay = Replay {
            statements,
            directory: &self.directory,
            origin,
            wanted: tags,
            chains: Chains::default(),
            documents: BTreeMap::new(),
            cases: BTreeMap::new(),
            seen: BTreeSet::new(),
            pending: None,
            order: Order::default(),
        };
        self.events.scan(0, |index, bytes| replay.take_leaf(index, bytes))?;
        replay.finish()
    }
}

/// Statements by leaf: from this machine if they were read before, else from the server.
pub(super) struct Statements<'c> {
    pub(super) session: &'c mut Session,
    pub(super) folder: PathBuf,
}

impl Statements<'_> {
    /// The statement behind a leaf; either way it must open the leaf's commitment.
    pub(super) fn load(&mut self, index: u64, leaf: &EventLeaf) -> Result<SignedBytes, ClientError> {
        let path = self.folder.join(format!("{index}.json"));
        if let Some(signed) = load_stored(&path).filter(|signed| opens(signed, leaf)) {
            return Ok(signed);
        }
        let fetched = self.session.fetch_statement(index)?;
        let json = serde_json::to_vec(&fetched).map_err(ClientError::unproven)?;
        let signed = SignedBytes::from(fetched);
        if !opens(&signed, leaf) {
            return Err(wrong(index, "the statement that the server gave for it is not the one that was logged"));
        }
        durable::publish_file(&path, &json).map_err(ClientError::file("write", &path))?;
        Ok(signed)
    }
}

fn load_stored(path: &Path) -> Option<SignedBytes> {
    // What cannot be read is fetched again; what was changed does not open its leaf.
    let bytes = std::fs::read(path).ok()?;
    serde_json::from_slice::<SignedStatement>(&bytes).ok().map(SignedBytes::from)
}

fn opens(signed: &SignedBytes, leaf: &EventLeaf) -> bool {
    commitment(leaf.kind, &leaf.tag, &hash(&signed.statement), &hash(&signed.signature)) == leaf.commit
}

struct Replay<'c> {
    statements: Statements<'c>,
    directory: &'c Directory,
    origin: Origin,
    wanted: &'c BTreeSet<Tag>,
    chains: Chains,
    /// The documents of wanted cases, and which case each belongs to.
    documents: BTreeMap<Tag, Tag>,
    cases: BTreeMap<Tag, CaseHistory>,
    /// Statements that were taken: one stands once in the whole log.
    seen: BTreeSet<Hash>,
    pending: Option<Pending>,
    order: Order,
}

/// A statement whose leaves are still coming.
struct Pending {
    event: CaseEvent,
    expected: Vec<(ChainKind, Tag)>,
    directory_size: u64,
}

impl Replay<'_> {
    fn take_leaf(&mut self, index: u64, bytes: &[u8]) -> Result<(), ClientError> {
        let leaf = decode_event_leaf(bytes).map_err(|fault| wrong(index, &fault.to_string()))?;
        self.order.take(index, &leaf)?;
        if leaf.directory_size > self.directory.size() {
            return Err(wrong(index, "it refers to directory entries that do not exist"));
        }
        let follows = match leaf.kind {
            ChainKind::Case => self.wanted.contains(&leaf.tag),
            ChainKind::Document => self.documents.contains_key(&leaf.tag),
            ChainKind::Register => false,
        };
        if self.pending.is_none() && follows {
            self.pending = Some(self.begin(index, &leaf)?);
        }
        let Some(pending) = &mut self.pending else { return Ok(()) };
        pending.take(index, &leaf, bytes)?;
        if leaf.kind != ChainKind::Register {
            self.chains.take(index, &leaf, bytes)?;
        }
        if pending.event.leaves.len() == pending.expected.len() { self.complete() } else { Ok(()) }
    }

    /// Judges the statement of a first leaf as of that leaf.
    fn begin(&mut self, index: u64, leaf: &EventLeaf) -> Result<Pending, ClientError> {
        let signed = self.statements.load(index, leaf)?;
        let at = JudgedAt { directory_size: leaf.directory_size, time: leaf.time };
        let statement = verify_statement(&signed.statement, &signed.signature, &self.origin, self.directory, at)
            .map_err(|refusal| wrong(index, &refusal.to_string()))?;
        let expected = touched_chains(statement.statement());
        let event = CaseEvent { first_index: index, leaves: Vec::new(), time: leaf.time, statement };
        Ok(Pending { event, expected, directory_size: leaf.directory_size })
    }

    /// All leaves of the statement are there: judges the act in its case, and takes it.
    fn complete(&mut self) -> Result<(), ClientError> {
        let Some(Pending { event, directory_size, .. }) = self.pending.take() else { return Ok(()) };
        let index = event.first_index;
        let act = &event.statement.statement().act;
        let tag = *act.case().ok_or_else(|| wrong(index, "it is no act on a case"))?;
        if !self.wanted.contains(&tag)
            || act.documents().iter().any(|document| self.documents.get(document).is_some_and(|case| *case != tag))
        {
            return Err(wrong(index, "it is an act of one case on a document of another"));
        }
        if !self.seen.insert(event.statement.sha256()) {
            return Err(wrong(index, "the same statement was logged before"));
        }
        let at = JudgedAt { directory_size, time: event.time };
        let before = self.cases.get(&tag).map(|history| &history.case);
        let permit =
            permit_act(before, event.statement.clone(), self.directory, at).map_err(|refusal| wrong(index, &refusal.to_string()))?;
        let case_leaf = permit.moves_case().then(|| event.leaves.first().map(|leaf| leaf_hash(leaf))).flatten();
        let case = permit.into_case(case_leaf);
        self.documents.extend(case.documents().keys().map(|document| (*document, tag)));
        let mut events = self.cases.remove(&tag).map(|history| history.events).unwrap_or_default();
        events.push(event);
        self.cases.insert(tag, CaseHistory { tag, case, events });
        Ok(())
    }

    fn finish(self) -> Result<Vec<CaseHistory>, ClientError> {
        match self.pending {
            Some(pending) => Err(wrong(pending.event.first_index, "the log ends before all of its leaves")),
            None => Ok(self.cases.into_values().collect()),
        }
    }
}

impl Pending {
    fn take(&mut self, index: u64, leaf: &EventLeaf, bytes: &[u8]) -> Result<(), ClientError> {
        let expected = self.expected.get(self.event.leaves.len());
        let statement = &self.event.statement;
        let commit = commitment(leaf.kind, &leaf.tag, &statement.sha256(), &statement.signature_sha256());
        let same_moment = leaf.time == self.event.time && leaf.directory_size == self.directory_size;
        if expected != Some(&(leaf.kind, leaf.tag)) || leaf.commit != commit || !same_moment {
            return Err(wrong(index, &format!("it is not the leaf that event {} must have here", self.event.first_index)));
        }
        self.event.leaves.push(bytes.to_vec());
        Ok(())
    }
}
