//! After an authority's key was replaced: its old slips are sealed anew, and a second member opens the new ones.
//!
//! ```text
//! custodian: unwrap ── slip in force ── opened, sealed to the key in force ── rewrap   both slips are kept
//! colleague: unwrap ── both slips ── each opens to the same identity ── confirm        the old one goes
//!                                    └── not so ── reject                              the new one goes
//! ```
//!
//! What is done stands in the log, so whoever is interrupted begins again and does the rest.

use std::collections::BTreeMap;

use super::history::CaseHistory;
use super::slips::{Identities, OpeningFault, find_released, on_slips};
use super::{Client, ClientError};
use crate::clock;
use crate::crypto::hash;
use crate::domain::limits::DOCUMENTS_PER_SUBMISSION_MAX;
use crate::domain::{AuthorityCode, Hash, Role, Tag};
use crate::seal::{OpenedSlip, SealingRecipient, reseal_slip};
use crate::trust::{HeldSlip, SealedSlip};
use crate::wire::{Act, Base64Bytes, OnDocuments, OnSlips, RefusalCode, SlipBody};

/// What a run has done, and what is left for others; counted in documents.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rewrapping {
    /// Sealed anew to the key in force.
    pub rewrapped: usize,
    /// Confirmed, after a colleague had sealed them anew: their old slips are gone.
    pub confirmed: usize,
    /// Sealed anew by a colleague so that they do not open as they must: the old slips stay.
    pub rejected: usize,
    /// Sealed anew, and to be confirmed by a second member who has the old key and the new one.
    pub waiting: usize,
    /// Sealed to an old key, and left: this member has not that key, or is no custodian, or somebody else was quicker.
    pub left: usize,
    /// Sealed to an old key by a slip that does not open. Whoever sent it can read that in the log.
    pub unreadable: usize,
}

/// What is to be done with an authority's slip of a document.
enum Task {
    Rewrap,
    Confirm(SealedSlip),
    Wait,
    Leave,
    Unreadable,
    Nothing,
}

/// The tasks of one case: documents, each with its slip in force, and with the one that waits.
#[derive(Default)]
struct Tasks {
    rewrap: Vec<(Tag, SealedSlip)>,
    confirm: Vec<(Tag, SealedSlip, SealedSlip)>,
}

impl Client {
    /// Seals anew what is sealed to older keys of the own authority, as far as this member is a custodian and has these keys; and
    /// checks what colleagues sealed anew. `watch` is told how many documents of how many are done.
    ///
    /// # Errors
    /// When a case cannot be replayed, or the server cannot be reached. What was done stays done.
    pub fn rewrap(&mut self, watch: &mut dyn FnMut(u64, u64)) -> Result<Rewrapping, ClientError> {
        self.follow()?;
        let own = self.profile.member().authority().clone();
        let recipient = self.sealing_key_of(&own)?;
        let histories = self.load_registered(std::slice::from_ref(&own))?;
        let mut report = Rewrapping::default();
        let tasks: Vec<Tasks> = histories.iter().map(|history| self.list_tasks(history, &recipient.fingerprint(), &mut report)).collect();
        let all = tasks.iter().map(|tasks| (tasks.rewrap.len() + tasks.confirm.len()) as u64).sum();
        let mut done = 0;
        for (history, tasks) in histories.iter().zip(tasks) {
            for documents in tasks.rewrap.chunks(DOCUMENTS_PER_SUBMISSION_MAX) {
                let outcome = self.rewrap_documents(history, documents, &recipient, &mut report);
                leave_refused(outcome, documents.len(), &mut report)?;
                done += documents.len() as u64;
                watch(done, all);
            }
            for documents in tasks.confirm.chunks(DOCUMENTS_PER_SUBMISSION_MAX) {
                let outcome = self.confirm_documents(history, documents, &mut report);
                leave_refused(outcome, documents.len(), &mut report)?;
                done += documents.len() as u64;
                watch(done, all);
            }
        }
        report.waiting += report.rewrapped;
        Ok(report)
    }

    fn list_tasks(&self, history: &CaseHistory, key_in_force: &Hash, report: &mut Rewrapping) -> Tasks {
        let own = self.profile.member().authority();
        let mut tasks = Tasks::default();
        for (document, held) in history.case.documents().iter().filter_map(|(tag, document)| Some((tag, document.holders().get(own)?))) {
            match self.task_for(history, document, held, key_in_force) {
                Task::Rewrap => tasks.rewrap.push((*document, held.in_force())),
                Task::Confirm(new) => tasks.confirm.push((*document, held.in_force(), new)),
                Task::Wait => report.waiting += 1,
                Task::Leave => report.left += 1,
                Task::Unreadable => report.unreadable += 1,
                Task::Nothing => {}
            }
        }
        tasks
    }

    /// Sealed anew is what the slip in force gives, never what another's slip does that nobody has confirmed.
    fn task_for(&self, history: &CaseHistory, document: &Tag, held: &HeldSlip, key_in_force: &Hash) -> Task {
        let has = |slip: &SealedSlip| self.profile.has_granted_identity(&slip.key);
        let old = held.in_force();
        let new = held.waiting().filter(|waiting| waiting.slip.key == *key_in_force);
        match new {
            _ if old.key == *key_in_force => Task::Nothing,
            _ if history.has_rejected(document, self.profile.member().authority(), &old) => Task::Unreadable,
            Some(new) if new.by == *self.profile.member() => Task::Wait,
            Some(new) if has(&old) && has(&new.slip) => Task::Confirm(new.slip),
            Some(_) => Task::Wait,
            None if has(&old) && self.is_custodian() => Task::Rewrap,
            None => Task::Leave,
        }
    }

    fn is_custodian(&self) -> bool {
        let record = self.directory.member_at(self.profile.member(), self.directory.as_of(clock::now()));
        record.is_some_and(|record| record.has_role(&[Role::Custodian]))
    }

    fn rewrap_documents(
        &mut self,
        history: &CaseHistory,
        documents: &[(Tag, SealedSlip)],
        recipient: &SealingRecipient,
        report: &mut Rewrapping,
    ) -> Result<(), ClientError> {
        let released = self.unwrap(history, documents.iter().copied())?;
        let identities = self.load_identities(documents.iter().map(|(_, slip)| *slip))?;
        let authority = self.profile.member().authority().clone();
        let (mut new, mut bodies, mut bad) = (Vec::new(), Vec::new(), Vec::new());
        for (document, old) in documents {
            match self.open_unwrapped(document, old, &released, &identities) {
                Ok(opened) => {
                    let slip = reseal_slip(&opened, recipient).map_err(ClientError::unproven)?;
                    new.push((*document, SealedSlip { key: recipient.fingerprint(), sha256: hash(&slip) }));
                    bodies.push(SlipBody { document: *document, authority: authority.clone(), slip: Base64Bytes(slip) });
                }
                Err(OpeningFault { to_blame: Some(_), .. }) => bad.push((*document, *old)),
                Err(OpeningFault { fault, .. }) => return Err(fault),
            }
        }
        let (rewrapped, unreadable) = (new.len(), bad.len());
        self.put_on_slips(history, new, bodies, Act::Rewrap)?;
        report.rewrapped += rewrapped;
        self.put_on_slips(history, bad, Vec::new(), Act::Reject)?;
        report.unreadable += unreadable;
        Ok(())
    }

    /// Confirms what opens to the same as the old slip, and rejects what does not.
    fn confirm_documents(
        &mut self,
        history: &CaseHistory,
        documents: &[(Tag, SealedSlip, SealedSlip)],
        report: &mut Rewrapping,
    ) -> Result<(), ClientError> {
        let released = self.unwrap(history, documents.iter().map(|(document, _, new)| (*document, *new)))?;
        let identities = self.load_identities(documents.iter().flat_map(|(_, old, new)| [*old, *new]))?;
        let (mut same, mut other) = (Vec::new(), Vec::new());
        for (document, old, new) in documents {
            let old = self.open_unwrapped(document, old, &released, &identities).map_err(|refused| refused.fault)?;
            match self.open_unwrapped(document, new, &released, &identities) {
                Ok(opened) if opened.identity().recipient().fingerprint() == old.identity().recipient().fingerprint() => {
                    same.push((*document, *new));
                }
                Ok(_) | Err(OpeningFault { to_blame: Some(_), .. }) => other.push((*document, *new)),
                Err(OpeningFault { fault, .. }) => return Err(fault),
            }
        }
        let (confirmed, rejected) = (same.len(), other.len());
        self.put_on_slips(history, other, Vec::new(), Act::Reject)?;
        report.rejected += rejected;
        self.put_on_slips(history, same, Vec::new(), Act::Confirm)?;
        report.confirmed += confirmed;
        Ok(())
    }

    /// After a submission was opened: confirms the new slips that opened it, if a colleague sealed them. The documents are
    /// open all the same if that is not possible now; `rewrap` does it later.
    pub(super) fn confirm_opened(&mut self, history: &CaseHistory, chosen: &BTreeMap<Tag, SealedSlip>) -> Result<(), ClientError> {
        let member = self.profile.member();
        let is_colleagues = |(document, slip): (&Tag, &SealedSlip)| {
            let waiting = history.case.slip_of(document, member.authority())?.waiting()?;
            (waiting.slip == *slip && waiting.by != *member).then_some((*document, *slip))
        };
        let opened: Vec<(Tag, SealedSlip)> = chosen.iter().filter_map(is_colleagues).collect();
        match self.put_on_slips(history, opened, Vec::new(), Act::Confirm) {
            Err(wrong @ ClientError::Unproven(_)) => Err(wrong),
            _ => Ok(()),
        }
    }

    /// Has slips released, and nothing else. Those that are named must be among them.
    fn unwrap(&mut self, history: &CaseHistory, slips: impl IntoIterator<Item = (Tag, SealedSlip)>) -> Result<Vec<SlipBody>, ClientError> {
        let wanted: Vec<(Tag, SealedSlip)> = slips.into_iter().collect();
        let documents = wanted.iter().map(|(document, _)| *document).collect();
        let (_, released) = self.sign_and_put(Act::Unwrap(OnDocuments { case: history.tag, documents }), Vec::new())?;
        self.require_released(&history.tag, &wanted.into_iter().collect(), &released)?;
        Ok(released)
    }

    fn open_unwrapped(
        &self,
        document: &Tag,
        slip: &SealedSlip,
        released: &[SlipBody],
        identities: &Identities,
    ) -> Result<OpenedSlip, OpeningFault> {
        self.open_own_slip(document, slip, find_released(released, document, slip)?, identities)
    }

    fn put_on_slips(
        &mut self,
        history: &CaseHistory,
        slips: Vec<(Tag, SealedSlip)>,
        bodies: Vec<SlipBody>,
        act: fn(OnSlips) -> Act,
    ) -> Result<(), ClientError> {
        if slips.is_empty() {
            return Ok(());
        }
        let own = self.profile.member().authority().clone();
        self.sign_and_put(act(on_slips(history.tag, &own, slips)), bodies).map(drop)
    }
}

impl CaseHistory {
    /// Whether somebody of an authority has rejected this slip.
    fn has_rejected(&self, document: &Tag, authority: &AuthorityCode, slip: &SealedSlip) -> bool {
        let rejected = self.events.iter().filter_map(|event| match &event.statement.statement().act {
            Act::Reject(act) => Some(&act.slips),
            _ => None,
        });
        rejected.flatten().any(|line| line.document == *document && line.authority == *authority && line.sha256 == slip.sha256)
    }
}

/// What changed in this very moment is left for the next run.
fn leave_refused(outcome: Result<(), ClientError>, documents: usize, report: &mut Rewrapping) -> Result<(), ClientError> {
    match outcome {
        Err(ClientError::Refused(problem)) if problem.code == RefusalCode::SlipMismatch => {
            report.left += documents;
            Ok(())
        }
        other => other,
    }
}
