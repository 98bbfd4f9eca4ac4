//! The name of a slip.

use super::{AuthorityCode, Hash, Tag};

/// Which slip: of which document, for whom, and which bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlipName {
    /// The document it opens.
    pub document: Tag,
    /// The authority it is sealed to.
    pub authority: AuthorityCode,
    /// SHA-256 of the slip.
    pub sha256: Hash,
}
