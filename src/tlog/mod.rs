//! The Merkle log as pure functions: append, prove, verify, sign and cosign a checkpoint, judge it by a policy.
//!
//! Never touches a disk or a socket. Trees and proofs are RFC 6962's (section 2), notes, checkpoints
//! and policies are C2SP's; their grammar is in `wire`, what they mean is here.
//!
//! ```text
//!  server                                             client, auditor: they hold every leaf
//!  leaf ─ leaf_hash ─ Frontier::append ─ nodes        policy ── LogPolicy::verify_checkpoint(note)
//!            │            │               │                              │ VerifiedCheckpoint
//!            │       sign_checkpoint   NodeSource                        ├── Frontier::head over the leaves must be its head
//!            └────────────┴── prove_inclusion ──────▶ verify_inclusion(leaf hash, index, proof, it)
//!                             prove_consistency ────▶ a witness, which holds no leaf: verify_consistency
//! ```
//!
//! What a function verifies it returns as a value that nothing else can make: [`VerifiedCheckpoint`],
//! [`VerifiedInclusion`], [`VerifiedConsistency`].

mod checkpoint;
mod commitment;
mod cosignature;
mod events;
mod keys;
mod policy;
mod proof;
mod tree;

pub use checkpoint::{CheckpointRefused, VerifiedCheckpoint, sign_checkpoint, verify_checkpoint, verify_extended_checkpoint};
pub use commitment::commitment;
pub use cosignature::{Cosignature, cosign_checkpoint};
pub use events::{register_tag, touched_chains};
pub use keys::{LogSigningKey, LogVerifierKey, NoteKeyRefused, WitnessSigningKey, WitnessVerifierKey};
pub use policy::{LogPolicy, Votes};
pub use proof::{
    ProofMismatch, ProveFault, VerifiedConsistency, VerifiedInclusion, prove_consistency, prove_inclusion, verify_consistency,
    verify_inclusion,
};
pub use tree::{Frontier, Node, NodeSource, leaf_hash, node_hash};
