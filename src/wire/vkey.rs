//! Verifier keys in text (C2SP signed-note, "vkeys").
//!
//! ```text
//! mla.example/events+4a2f90c1+ATs0…        key name + key id in hex + base64(signature type ‖ key)
//! ```
//!
//! The key id is as it was written: `tlog` checks it against the key before it uses either.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};

use super::{KeyId, KeyName};
use crate::domain::Malformed;

/// What a key signs, and how. The byte stands before the key, and in what the key id is a hash of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SignatureType {
    /// Ed25519 over a note's text: a log's own signature.
    Note = 0x01,
    /// Ed25519 over a time and a checkpoint: a witness's `cosignature/v1` (C2SP tlog-cosignature).
    Cosignature = 0x04,
}

impl SignatureType {
    /// The type's byte.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(SignatureType::Note),
            0x04 => Some(SignatureType::Cosignature),
            _ => None,
        }
    }
}

/// A verifier key, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    /// The key's name.
    pub name: KeyName,
    /// The key's id, as it was written.
    pub key_id: KeyId,
    /// What the key signs.
    pub signature_type: SignatureType,
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
}

impl FromStr for VerifierKey {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = |rule| Malformed { what: "a verifier key", rule };
        // Base64 may have plus signs of its own; names and ids have none.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(key_id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("it must be name+id+key"));
        };
        let bytes = Base64::decode_vec(encoded).map_err(|_| malformed("its last part must be canonical base64"))?;
        let (&type_byte, key) = bytes.split_first().ok_or(malformed("its last part must not be empty"))?;
        let unknown = malformed("its type must be 1 (Ed25519) or 4 (Ed25519 cosignature)");
        let signature_type = SignatureType::from_byte(type_byte).ok_or(unknown)?;
        let public_key = key.try_into().map_err(|_| malformed("an Ed25519 key must be 32 bytes"))?;
        Ok(Self { name: name.parse()?, key_id: key_id.parse()?, signature_type, public_key })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.signature_type.to_byte()], self.public_key.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.key_id, Base64::encode_string(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From Go's `sumdb/note`.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_key_of_gos() {
        let key: VerifierKey = PETER.parse().unwrap();
        assert_eq!(key.name.as_str(), "PeterNeumann");
        assert_eq!(key.signature_type, SignatureType::Note);
        assert_eq!(key.to_string(), PETER);
    }

    #[test]
    fn everything_else_is_refused() {
        let wrong = [
            String::new(),
            "PeterNeumann".into(),
            "PeterNeumann+c74f20a3".into(),
            PETER.replace("Peter", "Peter "),
            PETER.replace("PeterNeumann", ""),
            PETER.replace("c74f20a3", "C74F20A3"),
            PETER.replace("c74f20a3", "c74f20a"),
            PETER.replace("+ARpc", "+Ahpc"),
            PETER.replace("10TW", "10TWAA=="),
            PETER.replace("10TW", "10Q="),
            PETER.replace("10TW", "10T"),
            format!("{PETER}\n"),
            format!(" {PETER}"),
        ];
        for wrong in wrong {
            assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn keys_round_trip(name in "[a-z./é]{1,20}", key_id: [u8; 4], cosigner: bool, public_key: [u8; 32]) {
            let signature_type = if cosigner { SignatureType::Cosignature } else { SignatureType::Note };
            let key = VerifierKey { name: name.parse().unwrap(), key_id: KeyId(key_id), signature_type, public_key };
            prop_assert_eq!(key.to_string().parse::<VerifierKey>().unwrap(), key);
        }

        #[test]
        fn foreign_text_does_not_panic(text in "\\PC*", tail in "[A-Za-z0-9+/=]{0,60}") {
            let _ = text.parse::<VerifierKey>();
            let close = format!("name+01234567+{tail}");
            if let Ok(key) = close.parse::<VerifierKey>() {
                prop_assert_eq!(key.to_string(), close);
            }
        }
    }
}
