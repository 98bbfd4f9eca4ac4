//! An identity file: a comment and an identity, which `age -i` takes. Slips, grants and a profile's keys hold one each,
//! sealed; the comment says what it is.
//!
//! ```text
//! # <what it is and for what>
//! AGE-SECRET-KEY-PQ-1…
//! ```

use zeroize::Zeroizing;

use super::age_file::SealError;
use super::secret_file::{SecretFileRefused, open_secret, seal_secret};
use super::{SealingIdentity, SealingRecipient};

/// Writes `# comment`, then the identity. The comment has no line feed: its parts are domain types.
pub fn encode_identity_file(comment: &str, identity: &SealingIdentity) -> Zeroizing<Vec<u8>> {
    let secret = identity.expose_secret();
    let parts = ["# ", comment, "\n", secret.as_str(), "\n"];
    // With its final capacity, so that growing leaves no copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
    text
}

/// Reads one: its comment, without the mark, and its identity. Nothing for any other spelling.
pub fn parse_identity_file(text: &[u8]) -> Option<(String, SealingIdentity)> {
    let lines = std::str::from_utf8(text).ok()?.strip_prefix("# ")?.strip_suffix('\n')?;
    let (comment, identity) = lines.split_once('\n')?;
    Some((comment.to_owned(), SealingIdentity::parse(identity).ok()?))
}

/// Writes one and seals it.
pub(super) fn seal_identity_file(comment: &str, identity: &SealingIdentity, recipient: &SealingRecipient) -> Result<Vec<u8>, SealError> {
    seal_secret(&encode_identity_file(comment, identity), recipient)
}

/// Opens a sealed one and reads it.
pub(super) fn open_identity_file(sealed: &[u8], opener: &SealingIdentity) -> Result<(String, SealingIdentity), SecretFileRefused> {
    parse_identity_file(&open_secret(sealed, opener)?).ok_or(SecretFileRefused::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_one_spelling() {
        let secret = SealingIdentity::generate().expose_secret();
        let secret = secret.as_str();
        let (comment, identity) = parse_identity_file(format!("# a b\n{secret}\n").as_bytes()).unwrap();
        assert_eq!(comment, "a b");
        assert_eq!(*encode_identity_file("a b", &identity), format!("# a b\n{secret}\n").into_bytes());
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
