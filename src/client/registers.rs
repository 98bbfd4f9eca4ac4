//! Registers: which cases were sent to an authority or by it, and which auditors have read them. Auditors' own reading is
//! logged: who has to fetch statements of others' cases signs that first.
//!
//! ```text
//! register leaves of our authorities ── acts on cases ── cases, replayed (`history`)
//!                                    └─ inspections, each judged as of its leaf
//! ```

use std::collections::BTreeSet;

use super::chains::{Chains, wrong};
use super::history::{CaseEvent, CaseHistory, SignedBytes, Statements};
use super::{Client, ClientError};
use crate::crypto::hash;
use crate::domain::{AuthorityCode, ChainKind, Log, Origin, Tag};
use crate::tlog::register_tag;
use crate::trust::{Directory, JudgedAt, VerifiedStatement, permit_inspection, verify_statement};
use crate::wire::{Act, EventLeaf, Inspection, Refusal, RefusalCode, decode_event_leaf, parse_statement};

/// What stands on registers.
#[derive(Default)]
struct Registers {
    /// Leaves of acts on cases, each with its case.
    cases: Vec<(u64, Tag)>,
    inspections: Vec<CaseEvent>,
}

impl Client {
    /// Replays every case that was sent to or by any of `authorities`, in order of their tags. An auditor who has to
    /// fetch statements of others' cases signs first that they do (`inspect`).
    ///
    /// # Errors
    /// As [`Client::load_cases`]; or when a register has a leaf that is neither of an act on a case nor an inspection.
    pub fn load_registered(&mut self, authorities: &[AuthorityCode]) -> Result<Vec<CaseHistory>, ClientError> {
        match self.replay_registered(authorities) {
            Err(ClientError::Refused(problem)) if problem.code == RefusalCode::NotReleased => {
                self.inspect(authorities)?;
                // The copy of the events log has grown: what it refers to must be here, too.
                self.follow()?;
                self.replay_registered(authorities)
            }
            replayed => replayed,
        }
    }

    /// The inspections of the registers of `authorities`, in the log's order.
    ///
    /// # Errors
    /// As [`Client::load_registered`].
    pub fn load_inspections(&mut self, authorities: &[AuthorityCode]) -> Result<Vec<CaseEvent>, ClientError> {
        Ok(self.load_registers(authorities)?.inspections)
    }

    /// Signs that this auditor reads the statements of the cases on these registers, as far as there are any. The own
    /// authority's need no saying.
    fn inspect(&mut self, authorities: &[AuthorityCode]) -> Result<(), ClientError> {
        let own = self.profile.member().authority().clone();
        let mut registers = BTreeSet::new();
        self.events.scan(0, |_, bytes| {
            let leaf = decode_event_leaf(bytes).map_err(ClientError::unproven)?;
            registers.extend((leaf.kind == ChainKind::Register).then_some(leaf.tag));
            Ok(())
        })?;
        for authority in authorities.iter().filter(|authority| **authority != own && registers.contains(&register_tag(authority))) {
            self.sign_and_put(Act::Inspect(Inspection { authority: authority.clone() }), Vec::new())?;
        }
        Ok(())
    }

    fn replay_registered(&mut self, authorities: &[AuthorityCode]) -> Result<Vec<CaseHistory>, ClientError> {
        let registered = self.load_registers(authorities)?.cases;
        let histories = self.load_cases(&registered.iter().map(|(_, case)| *case).collect())?;
        let replayed: BTreeSet<u64> = histories.iter().flat_map(|history| &history.events).flat_map(CaseEvent::indices).collect();
        match registered.iter().find(|(index, _)| !replayed.contains(index)) {
            Some((index, _)) => Err(wrong(*index, "it stands in a register alone, without the rest of its act")),
            None => Ok(histories),
        }
    }

    /// The leaves of registers, in the log's order.
    fn load_registers(&mut self, authorities: &[AuthorityCode]) -> Result<Registers, ClientError> {
        let registers: BTreeSet<Tag> = authorities.iter().map(register_tag).collect();
        let mut chains = Chains::default();
        let mut found = Vec::new();
        self.events.scan(0, |index, bytes| {
            let leaf = decode_event_leaf(bytes).map_err(ClientError::unproven)?;
            if leaf.kind == ChainKind::Register && registers.contains(&leaf.tag) {
                chains.take(index, &leaf, bytes)?;
                found.push((index, leaf, bytes.to_vec()));
            }
            Ok(())
        })?;
        let folder = self.profile.make_folder("memory/statements")?;
        let mut statements = Statements { session: &mut self.session, folder };
        let (mut registers, mut seen) = (Registers::default(), BTreeSet::new());
        for (index, leaf, bytes) in found {
            let signed = statements.load(index, &leaf)?;
            let statement = parse_statement(&signed.statement).map_err(ClientError::unproven)?;
            match statement.act.case() {
                Some(case) => registers.cases.push((index, *case)),
                None if !seen.insert(hash(&signed.statement)) => return Err(wrong(index, "the same statement was logged before")),
                None => {
                    let statement = judge_inspection(&self.directory, self.policy.origin(Log::Events), index, &leaf, &signed)?;
                    registers.inspections.push(CaseEvent { first_index: index, leaves: vec![bytes], time: leaf.time, statement });
                }
            }
        }
        Ok(registers)
    }
}

/// An act on no case: it must be an inspection of this very register, and one that was permitted as of its leaf.
fn judge_inspection(
    directory: &Directory,
    origin: &Origin,
    index: u64,
    leaf: &EventLeaf,
    signed: &SignedBytes,
) -> Result<VerifiedStatement, ClientError> {
    let refused = |refusal: Refusal| wrong(index, &refusal.to_string());
    if leaf.directory_size > directory.size() {
        return Err(wrong(index, "it refers to directory entries that do not exist"));
    }
    let at = JudgedAt { directory_size: leaf.directory_size, time: leaf.time };
    let statement = verify_statement(&signed.statement, &signed.signature, origin, directory, at).map_err(refused)?;
    let permit = permit_inspection(statement.clone(), directory, at).map_err(refused)?;
    if register_tag(permit.authority()) == leaf.tag { Ok(statement) } else { Err(wrong(index, "it inspects another register")) }
}
