//! Uploads: the store's, bound to the peer who began them.

use super::{ActError, Exchange};
use crate::clock;
use crate::crypto::random_upload_id;
use crate::domain::{MemberCode, Tag, UploadId};
use crate::store::{ClaimedUpload, Store, UploadFault, UploadProgress, UploadWriter};
use crate::trust::VerifiedPeer;
use crate::wire::{DocumentLine, Refusal, RefusalCode};

impl Exchange {
    /// Begins an upload of so many bytes.
    ///
    /// # Errors
    /// A refusal when the peer could sign no act that claims it, it is too large, too many are under way, or the
    /// disk has no room; or a fault.
    pub fn create_upload(&self, peer: &VerifiedPeer, bytes: u64) -> Result<UploadId, ActError> {
        if !peer.is_signatory() {
            return Err(Refusal::new(RefusalCode::RoleMissing, format!("{} signs no acts, so uploads nothing", peer.member())).into());
        }
        let id = random_upload_id();
        self.store.create_upload(&id, peer.member(), bytes, clock::now())?;
        Ok(id)
    }

    /// Opens an upload for writing from its durable offset on.
    ///
    /// # Errors
    /// A refusal when there is no such upload of this peer, or another connection is writing it; or a fault.
    pub fn open_upload(&self, peer: &VerifiedPeer, id: &UploadId) -> Result<UploadWriter, ActError> {
        Ok(self.store.open_upload(id, peer.member())?)
    }

    /// How far an upload is.
    ///
    /// # Errors
    /// A refusal when there is no such upload of this peer; or a fault.
    pub fn load_progress(&self, peer: &VerifiedPeer, id: &UploadId) -> Result<UploadProgress, ActError> {
        Ok(self.store.load_progress(id, peer.member())?)
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// A refusal when there is no such upload of this peer, or it is being written; or a fault.
    pub fn delete_upload(&self, peer: &VerifiedPeer, id: &UploadId) -> Result<(), ActError> {
        Ok(self.store.delete_upload(id, peer.member())?)
    }

    /// Removes uploads that nobody touched for long and that no act has claimed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sweep_uploads(&self) -> Result<u64, ActError> {
        Ok(self.store.sweep_uploads(clock::now())?)
    }
}

/// Claims the upload that a document line names: the member's own, complete, of that digest and length.
pub(super) fn claim_document(store: &Store, member: &MemberCode, document: &DocumentLine) -> Result<ClaimedUpload, ActError> {
    let claimed = store.claim_upload(&document.upload, member, &document.sha256, document.bytes);
    claimed.map_err(|fault| describe_fault(&document.tag, fault))
}

/// What an act is told when an upload it names cannot be used. Another's upload and none are one answer.
pub(super) fn describe_fault(document: &Tag, fault: UploadFault) -> ActError {
    match fault {
        UploadFault::Fault(fault) => fault.into(),
        refused => upload_mismatch(document, refused).into(),
    }
}

pub(super) fn upload_mismatch(document: &Tag, reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(RefusalCode::UploadMismatch, format!("document {document}: {reason}"))
}

impl From<UploadFault> for ActError {
    fn from(fault: UploadFault) -> Self {
        let code = match &fault {
            UploadFault::Fault(fault) => return fault.clone().into(),
            UploadFault::Unknown => return Refusal::not_found().into(),
            UploadFault::Busy => RefusalCode::UploadBusy,
            UploadFault::TooMany => RefusalCode::TooManyUploads,
            UploadFault::Size => RefusalCode::TooLarge,
            UploadFault::Overrun | UploadFault::Incomplete | UploadFault::Mismatch => RefusalCode::UploadMismatch,
            UploadFault::Interrupted => RefusalCode::OffsetMismatch,
        };
        Refusal::new(code, fault.to_string()).into()
    }
}
