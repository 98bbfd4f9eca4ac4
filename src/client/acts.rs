//! Acts without sealing: acknowledge, close, forward; and how any act is put and its receipt kept.

use std::fs;
use std::path::{Path, PathBuf};

use super::follow::Offered;
use super::history::CaseHistory;
use super::{Client, ClientError, SignedBytes};
use crate::clock;
use crate::crypto::hash;
use crate::domain::{AuthorityCode, Hash, Log, Tag, UnixMillis};
use crate::durable;
use crate::mla::RevocationReason;
use crate::seal::reseal_slip;
use crate::trust::{ReceiptRefused, VerifiedReceipt, verify_entry_receipt, verify_receipt};
use crate::wire::{Act, ActAnswer, ActRequest, Base64Bytes, Forward, OnCase, Receipt, Revocation, SlipBody, SlipLine, decode_event_leaf};

impl Client {
    /// Says that the request has been taken up.
    ///
    /// # Errors
    /// When the case cannot be replayed, or the server refuses, or its receipt proves nothing.
    pub fn acknowledge(&mut self, case: &Tag) -> Result<VerifiedReceipt, ClientError> {
        self.act_on_case(case, Act::Acknowledge)
    }

    /// Says that the requesting authority has what it needs.
    ///
    /// # Errors
    /// As [`Client::acknowledge`].
    pub fn close(&mut self, case: &Tag) -> Result<VerifiedReceipt, ClientError> {
        self.act_on_case(case, Act::Close)
    }

    /// Hands documents that were opened on this machine to other authorities. With none named, all that
    /// this authority holds, opened here, and that none of them has.
    ///
    /// # Errors
    /// As [`Client::acknowledge`]; and when a document was not opened here.
    pub fn forward(&mut self, case: &Tag, documents: &[Tag], to: &[AuthorityCode]) -> Result<VerifiedReceipt, ClientError> {
        self.follow()?;
        let history = self.load_case(case)?;
        let mut to = to.to_vec();
        to.sort();
        to.dedup();
        let documents = self.choose_documents(&history, documents, &to)?;
        let (mut lines, mut slips) = (Vec::new(), Vec::new());
        for document in &documents {
            let opened = self.load_opened_slip(&history, document)?;
            for authority in &to {
                let recipient = self.sealing_key_of(authority)?;
                let slip = reseal_slip(&opened, &recipient).map_err(ClientError::unproven)?;
                lines.push(SlipLine {
                    document: *document,
                    authority: authority.clone(),
                    key: recipient.fingerprint(),
                    sha256: hash(&slip),
                });
                slips.push(SlipBody { document: *document, authority: authority.clone(), slip: Base64Bytes(slip) });
            }
        }
        let act = Act::Forward(Forward { case: *case, after: history.case.last_event(), documents, slips: lines, to });
        Ok(self.sign_and_put(act, slips)?.0)
    }

    fn choose_documents(&self, history: &CaseHistory, named: &[Tag], to: &[AuthorityCode]) -> Result<Vec<Tag>, ClientError> {
        if !named.is_empty() {
            return Ok(named.to_vec());
        }
        let held: Vec<Tag> = history.documents_held_by(self.profile.member().authority());
        let opened: Vec<Tag> = held.into_iter().filter(|document| self.has_opened(document)).collect();
        if opened.is_empty() {
            let hint = format!("open them first: elchi open {}", history.tag);
            return Err(ClientError::not_possible("no document of this case was opened on this machine", hint));
        }
        let new: Vec<Tag> = opened.into_iter().filter(|document| !to.iter().any(|to| history.holds(to, document))).collect();
        if new.is_empty() {
            return Err(ClientError::not_possible("they have all that was opened here", "name others with --to"));
        }
        Ok(new)
    }

    fn act_on_case(&mut self, case: &Tag, act: fn(OnCase) -> Act) -> Result<VerifiedReceipt, ClientError> {
        self.follow()?;
        let after = self.load_case(case)?.case.last_event();
        Ok(self.sign_and_put(act(OnCase { case: *case, after }), Vec::new())?.0)
    }

    /// Publishes a directory entry that builds on the state's last one, and follows the log to it.
    ///
    /// # Errors
    /// When the directory cannot be followed, the server refuses, or its receipt proves nothing.
    pub fn publish_entry(&mut self, entry: impl FnOnce(Hash) -> Act) -> Result<VerifiedReceipt, ClientError> {
        let receipt = self.put_entry(entry)?;
        self.follow_receipt(Log::Directory, &receipt)?;
        Ok(receipt)
    }

    /// Revokes this very member. The server answers once more, with the receipt.
    ///
    /// # Errors
    /// As [`Client::publish_entry`].
    pub fn revoke_own(&mut self, reason: RevocationReason) -> Result<VerifiedReceipt, ClientError> {
        let member = self.profile.member().clone();
        self.put_entry(|after| Act::Revoke(Revocation { after, member, reason }))
    }

    fn put_entry(&mut self, entry: impl FnOnce(Hash) -> Act) -> Result<VerifiedReceipt, ClientError> {
        self.follow()?;
        let signer = self.profile.load_statement_signer()?;
        let after = self.directory.last_entry(self.profile.member().state());
        let signed = self.sign_statement(entry(after), &signer)?;
        self.put_signed_entry(signed)
    }

    /// Puts an entry that is signed, and verifies its receipt.
    pub(super) fn put_signed_entry(&mut self, signed: SignedBytes) -> Result<VerifiedReceipt, ClientError> {
        let SignedBytes { statement, signature } = signed;
        let request = ActRequest { statement: Base64Bytes(statement), signature: Base64Bytes(signature), slips: Vec::new() };
        let (kept, path) = self.put_and_keep(&request)?;
        let now = clock::now();
        let judged = verify_entry_receipt(&kept.receipt, &request.statement.0, &self.policy, now);
        judged.map_err(|refused| self.explain_refused(Log::Directory, refused, &path, now))
    }

    pub(super) fn sign_and_put(&mut self, act: Act, slips: Vec<SlipBody>) -> Result<(VerifiedReceipt, Vec<SlipBody>), ClientError> {
        let signer = self.profile.load_statement_signer()?;
        let SignedBytes { statement, signature } = self.sign_statement(act, &signer)?;
        let request = ActRequest { statement: Base64Bytes(statement), signature: Base64Bytes(signature), slips };
        let answered = self.put_and_keep(&request)?;
        self.prove_act(&request, answered)
    }

    /// Verifies the receipt of an act against this machine's memory, and follows the log to it.
    pub(super) fn prove_act(
        &mut self,
        request: &ActRequest,
        (kept, path): (Answered, PathBuf),
    ) -> Result<(VerifiedReceipt, Vec<SlipBody>), ClientError> {
        let refers_to = kept.receipt.leaves.first().and_then(|leaf| decode_event_leaf(&leaf.leaf.0).ok());
        if refers_to.is_some_and(|leaf| leaf.directory_size > self.directory.size()) {
            self.follow()?;
        }
        let now = clock::now();
        let judged = verify_receipt(&kept.receipt, &request.statement.0, &self.policy, &self.directory, now);
        let (verified, _) = judged.map_err(|refused| self.explain_refused(Log::Events, refused, &path, now))?;
        self.follow_receipt(Log::Events, &verified)?;
        Ok((verified, kept.slips))
    }

    fn explain_refused(&mut self, log: Log, refused: ReceiptRefused, path: &Path, now: UnixMillis) -> ClientError {
        match refused {
            ReceiptRefused::Unproven(_) => ClientError::unproven(format!("{refused}; it is kept in {}", path.display())),
            ReceiptRefused::NotWitnessed(rejected) => match self.explain_rejected(log, &rejected, Offered::InReceipt, now) {
                ClientError::NotWitnessed(reason) => ClientError::NotWitnessed(format!("the server has logged the act; {reason}")),
                other => other,
            },
        }
    }

    /// Puts an act, and keeps its receipt before it is judged: one that proves nothing is evidence.
    pub(super) fn put_and_keep(&mut self, request: &ActRequest) -> Result<(Answered, PathBuf), ClientError> {
        let ActAnswer { receipt, slips } = self.session.put_act(request)?;
        self.profile.make_folder("receipts")?;
        let path = self.profile.receipt_path(&hash(&request.statement.0));
        let kept = KeptReceipt { statement: request.statement.clone(), receipt };
        keep_other_place(&path, &kept.receipt)?;
        let json = serde_json::to_vec(&kept).map_err(ClientError::unproven)?;
        durable::publish_file(&path, &json).map_err(ClientError::file("write", &path))?;
        Ok((Answered { receipt: kept.receipt, slips }, path))
    }
}

/// One act has one place in the log. A receipt that says another is not written over the first: the first is kept beside it.
fn keep_other_place(path: &Path, receipt: &Receipt) -> Result<(), ClientError> {
    let Ok(bytes) = fs::read(path) else { return Ok(()) };
    let earlier = serde_json::from_slice::<KeptReceipt>(&bytes).ok();
    let place = |receipt: &Receipt| receipt.leaves.iter().map(|leaf| (leaf.index, leaf.leaf.0.clone())).collect::<Vec<_>>();
    if earlier.is_none_or(|earlier| place(&earlier.receipt) == place(receipt)) {
        return Ok(());
    }
    let first = path.with_extension("first.json");
    durable::publish_file(&first, &bytes).map_err(ClientError::file("write", &first))
}

/// An answer whose receipt is kept, and not judged yet.
pub(super) struct Answered {
    receipt: Receipt,
    slips: Vec<SlipBody>,
}

/// A receipt as it is kept, with the statement it is of.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptReceipt {
    statement: Base64Bytes,
    receipt: Receipt,
}
