//! A statement: the signed text of an act, as a value. Its text is `statement_text`'s.

use super::entries::{AuthorityEntry, Cancellation, Grant, MemberEntry, Recovery, Replacement, Revocation};
use crate::domain::{AuthorityCode, Hash, MemberCode, Nonce, Origin, Tag, TreeHead, UploadId, UtcSecond};
use crate::mla::{Op, SubmissionKind};

/// The signed text of an act. Made by `parse_statement` from received bytes, or by an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The log it is for.
    pub log: Origin,
    /// What it does.
    pub act: Act,
    /// Who does it.
    pub actor: MemberCode,
    /// SHA-256 of the certificate that the statement is signed with.
    pub certificate: Hash,
    /// The directory log as the actor saw it.
    pub directory: TreeHead,
    /// The last checkpoint of this log that the actor verified.
    pub seen: TreeHead,
    /// The actor's clock. It decides nothing; it must be near the leaf's time.
    pub time: UtcSecond,
    /// Makes two statements of one content differ.
    pub nonce: Nonce,
}

/// What a statement does, with what that needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// See [`Op::Submit`].
    Submit(Submit),
    /// See [`Op::Release`].
    Release(OnDocuments),
    /// See [`Op::Opened`].
    Opened(OnDocuments),
    /// See [`Op::Acknowledge`].
    Acknowledge(OnCase),
    /// See [`Op::Forward`].
    Forward(Forward),
    /// See [`Op::Close`].
    Close(OnCase),
    /// See [`Op::Unwrap`].
    Unwrap(OnDocuments),
    /// See [`Op::Rewrap`].
    Rewrap(OnSlips),
    /// See [`Op::Confirm`].
    Confirm(OnSlips),
    /// See [`Op::Reject`].
    Reject(OnSlips),
    /// See [`Op::Inspect`].
    Inspect(Inspection),
    /// See [`Op::Authority`].
    Authority(AuthorityEntry),
    /// See [`Op::Member`].
    Member(MemberEntry),
    /// See [`Op::Revoke`].
    Revoke(Revocation),
    /// See [`Op::Replace`].
    Replace(Replacement),
    /// See [`Op::Cancel`].
    Cancel(Cancellation),
    /// See [`Op::Grant`].
    Grant(Grant),
    /// See [`Op::Recover`].
    Recover(Recovery),
}

impl Act {
    /// The op of the act.
    pub const fn op(&self) -> Op {
        match self {
            Act::Submit(_) => Op::Submit,
            Act::Release(_) => Op::Release,
            Act::Opened(_) => Op::Opened,
            Act::Acknowledge(_) => Op::Acknowledge,
            Act::Forward(_) => Op::Forward,
            Act::Close(_) => Op::Close,
            Act::Unwrap(_) => Op::Unwrap,
            Act::Rewrap(_) => Op::Rewrap,
            Act::Confirm(_) => Op::Confirm,
            Act::Reject(_) => Op::Reject,
            Act::Inspect(_) => Op::Inspect,
            Act::Authority(_) => Op::Authority,
            Act::Member(_) => Op::Member,
            Act::Revoke(_) => Op::Revoke,
            Act::Replace(_) => Op::Replace,
            Act::Cancel(_) => Op::Cancel,
            Act::Grant(_) => Op::Grant,
            Act::Recover(_) => Op::Recover,
        }
    }

    /// The case an act of the events log belongs to.
    pub const fn case(&self) -> Option<&Tag> {
        match self {
            Act::Submit(act) => Some(&act.case),
            Act::Release(act) | Act::Opened(act) | Act::Unwrap(act) => Some(&act.case),
            Act::Rewrap(act) | Act::Confirm(act) | Act::Reject(act) => Some(&act.case),
            Act::Inspect(_) => None,
            Act::Acknowledge(act) | Act::Close(act) => Some(&act.case),
            Act::Forward(act) => Some(&act.case),
            Act::Authority(_) | Act::Member(_) | Act::Revoke(_) | Act::Replace(_) | Act::Cancel(_) | Act::Grant(_) | Act::Recover(_) => {
                None
            }
        }
    }

    /// The event or entry the act builds on, where it names one.
    pub const fn after(&self) -> Option<&Hash> {
        match self {
            Act::Submit(act) => Some(&act.after),
            Act::Acknowledge(act) | Act::Close(act) => Some(&act.after),
            Act::Forward(act) => Some(&act.after),
            Act::Authority(act) => Some(&act.after),
            Act::Member(act) => Some(&act.after),
            Act::Revoke(act) => Some(&act.after),
            Act::Replace(act) => Some(&act.after),
            Act::Cancel(act) => Some(&act.after),
            Act::Grant(act) => Some(&act.after),
            Act::Recover(act) => Some(&act.after),
            Act::Release(_) | Act::Opened(_) | Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => None,
        }
    }

    /// The authorities the act is addressed to, in ascending order.
    pub fn recipients(&self) -> &[AuthorityCode] {
        match self {
            Act::Submit(act) => &act.to,
            Act::Forward(act) => &act.to,
            Act::Release(_) | Act::Opened(_) | Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => &[],
            Act::Acknowledge(_) | Act::Close(_) => &[],
            Act::Authority(_) | Act::Member(_) | Act::Revoke(_) | Act::Replace(_) | Act::Cancel(_) | Act::Grant(_) | Act::Recover(_) => &[],
        }
    }

    /// The tags of the documents the act touches, in its order.
    pub fn documents(&self) -> Vec<Tag> {
        match self {
            Act::Submit(act) => act.documents.iter().map(|document| document.tag).collect(),
            Act::Release(act) | Act::Opened(act) | Act::Unwrap(act) => act.documents.clone(),
            Act::Rewrap(act) | Act::Confirm(act) | Act::Reject(act) => act.documents.clone(),
            Act::Forward(act) => act.documents.clone(),
            Act::Acknowledge(_) | Act::Close(_) | Act::Inspect(_) => Vec::new(),
            Act::Authority(_) | Act::Member(_) | Act::Revoke(_) | Act::Replace(_) | Act::Cancel(_) | Act::Grant(_) | Act::Recover(_) => {
                Vec::new()
            }
        }
    }

    /// The slips that must come with the statement, in its order. Those that it only names are not among them.
    pub fn slips(&self) -> &[SlipLine] {
        match self {
            Act::Submit(act) => &act.slips,
            Act::Forward(act) => &act.slips,
            Act::Rewrap(act) => &act.slips,
            Act::Release(_) | Act::Opened(_) | Act::Unwrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => &[],
            Act::Acknowledge(_) | Act::Close(_) => &[],
            Act::Authority(_) | Act::Member(_) | Act::Revoke(_) | Act::Replace(_) | Act::Cancel(_) | Act::Grant(_) | Act::Recover(_) => &[],
        }
    }
}

/// Sends documents into a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// The case; for a request, a fresh tag.
    pub case: Tag,
    /// Leaf hash of the case's last event; for a request, zeros.
    pub after: Hash,
    /// Request or response.
    pub kind: SubmissionKind,
    /// The documents; the first is the cover.
    pub documents: Vec<DocumentLine>,
    /// Their slips, by document, then by authority.
    pub slips: Vec<SlipLine>,
    /// To whom, ascending.
    pub to: Vec<AuthorityCode>,
}

/// One sealed document of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLine {
    /// Its fresh tag.
    pub tag: Tag,
    /// The upload that holds its bytes.
    pub upload: UploadId,
    /// SHA-256 of the sealed bytes.
    pub sha256: Hash,
    /// Length of the sealed bytes.
    pub bytes: u64,
}

/// One slip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlipLine {
    /// The document whose identity it hands over.
    pub document: Tag,
    /// To whom.
    pub authority: AuthorityCode,
    /// Fingerprint of the sealing key it is sealed to: SHA-256 of the `age1pq1…` text.
    pub key: Hash,
    /// SHA-256 of the slip.
    pub sha256: Hash,
}

/// Reads, as an auditor, the statements of the cases on a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Whose register.
    pub authority: AuthorityCode,
}

/// An act on the actor's authority's slips of documents: it moves no case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSlips {
    /// The case they belong to.
    pub case: Tag,
    /// Which documents.
    pub documents: Vec<Tag>,
    /// Which slip of each, in their order.
    pub slips: Vec<SlipLine>,
}

/// An act on documents alone: it moves no case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDocuments {
    /// The case they belong to.
    pub case: Tag,
    /// Which.
    pub documents: Vec<Tag>,
}

/// An act on a case alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCase {
    /// Which.
    pub case: Tag,
    /// Leaf hash of its last event, as the actor saw it.
    pub after: Hash,
}

/// Hands documents to other authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The case they belong to.
    pub case: Tag,
    /// Leaf hash of its last event, as the actor saw it.
    pub after: Hash,
    /// Which documents.
    pub documents: Vec<Tag>,
    /// Their slips, by document, then by authority.
    pub slips: Vec<SlipLine>,
    /// To whom, ascending.
    pub to: Vec<AuthorityCode>,
}
