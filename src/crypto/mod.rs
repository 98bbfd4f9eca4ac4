//! Hashing, Ed25519, randomness, secret sharing: the primitives, each with one way to use it.
//!
//! This module chooses no policy: it does not know whom a key belongs to or what a hash is of. Secrets
//! have no `Debug` and no `Clone`; they are wiped when dropped and read by `expose_secret` only.

mod ed25519;
mod hash;
mod random;
mod shamir;

pub use ed25519::{Ed25519PublicKey, Ed25519SigningKey, KeyRefused, SignatureMismatch};
pub use hash::{HashState, Hasher, StateRefused, hash, hash_parts};
pub use random::{random_array, random_nonce, random_tag, random_upload_id};
pub use shamir::{SECRET_BYTES, SecretBytes, combine_shares, split_secret};
