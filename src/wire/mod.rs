//! What two parties must agree on byte for byte: statements, leaves, notes, checkpoints, proofs, bodies.
//!
//! Every value has exactly one spelling here, and nothing that was received is ever encoded again: the
//! bytes that were signed are kept and passed on.
