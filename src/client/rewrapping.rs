//! After an authority's key was replaced: its old slips are sealed anew, and a second member opens the new ones.
//!
//! ```text
//! custodian: unwrap ── old slips ── opened, sealed to the key in force ── rewrap      both slips are kept
//! colleague: unwrap ── both slips ── each opens to the same identity ── confirm       the old one goes
//!                                    └── not so ── reject                             the new one goes
//! ```
//!
//! What is done stands in the log, so whoever is interrupted begins again and does the rest.

use std::collections::BTreeMap;

use super::history::CaseHistory;
use super::slips::{Identities, OpeningFault, find_released};
use super::{Client, ClientError};
use crate::clock;
use crate::crypto::hash;
use crate::domain::limits::DOCUMENTS_PER_SUBMISSION_MAX;
use crate::domain::{Hash, Role, Tag};
use crate::seal::{OpenedSlip, SealingRecipient, reseal_slip};
use crate::trust::{HeldSlip, SealedSlip};
use crate::wire::{Act, Base64Bytes, OnDocuments, Rewrap, SlipBody, SlipLine};

/// What a run has done, and what is left for others; counted in documents.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rewrapping {
    /// Sealed anew to the key in force.
    pub rewrapped: usize,
    /// Opened, after a colleague had sealed them anew: their old slips are gone.
    pub confirmed: usize,
    /// Sealed anew by a colleague so that they do not open as they must: the old slips stay.
    pub rejected: usize,
    /// Sealed anew, and to be opened by a second member who has the old key and the new one.
    pub waiting: usize,
    /// Sealed to an old key, and this member has not that key, or is no custodian.
    pub left: usize,
}

/// What is to be done with an authority's slip of a document.
enum Task {
    Rewrap(SealedSlip),
    Confirm { old: SealedSlip, new: SealedSlip },
    Wait,
    Leave,
    Nothing,
}

/// The tasks of one case.
#[derive(Default)]
struct Tasks {
    rewrap: Vec<(Tag, SealedSlip)>,
    confirm: Vec<(Tag, SealedSlip, SealedSlip)>,
}

impl Client {
    /// Seals anew what is sealed to older keys of the own authority, as far as this member is a custodian and has these keys; and
    /// opens what colleagues sealed anew. `watch` is told how many documents of how many are done.
    ///
    /// # Errors
    /// When a case cannot be replayed, or the server refuses. What was done stays done.
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
                self.rewrap_documents(history, documents, &recipient)?;
                report.rewrapped += documents.len();
                done += documents.len() as u64;
                watch(done, all);
            }
            for documents in tasks.confirm.chunks(DOCUMENTS_PER_SUBMISSION_MAX) {
                let rejected = self.confirm_documents(history, documents)?;
                report.rejected += rejected;
                report.confirmed += documents.len() - rejected;
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
            match self.task_for(held, key_in_force) {
                Task::Rewrap(slip) => tasks.rewrap.push((*document, slip)),
                Task::Confirm { old, new } => tasks.confirm.push((*document, old, new)),
                Task::Wait => report.waiting += 1,
                Task::Leave => report.left += 1,
                Task::Nothing => {}
            }
        }
        tasks
    }

    fn task_for(&self, held: &HeldSlip, key_in_force: &Hash) -> Task {
        let has = |slip: &SealedSlip| self.profile.has_granted_identity(&slip.key);
        let old = held.in_force();
        if old.key == *key_in_force {
            return Task::Nothing;
        }
        if let Some(waiting) = held.waiting().filter(|waiting| waiting.slip.key == *key_in_force) {
            let is_mine = waiting.by == *self.profile.member();
            return if !is_mine && has(&old) && has(&waiting.slip) { Task::Confirm { old, new: waiting.slip } } else { Task::Wait };
        }
        let readable = held.kept().find(has).filter(|_| self.is_custodian());
        readable.map_or(Task::Leave, Task::Rewrap)
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
    ) -> Result<(), ClientError> {
        let identities = self.load_identities(documents.iter().map(|(_, slip)| *slip))?;
        let tags: Vec<Tag> = documents.iter().map(|(tag, _)| *tag).collect();
        let released = self.unwrap(history, &tags)?;
        let authority = self.profile.member().authority().clone();
        let (mut slips, mut bodies) = (Vec::new(), Vec::new());
        for (document, old) in documents {
            let opened = self.open_unwrapped(document, old, &released, &identities).map_err(|refused| refused.fault)?;
            let slip = reseal_slip(&opened, recipient).map_err(ClientError::unproven)?;
            let (authority, sha256) = (authority.clone(), hash(&slip));
            slips.push(SlipLine { document: *document, authority: authority.clone(), key: recipient.fingerprint(), sha256 });
            bodies.push(SlipBody { document: *document, authority, slip: Base64Bytes(slip) });
        }
        self.sign_and_put(Act::Rewrap(Rewrap { case: history.tag, documents: tags, slips }), bodies).map(drop)
    }

    /// Confirms what opens as it must and rejects what does not. Gives how many it rejected.
    fn confirm_documents(&mut self, history: &CaseHistory, documents: &[(Tag, SealedSlip, SealedSlip)]) -> Result<usize, ClientError> {
        let identities = self.load_identities(documents.iter().flat_map(|(_, old, new)| [*old, *new]))?;
        let tags: Vec<Tag> = documents.iter().map(|(tag, ..)| *tag).collect();
        let released = self.unwrap(history, &tags)?;
        let (mut same, mut other) = (Vec::new(), Vec::new());
        for (document, old, new) in documents {
            let old = self.open_unwrapped(document, old, &released, &identities).map_err(|refused| refused.fault)?;
            match self.open_unwrapped(document, new, &released, &identities) {
                Ok(new) if new.identity().recipient().fingerprint() == old.identity().recipient().fingerprint() => same.push(*document),
                Ok(_) | Err(OpeningFault { to_blame: Some(_), .. }) => other.push(*document),
                Err(OpeningFault { fault, .. }) => return Err(fault),
            }
        }
        let rejected = other.len();
        self.put_on_documents(history, same, Act::Confirm)?;
        self.put_on_documents(history, other, Act::Reject)?;
        Ok(rejected)
    }

    /// After a submission was opened: confirms the new slips that opened it, if a colleague sealed them.
    pub(super) fn confirm_opened(&mut self, history: &CaseHistory, chosen: &BTreeMap<Tag, SealedSlip>) -> Result<(), ClientError> {
        let member = self.profile.member();
        let is_colleagues = |(document, slip): (&Tag, &SealedSlip)| {
            let waiting = history.case.slip_of(document, member.authority())?.waiting()?;
            (waiting.slip == *slip && waiting.by != *member).then_some(*document)
        };
        let documents: Vec<Tag> = chosen.iter().filter_map(is_colleagues).collect();
        match self.put_on_documents(history, documents, Act::Confirm) {
            // Somebody else was quicker. The documents are open all the same.
            Err(ClientError::Refused(_)) => Ok(()),
            other => other,
        }
    }

    fn unwrap(&mut self, history: &CaseHistory, documents: &[Tag]) -> Result<Vec<SlipBody>, ClientError> {
        let unwrap = Act::Unwrap(OnDocuments { case: history.tag, documents: documents.to_vec() });
        Ok(self.sign_and_put(unwrap, Vec::new())?.1)
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

    fn put_on_documents(&mut self, history: &CaseHistory, documents: Vec<Tag>, act: fn(OnDocuments) -> Act) -> Result<(), ClientError> {
        if documents.is_empty() {
            return Ok(());
        }
        self.sign_and_put(act(OnDocuments { case: history.tag, documents }), Vec::new()).map(drop)
    }
}
