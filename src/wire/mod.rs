//! What two parties must agree on byte for byte: statements, leaves, notes, checkpoints, proofs, bodies.
//!
//! Every value has exactly one spelling here, and nothing that was received is ever encoded again: the
//! bytes that were signed are kept and passed on.

mod base64_bytes;
mod bodies;
mod checkpoint;
mod entries;
mod entries_text;
mod entry_bundle;
mod leaf;
mod note;
mod refusal;
mod server_sheet;
mod statement;
mod statement_lines;
mod statement_text;
mod tile_names;
mod tlog_policy;
mod tlog_policy_text;
mod tlog_proof;
mod vkey;
mod witnessing;

pub use base64_bytes::Base64Bytes;
pub use bodies::{
    ACT_REQUEST_BYTES_MAX, ACTS_PATH, ActAnswer, ActRequest, BLOBS_PATH, LOGS_PATH, PARTIAL_UPLOAD_TYPE, Receipt, ReceiptLeaf,
    STATEMENTS_PATH, SignedStatement, SlipBody, UPLOAD_COMPLETE, UPLOAD_LENGTH, UPLOAD_OFFSET, UPLOADS_PATH,
};
pub use checkpoint::{Checkpoint, encode_checkpoint, parse_checkpoint, parse_extended_checkpoint};
pub use entries::{AuthorityEntry, Cancellation, Grant, MemberEntry, Recovery, Replacement, Revocation};
pub use entry_bundle::{BUNDLE_BYTES_MAX, BundleMalformed, decode_entry_bundle, encode_entry_bundle};
pub use leaf::{
    DirectoryLeaf, EVENT_LEAF_BYTES, EventLeaf, LeafMalformed, decode_directory_leaf, decode_event_leaf, encode_directory_leaf,
    encode_event_leaf,
};
pub use note::{KeyId, KeyName, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteMalformed, NoteSignature, SignedNote, compose_note, parse_note};
pub use refusal::{Problem, Refusal, RefusalCode};
pub use server_sheet::ServerSheet;
pub use statement::{Act, DocumentLine, Forward, Inspection, OnCase, OnDocuments, OnSlips, SlipLine, Statement, Submit};
pub use statement_lines::StatementMalformed;
pub use statement_text::{encode_statement, parse_statement};
pub use tile_names::{EntryBundleName, HashTileName, TILE_HEIGHT, TILE_WIDTH};
pub use tlog_policy::{PolicyLine, PolicyName, Quorum, Threshold, TlogPolicy, encode_tlog_policy};
pub use tlog_policy_text::{POLICY_ENTRIES_MAX, TLOG_POLICY_BYTES_MAX, TlogPolicyMalformed, compose_tlog_policy, parse_tlog_policy};
pub use tlog_proof::encode_tlog_proof;
pub use vkey::{SignatureType, VerifierKey};
pub use witnessing::{
    ADD_CHECKPOINT, ADD_CHECKPOINT_BYTES_MAX, AddCheckpoint, CONSISTENCY_HASHES_MAX, COSIGNATURES_BYTES_MAX, TLOG_SIZE_TYPE, WitnessSheet,
    encode_add_checkpoint, parse_add_checkpoint, parse_cosignatures, parse_witness_size,
};
