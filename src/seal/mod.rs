//! Sealing: documents to their own identity, that identity to authorities, an authority's identity to
//! its holders. All of it is age (c2sp.org/age) with the post-quantum hybrid recipient
//! `mlkem768x25519`, so `age` 1.3 and later opens everything.
//!
//! ```text
//! document ──sealed to──▶ document identity ──in a slip sealed to──▶ authority's sealing identity
//!  (blob)                 fresh each time                            ──in a grant sealed to──▶ a holder's
//!
//! age -d -i holder.key grant > authority.key
//! age -d -i authority.key slip > doc.key
//! age -d -i doc.key blob > file
//! ```
//!
//! An authority's identity may also be divided among people who together, and not alone, can give it back ([`IdentityShare`]).
//!
//! What a reader may rely on:
//! - A blob, slip or grant has an `mlkem768x25519` stanza and none of another kind ([`verify_header`]).
//! - Nothing is handed out before all of it is verified: opening takes the output by value and gives it
//!   back in an [`OpenedDocument`] only when both digests and both sizes are the expected ones.
//! - Every failed decryption is the same error, whatever failed (SECURITY.md rule 17).
//! - A document takes the same memory whatever its size.
//!
//! ```
//! use elchi::seal::{DocumentIdentity, open_document, seal_document};
//!
//! let identity = DocumentIdentity::generate();
//! let mut blob = Vec::new();
//! let digests = seal_document(&identity, &b"evidence"[..], &mut blob)?;
//! let opened = open_document(&identity, &blob[..], Vec::new(), &digests)?;
//! assert_eq!(opened.into_output(), b"evidence");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This module opens no socket and no file, knows no statement, and decides nobody's rights: whose key a
//! recipient is, the directory says. It runs no age plugin. A passphrase opens one file only, a profile's own key
//! ([`open_with_passphrase`]); in a blob, slip, grant or key file its stanza is refused like any other kind's.

mod age_file;
mod authority;
mod document;
mod header;
mod hybrid;
mod identity_file;
mod kem;
mod keys;
mod passphrase;
mod secret_file;
mod share;
mod slip;
mod tally;

pub use age_file::SealError;
pub use authority::{GrantRefused, GrantedIdentity, OtherKey, open_authority_identity, seal_authority_identity};
pub use document::{DocumentDigests, DocumentIdentity, OpenError, OpenedDocument, open_cover, open_document, seal_document};
pub use header::{HEADER_BYTES_MAX, HeaderRefused, VerifiedHeader, verify_header};
pub use hybrid::{SealingIdentity, SealingRecipient};
pub use identity_file::{encode_identity_file, parse_identity_file};
pub use passphrase::{Passphrase, PassphraseRefused, PassphraseTooShort, open_with_passphrase, seal_with_passphrase};
pub use secret_file::{SecretFileRefused, open_secret, seal_secret};
pub use share::{IdentityShare, ShareRule, ShareRuleRefused, SharesRefused, combine_identity, open_share, seal_share, split_identity};
pub use slip::{ExpectedSlip, OpenedSlip, SlipRefused, open_slip, reseal_slip, seal_slip};
pub use tally::Digest;
