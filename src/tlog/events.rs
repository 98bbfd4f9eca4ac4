//! From a statement to its leaves: which tags it touches, in which order.
//!
//! ```text
//! submit by kg.gpo to tr.moj, two documents
//!   leaf i    case      5f0c…    seq 0
//!   leaf i+1  document  8a41…    seq 0
//!   leaf i+2  document  c2d0…    seq 0
//!   leaf i+3  register of kg.gpo seq 41
//!   leaf i+4  register of tr.moj seq 17
//! ```

use std::collections::BTreeSet;

use crate::crypto::hash_parts;
use crate::domain::{AuthorityCode, ChainKind, Tag};
use crate::wire::{Act, Statement};

/// The public name of an authority's register: the list of all that was sent to it or by it.
pub fn register_tag(authority: &AuthorityCode) -> Tag {
    Tag::from_bytes(*hash_parts(&[b"elchi-register/v1\n", authority.as_str().as_bytes()]).as_bytes())
}

/// The chains that a statement of the events log adds a leaf to, in the order of its leaves: the case,
/// the documents as the statement lists them, the registers by authority code.
pub fn touched_chains(statement: &Statement) -> Vec<(ChainKind, Tag)> {
    let act = &statement.act;
    let case = act.case().filter(|_| act.op().moves_case()).map(|tag| (ChainKind::Case, *tag));
    let documents = act.documents().into_iter().map(|tag| (ChainKind::Document, tag));
    let registers = registered_authorities(statement).into_iter().map(|authority| (ChainKind::Register, register_tag(authority)));
    case.into_iter().chain(documents).chain(registers).collect()
}

/// Whose registers a statement goes into: the actor's authority and each that it names; or the one that is inspected.
fn registered_authorities(statement: &Statement) -> BTreeSet<&AuthorityCode> {
    match &statement.act {
        Act::Submit(_) | Act::Forward(_) => statement.act.recipients().iter().chain([statement.actor.authority()]).collect(),
        Act::Inspect(act) => BTreeSet::from([&act.authority]),
        Act::Release(_) | Act::Opened(_) | Act::Acknowledge(_) | Act::Close(_) => BTreeSet::new(),
        Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) => BTreeSet::new(),
        Act::Authority(_) | Act::Member(_) | Act::Revoke(_) | Act::Replace(_) | Act::Cancel(_) | Act::Grant(_) | Act::Recover(_) => {
            BTreeSet::new()
        }
    }
}
