//! Documents: each sealed to an identity of its own, in a stream.
//!
//! ```text
//! seal:  plaintext ─┬─ age ─┬─▶ blob                    open:  blob ─┬─ header rule ─ age ─┬─▶ output, kept
//!                   └ SHA-256 └ SHA-256                           SHA-256              SHA-256
//!                                                              both digests and sizes as expected? ──▶ output
//! ```
//!
//! Both digests are committed to and checked at both ends (SECURITY.md rule 11): ChaCha20-Poly1305 does not
//! commit to its key, so one blob could open to two documents for two readers.

use std::io::{self, BufReader, Read, Write};

use super::age_file::{NotDecrypted, SealError, begin_opening, begin_sealing};
use super::header::{HEADER_BYTES_MAX, HeaderRefused, verify_header};
use super::tally::{Digest, Tally, TallyReader, TallyWriter};
use super::{SealingIdentity, SealingRecipient};
use crate::domain::limits::{BLOB_BYTES_MAX, COVER_BYTES_MAX};

/// One chunk of age's payload, which is what it gives at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// A cover's blob: the header, a nonce of 16 bytes, the chunks with a tag of 16 bytes each.
const COVER_BLOB_BYTES_MAX: u64 = (HEADER_BYTES_MAX + 16 + COVER_BYTES_MAX + 16 * COVER_BYTES_MAX.div_ceil(BUFFER_BYTES)) as u64;

/// The identity of one document. It opens nothing else, and a slip hands it on.
pub struct DocumentIdentity(SealingIdentity);

impl DocumentIdentity {
    /// A fresh one. Every version of every document has its own.
    pub fn generate() -> Self {
        Self(SealingIdentity::generate())
    }

    /// The public half: two holders of slips can compare its fingerprint.
    pub fn recipient(&self) -> SealingRecipient {
        self.0.recipient()
    }

    pub(super) fn from_identity(identity: SealingIdentity) -> Self {
        Self(identity)
    }

    pub(super) fn as_identity(&self) -> &SealingIdentity {
        &self.0
    }
}

/// What a document is, sealed and open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentDigests {
    /// The blob's, which the statement names.
    pub sealed: Digest,
    /// The document's, which the cover names.
    pub plaintext: Digest,
}

/// A document that was opened to its end and is the expected one, with the output that holds it.
pub struct OpenedDocument<W> {
    output: W,
}

impl<W> OpenedDocument<W> {
    /// The output, to be shown or published.
    pub fn into_output(self) -> W {
        self.output
    }
}

/// Why a document was not opened. The output is gone with it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The blob could not be read to its end.
    #[error("the sealed document could not be read: {0}")]
    Read(#[source] io::Error),
    /// The output could not be written.
    #[error("the opened document could not be written: {0}")]
    Write(#[source] io::Error),
    /// No thread for the digests, or one failed.
    #[error("the digest of the document could not be taken: {0}")]
    Digest(#[source] io::Error),
    /// Altered, cut short, or too long: not what the sender signed. Fetching it again may help.
    #[error("the sealed document is not the one that the statement names: its SHA-256 or its length differs")]
    SealedDiffers,
    /// What the sender signed breaks the rule on headers.
    #[error(transparent)]
    Header(#[from] HeaderRefused),
    /// What the sender signed does not open with this identity, whatever the reason.
    #[error("the sealed document cannot be opened with this key")]
    NotOpened,
    /// What the sender signed opens to something else than he says.
    #[error("the opened document is not the one that the cover names: its SHA-256 or its length differs")]
    PlaintextDiffers,
    /// A cover stays in memory, so it has a limit.
    #[error("the cover is longer than {COVER_BYTES_MAX} bytes")]
    CoverTooLong,
}

impl From<NotDecrypted> for OpenError {
    fn from(_: NotDecrypted) -> Self {
        OpenError::NotOpened
    }
}

/// Seals `plaintext` to its document's identity. Memory does not depend on its size.
///
/// Sealing is randomised: whoever may have to send it again keeps `out`, and does not seal again.
///
/// # Errors
/// When the plaintext cannot be read or `out` cannot be written, or the blob would be longer than
/// [`BLOB_BYTES_MAX`]. What `out` has is then of no use.
pub fn seal_document(identity: &DocumentIdentity, mut plaintext: impl Read, out: impl Write) -> Result<DocumentDigests, SealError> {
    let mut tally = Tally::start().map_err(SealError::Digest)?;
    let mut sealed = TallyWriter::start(out, BLOB_BYTES_MAX).map_err(SealError::Digest)?;
    let mut payload = begin_sealing(&identity.recipient(), &mut sealed)?;
    let mut buffer = vec![0u8; BUFFER_BYTES];
    loop {
        let count = read_some(&mut plaintext, &mut buffer).map_err(SealError::Read)?;
        if count == 0 {
            break;
        }
        tally.update(&buffer[..count]);
        payload.write_all(&buffer[..count]).map_err(SealError::Write)?;
    }
    payload.finish().map_err(SealError::Write)?;
    let sealed = sealed.finish().map_err(SealError::Write)?;
    let plaintext = tally.finish().map_err(SealError::Digest)?;
    Ok(DocumentDigests { sealed, plaintext })
}

/// Opens a document into `out`, a private staged file, and gives it back only if blob and document are
/// the expected ones, to the last byte. Otherwise `out` is dropped.
///
/// A blob that fails is read to its end all the same, to tell a bad line from a bad sender.
///
/// # Errors
/// When anything cannot be read, written or decrypted, or differs from what is expected.
pub fn open_document<W: Write>(
    identity: &DocumentIdentity,
    sealed: impl Read,
    out: W,
    expected: &DocumentDigests,
) -> Result<OpenedDocument<W>, OpenError> {
    let (output, plaintext) = open_stream(identity.as_identity(), sealed, out, &expected.sealed)?;
    if plaintext == expected.plaintext { Ok(OpenedDocument { output }) } else { Err(OpenError::PlaintextDiffers) }
}

/// Opens a cover, of which only the blob is known beforehand: it is what names the other documents.
///
/// # Errors
/// As [`open_document`], and when it is longer than [`COVER_BYTES_MAX`].
pub fn open_cover(identity: &DocumentIdentity, sealed: impl Read, expected: &Digest) -> Result<OpenedDocument<Vec<u8>>, OpenError> {
    if expected.bytes > COVER_BLOB_BYTES_MAX {
        return Err(OpenError::CoverTooLong);
    }
    let (output, _) = open_stream(identity.as_identity(), sealed, Vec::new(), expected)?;
    if output.len() <= COVER_BYTES_MAX { Ok(OpenedDocument { output }) } else { Err(OpenError::CoverTooLong) }
}

/// The output, and what was written to it.
fn open_stream<W: Write>(
    identity: &SealingIdentity,
    sealed: impl Read,
    mut output: W,
    expected: &Digest,
) -> Result<(W, Digest), OpenError> {
    // One byte more than expected is enough to know that it is too long.
    let mut sealed = TallyReader::start(sealed.take(expected.bytes.saturating_add(1))).map_err(OpenError::Digest)?;
    let outcome = decrypt(identity, &mut sealed, &mut output);
    if let Err(fault @ (OpenError::Write(_) | OpenError::Digest(_))) = outcome {
        return Err(fault);
    }
    if sealed.finish().map_err(OpenError::Read)? != *expected {
        return Err(OpenError::SealedDiffers);
    }
    Ok((output, outcome?))
}

/// Decrypts to the end of the input, which age's reader insists is the end of the payload.
fn decrypt<R: Read>(identity: &SealingIdentity, sealed: &mut TallyReader<R>, out: &mut impl Write) -> Result<Digest, OpenError> {
    let mut prefix = Vec::with_capacity(HEADER_BYTES_MAX);
    sealed.by_ref().take(HEADER_BYTES_MAX as u64).read_to_end(&mut prefix).map_err(OpenError::Read)?;
    let header = verify_header(&prefix)?;
    let mut payload = begin_opening(header, identity, prefix.chain(BufReader::with_capacity(HEADER_BYTES_MAX, sealed)))?;
    let mut tally = Tally::start().map_err(OpenError::Digest)?;
    let mut buffer = vec![0u8; BUFFER_BYTES];
    loop {
        let count = read_some(&mut payload, &mut buffer).map_err(|_| OpenError::NotOpened)?;
        if count == 0 {
            break;
        }
        tally.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(OpenError::Write)?;
    }
    out.flush().map_err(OpenError::Write)?;
    tally.finish().map_err(OpenError::Digest)
}

fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
