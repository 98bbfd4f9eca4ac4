//! The 32-byte values. All are written as 64 lower-case hex digits, and never otherwise.

use std::fmt;
use std::str::FromStr;

use super::{Malformed, serde_as_text};

const HEX_RULE: &str = "it must be exactly 64 lower-case hex digits";

fn parse_hex32(what: &'static str, text: &str) -> Result<[u8; 32], Malformed> {
    let malformed = Malformed { what, rule: HEX_RULE };
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return Err(malformed);
    }
    let mut bytes = [0u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        match (hex_digit(pair[0]), hex_digit(pair[1])) {
            (Some(high), Some(low)) => *byte = high << 4 | low,
            _ => return Err(malformed),
        }
    }
    Ok(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

macro_rules! bytes32 {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// All zeros: what stands before the first of a chain.
            pub const ZERO: Self = Self([0; 32]);

            /// Takes the 32 bytes as they are.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;
            fn from_str(text: &str) -> Result<Self, Malformed> {
                parse_hex32($what, text).map(Self)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = Malformed;
            fn try_from(bytes: &[u8]) -> Result<Self, Malformed> {
                bytes.try_into().map(Self).map_err(|_| Malformed { what: $what, rule: "it must be exactly 32 bytes" })
            }
        }

        serde_as_text!($name);
    };
}

bytes32!(
    /// A SHA-256 digest: of bytes, of a leaf, or of a tree's root.
    Hash,
    "a hash"
);
bytes32!(
    /// The random public name of a case or a document, or the derived one of a register.
    Tag,
    "a tag"
);
bytes32!(
    /// The server-drawn name of one upload, bound to the member who began it.
    UploadId,
    "an upload id"
);
bytes32!(
    /// Random bytes that make two statements of the same content differ.
    Nonce,
    "a nonce"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_has_one_spelling() {
        let text = "00ff".repeat(16);
        let hash: Hash = text.parse().unwrap();
        assert_eq!(hash.to_string(), text);
        for wrong in [text.to_uppercase(), text[..62].into(), format!("{text}00"), format!(" {}", &text[1..]), text.replace('f', "g")] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong:?} was accepted");
        }
    }
}
