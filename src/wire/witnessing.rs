//! What a log and a witness say to each other (C2SP tlog-witness), and what a witness's operator hands out.
//!
//! ```text
//! POST /add-checkpoint                              200   — witness.kg.example jWbPPwAAAABkGFDL…      a cosignature
//! old 20852014                                      409   20852163                   text/x.tlog.size
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=      403 404 422 400
//! jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=      consistency, from the old size to the checkpoint's
//!
//! example.com/behind-the-sofa                       the checkpoint, a signed note
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+…
//! ```

use serde::{Deserialize, Serialize};

use super::checkpoint::{encode_base64_hash, parse_base64_hash, parse_decimal};
use super::note::parse_signature_lines;
use super::{NOTE_BYTES_MAX, NoteSignature, SignedNote, parse_note};
use crate::domain::{Hash, Malformed};

/// Where checkpoints are brought, below a witness's submission prefix.
pub const ADD_CHECKPOINT: &str = "add-checkpoint";

/// The content type of the answer that names the size a witness has.
pub const TLOG_SIZE_TYPE: &str = "text/x.tlog.size";

/// Hashes in a consistency proof, at most (C2SP tlog-witness).
pub const CONSISTENCY_HASHES_MAX: usize = 63;

/// The longest request: the old size, 63 hashes, and a note.
pub const ADD_CHECKPOINT_BYTES_MAX: usize = 32 + CONSISTENCY_HASHES_MAX * 45 + NOTE_BYTES_MAX;

/// The longest answer: as many lines as a note may have.
pub const COSIGNATURES_BYTES_MAX: usize = NOTE_BYTES_MAX;

/// A checkpoint brought to a witness. Its signature is not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the last checkpoint that the witness cosigned, as the log knows.
    pub old_size: u64,
    /// The consistency proof from there (RFC 6962, section 2.1.2).
    pub proof: Vec<Hash>,
    /// The checkpoint.
    pub checkpoint: SignedNote,
}

/// Writes the body of a request.
pub fn encode_add_checkpoint(request: &AddCheckpoint) -> String {
    let proof: String = request.proof.iter().map(|hash| encode_base64_hash(hash) + "\n").collect();
    format!("old {}\n{proof}\n{}", request.old_size, request.checkpoint.as_str())
}

/// Reads the body of a request.
///
/// # Errors
/// When it is not the one spelling of one.
pub fn parse_add_checkpoint(bytes: &[u8]) -> Result<AddCheckpoint, Malformed> {
    let malformed = |rule| Malformed { what: "the request", rule };
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("it must be text"))?;
    let (head, note) = text.split_once("\n\n").ok_or(malformed("an empty line must stand before the checkpoint"))?;
    let mut lines = head.split('\n');
    let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(parse_decimal);
    let old_size = old_size.ok_or(malformed("its first line must be \"old\" and a size"))?;
    let proof: Option<Vec<Hash>> = lines.map(parse_base64_hash).collect();
    let proof = proof.filter(|proof| proof.len() <= CONSISTENCY_HASHES_MAX);
    let proof = proof.ok_or(malformed("the lines of the proof must be at most 63 hashes in base64"))?;
    let checkpoint = parse_note(note.as_bytes()).map_err(|_| malformed("after the empty line there must be a signed note"))?;
    Ok(AddCheckpoint { old_size, proof, checkpoint })
}

/// Reads a witness's answer: signature lines, nothing else.
///
/// # Errors
/// When it is anything else.
pub fn parse_cosignatures(bytes: &[u8]) -> Result<Vec<NoteSignature>, Malformed> {
    let malformed = Malformed { what: "the witness's answer", rule: "it must be one signature line or more" };
    let text = std::str::from_utf8(bytes).map_err(|_| malformed.clone())?;
    parse_signature_lines(text).map_err(|_| malformed)
}

/// Reads the size in a witness's answer of 409.
pub fn parse_witness_size(bytes: &[u8]) -> Option<u64> {
    parse_decimal(std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?)
}

/// `witness-sheet.json`: what a witness's operator gives to registrars and to the server's operator, by hand. It is
/// public, and believed by nobody until a registrar has signed the key into a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessSheet {
    /// Verifier key of its cosignatures.
    pub key: String,
    /// Host and port.
    pub address: String,
    /// The path before `/add-checkpoint`: empty, or with a slash in front and none at the end.
    pub path: String,
    /// SHA-256 of the TLS public key (SubjectPublicKeyInfo).
    pub tls_spki: Hash,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of C2SP tlog-witness.
    const EXAMPLE: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

    #[test]
    fn the_specifications_example() {
        let request = parse_add_checkpoint(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((request.old_size, request.proof.len()), (20_852_014, 4));
        assert_eq!(request.checkpoint.signatures().len(), 2);
        assert_eq!(encode_add_checkpoint(&request), EXAMPLE);
    }

    #[test]
    fn everything_else_is_refused() {
        let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
        for wrong in [
            String::new(),
            EXAMPLE.replace("old 2", "old 02"),
            EXAMPLE.replace("old 2", "old  2"),
            EXAMPLE.replace("old 2", "new 2"),
            EXAMPLE.replace("old 20852014\n", ""),
            EXAMPLE.replace("kaw=\n", "kaw\n"),
            EXAMPLE.replace("kaw=\n", "kaw= \n"),
            EXAMPLE.replace("kaw=\n", "kaw=\r\n"),
            EXAMPLE.replace("j/0=\n\n", "j/0=\n"),
            EXAMPLE.replace(hash, &hash.repeat(61)),
            EXAMPLE[..EXAMPLE.find('—').unwrap()].to_owned(),
        ] {
            assert!(parse_add_checkpoint(wrong.as_bytes()).is_err(), "{wrong:?} was accepted");
        }
        assert!(parse_add_checkpoint(EXAMPLE.replace(hash, &hash.repeat(60)).as_bytes()).is_ok());
        assert!(parse_add_checkpoint(b"old 0\n\n").is_err() && parse_add_checkpoint(b"\xff").is_err());
    }

    #[test]
    fn an_answer_is_signature_lines_or_a_size() {
        let lines = &EXAMPLE[EXAMPLE.find('—').unwrap()..];
        assert_eq!(parse_cosignatures(lines.as_bytes()).unwrap().len(), 2);
        for wrong in ["", "\n", lines.trim_end(), &format!("x\n{lines}"), &format!("{lines}\n")] {
            assert!(parse_cosignatures(wrong.as_bytes()).is_err(), "{wrong:?} was accepted");
        }
        assert_eq!(parse_witness_size(b"20852163\n"), Some(20_852_163));
        for wrong in [b"".as_slice(), b"1", b"01\n", b"1\n\n", b" 1\n", b"x\n", b"\xff\n"] {
            assert_eq!(parse_witness_size(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_do_not_panic(bytes: Vec<u8>, text in "(old 1|\n|PlRN|=|— a AAAAAAA=){0,12}") {
            let _ = parse_add_checkpoint(&bytes);
            if let Ok(request) = parse_add_checkpoint(text.as_bytes()) {
                prop_assert_eq!(encode_add_checkpoint(&request), text.clone());
            }
            let _ = (parse_cosignatures(&bytes), parse_witness_size(&bytes));
        }
    }
}
