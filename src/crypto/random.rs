//! Random bytes from the operating system.

use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::{Nonce, Tag, UploadId};

/// `N` random bytes.
///
/// # Panics
/// When the operating system has no randomness to give; nothing safe can be done then.
pub fn random_array<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    #[allow(clippy::expect_used, reason = "without randomness nothing may go on")]
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A fresh name for a case or a document.
pub fn random_tag() -> Tag {
    Tag::from_bytes(random_array())
}

/// A fresh name for an upload.
pub fn random_upload_id() -> UploadId {
    UploadId::from_bytes(random_array())
}

/// A fresh nonce for a statement.
pub fn random_nonce() -> Nonce {
    Nonce::from_bytes(random_array())
}
