//! The text of a checkpoint (C2SP tlog-checkpoint): which log, how many leaves, which root.
//!
//! ```text
//! mla.example/events                                origin
//! 20852163                                          tree size, decimal
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=      root hash, base64
//! ```
//!
//! The specification lets a log add extension lines and advises against them, since no one can audit
//! them. Our logs add none, and a text of theirs that has any is refused; a witness takes those of other logs.

use base64ct::{Base64, Encoding};

use super::KeyName;
use crate::domain::{Hash, Malformed, TreeHead};

/// A tree head that a log claims. [`super::SignedNote`] carries its text and the signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log, by the name that its keys have.
    pub origin: KeyName,
    /// Its size and root.
    pub head: TreeHead,
}

/// Reads the text of a checkpoint.
///
/// # Errors
/// When the text is not the one spelling of a checkpoint without extensions.
pub fn parse_checkpoint(text: &str) -> Result<Checkpoint, Malformed> {
    let (checkpoint, extensions) = parse_lines(text)?;
    if extensions == 0 { Ok(checkpoint) } else { Err(malformed("it must be three lines: origin, tree size, root hash")) }
}

/// Reads the text of any log's checkpoint, and passes over its extension lines.
///
/// # Errors
/// When the text is no checkpoint.
pub fn parse_extended_checkpoint(text: &str) -> Result<Checkpoint, Malformed> {
    parse_lines(text).map(|(checkpoint, _)| checkpoint)
}

/// A checkpoint, and how many extension lines it has.
fn parse_lines(text: &str) -> Result<(Checkpoint, usize), Malformed> {
    let body = text.strip_suffix('\n').ok_or(malformed("its last line must end in LF"))?;
    let lines: Vec<&str> = body.split('\n').collect();
    let [origin, size, root, extensions @ ..] = lines.as_slice() else {
        return Err(malformed("it must be three lines: origin, tree size, root hash"));
    };
    if extensions.contains(&"") {
        return Err(malformed("an extension line must not be empty"));
    }
    let size = parse_decimal(size).ok_or(malformed("its tree size must be a decimal without leading zeros"))?;
    let root = parse_base64_hash(root).ok_or(malformed("its root hash must be 32 bytes in canonical base64"))?;
    Ok((Checkpoint { origin: origin.parse()?, head: TreeHead { size, root } }, extensions.len()))
}

const fn malformed(rule: &'static str) -> Malformed {
    Malformed { what: "a checkpoint", rule }
}

/// Writes the text of a checkpoint.
pub fn encode_checkpoint(checkpoint: &Checkpoint) -> String {
    let Checkpoint { origin, head } = checkpoint;
    format!("{origin}\n{}\n{}\n", head.size, encode_base64_hash(&head.root))
}

/// A decimal without sign or leading zeros.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A hash on a line of its own, as C2SP's formats have it.
pub(super) fn parse_base64_hash(text: &str) -> Option<Hash> {
    let mut bytes = [0u8; 32];
    let decoded_bytes = Base64::decode(text, &mut bytes).ok()?.len();
    (decoded_bytes == bytes.len()).then(|| Hash::from_bytes(bytes))
}

pub(super) fn encode_base64_hash(hash: &Hash) -> String {
    Base64::encode_string(hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of C2SP tlog-checkpoint.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_specifications_example() {
        let checkpoint = parse_checkpoint(EXAMPLE).unwrap();
        assert_eq!(checkpoint.origin.as_str(), "example.com/behind-the-sofa");
        assert_eq!(checkpoint.head.size, 20_852_163);
        assert_eq!(encode_checkpoint(&checkpoint), EXAMPLE);
    }

    #[test]
    fn everything_else_is_refused() {
        let wrong = [
            String::new(),
            "\n".into(),
            EXAMPLE.trim_end().into(),
            format!("{EXAMPLE}\n"),
            format!("{EXAMPLE}extension\n"),
            format!("\n{EXAMPLE}"),
            EXAMPLE.replace("example.com/behind-the-sofa", ""),
            EXAMPLE.replace("behind-the-sofa", "behind the sofa"),
            EXAMPLE.replace('\n', "\r\n"),
            EXAMPLE.replace("2085", "02085"),
            EXAMPLE.replace("2085", "+2085"),
            EXAMPLE.replace("2085", "-2085"),
            EXAMPLE.replace("2085", " 2085"),
            EXAMPLE.replace("20852163", ""),
            EXAMPLE.replace("20852163", "0x10"),
            EXAMPLE.replace("20852163", "18446744073709551616"),
            EXAMPLE.replace("q2I=", "q2J="),
            EXAMPLE.replace("q2I=", "q2I"),
            EXAMPLE.replace("q2I=", "q2IA"),
            EXAMPLE.replace("CsUY", ""),
            EXAMPLE.replace("om/X", "om_X"),
        ];
        for wrong in wrong {
            assert!(parse_checkpoint(&wrong).is_err(), "{wrong:?} was accepted");
        }
        assert!(parse_extended_checkpoint(&format!("{EXAMPLE}extension\n")).is_ok() && parse_extended_checkpoint(EXAMPLE).is_ok());
        assert!(parse_extended_checkpoint(&format!("{EXAMPLE}\n")).is_err());
        assert!(parse_checkpoint(&EXAMPLE.replace("20852163", "0")).is_ok());
        assert!(parse_checkpoint(&EXAMPLE.replace("20852163", "18446744073709551615")).is_ok());
    }

    proptest! {
        #[test]
        fn checkpoints_round_trip(origin in "[a-zA-Z0-9.-]{1,9}(/[a-z0-9.-]{1,9}){0,3}", size: u64, root: [u8; 32]) {
            let head = TreeHead { size, root: Hash::from_bytes(root) };
            let checkpoint = Checkpoint { origin: origin.parse().unwrap(), head };
            let text = encode_checkpoint(&checkpoint);
            prop_assert_eq!(parse_checkpoint(&text).unwrap(), checkpoint);
        }

        #[test]
        fn what_is_read_has_one_spelling(size in "[+ 0-9]{1,4}", root in "[A-Za-z0-9+/]{42,43}={0,2}", tail in "\n{0,2}") {
            let text = format!("a.example\n{size}\n{root}{tail}");
            if let Ok(checkpoint) = parse_checkpoint(&text) {
                prop_assert_eq!(encode_checkpoint(&checkpoint), text);
            }
        }

        #[test]
        fn foreign_text_does_not_panic(text in "\\PC*", lines in "(a|0|\n|=){0,9}") {
            let _ = parse_checkpoint(&text);
            let _ = parse_checkpoint(&lines);
        }
    }
}
