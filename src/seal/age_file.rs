//! An age file with one recipient: the only place that starts age's encryptor and decryptor.

use std::io::{self, BufRead, Write};
use std::iter;

use age::stream::{StreamReader, StreamWriter};
use age::{Decryptor, Encryptor};

use super::header::VerifiedHeader;
use super::{SealingIdentity, SealingRecipient};

/// Why something could not be sealed. Nothing of it is any security; what was written is to be dropped.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The plaintext could not be read.
    #[error("what is to be sealed could not be read: {0}")]
    Read(#[source] io::Error),
    /// The sealed file could not be written, or grew over its limit.
    #[error("the sealed file could not be written: {0}")]
    Write(#[source] io::Error),
    /// No thread for the digests, or one failed.
    #[error("the digest of the file could not be taken: {0}")]
    Digest(#[source] io::Error),
    /// The recipient's key takes no secret. A parsed one always does.
    #[error("nothing can be sealed to this key")]
    Recipient,
}

/// The file did not decrypt. It does not say why, on purpose: SECURITY.md rule 17.
pub(super) struct NotDecrypted;

/// Writes the header, and gives the writer of the payload; to be finished, or the file is cut short.
pub(super) fn begin_sealing<W: Write>(recipient: &SealingRecipient, out: W) -> Result<StreamWriter<W>, SealError> {
    let recipients = iter::once(recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|_| SealError::Recipient)?;
    encryptor.wrap_output(out).map_err(SealError::Write)
}

/// Reads a header that was verified, and gives the reader of the payload.
pub(super) fn begin_opening<R: BufRead>(_: VerifiedHeader, identity: &SealingIdentity, sealed: R) -> Result<StreamReader<R>, NotDecrypted> {
    let identities = iter::once(identity as &dyn age::Identity);
    Decryptor::new_buffered(sealed).and_then(|decryptor| decryptor.decrypt(identities)).map_err(|_| NotDecrypted)
}
