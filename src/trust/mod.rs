//! Who is it, and what may they do: certificate profiles, chains, the directory, permits. Pure.
//!
//! Never opens a socket and stores no state. Each check returns a value that only the check can make,
//! and the next step takes that value, so none can be left out:
//!
//! ```text
//! handshake    ── verify_peer ──────▶ VerifiedPeer
//! statement    ── verify_statement ─▶ VerifiedStatement ── permit_act ─▶ ActPermit ─▶ Case
//!                                                       └ permit_inspection ─▶ InspectionPermit
//! entry        ── Directory::verify_entry ─▶ VerifiedEntry ── apply_entry ─▶ Directory
//! receipt      ── verify_receipt ───▶ VerifiedReceipt
//! policy file  ── verify_policy ────▶ VerifiedPolicy ── verify_checkpoint ─▶ WitnessedCheckpoint
//! ```

mod anchors;
mod case;
mod cases;
mod chain;
mod directory;
mod directory_rules;
mod entry_place;
mod entry_signer;
mod inspection;
mod members;
mod peer;
mod policy;
mod policy_text;
mod profile;
mod receipt;
mod sealing_keys;
mod slip_rules;
mod statement;
mod witnessing;

pub use anchors::{AnchorRefused, TrustAnchors};
pub use case::{Case, CaseDocument, HeldSlip, RewrappedSlip, SealedSlip};
pub use cases::{ActPermit, permit_act};
pub use chain::{ChainRefused, PathPlace, VerifiedCertificate, verify_chain};
pub use directory::{Directory, VerifiedEntry};
pub use entry_place::EntryPlace;
pub use inspection::{InspectionPermit, permit_inspection};
pub use members::MemberRecord;
pub use peer::{PeerRefused, VerifiedPeer, verify_peer, verify_peer_still};
pub use policy::{PolicyRejected, VerifiedPolicy, verify_policy};
pub use policy_text::{POLICY_BYTES_MAX, Policy, ProvisionalWork, encode_policy, parse_policy};
pub use profile::{CertificateProfile, MEMBER_URI_SCHEME};
pub use receipt::{ReceiptRefused, VerifiedReceipt, verify_entry_receipt, verify_receipt};
pub use sealing_keys::{AuthorityRecord, Holder, SealingKey};
pub use statement::{JudgedAt, VerifiedStatement, require_near, verify_statement};
pub use witnessing::{CheckpointRejected, Standing, WitnessedCheckpoint};
