//! The rules for an authority's own slips: sealed anew to its key in force, opened by a second member, rejected.
//!
//! An old slip goes only when somebody else than who sealed the new one has opened that; so one member, by mistake or
//! on purpose, cannot make a document unreadable to their authority.

use super::case::{Case, HeldSlip, RewrappedSlip, SealedSlip};
use super::cases::Rules;
use crate::domain::{Hash, Tag};
use crate::wire::{OnDocuments, Refusal, RefusalCode, Rewrap, SlipLine};

impl Rules<'_> {
    pub(super) fn permit_rewrap(&self, act: &Rewrap) -> Result<Case, Refusal> {
        self.permit_on_documents(&act.documents)?;
        let own = self.statement.actor.authority();
        let is_own = |(tag, slip): (&Tag, &SlipLine)| slip.document == *tag && slip.authority == *own;
        if act.slips.len() != act.documents.len() || !act.documents.iter().zip(&act.slips).all(is_own) {
            return Err(refused("a rewrap has one slip of each document, for the actor's own authority"));
        }
        self.require_current_keys(&act.slips)?;
        self.change_slips(&act.documents, |position, held| {
            let slip = SealedSlip { key: act.slips[position].key, sha256: act.slips[position].sha256 };
            require_old(held, &slip.key)?;
            held.waiting = Some(RewrappedSlip { slip, by: self.statement.actor.clone() });
            Ok(())
        })
    }

    pub(super) fn permit_confirm(&self, act: &OnDocuments) -> Result<Case, Refusal> {
        let actor = &self.statement.actor;
        self.change_slips(&act.documents, |_, held| {
            let waiting = held.waiting.take().ok_or_else(|| refused("no new slip of a document waits to be opened"))?;
            if waiting.by == *actor {
                return Err(refused("a new slip is opened by somebody else than who sealed it"));
            }
            self.require_holder(&waiting.slip.key)?;
            held.in_force = waiting.slip;
            Ok(())
        })
    }

    pub(super) fn permit_reject(&self, act: &OnDocuments) -> Result<Case, Refusal> {
        self.change_slips(&act.documents, |_, held| {
            held.waiting = None;
            Ok(())
        })
    }

    /// The case with other slips of documents that the actor's authority holds; `change` gets each document's position.
    fn change_slips(&self, documents: &[Tag], change: impl Fn(usize, &mut HeldSlip) -> Result<(), Refusal>) -> Result<Case, Refusal> {
        let mut next = self.permit_on_documents(documents)?.clone();
        for (position, tag) in documents.iter().enumerate() {
            let holders = next.documents.get_mut(tag).map(|document| &mut document.holders);
            let held = holders.and_then(|holders| holders.get_mut(self.statement.actor.authority())).ok_or_else(Refusal::not_found)?;
            change(position, held)?;
        }
        Ok(next)
    }

    /// By the directory, the actor can open what is sealed to this key of their authority.
    fn require_holder(&self, key: &Hash) -> Result<(), Refusal> {
        let actor = &self.statement.actor;
        let record = self.directory.member_at(actor, self.at);
        let key = self.directory.authority(actor.authority()).and_then(|record| record.key(key));
        let holds = key.zip(record).is_some_and(|(key, record)| {
            key.holders().iter().any(|holder| holder.member_entry() == record.entry_index() && holder.since() <= self.at.time)
        });
        if holds { Ok(()) } else { Err(refused("who opens a new slip holds the key that it is sealed to")) }
    }
}

/// There is something to seal anew: nothing that opens with this key is there yet.
fn require_old(held: &HeldSlip, key: &Hash) -> Result<(), Refusal> {
    if held.kept().any(|slip| slip.key == *key) {
        return Err(refused("a slip of a document is sealed to the key in force already"));
    }
    Ok(())
}

fn refused(reason: &str) -> Refusal {
    Refusal::new(RefusalCode::SlipMismatch, reason)
}
