//! A case as a value: where it stands, who is in it, which documents it has, and which slips of them there are.
//!
//! ```text
//! slip of a document for an authority:   in force ──rewrap──▶ in force, and a new one waits
//!                                           ▲                    │ confirm, by a second member: the new one is in force
//!                                           └────────────────────┤ reject: the new one goes
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::{AuthorityCode, Hash, MemberCode, SlipName, StateCode, Tag};
use crate::mla::{CaseState, Side};

/// A case as its statements made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub(super) state: CaseState,
    pub(super) last_event: Hash,
    pub(super) requesting: StateCode,
    pub(super) requested: StateCode,
    pub(super) parties: BTreeSet<AuthorityCode>,
    pub(super) documents: BTreeMap<Tag, CaseDocument>,
}

/// A document of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseDocument {
    pub(super) cover: Tag,
    pub(super) holders: BTreeMap<AuthorityCode, HeldSlip>,
}

/// What an authority has of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldSlip {
    pub(super) in_force: SealedSlip,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) waiting: Option<RewrappedSlip>,
}

/// A slip, by what its line in a statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedSlip {
    /// Fingerprint of the sealing key.
    pub key: Hash,
    /// SHA-256 of the slip.
    pub sha256: Hash,
}

/// A slip that was sealed anew and that no second member has opened yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewrappedSlip {
    /// The slip.
    pub slip: SealedSlip,
    /// Who sealed it.
    pub by: MemberCode,
}

impl CaseDocument {
    /// The cover of the submission it came with; its own tag, if it is the cover.
    pub fn cover(&self) -> &Tag {
        &self.cover
    }

    /// The authorities that have a slip of it, and which.
    pub fn holders(&self) -> &BTreeMap<AuthorityCode, HeldSlip> {
        &self.holders
    }
}

impl HeldSlip {
    pub(super) fn new(slip: SealedSlip) -> Self {
        Self { in_force: slip, waiting: None }
    }

    /// The slip that everybody of the authority can open who held its key when it was sealed.
    pub fn in_force(&self) -> SealedSlip {
        self.in_force
    }

    /// The one that is to take its place.
    pub fn waiting(&self) -> Option<&RewrappedSlip> {
        self.waiting.as_ref()
    }

    /// All that are kept, the newest first.
    pub fn kept(&self) -> impl Iterator<Item = SealedSlip> {
        self.waiting.iter().map(|waiting| waiting.slip).chain([self.in_force])
    }
}

impl Case {
    /// Where it stands.
    pub fn state(&self) -> CaseState {
        self.state
    }

    /// Leaf hash of its last event.
    pub fn last_event(&self) -> Hash {
        self.last_event
    }

    /// The state that asks.
    pub fn requesting(&self) -> StateCode {
        self.requesting
    }

    /// The state that is asked.
    pub fn requested(&self) -> StateCode {
        self.requested
    }

    /// Every authority that acted in it or was named in it.
    pub fn parties(&self) -> &BTreeSet<AuthorityCode> {
        &self.parties
    }

    /// Its documents.
    pub fn documents(&self) -> &BTreeMap<Tag, CaseDocument> {
        &self.documents
    }

    /// What an authority has of a document.
    pub fn slip_of(&self, document: &Tag, authority: &AuthorityCode) -> Option<&HeldSlip> {
        self.documents.get(document)?.holders.get(authority)
    }

    /// Whether a member of `authority` may see its statements: a party, or an auditor of a party's state.
    pub fn is_visible_to(&self, authority: &AuthorityCode, is_auditor: bool) -> bool {
        let same_state = |party: &AuthorityCode| is_auditor && party.state() == authority.state();
        self.parties.iter().any(|party| party == authority || same_state(party))
    }

    pub(super) fn side_of(&self, state: StateCode) -> Option<Side> {
        if state == self.requesting {
            Some(Side::Requesting)
        } else if state == self.requested {
            Some(Side::Requested)
        } else {
            None
        }
    }

    /// The slips that are kept in this case and no longer in what it becomes.
    pub(super) fn slips_dropped_by(&self, next: &Case) -> Vec<SlipName> {
        let kept: BTreeSet<SlipName> = next.slips().collect();
        self.slips().filter(|slip| !kept.contains(slip)).collect()
    }

    fn slips(&self) -> impl Iterator<Item = SlipName> {
        let of_document = |(document, held): (&Tag, &CaseDocument)| {
            let document = *document;
            let name = move |(authority, held): (&AuthorityCode, &HeldSlip)| {
                let authority = authority.clone();
                held.kept().map(move |slip| SlipName { document, authority: authority.clone(), sha256: slip.sha256 }).collect::<Vec<_>>()
            };
            held.holders.iter().flat_map(name).collect::<Vec<_>>()
        };
        self.documents.iter().flat_map(of_document)
    }
}
