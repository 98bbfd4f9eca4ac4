//! From a received act to its receipt.

use super::budget::ENTRY_LEAVES;
use super::draft::{Drafted, EventJob, Job};
use super::uploads::{claim_document, describe_fault, upload_mismatch};
use super::views::{Released, load_case};
use super::{ActError, Exchange, ExchangeFault};
use crate::clock;
use crate::crypto::hash;
use crate::domain::limits::{BLOB_BYTES_MAX, SLIP_BYTES_MAX};
use crate::domain::{Hash, Log, SlipName};
use crate::seal::{HEADER_BYTES_MAX, verify_header};
use crate::store::{NewSlip, UPLOAD_PREFIX_BYTES};
use crate::tlog::touched_chains;
use crate::trust::{JudgedAt, SealedSlip, VerifiedPeer, verify_statement};
use crate::wire::{
    Act, ActAnswer, ActRequest, Base64Bytes, DocumentLine, OnDocuments, Refusal, RefusalCode, SlipBody, SlipLine, Statement,
    parse_statement,
};

// What the store keeps of an upload for this check must hold the longest header.
const _: () = assert!(UPLOAD_PREFIX_BYTES >= HEADER_BYTES_MAX);

impl Exchange {
    /// Accepts a signed statement from a peer: checks it, sequences it, gives its receipt. The same
    /// statement again gets the same leaves, under a checkpoint of now.
    ///
    /// # Errors
    /// A refusal, with nothing stored; or a fault, after which the same statement may be sent again.
    pub fn accept_act(&self, peer: &VerifiedPeer, request: ActRequest) -> Result<ActAnswer, ActError> {
        let statement = parse_statement(&request.statement.0).map_err(|fault| Refusal::new(RefusalCode::Malformed, fault.to_string()))?;
        require_actor(peer, &statement)?;
        let log = statement.act.op().log();
        let sha256 = hash(&request.statement.0);
        // Looked up before time and order are judged, so that a retry after a cut is never refused.
        let accepted = match self.find_earlier(log, &sha256)? {
            Some(earlier) => earlier,
            None => match self.admit(peer, &statement, request).and_then(|job| self.sequence(job, peer, &statement)) {
                Ok(accepted) => accepted,
                // Sent twice at once, the later may find its uploads claimed by the earlier: that is no refusal.
                Err(error) => self.find_earlier(log, &sha256)?.ok_or(error)?,
            },
        };
        let slips = self.load_released_slips(peer, &statement)?;
        Ok(ActAnswer { receipt: self.load_receipt(&accepted)?, slips })
    }

    /// Where a statement that was accepted before stands, once that is durable.
    fn find_earlier(&self, log: Log, sha256: &Hash) -> Result<Option<Drafted>, ActError> {
        let Some(stored) = self.store.load_acceptance(log, sha256)? else { return Ok(None) };
        let drafted = Drafted { log, statement: *sha256, first_index: stored.first_leaf, leaf_count: stored.leaf_count };
        if self.published().head(log).head().size >= stored.first_leaf + stored.leaf_count {
            return Ok(Some(drafted));
        }
        // In the database, but its commit has not ended: it is durable and published when the sequencer comes to this.
        self.queue.sequence(Job::Earlier(drafted)).map(Some)
    }

    /// All checks that need neither the sequencer's order nor its time.
    fn admit(&self, peer: &VerifiedPeer, statement: &Statement, request: ActRequest) -> Result<Job, ActError> {
        if statement.act.op().log() == Log::Directory {
            require_no_slips(&request)?;
            return Ok(Job::Entry { statement: request.statement.0, signature: request.signature.0 });
        }
        let published = self.published();
        let at = JudgedAt { directory_size: published.directory.size(), time: clock::now() };
        let origin = self.keys.origin(Log::Events);
        let verified = verify_statement(&request.statement.0, &request.signature.0, origin, &published.directory, at)?;
        let slips = check_slips(statement.act.slips(), request.slips)?;
        self.check_uploads(peer, &statement.act)?;
        let tls_certificate = peer.certificate().certificate_sha256();
        Ok(Job::Event(Box::new(EventJob { statement: verified, slips, tls_certificate })))
    }

    /// Has a job sequenced, at the cost of the budget of whoever put it.
    fn sequence(&self, job: Job, peer: &VerifiedPeer, statement: &Statement) -> Result<Drafted, ActError> {
        let leaves = cost_of(peer, statement);
        self.budget.spend(peer.member(), leaves, clock::now())?;
        self.queue.sequence(job).inspect_err(|_| self.budget.give_back(peer.member(), leaves))
    }

    /// The uploads that a submission names: the peer's own, complete, of the digest and length that the
    /// statement says, and sealed as strongly as they must be. The sequencer claims them.
    fn check_uploads(&self, peer: &VerifiedPeer, act: &Act) -> Result<(), ActError> {
        let Act::Submit(submit) = act else { return Ok(()) };
        submit.documents.iter().try_for_each(|document| self.check_upload(peer, document))
    }

    fn check_upload(&self, peer: &VerifiedPeer, document: &DocumentLine) -> Result<(), ActError> {
        if document.bytes > BLOB_BYTES_MAX {
            return Err(Refusal::new(RefusalCode::TooLarge, "a document is larger than 1 TiB").into());
        }
        let tag = &document.tag;
        let prefix = self.store.read_upload_prefix(&document.upload, peer.member()).map_err(|fault| describe_fault(tag, fault))?;
        verify_header(&prefix).map_err(|fault| upload_mismatch(tag, format!("it is not sealed as it must be: {fault}")))?;
        claim_document(&self.store, peer.member(), document).map(|_| ())
    }

    /// For a release or an unwrap: the slips of the actor's authority, now that it stands in the log. None when it is
    /// not in force for this very certificate: an old one that is sent again proves itself and opens nothing.
    fn load_released_slips(&self, peer: &VerifiedPeer, statement: &Statement) -> Result<Vec<SlipBody>, ActError> {
        let (what, act) = match &statement.act {
            Act::Release(act) => (Released::Document, act),
            Act::Unwrap(act) => (Released::Slips, act),
            _ => return Ok(Vec::new()),
        };
        for document in &act.documents {
            if self.load_release(what, peer, document)?.is_none() {
                return Ok(Vec::new());
            }
        }
        // Between the case and its slips another act may change both: then they are read again.
        let slips = match self.load_kept_slips(peer, act)? {
            Some(slips) => Some(slips),
            None => self.load_kept_slips(peer, act)?,
        };
        Ok(slips.ok_or(ExchangeFault::Damaged { what: "slips" })?)
    }

    /// All slips that are kept of the peer's authority; nothing if one that the case names is not there.
    fn load_kept_slips(&self, peer: &VerifiedPeer, act: &OnDocuments) -> Result<Option<Vec<SlipBody>>, ActError> {
        let case = load_case(&self.store, &act.case)?.ok_or(ExchangeFault::Damaged { what: "cases" })?;
        let authority = peer.member().authority();
        let mut slips = Vec::new();
        for document in &act.documents {
            let held = case.slip_of(document, authority).ok_or_else(Refusal::not_found)?;
            for SealedSlip { sha256, .. } in held.kept() {
                let name = SlipName { document: *document, authority: authority.clone(), sha256 };
                let Some(slip) = self.store.load_slip(&name)? else { return Ok(None) };
                slips.push(SlipBody { document: *document, authority: authority.clone(), slip: Base64Bytes(slip) });
            }
        }
        Ok(Some(slips))
    }
}

/// What an act takes from the budget of whoever puts it, in leaves. A member's entries in the directory are few; a
/// registrar's are counted by the directory itself.
fn cost_of(peer: &VerifiedPeer, statement: &Statement) -> u64 {
    match statement.act.op().log() {
        Log::Events => touched_chains(statement).len() as u64,
        Log::Directory if peer.is_registrar() => 0,
        Log::Directory => ENTRY_LEAVES,
    }
}

/// The member who signs is the member who is connected; a registrar does directory acts and no others. A cancellation may
/// be handed in by anybody of its actor's state: who was revoked no longer connects, and is heard all the same.
fn require_actor(peer: &VerifiedPeer, statement: &Statement) -> Result<(), Refusal> {
    let is_carried = matches!(statement.act, Act::Cancel(_)) && statement.actor.state() == peer.member().state();
    if !is_carried && &statement.actor != peer.member() {
        return Err(Refusal::new(RefusalCode::NotTheActor, format!("{} is connected, {} is the actor", peer.member(), statement.actor)));
    }
    if peer.is_registrar() && statement.act.op().log() != Log::Directory {
        return Err(Refusal::new(RefusalCode::RoleMissing, "a registrar acts on the directory only"));
    }
    Ok(())
}

fn require_no_slips(request: &ActRequest) -> Result<(), Refusal> {
    if request.slips.is_empty() { Ok(()) } else { Err(Refusal::new(RefusalCode::SlipMismatch, "this act has no slips")) }
}

/// The slips that came are those of the statement, in its order, each sealed as strongly as it must be.
fn check_slips(lines: &[SlipLine], bodies: Vec<SlipBody>) -> Result<Vec<NewSlip>, Refusal> {
    let mismatch = |reason: String| Refusal::new(RefusalCode::SlipMismatch, reason);
    if lines.len() != bodies.len() {
        return Err(mismatch(format!("the statement has {} slips, {} came", lines.len(), bodies.len())));
    }
    let check = |(line, body): (&SlipLine, SlipBody)| {
        let slip = body.slip.0;
        let same = line.document == body.document && line.authority == body.authority && line.sha256 == hash(&slip);
        if !same || slip.len() > SLIP_BYTES_MAX {
            return Err(mismatch(format!("the slip of {} for {} is not the statement's", line.document, line.authority)));
        }
        verify_header(&slip).map_err(|fault| mismatch(format!("a slip for {} is not sealed as it must be: {fault}", line.authority)))?;
        Ok(NewSlip { document: line.document, authority: line.authority.clone(), bytes: slip })
    };
    lines.iter().zip(bodies).map(check).collect()
}
