//! The events log, folded: each leaf opened by its statement, each act judged as when it was accepted.

use super::ExchangeFault;
use super::fold::{Fold, describe, leaf_place};
use super::views::{CASE_VIEW, case_row, decode_case, leaf_row, release_rows};
use crate::domain::{Hash, Log, Origin, SlipName, UnixMillis};
use crate::store::{Acceptance, ChainEntry, DifferenceKind, Opener, StoredDocument, StoredStatement};
use crate::tlog::{leaf_hash, touched_chains};
use crate::trust::{Directory, JudgedAt, permit_act, permit_inspection, verify_statement};
use crate::wire::{Act, EventLeaf, Refusal, SlipLine, Statement, decode_event_leaf, parse_statement};

const LOG: Log = Log::Events;

pub(super) struct EventFold<'d> {
    origin: &'d Origin,
    directory: &'d Directory,
    /// Whether all of the directory log could be folded, so that every act can be judged.
    is_directory_whole: bool,
    last_time: UnixMillis,
    last_directory_size: u64,
    run: Option<Run>,
}

/// The leaves of one statement, side by side.
struct Run {
    statement: Hash,
    first: u64,
    count: u64,
}

impl Run {
    /// What must stand at an index, if it lies in this run.
    fn expected(&self, index: u64) -> Option<Opener> {
        let place = index.checked_sub(self.first).filter(|place| *place < self.count)?;
        Some(Opener { statement: self.statement, place })
    }
}

impl<'d> EventFold<'d> {
    pub(super) fn new(origin: &'d Origin, directory: &'d Directory, directory_size: u64) -> Self {
        let is_directory_whole = directory.size() == directory_size;
        Self { origin, directory, is_directory_whole, last_time: UnixMillis(0), last_directory_size: 0, run: None }
    }

    pub(super) fn take(&mut self, fold: &mut Fold<'_>, index: u64, bytes: &[u8]) -> Result<(), ExchangeFault> {
        let Ok(leaf) = decode_event_leaf(bytes) else {
            fold.leaf_fault(LOG, index, describe(bytes), "an event");
            return Ok(());
        };
        self.follow_order(fold, index, &leaf);
        follow_chain(fold, index, &leaf)?;
        let Some(opener) = fold.fresh.load_opener(&leaf.commit)? else {
            let place = format!("statement of {}", leaf_place(LOG, index));
            fold.fault(DifferenceKind::Missing, place, "none that opens it", format!("commitment {}", leaf.commit));
            return Ok(());
        };
        fold.fresh.put_view(&leaf_row(index, &opener.statement))?;
        self.follow_run(fold, index, opener);
        if opener.place == 0 { self.take_statement(fold, index, &leaf, leaf_hash(bytes), &opener.statement) } else { Ok(()) }
    }

    /// The log does not end inside a statement's leaves.
    pub(super) fn finish(&self, fold: &mut Fold<'_>, size: u64) {
        if let Some(expected) = self.run.as_ref().and_then(|run| run.expected(size)) {
            fold.fault(DifferenceKind::Missing, leaf_place(LOG, size), "nothing", describe_opener(&expected));
        }
    }

    /// Neither time nor directory go back, from leaf to leaf.
    fn follow_order(&mut self, fold: &mut Fold<'_>, index: u64, leaf: &EventLeaf) {
        let (time, size) = (leaf.time, leaf.directory_size);
        if time < self.last_time || size < self.last_directory_size {
            let last = format!("at least time {} ms, directory {}", self.last_time.0, self.last_directory_size);
            fold.leaf_fault(LOG, index, format!("time {} ms, directory {size}", time.0), last);
        }
        (self.last_time, self.last_directory_size) = (time, size);
    }

    /// The leaves of a statement stand side by side, in their order, and nothing between them.
    fn follow_run(&mut self, fold: &mut Fold<'_>, index: u64, opener: Opener) {
        let expected = self.run.as_ref().and_then(|run| run.expected(index));
        let fits = expected.map_or(opener.place == 0, |expected| expected == opener);
        if !fits {
            let expected = expected.map_or_else(|| "the first leaf of a statement".to_owned(), |expected| describe_opener(&expected));
            fold.leaf_fault(LOG, index, describe_opener(&opener), expected);
        }
    }

    fn take_statement(
        &mut self,
        fold: &mut Fold<'_>,
        index: u64,
        leaf: &EventLeaf,
        hash: Hash,
        sha256: &Hash,
    ) -> Result<(), ExchangeFault> {
        let damaged = ExchangeFault::Damaged { what: "statements" };
        let Some(stored) = fold.store.load_statement(sha256)? else { return Err(damaged) };
        // It was listed as opening this leaf, so it was parsed before.
        let Ok(text) = parse_statement(&stored.statement) else { return Err(damaged) };
        let count = touched_chains(&text).len() as u64;
        self.run = Some(Run { statement: *sha256, first: index, count });
        fold.put_accepted(LOG, sha256, Acceptance { first_leaf: index, leaf_count: count })?;
        fold.fresh.put_statement(sha256, &stored.statement, &stored.signature)?;
        put_named(fold, &text)?;
        if leaf.directory_size <= self.directory.size() {
            if let Err(refusal) = self.judge(fold, leaf, hash, &stored, &text)? {
                fold.leaf_fault(LOG, index, format!("an act that is refused ({refusal})"), "an act that is permitted");
            }
        } else if self.is_directory_whole {
            let most = format!("at most {}", self.directory.size());
            fold.leaf_fault(LOG, index, format!("directory {}", leaf.directory_size), most);
        }
        Ok(())
    }

    /// Judges an act, and takes what it makes of its case and of who may read.
    fn judge(
        &self,
        fold: &Fold<'_>,
        leaf: &EventLeaf,
        hash: Hash,
        stored: &StoredStatement,
        text: &Statement,
    ) -> Result<Result<(), Refusal>, ExchangeFault> {
        let at = JudgedAt { directory_size: leaf.directory_size, time: leaf.time };
        let statement = match verify_statement(&stored.statement, &stored.signature, self.origin, self.directory, at) {
            Ok(statement) => statement,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(tag) = text.act.case() else {
            let permit = permit_inspection(statement, self.directory, at);
            return permit.map_or_else(|refusal| Ok(Err(refusal)), |_| self.take_releases(fold, leaf, text).map(Ok));
        };
        let case = fold.fresh.load_view(CASE_VIEW, tag)?.map(|bytes| decode_case(&bytes)).transpose()?;
        let permit = match permit_act(case.as_ref(), statement, self.directory, at) {
            Ok(permit) => permit,
            Err(refusal) => return Ok(Err(refusal)),
        };
        permit.dropped_slips().iter().try_for_each(|slip| fold.fresh.drop_slip(slip))?;
        if permit.changes_case() {
            // The first leaf of an act that moves the case is the case's.
            let case_leaf = permit.moves_case().then_some(hash);
            fold.fresh.put_view(&case_row(*tag, &permit.into_case(case_leaf)))?;
        }
        self.take_releases(fold, leaf, text).map(Ok)
    }

    /// A release is to the TLS certificate of the entry that the actor had then.
    fn take_releases(&self, fold: &Fold<'_>, leaf: &EventLeaf, text: &Statement) -> Result<(), ExchangeFault> {
        let at = JudgedAt { directory_size: leaf.directory_size, time: leaf.time };
        let Some(record) = self.directory.member_at(&text.actor, at) else { return Ok(()) };
        Ok(release_rows(&text.act, &record.entry().tls, leaf.time).iter().try_for_each(|row| fold.fresh.put_view(row))?)
    }
}

/// A leaf follows the last one of its chain.
fn follow_chain(fold: &mut Fold<'_>, index: u64, leaf: &EventLeaf) -> Result<(), ExchangeFault> {
    let last = fold.fresh.load_chain_head(leaf.kind, &leaf.tag)?;
    let (seq, prev) = match last {
        Some(last) => (last.seq + 1, fold.fresh.load_node(LOG, 0, last.leaf_index)?.unwrap_or(Hash::ZERO)),
        None => (0, Hash::ZERO),
    };
    if (leaf.seq, leaf.prev) != (seq, prev) {
        let stored = format!("number {} of its chain, after {}", leaf.seq, leaf.prev);
        fold.leaf_fault(LOG, index, stored, format!("number {seq} of its chain, after {prev}"));
    }
    Ok(fold.fresh.put_chain(&ChainEntry { kind: leaf.kind, tag: leaf.tag, seq: leaf.seq, leaf_index: index })?)
}

/// Takes the documents and slips that a statement names.
fn put_named(fold: &Fold<'_>, text: &Statement) -> Result<(), ExchangeFault> {
    if let Act::Submit(act) = &text.act {
        for line in &act.documents {
            fold.fresh.put_document(&line.tag, &StoredDocument { upload: line.upload, bytes: line.bytes, sha256: line.sha256 })?;
        }
    }
    for SlipLine { document, authority, sha256, .. } in text.act.slips() {
        fold.fresh.put_slip(&SlipName { document: *document, authority: authority.clone(), sha256: *sha256 })?;
    }
    Ok(())
}

fn describe_opener(opener: &Opener) -> String {
    format!("leaf {} of statement {}", opener.place, opener.statement)
}
