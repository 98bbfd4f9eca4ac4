//! Slips: a document's identity, sealed to one authority, for one document of one log.
//!
//! ```text
//! # elchi-slip/v1 mla.example/events 8a41…        the log, the document's tag
//! AGE-SECRET-KEY-PQ-1…                            the document's identity
//! ```
//!
//! The first line is inside what is sealed, so that a slip cannot be passed off as another document's: a
//! reader takes only the tag that the statement names.

use super::age_file::SealError;
use super::document::DocumentIdentity;
use super::identity_file::{open_identity_file, seal_identity_file};
use super::secret_file::SecretFileRefused;
use super::{SealingIdentity, SealingRecipient};
use crate::crypto::hash;
use crate::domain::{Hash, Origin, Tag};

const MARK: &str = "elchi-slip/v1";

/// What the statement says of a slip.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedSlip<'a> {
    /// The log that the statement is for.
    pub log: &'a Origin,
    /// The document whose identity it hands over.
    pub document: &'a Tag,
    /// SHA-256 of the slip.
    pub sha256: &'a Hash,
}

/// A slip that was opened and is for the expected document. Only [`open_slip`] makes one.
pub struct OpenedSlip {
    log: Origin,
    document: Tag,
    identity: DocumentIdentity,
}

impl OpenedSlip {
    /// What opens the document's blob.
    pub fn identity(&self) -> &DocumentIdentity {
        &self.identity
    }
}

/// Why a slip was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlipRefused {
    /// Not the bytes that the sender signed. Fetching it again may help.
    #[error("the slip is not the one that the statement names: its SHA-256 differs")]
    SealedDiffers,
    /// What the sender signed does not open to an identity.
    #[error("the slip was refused: {0}")]
    File(#[from] SecretFileRefused),
    /// What the sender signed hands over the identity of another document, or of another log's.
    #[error("the slip is for another document than the statement says")]
    OtherDocument,
}

/// Seals a document's identity to an authority.
///
/// # Errors
/// Never with a parsed key.
pub fn seal_slip(identity: &DocumentIdentity, log: &Origin, document: &Tag, authority: &SealingRecipient) -> Result<Vec<u8>, SealError> {
    seal_identity_file(&format!("{MARK} {log} {document}"), identity.as_identity(), authority)
}

/// Opens a slip with an authority's identity.
///
/// # Errors
/// When it is not the slip that the statement names, does not open, or is for another document.
pub fn open_slip(slip: &[u8], authority: &SealingIdentity, expected: &ExpectedSlip<'_>) -> Result<OpenedSlip, SlipRefused> {
    if hash(slip) != *expected.sha256 {
        return Err(SlipRefused::SealedDiffers);
    }
    let (comment, identity) = open_identity_file(slip, authority)?;
    let (log, document) = parse_comment(&comment).ok_or(SecretFileRefused::Malformed)?;
    if log != *expected.log || document != *expected.document {
        return Err(SlipRefused::OtherDocument);
    }
    Ok(OpenedSlip { log, document, identity: DocumentIdentity::from_identity(identity) })
}

/// Hands an opened slip's identity on to another authority, for the same document of the same log.
///
/// # Errors
/// Never with a parsed key.
pub fn reseal_slip(slip: &OpenedSlip, authority: &SealingRecipient) -> Result<Vec<u8>, SealError> {
    seal_slip(&slip.identity, &slip.log, &slip.document, authority)
}

fn parse_comment(comment: &str) -> Option<(Origin, Tag)> {
    let (log, document) = comment.strip_prefix(MARK)?.strip_prefix(' ')?.split_once(' ')?;
    Some((log.parse().ok()?, document.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_has_one_spelling() {
        let tag = "8a".repeat(32);
        let comment = format!("elchi-slip/v1 mla.example/events {tag}");
        let (log, document) = parse_comment(&comment).unwrap();
        assert_eq!(format!("{MARK} {log} {document}"), comment);
        for wrong in [
            format!("elchi-slip/v2 mla.example/events {tag}"),
            format!("elchi-slip/v1  mla.example/events {tag}"),
            format!("elchi-slip/v1 mla.example/events  {tag}"),
            format!("elchi-slip/v1 mla.example/events {tag} "),
            format!("elchi-slip/v1 mla.example/events {}", tag.to_uppercase()),
            format!("elchi-slip/v1 {tag}"),
            format!("elchi-authority/v1 mla.example/events {tag}"),
            String::new(),
        ] {
            assert!(parse_comment(&wrong).is_none(), "{wrong:?} was accepted");
        }
    }
}
