//! Signed notes (C2SP signed-note): a text, and lines of signatures over it.
//!
//! ```text
//! mla.example/events                                       the text, up to and with its last LF:
//! 1042                                                     these bytes are what is signed
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!                                                          the note's last empty line
//! — mla.example/events Az3grlgtzPICa5OS8npVmf1Myq/5IZni…   key name, base64(key id ‖ signature)
//! ```
//!
//! This is grammar alone. Nothing of a text may be believed before `tlog` has verified a signature.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};

use crate::domain::{Malformed, Origin};

/// A note: sixteen signatures of 5 kB, as C2SP signed-note asks for with post-quantum keys in mind.
pub const NOTE_BYTES_MAX: usize = 128 * 1024;

/// Signature lines in a note. C2SP asks for 16 at least; this is a log, and 32 witnesses in key change.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// Bytes that are no signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteMalformed {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("the note is longer than {NOTE_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8, or a control character other than LF, or no LF at its end.
    #[error("a note is UTF-8 text in lines that each end in LF, without control characters")]
    NotText,
    /// No empty line followed by signatures.
    #[error("the note has no empty line between a text and its signatures")]
    NoSignatures,
    /// A line after the last empty one that is no signature.
    #[error("a line among the note's signatures is no signature")]
    SignatureLine,
    /// More than [`NOTE_SIGNATURES_MAX`].
    #[error("the note has more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
}

/// A well-formed note and its exact bytes. Its signatures are not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    note: String,
    text_bytes: usize,
    signatures: Vec<NoteSignature>,
}

impl SignedNote {
    /// The whole note, as it was received or composed.
    pub fn as_str(&self) -> &str {
        &self.note
    }

    /// The text that is signed, with its final LF and without the empty line after it.
    pub fn text(&self) -> &str {
        &self.note[..self.text_bytes]
    }

    /// The signature lines, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

/// A signature line: who claims to have signed, with which key, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: KeyName,
    /// The key's id.
    pub key_id: KeyId,
    /// The signature's bytes, at least one; what they are depends on the key.
    pub signature: Vec<u8>,
}

/// Reads a signed note.
///
/// # Errors
/// When the bytes are not one.
pub fn parse_note(bytes: &[u8]) -> Result<SignedNote, NoteMalformed> {
    if bytes.len() > NOTE_BYTES_MAX {
        return Err(NoteMalformed::TooLong);
    }
    let is_text = |text: &&str| text.ends_with('\n') && text.bytes().all(|byte| byte >= b' ' || byte == b'\n');
    let note = std::str::from_utf8(bytes).ok().filter(is_text).ok_or(NoteMalformed::NotText)?;
    let empty_line = note.rfind("\n\n").ok_or(NoteMalformed::NoSignatures)? + 1;
    let signatures = parse_signature_lines(&note[empty_line + 1..])?;
    Ok(SignedNote { note: note.to_owned(), text_bytes: empty_line, signatures })
}

/// Puts a text and signatures over it together. `text` ends in LF.
///
/// # Errors
/// When what comes out would not be a note with this text and these signatures.
pub fn compose_note(text: &str, signatures: &[NoteSignature]) -> Result<SignedNote, NoteMalformed> {
    let lines: String = signatures.iter().map(|signature| format!("{signature}\n")).collect();
    let note = parse_note(format!("{text}\n{lines}").as_bytes())?;
    // A text without its LF would lend its last lines to the signatures.
    if note.text() == text { Ok(note) } else { Err(NoteMalformed::NotText) }
}

/// Signature lines, each ended by LF, at least one.
pub(super) fn parse_signature_lines(lines: &str) -> Result<Vec<NoteSignature>, NoteMalformed> {
    let body = lines.strip_suffix('\n').ok_or(NoteMalformed::NoSignatures)?;
    if body.split('\n').count() > NOTE_SIGNATURES_MAX {
        return Err(NoteMalformed::TooManySignatures);
    }
    body.split('\n').map(|line| parse_signature(line).ok_or(NoteMalformed::SignatureLine)).collect()
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = Base64::decode_vec(encoded).ok()?;
    let (key_id, signature) = bytes.split_first_chunk()?;
    let name = name.parse().ok()?;
    (!signature.is_empty()).then(|| NoteSignature { name, key_id: KeyId(*key_id), signature: signature.to_vec() })
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.0.as_slice(), &self.signature].concat();
        write!(f, "— {} {}", self.name, Base64::encode_string(&bytes))
    }
}

/// A key's name: for a log its origin. Not empty, without Unicode spaces, plus signs, control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Origin> for KeyName {
    fn from(origin: &Origin) -> Self {
        // Every origin is a key name: its alphabet is the smaller one.
        Self(origin.as_str().to_owned())
    }
}

impl FromStr for KeyName {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c < ' ' || c == '+') {
            return Err(Malformed { what: "a key's name", rule: "it must not be empty nor have spaces, plus signs or control characters" });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Four bytes that tell keys of one name apart: the start of a SHA-256 over name, type and key. They
/// find a key, they prove nothing. Written as 8 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 4]);

impl FromStr for KeyId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { what: "a key id", rule: "it must be exactly 8 lower-case hex digits" };
        let number = u32::from_str_radix(text, 16).map_err(|_| malformed.clone())?;
        let key_id = Self(number.to_be_bytes());
        if key_id.to_string() == text { Ok(key_id) } else { Err(malformed) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of C2SP signed-note.
    const POEM: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
        — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

    #[test]
    fn the_specifications_example() {
        let note = parse_note(POEM.as_bytes()).unwrap();
        assert!(note.text().ends_with("sole:\n\ned è subito sera.\n"));
        assert_eq!(note.signatures()[0].name.as_str(), "quasimodo.example/salvatore");
        assert_eq!(note.signatures()[0].key_id.to_string(), "367ba04b");
        assert_eq!(note.signatures()[0].signature.len(), 64);
        assert_eq!(compose_note(note.text(), note.signatures()).unwrap(), note);
    }

    #[test]
    fn everything_else_is_refused() {
        let refused = |note: &str, why: NoteMalformed| assert_eq!(parse_note(note.as_bytes()), Err(why), "{note:?}");
        refused(POEM.trim_end(), NoteMalformed::NotText);
        refused(&POEM.replace('\n', "\r\n"), NoteMalformed::NotText);
        refused(&POEM.replace("solo", "so\tlo"), NoteMalformed::NotText);
        refused(&POEM.replace("solo", "so\0lo"), NoteMalformed::NotText);
        refused("", NoteMalformed::NotText);
        refused("no signatures\n", NoteMalformed::NoSignatures);
        refused("no signatures\n\n", NoteMalformed::NoSignatures);
        refused(&POEM[POEM.find('—').unwrap()..], NoteMalformed::NoSignatures);
        refused(&format!("{POEM}\n"), NoteMalformed::NoSignatures);
        refused(&format!("{POEM}x\n"), NoteMalformed::SignatureLine);
        refused(&POEM.replace("— ", "- "), NoteMalformed::SignatureLine);
        refused(&POEM.replace("— ", "—  "), NoteMalformed::SignatureLine);
        refused(&POEM.replace(" NnugSz", "  NnugSz"), NoteMalformed::SignatureLine);
        refused(&POEM.replace("Ic=\n", "Ic= \n"), NoteMalformed::SignatureLine);
        refused(&POEM.replace("salvatore", "sal+vatore"), NoteMalformed::SignatureLine);
        refused(&POEM.replace("salvatore", "sal\u{2003}vatore"), NoteMalformed::SignatureLine);
        assert_eq!(parse_note(b"\xff\n\n"), Err(NoteMalformed::NotText));
    }

    #[test]
    fn base64_has_one_spelling() {
        for wrong in ["Ic", "Id=", "Ic==", "I-=", "Ic=A", "I"] {
            let note = POEM.replace("Ic=\n", &format!("{wrong}\n"));
            assert_eq!(parse_note(note.as_bytes()), Err(NoteMalformed::SignatureLine), "{wrong}");
        }
        let too_short = "text\n\n— name AAAAAA==\n";
        assert_eq!(parse_note(too_short.as_bytes()), Err(NoteMalformed::SignatureLine));
        assert!(parse_note(too_short.replace("AA==", "AAA=").as_bytes()).is_ok());
    }

    #[test]
    fn limits_hold() {
        let line = &POEM[POEM.find('—').unwrap()..];
        let with = |count: usize| format!("text\n\n{}", line.repeat(count));
        assert_eq!(parse_note(with(NOTE_SIGNATURES_MAX).as_bytes()).unwrap().signatures().len(), NOTE_SIGNATURES_MAX);
        assert_eq!(parse_note(with(NOTE_SIGNATURES_MAX + 1).as_bytes()), Err(NoteMalformed::TooManySignatures));
        let long = |bytes: usize| format!("{}\n\n{line}", "x".repeat(bytes - line.len() - 2));
        assert!(parse_note(long(NOTE_BYTES_MAX).as_bytes()).is_ok());
        assert_eq!(parse_note(long(NOTE_BYTES_MAX + 1).as_bytes()), Err(NoteMalformed::TooLong));
    }

    #[test]
    fn a_text_keeps_its_lines() {
        let signatures = parse_note(POEM.as_bytes()).unwrap().signatures;
        let forged = POEM.trim_end();
        for wrong in ["", "no line feed", "an\n\nempty line", forged] {
            assert!(compose_note(wrong, &signatures).is_err(), "{wrong:?}");
        }
        assert_eq!(compose_note("\n", &signatures).unwrap().text(), "\n");
        assert!(compose_note("text\n", &[]).is_err());
    }

    #[test]
    fn a_key_id_has_one_spelling() {
        for wrong in ["367BA04B", "367ba04", "0367ba04b", "+67ba04b", "", "367ba04g"] {
            assert!(wrong.parse::<KeyId>().is_err(), "{wrong:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn what_is_composed_is_read_again(text in "[^\u{0}-\u{1f}]{0,20}(\n[^\u{0}-\u{1f}]{0,20}){0,4}\n", name in "[a-z./é]{1,20}",
            key_id: [u8; 4], signature in proptest::collection::vec(any::<u8>(), 1..80), count in 1usize..5) {
            let line = NoteSignature { name: name.parse().unwrap(), key_id: KeyId(key_id), signature };
            let note = compose_note(&text, &vec![line.clone(); count]).unwrap();
            prop_assert_eq!(note.text(), text);
            prop_assert_eq!(note.signatures(), vec![line; count]);
            prop_assert_eq!(parse_note(note.as_str().as_bytes()).unwrap(), note);
        }

        #[test]
        fn what_is_read_has_one_spelling(bytes in "(a|\n|— a AAAAAAA=|— b AAAAAAB=){0,12}") {
            if let Ok(note) = parse_note(bytes.as_bytes()) {
                prop_assert_eq!(note.as_str(), &bytes);
                prop_assert_eq!(compose_note(note.text(), note.signatures()).unwrap(), note);
            }
        }

        #[test]
        fn foreign_bytes_do_not_panic(bytes: Vec<u8>, text in "\\PC*") {
            let _ = parse_note(&bytes);
            let _ = parse_note(text.as_bytes());
            let _ = text.parse::<KeyId>();
        }
    }
}
