//! Sending: seal into the outbox, upload, sign, act; *sent* only when the receipt was verified and kept.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use super::authority_keys::parse_listed;
use super::cover::{COVER_FORMAT, COVER_NAME, Cover, CoverDocument, encode_cover, is_plain_name, is_plain_title};
use super::outbox::{Draft, DraftDocument, OutboxFolder, Waiting, discard_unfinished};
use super::{Client, ClientError, SignedBytes};
use crate::crypto::{hash, random_nonce, random_tag};
use crate::domain::limits::{DOCUMENTS_PER_SUBMISSION_MAX, RECIPIENTS_MAX};
use crate::domain::{AuthorityCode, Hash, Log, Tag};
use crate::durable;
use crate::mla::{Op, SubmissionKind};
use crate::seal::{DocumentIdentity, SealingRecipient, seal_document, seal_slip};
use crate::trust::VerifiedReceipt;
use crate::wire::{Act, ActRequest, Base64Bytes, DocumentLine, RefusalCode, SlipBody, SlipLine, Submit};

/// What a person wants to send.
#[derive(Debug, Clone)]
pub struct Submission {
    /// An existing case for a response; none for a request, which opens one.
    pub case: Option<Tag>,
    /// To whom.
    pub to: BTreeSet<AuthorityCode>,
    /// One line for the inbox.
    pub title: String,
    /// The text.
    pub text: String,
    /// The files, in order.
    pub files: Vec<PathBuf>,
}

/// What was sent, as the receipt proves it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The case.
    pub case: Tag,
    /// The documents, the cover first.
    pub documents: Vec<Tag>,
    /// SHA-256 of the statement; its receipt is kept under this name.
    pub statement: Hash,
    /// Proof that it stands in the log.
    pub receipt: VerifiedReceipt,
}

/// A stage of sending, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendingStage {
    /// Reading and sealing this file (its position among the files).
    Sealing(usize),
    /// Uploading this sealed document (its position, the cover first).
    Uploading(usize),
}

/// Told the stage, and how many bytes of how many are done.
pub type Watch<'a> = &'a mut dyn FnMut(SendingStage, u64, u64);

impl Client {
    /// Seals and sends a submission.
    ///
    /// # Errors
    /// When a file cannot be read, a recipient is unknown, the server refuses, or its receipt proves
    /// nothing. What was sealed stays in the outbox, for [`Client::send_waiting`].
    pub fn send(&mut self, submission: &Submission, watch: Watch<'_>) -> Result<Sent, ClientError> {
        self.follow()?;
        discard_unfinished(&self.profile)?;
        require_sendable(submission)?;
        let folder = OutboxFolder::create(&self.profile)?;
        match self.seal_into(&folder, submission, watch) {
            Ok(()) => self.send_folder(folder, watch),
            Err(fault) => {
                // Nothing was said yet; half-sealed bytes are of no use to anyone.
                folder.remove()?;
                Err(fault)
            }
        }
    }

    /// Sends one submission that waits in the outbox.
    ///
    /// # Errors
    /// As [`Client::send`]; and when nothing of this name waits.
    pub fn send_waiting(&mut self, name: &str, watch: Watch<'_>) -> Result<Sent, ClientError> {
        self.follow()?;
        let folder = self.find_waiting(name)?;
        self.send_folder(folder, watch)
    }

    /// What waits in the outbox.
    ///
    /// # Errors
    /// When the outbox cannot be read.
    pub fn load_waiting(&self) -> Result<Vec<Waiting>, ClientError> {
        discard_unfinished(&self.profile)?;
        let load = |folder: OutboxFolder| Ok(Waiting { name: folder.name(), draft: folder.load_draft()? });
        OutboxFolder::list(&self.profile)?.into_iter().map(load).collect()
    }

    /// Gives up a submission that waits in the outbox. If its act was signed, the server may have it all the same.
    ///
    /// # Errors
    /// When nothing of this name waits, or it cannot be removed.
    pub fn discard_waiting(&mut self, name: &str) -> Result<(), ClientError> {
        let folder = self.find_waiting(name)?;
        for upload in folder.load_draft()?.documents.iter().filter_map(|document| document.upload) {
            // What the server is not told it sweeps in a few days.
            if let Err(ClientError::Network { .. }) = self.session.delete_upload(&upload) {
                break;
            }
        }
        folder.remove()
    }

    fn find_waiting(&self, name: &str) -> Result<OutboxFolder, ClientError> {
        let folder = OutboxFolder::list(&self.profile)?.into_iter().find(|folder| folder.name() == name);
        folder.ok_or_else(|| ClientError::not_possible(format!("nothing in the outbox is named {name}"), "`elchi outbox` lists what waits"))
    }

    fn seal_into(&self, folder: &OutboxFolder, submission: &Submission, watch: Watch<'_>) -> Result<(), ClientError> {
        let readers = self.readers(&submission.to)?;
        let case = submission.case.unwrap_or_else(random_tag);
        let kind = if submission.case.is_some() { SubmissionKind::Response } else { SubmissionKind::Request };
        let mut sealed = Vec::new();
        let mut listed = Vec::new();
        for (position, path) in submission.files.iter().enumerate() {
            let (document, line) = self.seal_file(folder, path, &mut |done, all| watch(SendingStage::Sealing(position), done, all))?;
            sealed.push(document);
            listed.push(line);
        }
        let tag = random_tag();
        let cover = Cover {
            format: COVER_FORMAT.into(),
            log: self.policy.origin(Log::Events).clone(),
            case,
            kind,
            sender: self.profile.member().authority().clone(),
            recipients: submission.to.iter().cloned().collect(),
            tag,
            title: submission.title.clone(),
            text: submission.text.clone(),
            documents: listed,
            nonce: random_nonce(),
        };
        sealed.insert(0, seal_to(folder, tag, encode_cover(&cover)?.as_slice())?.0);
        let mut slips = Vec::new();
        for document in &sealed {
            for (authority, recipient) in &readers {
                slips.push(self.seal_slip_for(document, authority, recipient)?);
            }
        }
        let documents = sealed.into_iter().map(|document| document.draft).collect();
        let keys = readers.iter().map(|(authority, recipient)| (authority.clone(), recipient.fingerprint())).collect();
        let to = submission.to.iter().cloned().collect();
        folder.publish_draft(&Draft { case, kind, to, title: submission.title.clone(), documents, slips, keys })
    }

    fn seal_file(
        &self,
        folder: &OutboxFolder,
        path: &PathBuf,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(SealedDocument, CoverDocument), ClientError> {
        let name = path.file_name().and_then(|name| name.to_str()).filter(|name| is_plain_name(name));
        let name = name.ok_or_else(|| {
            ClientError::not_possible(format!("{} has a name that others cannot save", path.display()), "rename the file, then send again")
        })?;
        let file = File::open(path).map_err(ClientError::file("open", path))?;
        let bytes = file.metadata().map_err(ClientError::file("read", path))?.len();
        let tag = random_tag();
        let counted = Counted { inner: file, done: 0, all: bytes, progress };
        let (document, plaintext) = seal_to(folder, tag, counted)?;
        if plaintext.bytes != bytes {
            return Err(ClientError::not_possible(
                format!("{} changed while it was read", path.display()),
                "wait until it is finished, then send again",
            ));
        }
        Ok((document, CoverDocument { tag, name: name.to_owned(), bytes, sha256: plaintext.sha256 }))
    }

    fn seal_slip_for(
        &self,
        document: &SealedDocument,
        authority: &AuthorityCode,
        recipient: &SealingRecipient,
    ) -> Result<SlipBody, ClientError> {
        let slip = seal_slip(&document.identity, self.policy.origin(Log::Events), &document.draft.tag, recipient).map_err(cannot_seal)?;
        Ok(SlipBody { document: document.draft.tag, authority: authority.clone(), slip: Base64Bytes(slip) })
    }

    /// The recipients and the own authority, ascending, with their sealing keys by the directory.
    fn readers(&self, to: &BTreeSet<AuthorityCode>) -> Result<Vec<(AuthorityCode, SealingRecipient)>, ClientError> {
        let own = self.profile.member().authority();
        let all: BTreeSet<&AuthorityCode> = to.iter().chain([own]).collect();
        all.into_iter().map(|authority| Ok((authority.clone(), self.sealing_key_of(authority)?))).collect()
    }

    /// An authority's sealing key in force, from the directory and nowhere else.
    pub(super) fn sealing_key_of(&self, authority: &AuthorityCode) -> Result<SealingRecipient, ClientError> {
        parse_listed(authority, self.sealing_in_force(authority)?)
    }

    fn send_folder(&mut self, folder: OutboxFolder, watch: Watch<'_>) -> Result<Sent, ClientError> {
        // Also for an act that was signed before, and before gigabytes are uploaded for one that was not.
        self.require_permitted_now(Op::Submit)?;
        let mut draft = folder.load_draft()?;
        let mut signed = folder.load_act()?;
        let (act, answered) = loop {
            let (act, was_waiting) = match signed.take() {
                Some(act) => (act, true),
                None => {
                    self.upload_all(&folder, &mut draft, watch)?;
                    (self.sign_draft(&folder, &draft)?, false)
                }
            };
            match self.put_and_keep(&act) {
                Ok(answered) => break (act, answered),
                Err(ClientError::Refused(problem)) if problem.code.is_judgement() => {
                    // It does not stand in the log: it may be said anew, as things are then.
                    folder.remove_act()?;
                    if problem.code == RefusalCode::UploadMismatch {
                        draft.documents.iter_mut().for_each(|document| document.upload = None);
                        folder.publish_draft(&draft)?;
                    }
                    // One that has waited too long is signed again at once.
                    if !(was_waiting && problem.code == RefusalCode::ClockSkew) {
                        return Err(ClientError::Refused(problem));
                    }
                }
                Err(other) => return Err(other),
            }
        };
        let (receipt, _) = self.prove_act(&act, answered)?;
        let sent = Sent {
            case: draft.case,
            documents: draft.documents.iter().map(|document| document.tag).collect(),
            statement: hash(&act.statement.0),
            receipt,
        };
        folder.remove()?;
        Ok(sent)
    }

    fn upload_all(&mut self, folder: &OutboxFolder, draft: &mut Draft, watch: Watch<'_>) -> Result<(), ClientError> {
        for position in 0..draft.documents.len() {
            let DraftDocument { tag, bytes, upload, .. } = draft.documents[position];
            let file = folder.open_blob(&tag)?;
            let id = match upload {
                Some(id) if self.session.fetch_offset(&id).is_ok() => id,
                _ => {
                    let id = self.session.create_upload(bytes)?;
                    draft.documents[position].upload = Some(id);
                    folder.publish_draft(draft)?;
                    id
                }
            };
            self.session.put_upload(&id, &file, bytes, &mut |done, all| watch(SendingStage::Uploading(position), done, all))?;
        }
        Ok(())
    }

    fn sign_draft(&mut self, folder: &OutboxFolder, draft: &Draft) -> Result<ActRequest, ClientError> {
        for (authority, fingerprint) in &draft.keys {
            if self.sealing_key_of(authority)?.fingerprint() != *fingerprint {
                return Err(ClientError::not_possible(
                    format!("the sealing key of {authority} has changed since this was sealed"),
                    "ask that authority whether it changed its key; then discard this with `elchi outbox`, and send again",
                ));
            }
        }
        let after = match draft.kind {
            SubmissionKind::Request => Hash::ZERO,
            SubmissionKind::Response => self.load_case(&draft.case)?.case.last_event(),
        };
        let fingerprint_of = |authority: &AuthorityCode| draft.keys.iter().find(|(code, _)| code == authority).map(|(_, key)| *key);
        let slip_line = |body: &SlipBody| SlipLine {
            document: body.document,
            authority: body.authority.clone(),
            key: fingerprint_of(&body.authority).unwrap_or(Hash::ZERO),
            sha256: hash(&body.slip.0),
        };
        let document_line = |document: &DraftDocument| {
            let upload = document.upload.ok_or_else(|| ClientError::not_possible("a document was not uploaded", "send again"))?;
            Ok(DocumentLine { tag: document.tag, upload, sha256: document.sha256, bytes: document.bytes })
        };
        let submit = Submit {
            case: draft.case,
            after,
            kind: draft.kind,
            documents: draft.documents.iter().map(document_line).collect::<Result<_, ClientError>>()?,
            slips: draft.slips.iter().map(slip_line).collect(),
            to: draft.to.clone(),
        };
        let signer = self.profile.load_statement_signer()?;
        let SignedBytes { statement, signature } = self.sign_statement(Act::Submit(submit), &signer)?;
        let act = ActRequest { statement: Base64Bytes(statement), signature: Base64Bytes(signature), slips: draft.slips.clone() };
        // From here on this very statement is what is sent, however often.
        folder.publish_act(&act)?;
        Ok(act)
    }
}

/// A document sealed into the outbox, with the identity that opens it.
struct SealedDocument {
    draft: DraftDocument,
    identity: DocumentIdentity,
}

fn seal_to(folder: &OutboxFolder, tag: Tag, plaintext: impl std::io::Read) -> Result<(SealedDocument, crate::seal::Digest), ClientError> {
    let path = folder.blob_path(&tag);
    let identity = DocumentIdentity::generate();
    let mut staged = durable::StagedFile::stage(&path).map_err(ClientError::file("write", &path))?;
    let digests = seal_document(&identity, plaintext, &mut staged).map_err(cannot_seal)?;
    staged.publish().map_err(ClientError::file("write", &path))?;
    let draft = DraftDocument { tag, sha256: digests.sealed.sha256, bytes: digests.sealed.bytes, upload: None };
    Ok((SealedDocument { draft, identity }, digests.plaintext))
}

fn cannot_seal(fault: crate::seal::SealError) -> ClientError {
    ClientError::not_possible(format!("cannot seal: {fault}"), "check the disk, then send again; nothing was sent")
}

fn require_sendable(submission: &Submission) -> Result<(), ClientError> {
    let refuse = |what: &str, hint: &str| Err(ClientError::not_possible(what, hint));
    if submission.to.is_empty() || submission.to.len() > RECIPIENTS_MAX {
        return refuse("a submission has one to eight recipients", "name them with --to");
    }
    if submission.files.len() >= DOCUMENTS_PER_SUBMISSION_MAX {
        return refuse("a submission has at most 255 files beside its cover", "put files together, or send several submissions");
    }
    if !is_plain_title(&submission.title) {
        return refuse("a submission needs a title of one line", "give it with --title; the reader sees it first");
    }
    let mut names = BTreeSet::from([COVER_NAME.to_owned()]);
    for file in &submission.files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !names.insert(name.to_lowercase()) {
            return refuse(
                &format!("two files are named {name}"),
                "rename one; the reader saves them in one folder, which may ignore case",
            );
        }
    }
    Ok(())
}

/// Tells how far a file has been read.
struct Counted<'a> {
    inner: File,
    done: u64,
    all: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl std::io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.done += count as u64;
        (self.progress)(self.done, self.all);
        Ok(count)
    }
}
