//! Opening: release, verify, open, and only then show; `opened` is signed last.
//!
//! ```text
//! release ── receipt verified ── slips ──▶ cover: blob ── opened ── held against the statement
//!                                  └─────▶ each file: blob ── opened, digests as signed ── appears in the folder
//! opened  ── receipt verified
//! ```
//!
//! What was signed and does not open is answered by `reject` instead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

use super::cover::{COVER_NAME, CheckedCover, check_cover};
use super::history::{CaseEvent, CaseHistory};
use super::pipe::{PipeReader, pipe};
use super::slips::{Blame, Identities, OpeningFault, find_released, on_slips};
use super::{Client, ClientError, Progress};
use crate::domain::{AuthorityCode, Tag};
use crate::durable::{self, StagedFile};
use crate::seal::{Digest, DocumentDigests, DocumentIdentity, OpenError, OpenedDocument, OpenedSlip, open_cover, open_document};
use crate::trust::SealedSlip;
use crate::wire::{Act, DocumentLine, OnDocuments, SlipBody, Statement, Submit};

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
        self.case.documents().get(document).is_some_and(|document| document.holders().contains_key(authority))
    }

    /// Every document that an authority has a slip of, in the log's order.
    pub fn documents_held_by(&self, authority: &AuthorityCode) -> Vec<Tag> {
        self.submissions_held_by(authority).into_iter().flat_map(|submission| submission.held).collect()
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
        let chosen = self.choose_slips(&history, &submission.held)?;
        let identities = self.load_identities(chosen.values().copied())?;
        let folder = make_new_folder(folder)?;
        let on_documents = OnDocuments { case: *case, documents: submission.held.clone() };
        let (_, released) = self.sign_and_put(Act::Release(on_documents.clone()), Vec::new())?;
        self.require_released(case, &chosen, &released)?;
        let opened = self.open_released(&submission, &chosen, &released, &identities);
        let cover = opened.and_then(|opened| self.fetch_all(&submission, &opened, &folder, progress));
        let cover = cover.map_err(|refused| self.answer_refused(&history, &chosen, refused))?;
        self.sign_and_put(Act::Opened(on_documents), Vec::new())?;
        self.confirm_opened(&history, &chosen)?;
        let statement = submission.event.statement.statement().clone();
        Ok(OpenedSubmission { cover, statement, folder, documents: submission.held })
    }

    /// Opens the slips that were released: of each document the one that was chosen.
    fn open_released(
        &self,
        submission: &HeldSubmission<'_>,
        chosen: &BTreeMap<Tag, SealedSlip>,
        released: &[SlipBody],
        identities: &Identities,
    ) -> Result<Vec<ReleasedDocument>, OpeningFault> {
        let lines = submission.submit.documents.iter().filter_map(|line| Some((line, chosen.get(&line.tag)?)));
        let open = |(line, signed): (&DocumentLine, &SealedSlip)| {
            let slip = find_released(released, &line.tag, signed)?.to_vec();
            let opened = self.open_own_slip(&line.tag, signed, &slip, identities)?;
            Ok(ReleasedDocument { line: line.clone(), slip, opened })
        };
        lines.map(open).collect()
    }

    /// Fetches and opens the cover, then the files, each into the folder once all of it is verified.
    fn fetch_all(
        &mut self,
        submission: &HeldSubmission<'_>,
        opened: &[ReleasedDocument],
        folder: &Path,
        progress: Progress<'_>,
    ) -> Result<CheckedCover, OpeningFault> {
        let (first, rest) = opened.split_first().ok_or_else(|| ClientError::unproven("the server released no slip"))?;
        let cover = self.fetch_cover(first, submission, folder, progress)?;
        for document in rest {
            self.fetch_document(document, &cover, folder, progress)?;
        }
        opened.iter().try_for_each(|document| self.keep_slip(&document.line.tag, &document.slip))?;
        Ok(cover)
    }

    /// What was signed and does not open is answered by a signed rejection: of the slip that was tried, or, if that gave
    /// an identity, of the one in force, with which the document came.
    fn answer_refused(
        &mut self,
        history: &CaseHistory,
        chosen: &BTreeMap<Tag, SealedSlip>,
        OpeningFault { fault, to_blame }: OpeningFault,
    ) -> ClientError {
        let own = self.profile.member().authority().clone();
        let held = |document: &Tag| history.case.slip_of(document, &own);
        let blamed = match to_blame {
            None => None,
            Some(Blame::Slip(document)) => chosen.get(&document).map(|slip| (document, *slip)),
            Some(Blame::Sender(document)) => held(&document).map(|held| (document, held.in_force())),
        };
        let Some((document, slip)) = blamed else { return fault };
        let hint = match held(&document).and_then(|held| held.waiting()).is_some_and(|waiting| waiting.slip == slip) {
            true => "a colleague sealed that slip anew: whoever has the old key opens the document with the one that was there before",
            false => "tell whoever sent it, and ask for it again",
        };
        match self.sign_and_put(Act::Reject(on_slips(history.tag, &own, [(document, slip)])), Vec::new()) {
            Ok(_) => ClientError::unproven(format!("{fault}; that you reject it is logged\nhint: {hint}")),
            Err(other) => ClientError::unproven(format!("{fault}; that you reject it could not be logged: {other}")),
        }
    }

    fn fetch_cover(
        &mut self,
        document: &ReleasedDocument,
        submission: &HeldSubmission<'_>,
        folder: &Path,
        progress: Progress<'_>,
    ) -> Result<CheckedCover, OpeningFault> {
        let expected = document.sealed_digest();
        let opened = self.fetch_into(document, progress, move |identity, blob| open_cover(identity, blob, &expected))?;
        let bytes = opened.into_output();
        let cover = check_cover(&bytes, submission.event.statement.statement(), submission.submit);
        let cover = cover.map_err(|fault| OpeningFault::of_signer(Blame::Sender(document.line.tag), fault))?;
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
    ) -> Result<(), OpeningFault> {
        let tag = &document.line.tag;
        let listed = cover.document(tag).ok_or_else(|| ClientError::unproven(format!("the cover does not list document {tag}")))?;
        let path = folder.join(&listed.name);
        let staged = StagedFile::stage(&path).map_err(ClientError::file("write", &path))?;
        let plaintext = Digest { sha256: listed.sha256, bytes: listed.bytes };
        let expected = DocumentDigests { sealed: document.sealed_digest(), plaintext };
        let opened = self.fetch_into(document, progress, move |identity, blob| open_document(identity, blob, staged, &expected))?;
        // Every byte has been verified; from here on the file is there.
        Ok(opened.into_output().publish_new().map_err(ClientError::file("write", &path))?)
    }

    /// Streams a blob from the server into a thread that opens it.
    fn fetch_into<W: Send>(
        &mut self,
        document: &ReleasedDocument,
        progress: Progress<'_>,
        open: impl FnOnce(&DocumentIdentity, PipeReader) -> Result<OpenedDocument<W>, OpenError> + Send,
    ) -> Result<OpenedDocument<W>, OpeningFault> {
        let DocumentLine { tag, bytes, .. } = document.line;
        let (writer, reader) = pipe();
        let identity = document.opened.identity();
        let (fetched, opened) = thread::scope(|scope| {
            let opening = scope.spawn(move || open(identity, reader));
            let fetched = self.session.fetch_blob(&tag, bytes, writer, progress);
            (fetched, opening.join())
        });
        let opened = opened.map_err(|_| ClientError::unproven(format!("document {tag}: opening it failed")))?;
        let told = |fault: &OpenError| ClientError::unproven(format!("document {tag}: {fault}"));
        match opened {
            Ok(opened) => Ok(fetched.map(|()| opened)?),
            // A connection that ended early makes every blob look cut short: say what came first.
            Err(OpenError::Read(_)) if fetched.is_err() => Err(fetched.err().unwrap_or_else(|| ClientError::unproven("unreadable")).into()),
            Err(fault @ OpenError::Write(_)) => {
                Err(ClientError::not_possible(format!("document {tag}: {fault}"), "check the disk's free space").into())
            }
            Err(fault @ (OpenError::Read(_) | OpenError::Digest(_) | OpenError::SealedDiffers)) => Err(told(&fault).into()),
            Err(OpenError::NotOpened) => Err(OpeningFault::of_signer(Blame::Slip(tag), told(&OpenError::NotOpened))),
            Err(fault @ (OpenError::Header(_) | OpenError::PlaintextDiffers | OpenError::CoverTooLong)) => {
                Err(OpeningFault::of_signer(Blame::Sender(tag), told(&fault)))
            }
        }
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
