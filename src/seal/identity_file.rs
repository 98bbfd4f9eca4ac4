//! A sealed identity file: an age file over a comment and an identity, which `age -i` takes once it is
//! opened. Slips and grants are both this; the comment says which.
//!
//! ```text
//! # <what it is and for what>
//! AGE-SECRET-KEY-PQ-1…
//! ```

use std::io::{Read, Write};

use zeroize::Zeroizing;

use super::age_file::{NotDecrypted, SealError, begin_opening, begin_sealing};
use super::header::{HeaderRefused, verify_header};
use super::{SealingIdentity, SealingRecipient};
use crate::domain::limits::SLIP_BYTES_MAX;

/// Why a sealed identity file was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFileRefused {
    /// More bytes than any slip or grant has.
    #[error("it is longer than {SLIP_BYTES_MAX} bytes")]
    TooLong,
    /// It breaks the rule on headers.
    #[error(transparent)]
    Header(#[from] HeaderRefused),
    /// It does not open with this identity, whatever the reason.
    #[error("it cannot be opened with this key")]
    NotOpened,
    /// It opens to something that is not a comment line and an identity line in their one spelling.
    #[error("what it holds is not well formed")]
    Malformed,
}

impl From<NotDecrypted> for IdentityFileRefused {
    fn from(_: NotDecrypted) -> Self {
        IdentityFileRefused::NotOpened
    }
}

/// Seals `# comment`, then the identity. The comment has no line feed: its parts are domain types.
pub(super) fn seal_identity_file(comment: &str, identity: &SealingIdentity, recipient: &SealingRecipient) -> Result<Vec<u8>, SealError> {
    let secret = identity.expose_secret();
    let mut sealed = Vec::with_capacity(SLIP_BYTES_MAX);
    let mut payload = begin_sealing(recipient, &mut sealed)?;
    for part in ["# ", comment, "\n", secret.as_str(), "\n"] {
        payload.write_all(part.as_bytes()).map_err(SealError::Write)?;
    }
    payload.finish().map_err(SealError::Write)?;
    Ok(sealed)
}

/// Opens one and gives its comment, without the mark, and its identity.
pub(super) fn open_identity_file(sealed: &[u8], opener: &SealingIdentity) -> Result<(String, SealingIdentity), IdentityFileRefused> {
    if sealed.len() > SLIP_BYTES_MAX {
        return Err(IdentityFileRefused::TooLong);
    }
    let header = verify_header(sealed)?;
    // With room for all, so that growing leaves no copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(SLIP_BYTES_MAX));
    begin_opening(header, opener, sealed)?.read_to_end(&mut text).map_err(|_| IdentityFileRefused::NotOpened)?;
    parse_identity_file(&text).ok_or(IdentityFileRefused::Malformed)
}

fn parse_identity_file(text: &[u8]) -> Option<(String, SealingIdentity)> {
    let lines = std::str::from_utf8(text).ok()?.strip_prefix("# ")?.strip_suffix('\n')?;
    let (comment, identity) = lines.split_once('\n')?;
    Some((comment.to_owned(), SealingIdentity::parse(identity).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_one_spelling() {
        let secret = SealingIdentity::generate().expose_secret();
        let secret = secret.as_str();
        assert_eq!(parse_identity_file(format!("# a b\n{secret}\n").as_bytes()).unwrap().0, "a b");
        for wrong in [
            format!("# a b\n{secret}"),
            format!("# a b\n{secret}\n\n"),
            format!("# a b\r\n{secret}\r\n"),
            format!("# a b\n# c\n{secret}\n"),
            format!("# a b\n{secret}\n{secret}\n"),
            format!("# a b\n {secret}\n"),
            format!("# a b\n{}\n", secret.to_lowercase()),
            format!("#a b\n{secret}\n"),
            format!("{secret}\n"),
            format!("\n# a b\n{secret}\n"),
            "# a b\n\n".to_owned(),
            String::new(),
        ] {
            assert!(parse_identity_file(wrong.as_bytes()).is_none(), "{wrong:?} was accepted");
        }
    }
}
