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
use crate::wire::{OnSlips, SlipBody, SlipLine};

/// The authority's sealing identities, by the fingerprint of the key.
pub(super) type Identities = BTreeMap<Hash, SealingIdentity>;

/// Why something was not opened; and what it is the fault of, if somebody signed it like that.
pub(super) struct OpeningFault {
    pub(super) fault: ClientError,
    pub(super) to_blame: Option<Blame>,
}

/// What was signed and does not open to what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// A document's slip, which gives no identity, or one that opens nothing.
    Slip(Tag),
    /// A document that opens, to something else than was signed; or is sealed as it must not be.
    Sender(Tag),
}

impl From<ClientError> for OpeningFault {
    fn from(fault: ClientError) -> Self {
        Self { fault, to_blame: None }
    }
}

impl OpeningFault {
    pub(super) fn of_signer(to_blame: Blame, fault: ClientError) -> Self {
        Self { fault, to_blame: Some(to_blame) }
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
                SlipRefused::File(_) | SlipRefused::OtherDocument => OpeningFault::of_signer(Blame::Slip(*document), fault),
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

impl Client {
    /// The slips that were chosen are among those that the server released. If one is not, and the log has it that it was
    /// dropped since it was chosen, nobody did wrong.
    pub(super) fn require_released(
        &mut self,
        case: &Tag,
        chosen: &BTreeMap<Tag, SealedSlip>,
        released: &[SlipBody],
    ) -> Result<(), ClientError> {
        let missing: Vec<(&Tag, &SealedSlip)> = chosen.iter().filter(|(tag, slip)| find_released(released, tag, slip).is_err()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.follow()?;
        let (history, own) = (self.load_case(case)?, self.profile.member().authority().clone());
        for (document, slip) in missing {
            if history.held(document, &own)?.kept().any(|kept| kept == *slip) {
                find_released(released, document, slip)?;
            }
        }
        Err(ClientError::not_possible("slips of this case were sealed anew or dropped in this very moment", "do it again"))
    }
}

/// An act that names slips of an authority.
pub(super) fn on_slips(case: Tag, authority: &AuthorityCode, slips: impl IntoIterator<Item = (Tag, SealedSlip)>) -> OnSlips {
    let line =
        |(document, slip): (Tag, SealedSlip)| SlipLine { document, authority: authority.clone(), key: slip.key, sha256: slip.sha256 };
    let slips: Vec<SlipLine> = slips.into_iter().map(line).collect();
    OnSlips { case, documents: slips.iter().map(|slip| slip.document).collect(), slips }
}

/// The slip that was chosen, among those that the server released.
pub(super) fn find_released<'s>(released: &'s [SlipBody], document: &Tag, chosen: &SealedSlip) -> Result<&'s [u8], ClientError> {
    let found = released.iter().find(|body| body.document == *document && hash(&body.slip.0) == chosen.sha256);
    let found =
        found.ok_or_else(|| ClientError::unproven(format!("the server did not release the slip of document {document} that was signed")));
    Ok(&found?.slip.0)
}
