//! The release log: who asked for which document of a case, when, whether and when it was opened; and in figures,
//! why nothing can be missing.
//!
//! ```text
//! whole copy of the events log ── every leaf under the case's tag and its documents' tags ── opened, judged, chained
//!                                                                              └── releases ── their `opened`
//! ```

use std::collections::BTreeMap;

use serde::Serialize;

use crate::client::{CaseEvent, CaseHistory, Client, ClientError};
use crate::domain::{AuthorityCode, ChainKind, Hash, Log, MemberCode, Tag, UnixMillis};
use crate::mla::{CaseState, Op};
use crate::tlog::leaf_hash;
use crate::trust::Standing;
use crate::wire::decode_event_leaf;

/// All that was released of a case, or of one document of it.
#[derive(Debug, Clone, Serialize)]
pub struct ReleaseLog {
    /// The case.
    pub case: Tag,
    /// Where it stands.
    pub state: CaseState,
    /// The document, if it is of one only.
    pub document: Option<Tag>,
    /// Releases, in the log's order.
    pub releases: Vec<Release>,
    /// Slips that were asked for alone, to be sealed anew.
    pub unwrapped: Vec<Opening>,
    /// What an authority opened without having asked for it before. Allowed; worth a question.
    pub opened_without_release: Vec<Opening>,
    /// The chains that were read, each whole.
    pub chains: Vec<WholeChain>,
    /// Leaves of the events log, all of which were scanned, and its root.
    pub events: (u64, Hash),
    /// Entries of the directory log, by which the acts were judged, and its root.
    pub directory: (u64, Hash),
    /// How far witnesses stand behind these two heads, the weaker of both.
    pub standing: Standing,
}

/// A document that was handed to a member.
#[derive(Debug, Clone, Serialize)]
pub struct Release {
    /// The case.
    pub case: Tag,
    /// The document.
    pub document: Tag,
    /// Who asked for it.
    pub member: MemberCode,
    /// When, by the log.
    pub time: UnixMillis,
    /// Index of the first leaf of the act.
    pub event: u64,
    /// The first time after it that a member of the same authority opened the document.
    pub opened: Option<Opening>,
}

/// A document that was opened and verified.
#[derive(Debug, Clone, Serialize)]
pub struct Opening {
    /// The document.
    pub document: Tag,
    /// Who opened it.
    pub member: MemberCode,
    /// When, by the log.
    pub time: UnixMillis,
    /// Index of the first leaf of the act.
    pub event: u64,
}

/// A chain of which every leaf was read: `seq` 0 to `leaves` - 1.
#[derive(Debug, Clone, Serialize)]
pub struct WholeChain {
    /// Whether the tag is a case's or a document's.
    pub kind: &'static str,
    /// The tag.
    pub tag: Tag,
    /// How many leaves it has.
    pub leaves: u64,
    /// Index of the last.
    pub last: u64,
    /// Leaf hash of the last.
    pub hash: Hash,
}

/// What a tag must be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A case, with all of its documents.
    Case,
    /// One document.
    Document,
}

/// Follows the logs and reads what was released of the case or document whose tag begins like `text`.
///
/// # Errors
/// When there is none, or more than one; when the logs do not check, or cannot be followed.
pub fn load_release_log(client: &mut Client, text: &str, subject: Subject) -> Result<ReleaseLog, ClientError> {
    let (history, document) = client.find_history(text)?;
    match (subject, document) {
        (Subject::Case, Some(_)) => Err(ClientError::not_possible(
            format!("{text} is a document of case {}", history.tag),
            format!("use `elchi audit document {text}`"),
        )),
        (Subject::Document, None) => Err(ClientError::not_possible(format!("{text} is a case"), format!("use `elchi audit case {text}`"))),
        _ => describe(client, &history, document),
    }
}

fn describe(client: &Client, history: &CaseHistory, document: Option<Tag>) -> Result<ReleaseLog, ClientError> {
    let concerns = |tag: &Tag| document.is_none_or(|document| document == *tag);
    let (events, directory) = (client.mirror(Log::Events).head(), client.mirror(Log::Directory).head());
    Ok(ReleaseLog {
        case: history.tag,
        state: history.case.state(),
        document,
        releases: releases(history).into_iter().filter(|release| concerns(&release.document)).collect(),
        unwrapped: touches(history, Op::Unwrap).into_iter().filter(|asked| concerns(&asked.document)).collect(),
        opened_without_release: opened_without_release(history).into_iter().filter(|opening| concerns(&opening.document)).collect(),
        chains: whole_chains(history)?.into_iter().filter(|chain| concerns(&chain.tag)).collect(),
        events: (events.size, events.root),
        directory: (directory.size, directory.root),
        standing: client.standing_of_both(),
    })
}

/// Every release of a document, with what followed.
pub(super) fn releases(history: &CaseHistory) -> Vec<Release> {
    let openings = touches(history, Op::Opened);
    let follow_up = |asked: Opening| {
        let follows = |opening: &&Opening| opening.event > asked.event && is_of_same_reader(opening, &asked);
        let opened = openings.iter().find(follows).cloned();
        Release { case: history.tag, document: asked.document, member: asked.member, time: asked.time, event: asked.event, opened }
    };
    touches(history, Op::Release).into_iter().map(follow_up).collect()
}

fn opened_without_release(history: &CaseHistory) -> Vec<Opening> {
    let releases = touches(history, Op::Release);
    let was_released = |opening: &Opening| releases.iter().any(|asked| asked.event < opening.event && is_of_same_reader(opening, asked));
    touches(history, Op::Opened).into_iter().filter(|opening| !was_released(opening)).collect()
}

/// Each document that acts of one kind touch, by whom and when.
fn touches(history: &CaseHistory, op: Op) -> Vec<Opening> {
    let of_event = |event: &CaseEvent| {
        let statement = event.statement.statement();
        let (member, time, event) = (statement.actor.clone(), event.time, event.first_index);
        let touch = move |document| Opening { document, member: member.clone(), time, event };
        statement.act.documents().into_iter().map(touch)
    };
    history.events.iter().filter(|event| event.statement.statement().act.op() == op).flat_map(of_event).collect()
}

fn is_of_same_reader(one: &Opening, other: &Opening) -> bool {
    let authority = |touch: &Opening| -> AuthorityCode { touch.member.authority().clone() };
    one.document == other.document && authority(one) == authority(other)
}

/// The chains of the case and of its documents. That each counts from 0 without a gap, and that no other leaf has one of
/// these tags, the replay has verified.
fn whole_chains(history: &CaseHistory) -> Result<Vec<WholeChain>, ClientError> {
    let mut chains: BTreeMap<(u8, Tag), WholeChain> = BTreeMap::new();
    for event in &history.events {
        for (index, bytes) in (event.first_index..).zip(&event.leaves) {
            let leaf = decode_event_leaf(bytes).map_err(ClientError::unproven)?;
            let kind = match leaf.kind {
                ChainKind::Case => "case",
                ChainKind::Document => "document",
                ChainKind::Register => continue,
            };
            let chain = WholeChain { kind, tag: leaf.tag, leaves: leaf.seq + 1, last: index, hash: leaf_hash(bytes) };
            chains.insert((leaf.kind.to_byte(), leaf.tag), chain);
        }
    }
    Ok(chains.into_values().collect())
}

impl ReleaseLog {
    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = match self.document {
            None => format!("Case {}, {}\n", self.case, self.state),
            Some(document) => format!("Document {document} of case {}, {}\n", self.case, self.state),
        };
        let unopened = self.releases.iter().filter(|release| release.opened.is_none()).count();
        text += &format!("\n{} releases, {unopened} of them not opened\n", self.releases.len());
        self.releases.iter().for_each(|release| text += &release.line());
        for asked in &self.unwrapped {
            let (time, member) = (asked.time.to_second(), asked.member.label());
            text += &format!("  {member} asked for the slip of document {} at {time}, to seal it anew or to check that\n", asked.document);
        }
        for opening in &self.opened_without_release {
            let (time, member) = (opening.time.to_second(), opening.member.label());
            text += &format!("  worth a question: {member} opened document {} at {time} without having asked for it\n", opening.document);
        }
        text + &self.proof_text()
    }

    /// Why nothing is missing.
    fn proof_text(&self) -> String {
        let mut text = "\nNothing is missing: every leaf of the events log was read, and these are all with one of these tags\n".to_owned();
        for WholeChain { kind, tag, leaves, last, hash } in &self.chains {
            text += &format!("  {kind:8} {tag}  seq 0 to {}, the last is leaf {last}: {hash}\n", leaves - 1);
        }
        text += &format!("  events log     {} leaves, root {}\n", self.events.0, self.events.1);
        text += &format!("  directory log  {} entries, root {}\n", self.directory.0, self.directory.1);
        text + &format!("  checkpoints    {}\n", self.standing)
    }
}

impl Release {
    fn line(&self) -> String {
        let outcome = match &self.opened {
            None => "NOT OPENED".to_owned(),
            Some(opened) if opened.member == self.member => format!("opened {}", opened.time.to_second()),
            Some(opened) => format!("opened {} by {}", opened.time.to_second(), opened.member.label()),
        };
        format!("  {:>6}  {}  {:19} {}  {outcome}\n", self.event, self.time.to_second(), self.member.label(), self.document)
    }
}
