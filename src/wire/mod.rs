//! What two parties must agree on byte for byte: statements, leaves, notes, checkpoints, proofs, bodies.
//!
//! Every value has exactly one spelling here, and nothing that was received is ever encoded again: the
//! bytes that were signed are kept and passed on.

mod base64_bytes;
mod bodies;
mod leaf;
mod refusal;
mod statement;
mod statement_text;

pub use base64_bytes::Base64Bytes;
pub use bodies::{
    ACT_REQUEST_BYTES_MAX, ACTS_PATH, ActAnswer, ActRequest, BLOBS_PATH, LOGS_PATH, Receipt, ReceiptLeaf, STATEMENTS_PATH, SignedStatement,
    SlipBody, UPLOADS_PATH,
};
pub use leaf::{
    DirectoryLeaf, EVENT_LEAF_BYTES, EventLeaf, LeafMalformed, decode_directory_leaf, decode_event_leaf, encode_directory_leaf,
    encode_event_leaf,
};
pub use refusal::{Problem, Refusal, RefusalCode};
pub use statement::{
    Act, AuthorityEntry, DocumentLine, Forward, MemberEntry, OnCase, OnDocuments, Revocation, SlipLine, Statement, Submit,
};
pub use statement_text::{StatementMalformed, encode_statement, parse_statement};
