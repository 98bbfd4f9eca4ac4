//! The JSON bodies of requests and answers, and the paths they go to. Unknown fields are refused.

use serde::{Deserialize, Serialize};

use super::Base64Bytes;
use crate::domain::limits::{SIGNATURE_BYTES_MAX, SLIP_BYTES_MAX, SLIPS_PER_STATEMENT_MAX, STATEMENT_BYTES_MAX};
use crate::domain::{AuthorityCode, Hash, Tag};

/// `POST` a signed statement here.
pub const ACTS_PATH: &str = "/v1/acts";
/// `POST` here to begin an upload; `PATCH`, `HEAD`, `DELETE` below it.
pub const UPLOADS_PATH: &str = "/v1/uploads";
/// `GET` a released blob below this.
pub const BLOBS_PATH: &str = "/v1/blobs";
/// `GET` a statement of a case below this, by its leaf's index.
pub const STATEMENTS_PATH: &str = "/v1/statements";
/// Checkpoint and entry bundles of a log stand below this and the log's name.
pub const LOGS_PATH: &str = "/v1/logs";

/// The offset of an upload (draft-ietf-httpbis-resumable-upload).
pub const UPLOAD_OFFSET: &str = "upload-offset";
/// The announced length of an upload, in bytes.
pub const UPLOAD_LENGTH: &str = "upload-length";
/// `?1` when a request carries, or an answer reports, the end of an upload.
pub const UPLOAD_COMPLETE: &str = "upload-complete";
/// The content type of a `PATCH` into an upload.
pub const PARTIAL_UPLOAD_TYPE: &str = "application/partial-upload";

/// The longest [`ActRequest`] as JSON: base64 takes four bytes for three, and the largest submission's
/// slips are 2,304 of at most 4 kB.
pub const ACT_REQUEST_BYTES_MAX: usize =
    (STATEMENT_BYTES_MAX + SIGNATURE_BYTES_MAX + SLIPS_PER_STATEMENT_MAX * (SLIP_BYTES_MAX + 160)) / 3 * 4 + 4096;

/// A signed statement with the slips it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActRequest {
    /// The statement's exact bytes.
    pub statement: Base64Bytes,
    /// Its detached CMS.
    pub signature: Base64Bytes,
    /// The slips, in the statement's order.
    pub slips: Vec<SlipBody>,
}

/// A slip in a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlipBody {
    /// The document whose identity it hands over.
    pub document: Tag,
    /// To whom.
    pub authority: AuthorityCode,
    /// The slip.
    pub slip: Base64Bytes,
}

/// The answer to an act: the receipt, and for a release the slips of the actor's authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActAnswer {
    /// What proves the act.
    pub receipt: Receipt,
    /// For a release, the slips of the actor's authority, in the statement's order of documents.
    pub slips: Vec<SlipBody>,
}

/// Leaves, their proofs, and the checkpoint that proves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// SHA-256 of the statement.
    pub statement_sha256: Hash,
    /// The signature that was logged; of the same statement, though not always the bytes just sent.
    pub signature: Base64Bytes,
    /// The leaves, consecutive.
    pub leaves: Vec<ReceiptLeaf>,
    /// A signed note over a tree that contains them (C2SP tlog-checkpoint).
    pub checkpoint: String,
}

/// One leaf of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptLeaf {
    /// Its index in the log, from 0.
    pub index: u64,
    /// Its bytes.
    pub leaf: Base64Bytes,
    /// The inclusion proof, from the leaf up (RFC 6962, section 2.1.1).
    pub path: Vec<Hash>,
}

/// A statement as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedStatement {
    /// The statement's exact bytes.
    pub statement: Base64Bytes,
    /// Its detached CMS.
    pub signature: Base64Bytes,
}
