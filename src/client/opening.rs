//! Opening: release, verify, open, and only then show; `opened` is signed last.
//!
//! ```text
//! release ── receipt verified ── slips ──▶ cover: blob ── opened ── held against the statement
//!                                  └─────▶ each file: blob ── opened, digests as signed ── appears in the folder
//! opened  ── receipt verified
//! ```
//!
//! Slips of what was opened are kept, still sealed, so that this authority can forward the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;

use super::cover::{COVER_NAME, CheckedCover, check_cover};
use super::history::{CaseEvent, CaseHistory};
use super::pipe::{PipeReader, pipe};
use super::{Client, ClientError, Progress};
use crate::domain::{AuthorityCode, Hash, Log, Tag};
use crate::durable::{self, StagedFile};
use crate::seal::{
    Digest, DocumentDigests, DocumentIdentity, ExpectedSlip, OpenError, OpenedDocument, OpenedSlip, SealingIdentity, open_cover,
    open_document, open_slip,
};
use crate::wire::{Act, DocumentLine, OnDocuments, SlipBody, SlipLine, Statement, Submit};

/// The authority's sealing identities, by the fingerprint of the key.
type Identities = BTreeMap<Hash, SealingIdentity>;

/// A submission that was opened and verified.
#[derive(Debug)]
pub struct OpenedSubmission {
    /// The cover.
    pub cover: CheckedCover,
    /// The statement that sent it.
    pub statement: Statement,
    /// The folder that holds the files.
    pub folder: PathBuf,
    /// The documents that were opened, the cover first.
    pub documents: Vec<Tag>,
}

/// A submission of a case, as far as an authority holds it.
#[derive(Debug, Clone)]
pub struct HeldSubmission<'h> {
    /// The act that sent it.
    pub event: &'h CaseEvent,
    /// What it sent.
    pub submit: &'h Submit,
    /// The documents of it that the authority has slips of, the cover first.
    pub held: Vec<Tag>,
}

impl CaseHistory {
    /// The submissions of which an authority holds the cover, in the log's order.
    pub fn submissions_held_by(&self, authority: &AuthorityCode) -> Vec<HeldSubmission<'_>> {
        let is_held = |tag: &Tag| self.holds(authority, tag);
        let submissions = self.events.iter().filter_map(|event| match &event.statement.statement().act {
            Act::Submit(submit) => Some((event, submit)),
            _ => None,
        });
        let held = submissions.map(|(event, submit)| {
            let held = submit.documents.iter().map(|document| document.tag).filter(is_held).collect();
            HeldSubmission { event, submit, held }
        });
        held.filter(|submission| submission.submit.documents.first().is_some_and(|cover| submission.held.contains(&cover.tag))).collect()
    }

    /// Whether an authority has a slip of a document of this case.
    pub fn holds(&self, authority: &AuthorityCode, document: &Tag) -> bool {
        self.case.documents().get(document).is_some_and(|document| document.holders().contains(authority))
    }

    /// Every document that an authority has a slip of, in the log's order.
    pub fn documents_held_by(&self, authority: &AuthorityCode) -> Vec<Tag> {
        self.submissions_held_by(authority).into_iter().flat_map(|submission| submission.held).collect()
    }

    /// An authority's slip of a document, as signed by whoever sealed it.
    fn slip_line(&self, document: &Tag, authority: &AuthorityCode) -> Result<&SlipLine, ClientError> {
        let slips = self.events.iter().flat_map(|event| event.statement.statement().act.slips());
        let line = slips.rev().find(|slip| slip.document == *document && slip.authority == *authority);
        line.ok_or_else(|| ClientError::unproven(format!("no statement gives {authority} a slip of document {document}")))
    }
}

impl Client {
    /// Opens a submission of a case into a new folder: the one at `position` among those this authority
    /// holds (from 0), or the newest that another authority sent.
    ///
    /// # Errors
    /// When there is none, the server refuses, or anything does not verify; then no file has appeared
    /// that was not verified itself, and none at all before the cover was.
    pub fn open_submission(
        &mut self,
        case: &Tag,
        position: Option<usize>,
        folder: &Path,
        progress: Progress<'_>,
    ) -> Result<OpenedSubmission, ClientError> {
        self.follow()?;
        let history = self.load_case(case)?;
        let own = self.profile.member().authority().clone();
        let submission = choose_submission(&history, &own, position)?;
        let identities = self.load_slip_identities(&history, &submission.held)?;
        let folder = make_new_folder(folder)?;
        let on_documents = OnDocuments { case: *case, documents: submission.held.clone() };
        let (_, slips) = self.sign_and_put(Act::Release(on_documents.clone()), Vec::new())?;
        let opened = self.open_slips(&history, &submission, slips, &identities)?;
        let statement = submission.event.statement.statement();
        let (first, rest) = opened.split_first().ok_or_else(|| ClientError::unproven("the server released no slip"))?;
        let cover = self.fetch_cover(first, statement, submission.submit, &folder, progress)?;
        for document in rest {
            self.fetch_document(document, &cover, &folder, progress)?;
        }
        self.keep_slips(&opened)?;
        self.sign_and_put(Act::Opened(on_documents), Vec::new())?;
        Ok(OpenedSubmission { cover, statement: statement.clone(), folder, documents: submission.held })
    }

    /// Whether a document was opened and verified on this machine.
    pub fn has_opened(&self, document: &Tag) -> bool {
        self.slip_path(document).exists()
    }

    /// The slip of a document that was opened on this machine, opened again to be handed on.
    pub(super) fn load_opened_slip(&self, history: &CaseHistory, document: &Tag) -> Result<OpenedSlip, ClientError> {
        let path = self.slip_path(document);
        let slip = std::fs::read(&path).map_err(|_| {
            let hint = format!("open it first: elchi open {}", history.tag);
            ClientError::not_possible(format!("document {document} was not opened on this machine"), hint)
        })?;
        self.open_one_slip(history, document, &slip, &self.load_slip_identities(history, &[*document])?)
    }

    /// The identities that open this authority's slips of documents, by the keys that the statements name: what was
    /// sealed before a key was replaced opens with the old one.
    fn load_slip_identities(&self, history: &CaseHistory, documents: &[Tag]) -> Result<Identities, ClientError> {
        let own = self.profile.member().authority();
        let lines = documents.iter().map(|document| history.slip_line(document, own));
        let keys = lines.map(|line| Ok(line?.key)).collect::<Result<BTreeSet<Hash>, ClientError>>()?;
        keys.into_iter().map(|key| Ok((key, self.load_authority_identity(&key)?))).collect()
    }

    fn open_slips(
        &self,
        history: &CaseHistory,
        submission: &HeldSubmission<'_>,
        slips: Vec<SlipBody>,
        identities: &Identities,
    ) -> Result<Vec<ReleasedDocument>, ClientError> {
        let lines = submission.submit.documents.iter().filter(|line| submission.held.contains(&line.tag));
        if slips.len() != submission.held.len() {
            return Err(ClientError::unproven("the server did not release the slips that were asked for"));
        }
        lines
            .zip(slips)
            .map(|(line, body)| {
                let slip = body.slip.0;
                let opened = self.open_one_slip(history, &line.tag, &slip, identities)?;
                Ok(ReleasedDocument { line: line.clone(), slip, opened })
            })
            .collect()
    }

    fn open_one_slip(
        &self,
        history: &CaseHistory,
        document: &Tag,
        slip: &[u8],
        identities: &Identities,
    ) -> Result<OpenedSlip, ClientError> {
        let signed = history.slip_line(document, self.profile.member().authority())?;
        let identity = identities.get(&signed.key).ok_or_else(|| ClientError::unproven(format!("document {document}: another key")))?;
        let expected = ExpectedSlip { log: self.policy.origin(Log::Events), document, sha256: &signed.sha256 };
        open_slip(slip, identity, &expected).map_err(|refused| ClientError::unproven(format!("document {document}: {refused}")))
    }

    fn fetch_cover(
        &mut self,
        document: &ReleasedDocument,
        statement: &Statement,
        submit: &Submit,
        folder: &Path,
        progress: Progress<'_>,
    ) -> Result<CheckedCover, ClientError> {
        let expected = document.sealed_digest();
        let opened = self.fetch_into(document, progress, move |identity, blob| open_cover(identity, blob, &expected))?;
        let bytes = opened.into_output();
        let cover = check_cover(&bytes, statement, submit)?;
        let path = folder.join(COVER_NAME);
        durable::publish_new_file(&path, &bytes).map_err(ClientError::file("write", &path))?;
        Ok(cover)
    }

    fn fetch_document(
        &mut self,
        document: &ReleasedDocument,
        cover: &CheckedCover,
        folder: &Path,
        progress: Progress<'_>,
    ) -> Result<(), ClientError> {
        let tag = &document.line.tag;
        let listed = cover.document(tag).ok_or_else(|| ClientError::unproven(format!("the cover does not list document {tag}")))?;
        let path = folder.join(&listed.name);
        let staged = StagedFile::stage(&path).map_err(ClientError::file("write", &path))?;
        let plaintext = Digest { sha256: listed.sha256, bytes: listed.bytes };
        let expected = DocumentDigests { sealed: document.sealed_digest(), plaintext };
        let opened = self.fetch_into(document, progress, move |identity, blob| open_document(identity, blob, staged, &expected))?;
        // Every byte has been verified; from here on the file is there.
        opened.into_output().publish_new().map_err(ClientError::file("write", &path))
    }

    /// Streams a blob from the server into a thread that opens it.
    fn fetch_into<W: Send>(
        &mut self,
        document: &ReleasedDocument,
        progress: Progress<'_>,
        open: impl FnOnce(&DocumentIdentity, PipeReader) -> Result<OpenedDocument<W>, OpenError> + Send,
    ) -> Result<OpenedDocument<W>, ClientError> {
        let DocumentLine { tag, bytes, .. } = document.line;
        let (writer, reader) = pipe();
        let identity = document.opened.identity();
        let (fetched, opened) = thread::scope(|scope| {
            let opening = scope.spawn(move || open(identity, reader));
            let fetched = self.session.fetch_blob(&tag, bytes, writer, progress);
            (fetched, opening.join())
        });
        let opened = opened.map_err(|_| ClientError::unproven(format!("document {tag}: opening it failed")))?;
        match opened {
            Ok(opened) => fetched.map(|()| opened),
            // A connection that ended early makes every blob look cut short: say what came first.
            Err(OpenError::Read(_)) if fetched.is_err() => Err(fetched.err().unwrap_or_else(|| ClientError::unproven("unreadable"))),
            Err(fault @ OpenError::Write(_)) => {
                Err(ClientError::not_possible(format!("document {tag}: {fault}"), "check the disk's free space"))
            }
            Err(fault) => Err(ClientError::unproven(format!("document {tag}: {fault}"))),
        }
    }

    fn keep_slips(&self, documents: &[ReleasedDocument]) -> Result<(), ClientError> {
        self.profile.make_folder("memory/slips")?;
        for document in documents {
            let path = self.slip_path(&document.line.tag);
            durable::publish_file(&path, &document.slip).map_err(ClientError::file("write", &path))?;
        }
        Ok(())
    }

    fn slip_path(&self, document: &Tag) -> PathBuf {
        self.profile.path("memory/slips").join(format!("{document}.age"))
    }
}

/// A document whose release stands in the log, with its slip opened.
struct ReleasedDocument {
    line: DocumentLine,
    slip: Vec<u8>,
    opened: OpenedSlip,
}

impl ReleasedDocument {
    /// The blob as the sender signed it.
    fn sealed_digest(&self) -> Digest {
        Digest { sha256: self.line.sha256, bytes: self.line.bytes }
    }
}

fn choose_submission<'h>(
    history: &'h CaseHistory,
    own: &AuthorityCode,
    position: Option<usize>,
) -> Result<HeldSubmission<'h>, ClientError> {
    let mut held = history.submissions_held_by(own);
    let count = held.len();
    let chosen = match position {
        Some(position) if position < count => Some(held.swap_remove(position)),
        Some(_) => None,
        None => held.into_iter().rfind(|submission| submission.event.statement.statement().actor.authority() != own),
    };
    chosen.ok_or_else(|| {
        let hint = format!("{own} holds {count} submissions of it; `elchi show {}` lists them", history.tag);
        ClientError::not_possible("there is no such submission in this case", hint)
    })
}

fn make_new_folder(folder: &Path) -> Result<PathBuf, ClientError> {
    match durable::make_private_folder(folder) {
        Ok(()) => Ok(folder.to_owned()),
        Err(exists) if exists.kind() == std::io::ErrorKind::AlreadyExists => {
            let hint = "name a folder that does not exist yet, with --into";
            Err(ClientError::not_possible(format!("{} is there already; nothing in it is overwritten", folder.display()), hint))
        }
        Err(other) => Err(ClientError::file("make", folder)(other)),
    }
}
