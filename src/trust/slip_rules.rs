//! The rules for an authority's own slips: sealed anew to its key in force, opened by a second member, rejected.
//!
//! An old slip goes only when somebody else than who sealed the new one has said of that very slip that it opens; so one
//! member, by mistake or on purpose, cannot make a document unreadable to their authority.

use super::case::{Case, HeldSlip, RewrappedSlip, SealedSlip};
use super::cases::Rules;
use crate::domain::{Hash, Tag};
use crate::wire::{OnSlips, Refusal, RefusalCode, SlipLine};

impl Rules<'_> {
    pub(super) fn permit_rewrap(&self, act: &OnSlips) -> Result<Case, Refusal> {
        self.permit_on_documents(&act.documents)?;
        self.require_current_keys(&act.slips)?;
        self.change_slips(act, |slip, held| {
            if held.kept().any(|kept| kept.key == slip.key) {
                return Err(refused("a slip of a document is sealed to the key in force already"));
            }
            held.waiting = Some(RewrappedSlip { slip, by: self.statement.actor.clone() });
            Ok(())
        })
    }

    pub(super) fn permit_confirm(&self, act: &OnSlips) -> Result<Case, Refusal> {
        self.change_slips(act, |slip, held| {
            let waiting = held.waiting.take_if(|waiting| waiting.slip == slip);
            let waiting = waiting.ok_or_else(|| refused("a slip that is confirmed does not wait, or waits no more"))?;
            if waiting.by == self.statement.actor {
                return Err(refused("a new slip is confirmed by somebody else than who sealed it"));
            }
            if !self.is_holder(&slip.key) {
                return Err(refused("who confirms a new slip holds the key that it is sealed to"));
            }
            held.in_force = slip;
            Ok(())
        })
    }

    /// A slip that waits goes, if who rejects it could open it, or sealed it. Of the one in force it is only said.
    pub(super) fn permit_reject(&self, act: &OnSlips) -> Result<Case, Refusal> {
        self.change_slips(act, |slip, held| {
            if !held.kept().any(|kept| kept == slip) {
                return Err(refused("a slip that is rejected is not kept, or not any more"));
            }
            if let Some(waiting) = held.waiting.take_if(|waiting| waiting.slip == slip)
                && waiting.by != self.statement.actor
                && !self.is_holder(&slip.key)
            {
                return Err(refused("who rejects a new slip holds the key that it is sealed to, or sealed it"));
            }
            Ok(())
        })
    }

    /// The case with other slips of documents that the actor's authority holds. The act names one for each document.
    fn change_slips(&self, act: &OnSlips, change: impl Fn(SealedSlip, &mut HeldSlip) -> Result<(), Refusal>) -> Result<Case, Refusal> {
        let mut next = self.permit_on_documents(&act.documents)?.clone();
        let own = self.statement.actor.authority();
        let is_own = |(tag, slip): (&Tag, &SlipLine)| slip.document == *tag && slip.authority == *own;
        if act.slips.len() != act.documents.len() || !act.documents.iter().zip(&act.slips).all(is_own) {
            return Err(refused("there is one slip of each document, of the actor's own authority"));
        }
        for SlipLine { document, key, sha256, .. } in &act.slips {
            let holders = next.documents.get_mut(document).map(|document| &mut document.holders);
            let held = holders.and_then(|holders| holders.get_mut(own)).ok_or_else(Refusal::not_found)?;
            change(SealedSlip { key: *key, sha256: *sha256 }, held)?;
        }
        Ok(next)
    }

    /// Whether the actor, by the directory, can open what is sealed to this key of their authority.
    fn is_holder(&self, key: &Hash) -> bool {
        let actor = &self.statement.actor;
        let record = self.directory.member_at(actor, self.at);
        let key = self.directory.authority(actor.authority()).and_then(|record| record.key(key));
        key.zip(record).is_some_and(|(key, record)| {
            key.holders().iter().any(|holder| holder.member_entry() == record.entry_index() && holder.since() <= self.at.time)
        })
    }
}

fn refused(reason: &str) -> Refusal {
    Refusal::new(RefusalCode::SlipMismatch, reason)
}
