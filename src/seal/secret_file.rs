//! A sealed secret: an age file over a few bytes, such as a private key. Slips, grants and the private files of a profile
//! are this; what they hold, their own files say.

use std::io::{Read, Write};

use zeroize::Zeroizing;

use super::age_file::{NotDecrypted, SealError, begin_opening, begin_sealing};
use super::header::{HeaderRefused, verify_header};
use super::{SealingIdentity, SealingRecipient};
use crate::domain::limits::SLIP_BYTES_MAX;

/// Why a sealed secret was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretFileRefused {
    /// More bytes than any of them has.
    #[error("it is longer than {SLIP_BYTES_MAX} bytes")]
    TooLong,
    /// It breaks the rule on headers.
    #[error(transparent)]
    Header(#[from] HeaderRefused),
    /// It does not open with this identity, whatever the reason.
    #[error("it cannot be opened with this key")]
    NotOpened,
    /// It opens to something that is not what it must be, in its one spelling.
    #[error("what it holds is not well formed")]
    Malformed,
}

impl From<NotDecrypted> for SecretFileRefused {
    fn from(_: NotDecrypted) -> Self {
        SecretFileRefused::NotOpened
    }
}

/// Seals a secret of a few bytes.
///
/// # Errors
/// Never with a parsed key.
pub fn seal_secret(secret: &[u8], recipient: &SealingRecipient) -> Result<Vec<u8>, SealError> {
    let mut sealed = Vec::with_capacity(SLIP_BYTES_MAX);
    let mut payload = begin_sealing(recipient, &mut sealed)?;
    payload.write_all(secret).map_err(SealError::Write)?;
    payload.finish().map_err(SealError::Write)?;
    Ok(sealed)
}

/// Opens a sealed secret.
///
/// # Errors
/// When it is too long, breaks the rule on headers, or does not open with this identity.
pub fn open_secret(sealed: &[u8], opener: &SealingIdentity) -> Result<Zeroizing<Vec<u8>>, SecretFileRefused> {
    if sealed.len() > SLIP_BYTES_MAX {
        return Err(SecretFileRefused::TooLong);
    }
    let header = verify_header(sealed)?;
    // With room for all, so that growing leaves no copies behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(SLIP_BYTES_MAX));
    begin_opening(header, opener, sealed)?.read_to_end(&mut secret).map_err(|_| SecretFileRefused::NotOpened)?;
    Ok(secret)
}
