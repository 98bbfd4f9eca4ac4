//! A case is a fold of its statements; here it is decided whether one more may follow. Pure, and the same for the
//! server that enforces it and for the client and auditor who check that it did. The rules for an authority's own
//! slips are in `slip_rules`.

use std::collections::BTreeMap;

use super::case::{Case, CaseDocument, HeldSlip, SealedSlip};
use super::directory::Directory;
use super::statement::{JudgedAt, VerifiedStatement, verify_member};
use crate::domain::limits::CASE_SLIPS_MAX;
use crate::domain::{AuthorityCode, Hash, Role, SlipName, Tag};
use crate::mla::{CaseAct, Direction, Office, Side, SubmissionKind, permit_transition};
use crate::wire::{Act, Forward, Refusal, RefusalCode, SlipLine, Statement, Submit};

/// An act that was permitted, and what the case is after it. Only [`permit_act`] makes one.
#[derive(Debug, Clone)]
pub struct ActPermit {
    statement: VerifiedStatement,
    next: Case,
    moves_case: bool,
    changes_case: bool,
    dropped_slips: Vec<SlipName>,
}

impl ActPermit {
    /// The statement that was permitted.
    pub fn statement(&self) -> &VerifiedStatement {
        &self.statement
    }

    /// Whether the act becomes the case's last event.
    pub fn moves_case(&self) -> bool {
        self.moves_case
    }

    /// Whether the case is another one after it.
    pub fn changes_case(&self) -> bool {
        self.changes_case
    }

    /// The slips that go with it.
    pub fn dropped_slips(&self) -> &[SlipName] {
        &self.dropped_slips
    }

    /// The case after the act, whose leaf under the case's tag (if it has one) has this hash.
    pub fn into_case(self, case_leaf: Option<Hash>) -> Case {
        let mut next = self.next;
        if let Some(hash) = case_leaf {
            next.last_event = hash;
        }
        next
    }
}

const SIGNING_ROLES: &[Role] = &[Role::Signatory];
const READING_ROLES: &[Role] = &[Role::Drafter, Role::Signatory, Role::Custodian];
const KEEPING_ROLES: &[Role] = &[Role::Custodian];

/// Decides whether a verified statement may follow in a case, by the directory as of `at`.
///
/// # Errors
/// A refusal that names the first rule it breaks.
pub fn permit_act(case: Option<&Case>, statement: VerifiedStatement, directory: &Directory, at: JudgedAt) -> Result<ActPermit, Refusal> {
    let text = statement.statement();
    let record = verify_member(text, directory, at)?;
    let moves_case = text.act.op().moves_case();
    let roles = match &text.act {
        Act::Rewrap(_) => KEEPING_ROLES,
        _ if moves_case => SIGNING_ROLES,
        _ => READING_ROLES,
    };
    if !record.has_role(roles) {
        return Err(Refusal::new(RefusalCode::RoleMissing, format!("{} has no role for the act {}", text.actor, text.act.op())));
    }
    let rules = Rules { case, statement: text, directory, at };
    let next = match &text.act {
        Act::Submit(act) => rules.permit_submit(act)?,
        Act::Forward(act) => rules.permit_forward(act)?,
        Act::Acknowledge(_) => rules.permit_on_case(CaseAct::Acknowledge)?,
        Act::Close(_) => rules.permit_on_case(CaseAct::Close)?,
        Act::Release(act) | Act::Opened(act) | Act::Unwrap(act) => rules.permit_on_documents(&act.documents)?.clone(),
        Act::Rewrap(act) => rules.permit_rewrap(act)?,
        Act::Confirm(act) => rules.permit_confirm(act)?,
        Act::Reject(act) => rules.permit_reject(act)?,
        Act::Authority(_) | Act::Member(_) | Act::Revoke(_) | Act::Replace(_) | Act::Cancel(_) | Act::Grant(_) | Act::Recover(_) => {
            return Err(Refusal::new(RefusalCode::WrongLog, "directory entries do not go into the events log"));
        }
        Act::Inspect(_) => return Err(Refusal::not_found()),
    };
    let changes_slips = matches!(text.act, Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_));
    let dropped_slips = case.filter(|_| changes_slips).map_or_else(Vec::new, |case| case.slips_dropped_by(&next));
    let changes_case = moves_case || changes_slips;
    Ok(ActPermit { statement, next, moves_case, changes_case, dropped_slips })
}

/// An act that is being judged.
pub(super) struct Rules<'a> {
    pub(super) case: Option<&'a Case>,
    pub(super) statement: &'a Statement,
    pub(super) directory: &'a Directory,
    pub(super) at: JudgedAt,
}

impl Rules<'_> {
    fn permit_submit(&self, act: &Submit) -> Result<Case, Refusal> {
        let mut next = match (act.kind, self.case) {
            (SubmissionKind::Request, None) => self.new_case(act)?,
            (SubmissionKind::Request, Some(_)) => {
                return Err(Refusal::new(RefusalCode::TagTaken, "a request opens a case, and this case exists"));
            }
            (SubmissionKind::Response, case) => self.permit_transition(self.existing(case)?, CaseAct::Submit(act.kind))?,
        };
        self.require_submitted_slips(act)?;
        require_room(&next, act.slips.len())?;
        let cover = act.documents.first().map_or(Tag::ZERO, |document| document.tag);
        for document in &act.documents {
            let taken = next.documents.insert(document.tag, CaseDocument { cover, holders: holders_in(&act.slips, &document.tag) });
            if taken.is_some() {
                return Err(Refusal::new(RefusalCode::TagTaken, format!("document {} is in the case already", document.tag)));
            }
        }
        Ok(self.with_parties(next, &act.to))
    }

    fn new_case(&self, act: &Submit) -> Result<Case, Refusal> {
        let requesting = self.statement.actor.state();
        let requested = act.to.first().map(AuthorityCode::state).ok_or_else(|| recipient_refused("a request needs a recipient"))?;
        let office = if self.is_central(self.statement.actor.authority()) { Office::Central } else { Office::Competent };
        let direction = self.direction()?;
        let row = permit_transition(None, CaseAct::Submit(act.kind), Side::Requesting, office, direction);
        let row = row.ok_or_else(|| {
            Refusal::new(RefusalCode::TransitionRefused, "only a central authority sends a request, and only to the other state's")
        })?;
        if act.after != Hash::ZERO {
            return Err(Refusal::new(RefusalCode::CaseMoved, "a request builds on nothing: its after line is zeros"));
        }
        let (parties, documents) = Default::default();
        Ok(Case { state: row.to, last_event: Hash::ZERO, requesting, requested, parties, documents })
    }

    fn permit_forward(&self, act: &Forward) -> Result<Case, Refusal> {
        let case = self.existing(self.case)?;
        let mut next = self.permit_transition(case, CaseAct::Forward)?;
        let expected = act.documents.len() * act.to.len();
        let all_named = act.slips.iter().all(|slip| act.to.contains(&slip.authority));
        if act.slips.len() != expected || !all_named {
            return Err(slips_refused("a forward has one slip for each document and recipient"));
        }
        self.require_current_keys(&act.slips)?;
        require_room(&next, act.slips.len())?;
        for tag in &act.documents {
            let document = self.require_held(case, tag)?;
            if let Some(to) = act.to.iter().find(|to| document.holders.contains_key(to)) {
                return Err(slips_refused(&format!("{to} has a slip of document {tag} already, and no second one replaces it")));
            }
            let cover = document.cover;
            let cover_comes = |to: &AuthorityCode| case.documents.get(&cover).is_some_and(|document| document.holders.contains_key(to));
            if !act.documents.contains(&cover) && !act.to.iter().all(cover_comes) {
                return Err(slips_refused("whoever gets a slip of a submission gets its cover's"));
            }
            if let Some(document) = next.documents.get_mut(tag) {
                document.holders.extend(holders_in(&act.slips, tag));
            }
        }
        Ok(self.with_parties(next, &act.to))
    }

    fn permit_on_case(&self, act: CaseAct) -> Result<Case, Refusal> {
        self.permit_transition(self.existing(self.case)?, act)
    }

    /// The case, of which the actor's authority holds these documents.
    pub(super) fn permit_on_documents(&self, documents: &[Tag]) -> Result<&Case, Refusal> {
        let case = self.existing(self.case)?;
        documents.iter().try_for_each(|tag| self.require_held(case, tag).map(drop))?;
        Ok(case)
    }

    /// The life cycle's row for this act, and the case moved along it.
    fn permit_transition(&self, case: &Case, act: CaseAct) -> Result<Case, Refusal> {
        let authority = self.statement.actor.authority();
        let side = case.side_of(authority.state()).ok_or_else(Refusal::not_found)?;
        // A party that is not central has been forwarded something: nobody else inside a state is addressed.
        let office = if self.is_central(authority) { Office::Central } else { Office::Competent };
        if self.statement.act.after() != Some(&case.last_event) {
            return Err(Refusal::new(RefusalCode::CaseMoved, "the case has moved on since you looked at it"));
        }
        let row = permit_transition(Some(case.state), act, side, office, self.direction()?).ok_or_else(|| {
            Refusal::new(
                RefusalCode::TransitionRefused,
                format!("the case is {}; {authority} cannot {act} now, or not to these", case.state),
            )
        })?;
        Ok(Case { state: row.to, ..case.clone() })
    }

    /// Where the act goes. Across the border only to central authorities of one state; inside, an
    /// executing authority answers its own central authority only.
    fn direction(&self) -> Result<Direction, Refusal> {
        let own = self.statement.actor.authority();
        let recipients = self.statement.act.recipients();
        for to in recipients {
            self.directory
                .authority_at(to, self.at.directory_size)
                .ok_or_else(|| recipient_refused(&format!("{to} is not in the directory")))?;
        }
        let Some(first) = recipients.first() else { return Ok(Direction::Nobody) };
        if recipients.contains(own) || recipients.iter().any(|to| to.state() != first.state()) {
            return Err(recipient_refused("recipients are of one state, and never the sender itself"));
        }
        if first.state() == own.state() {
            return self.direction_inside(recipients);
        }
        let other_side = self.case.is_none_or(|case| case.side_of(first.state()).is_some());
        if other_side && recipients.iter().all(|to| self.is_central(to)) {
            Ok(Direction::Across)
        } else {
            Err(recipient_refused("across the border only the case's central authorities are addressed"))
        }
    }

    fn direction_inside(&self, recipients: &[AuthorityCode]) -> Result<Direction, Refusal> {
        let answers = matches!(self.statement.act, Act::Submit(_));
        if answers && !recipients.iter().all(|to| self.is_central(to)) {
            return Err(recipient_refused("inside a state an answer goes to the central authority"));
        }
        Ok(Direction::Inside)
    }

    fn require_submitted_slips(&self, act: &Submit) -> Result<(), Refusal> {
        let own = self.statement.actor.authority();
        let has_slip = |tag: &Tag, to: &AuthorityCode| act.slips.iter().any(|slip| slip.document == *tag && slip.authority == *to);
        if !act.documents.iter().all(|document| has_slip(&document.tag, own)) {
            return Err(slips_refused("the sender's own authority gets a slip of every document"));
        }
        let cover = act.documents.first().map(|document| document.tag).unwrap_or(Tag::ZERO);
        if !act.to.iter().all(|to| has_slip(&cover, to)) {
            return Err(slips_refused("every recipient gets a slip of the cover"));
        }
        if !act.slips.iter().all(|slip| slip.authority == *own || act.to.contains(&slip.authority)) {
            return Err(slips_refused("slips go to the recipients and the sender's own authority only"));
        }
        self.require_current_keys(&act.slips)
    }

    pub(super) fn require_current_keys(&self, slips: &[SlipLine]) -> Result<(), Refusal> {
        for slip in slips {
            let current = self.directory.sealing_at(&slip.authority, self.at);
            let current = current.ok_or_else(|| recipient_refused(&format!("{} is not in the directory", slip.authority)))?;
            if current.fingerprint() != slip.key {
                return Err(slips_refused(&format!("a slip is sealed to another key than {}'s", slip.authority)));
            }
        }
        Ok(())
    }

    fn require_held<'c>(&self, case: &'c Case, tag: &Tag) -> Result<&'c CaseDocument, Refusal> {
        let own = self.statement.actor.authority();
        case.documents.get(tag).filter(|document| document.holders.contains_key(own)).ok_or_else(Refusal::not_found)
    }

    fn with_parties(&self, mut next: Case, to: &[AuthorityCode]) -> Case {
        next.parties.insert(self.statement.actor.authority().clone());
        next.parties.extend(to.iter().cloned());
        next
    }

    fn is_central(&self, authority: &AuthorityCode) -> bool {
        self.directory.authority_at(authority, self.at.directory_size).is_some_and(|record| record.is_central())
    }

    pub(super) fn existing<'c>(&self, case: Option<&'c Case>) -> Result<&'c Case, Refusal> {
        let own = self.statement.actor.authority();
        case.filter(|case| case.parties.contains(own)).ok_or_else(Refusal::not_found)
    }
}

/// A case has at most so many slips.
fn require_room(case: &Case, more: usize) -> Result<(), Refusal> {
    let slips: usize = case.documents.values().map(|document| document.holders.len()).sum();
    if slips + more <= CASE_SLIPS_MAX {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::TooLarge, format!("a case has at most {CASE_SLIPS_MAX} slips, and this one has {slips}")))
}

fn holders_in(slips: &[SlipLine], document: &Tag) -> BTreeMap<AuthorityCode, HeldSlip> {
    let held = |slip: &SlipLine| (slip.authority.clone(), HeldSlip::new(SealedSlip { key: slip.key, sha256: slip.sha256 }));
    slips.iter().filter(|slip| slip.document == *document).map(held).collect()
}

fn recipient_refused(reason: &str) -> Refusal {
    Refusal::new(RefusalCode::RecipientRefused, reason)
}

fn slips_refused(reason: &str) -> Refusal {
    Refusal::new(RefusalCode::SlipMismatch, reason)
}
