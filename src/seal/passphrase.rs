//! A profile's key behind a passphrase: an age file with one scrypt stanza over an identity file, which
//! `age -d -i profile.age` takes as it is (c2sp.org/age, "The scrypt recipient type").
//!
//! ```text
//! -> scrypt <salt> 17
//! <the file key, wrapped by scrypt(passphrase, salt, N = 2^17, r = 8, p = 1)>
//! ```
//!
//! Whoever copies the file can try passphrases as fast as their machines are; the work factor and the length of the
//! passphrase are all that holds them up.

use std::io::{Read, Write};
use std::iter;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use zeroize::Zeroizing;

use super::age_file::SealError;
use crate::domain::limits::SLIP_BYTES_MAX;

/// log2 of scrypt's N: half a second and 128 MiB on an office machine of today, which somebody waits for once a command.
/// Fixed, for what a fast machine made must open on a slow one.
const WORK_FACTOR: u8 = 17;

/// The largest work factor that is read: what `age -p` itself writes. One more costs 512 MiB, and a file that somebody
/// put in the way must not cost the machine.
const WORK_FACTOR_MAX: u8 = 18;

/// The fewest characters of a new passphrase.
const CHARS_MIN: usize = 12;

/// What a person typed. Wiped when dropped.
pub struct Passphrase(SecretString);

/// A new passphrase that is too easy to try out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase has at least {CHARS_MIN} characters")]
pub struct PassphraseTooShort;

/// Why a file was not opened with a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseRefused {
    /// Another passphrase, or a file that was altered: nothing tells which.
    #[error("it does not open with this passphrase")]
    NotOpened,
    /// Opening it would take more work than any file of ours does.
    #[error("it asks for more work than 2^{WORK_FACTOR_MAX} rounds of scrypt; this program wrote no such file")]
    TooMuchWork,
    /// More bytes than such a file has.
    #[error("it is longer than {SLIP_BYTES_MAX} bytes")]
    TooLong,
}

impl Passphrase {
    /// What was typed to open something.
    pub fn typed(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// What was typed to seal something from now on.
    ///
    /// # Errors
    /// When it is too short.
    pub fn chosen(text: String) -> Result<Self, PassphraseTooShort> {
        let is_long = text.chars().count() >= CHARS_MIN;
        let passphrase = Self::typed(text);
        if is_long { Ok(passphrase) } else { Err(PassphraseTooShort) }
    }
}

/// Seals a secret of a few bytes with a passphrase.
///
/// # Errors
/// Never, but for want of memory.
pub fn seal_with_passphrase(secret: &[u8], passphrase: &Passphrase) -> Result<Vec<u8>, SealError> {
    let mut recipient = scrypt::Recipient::new(passphrase.0.clone());
    recipient.set_work_factor(WORK_FACTOR);
    let encryptor = Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient)).map_err(|_| SealError::Recipient)?;
    let mut sealed = Vec::with_capacity(SLIP_BYTES_MAX);
    let mut payload = encryptor.wrap_output(&mut sealed).map_err(SealError::Write)?;
    payload.write_all(secret).map_err(SealError::Write)?;
    payload.finish().map_err(SealError::Write)?;
    Ok(sealed)
}

/// Opens a secret that was sealed with a passphrase.
///
/// # Errors
/// When the passphrase is another one, the file is not whole, or it asks for too much work.
pub fn open_with_passphrase(sealed: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, PassphraseRefused> {
    if sealed.len() > SLIP_BYTES_MAX {
        return Err(PassphraseRefused::TooLong);
    }
    let mut identity = scrypt::Identity::new(passphrase.0.clone());
    identity.set_max_work_factor(WORK_FACTOR_MAX);
    let identities = iter::once(&identity as &dyn age::Identity);
    let opened = Decryptor::new_buffered(sealed).and_then(|decryptor| decryptor.decrypt(identities));
    let mut payload = opened.map_err(|fault| match fault {
        DecryptError::ExcessiveWork { .. } => PassphraseRefused::TooMuchWork,
        _ => PassphraseRefused::NotOpened,
    })?;
    // With room for all, so that growing leaves no copies behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(SLIP_BYTES_MAX));
    payload.read_to_end(&mut secret).map_err(|_| PassphraseRefused::NotOpened)?;
    Ok(secret)
}
