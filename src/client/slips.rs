//! The own authority's slips: which of those that are kept this member can open, opening them, and keeping them on this
//! machine, still sealed, so that the authority can forward the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::history::CaseHistory;
use super::{Client, ClientError};
use crate::crypto::hash;
use crate::domain::{AuthorityCode, Hash, Log, Tag};
use crate::durable;
use crate::seal::{ExpectedSlip, OpenedSlip, SealingIdentity, SlipRefused, open_slip};
use crate::trust::{HeldSlip, SealedSlip};
use crate::wire::SlipBody;

/// The authority's sealing identities, by the fingerprint of the key.
pub(super) type Identities = BTreeMap<Hash, SealingIdentity>;

/// Why something was not opened; and of which document it is the fault of whoever signed what it was sealed as.
pub(super) struct OpeningFault {
    pub(super) fault: ClientError,
    pub(super) to_blame: Option<Tag>,
}

impl From<ClientError> for OpeningFault {
    fn from(fault: ClientError) -> Self {
        Self { fault, to_blame: None }
    }
}

impl OpeningFault {
    /// What was signed does not open to what it says.
    pub(super) fn of_signer(document: Tag, fault: ClientError) -> Self {
        Self { fault, to_blame: Some(document) }
    }
}

impl CaseHistory {
    /// What an authority has of a document.
    pub(super) fn held(&self, document: &Tag, authority: &AuthorityCode) -> Result<&HeldSlip, ClientError> {
        let held = self.case.slip_of(document, authority);
        held.ok_or_else(|| ClientError::unproven(format!("no statement gives {authority} a slip of document {document}")))
    }

    /// The slip with this digest, as somebody signed it for an authority, whether or not it is still kept.
    fn signed_slip(&self, document: &Tag, authority: &AuthorityCode, sha256: &Hash) -> Option<SealedSlip> {
        let mut lines = self.events.iter().flat_map(|event| event.statement.statement().act.slips());
        let line = lines.find(|line| line.document == *document && line.authority == *authority && line.sha256 == *sha256)?;
        Some(SealedSlip { key: line.key, sha256: line.sha256 })
    }
}

impl Client {
    /// The newest slip of each document that this member holds the key of; where there is none, the one in force.
    pub(super) fn choose_slips(&self, history: &CaseHistory, documents: &[Tag]) -> Result<BTreeMap<Tag, SealedSlip>, ClientError> {
        let own = self.profile.member().authority();
        let choose = |document: &Tag| {
            let held = history.held(document, own)?;
            let readable = held.kept().find(|slip| self.profile.has_granted_identity(&slip.key));
            Ok((*document, readable.unwrap_or_else(|| held.in_force())))
        };
        documents.iter().map(choose).collect()
    }

    /// The identities that open slips: what was sealed before a key was replaced opens with the old one.
    pub(super) fn load_identities(&self, slips: impl IntoIterator<Item = SealedSlip>) -> Result<Identities, ClientError> {
        let keys: BTreeSet<Hash> = slips.into_iter().map(|slip| slip.key).collect();
        keys.into_iter().map(|key| Ok((key, self.load_authority_identity(&key)?))).collect()
    }

    /// Opens a slip of a document, as it was signed.
    pub(super) fn open_own_slip(
        &self,
        document: &Tag,
        slip: &SealedSlip,
        bytes: &[u8],
        identities: &Identities,
    ) -> Result<OpenedSlip, OpeningFault> {
        let identity = identities.get(&slip.key).ok_or_else(|| ClientError::unproven(format!("document {document}: another key")))?;
        let expected = ExpectedSlip { log: self.policy.origin(Log::Events), document, sha256: &slip.sha256 };
        open_slip(bytes, identity, &expected).map_err(|refused| {
            let fault = ClientError::unproven(format!("document {document}: {refused}"));
            match refused {
                SlipRefused::SealedDiffers => fault.into(),
                SlipRefused::File(_) | SlipRefused::OtherDocument => OpeningFault::of_signer(*document, fault),
            }
        })
    }

    /// Whether a document was opened and verified on this machine.
    pub fn has_opened(&self, document: &Tag) -> bool {
        self.slip_path(document).exists()
    }

    /// The slip of a document that was opened on this machine, opened again to be handed on.
    pub(super) fn load_opened_slip(&self, history: &CaseHistory, document: &Tag) -> Result<OpenedSlip, ClientError> {
        let bytes = std::fs::read(self.slip_path(document)).map_err(|_| {
            let hint = format!("open it first: elchi open {}", history.tag);
            ClientError::not_possible(format!("document {document} was not opened on this machine"), hint)
        })?;
        let signed = history.signed_slip(document, self.profile.member().authority(), &hash(&bytes));
        let signed = signed.ok_or_else(|| ClientError::unproven(format!("the slip of document {document} on this machine is no one's")))?;
        self.open_own_slip(document, &signed, &bytes, &self.load_identities([signed])?).map_err(|refused| refused.fault)
    }

    /// Keeps a slip of a document that was opened.
    pub(super) fn keep_slip(&self, document: &Tag, slip: &[u8]) -> Result<(), ClientError> {
        self.profile.make_folder("memory/slips")?;
        let path = self.slip_path(document);
        durable::publish_file(&path, slip).map_err(ClientError::file("write", &path))
    }

    fn slip_path(&self, document: &Tag) -> PathBuf {
        self.profile.path("memory/slips").join(format!("{document}.age"))
    }
}

/// The slip that was chosen, among those that the server released.
pub(super) fn find_released<'s>(released: &'s [SlipBody], document: &Tag, chosen: &SealedSlip) -> Result<&'s [u8], ClientError> {
    let found = released.iter().find(|body| body.document == *document && hash(&body.slip.0) == chosen.sha256);
    let found =
        found.ok_or_else(|| ClientError::unproven(format!("the server did not release the slip of document {document} that was signed")));
    Ok(&found?.slip.0)
}
