//! Proofs to keep (C2SP tlog-proof), as files named `.tlog-proof`: that a leaf stands in a log.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra YWdlLXYx…                                   optional, not authenticated
//! index 73894                                       of the leaf, from 0
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=      the inclusion proof, from the leaf up
//! B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
//!
//! mla.example/events                                the checkpoint, as the log signed it
//! 109482
//! sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
//!
//! — mla.example/events hI2DJw…
//! ```

use base64ct::{Base64, Encoding};

use super::checkpoint::{encode_base64_hash, parse_base64_hash, parse_decimal};
use super::{NOTE_BYTES_MAX, NoteMalformed, SignedNote, parse_note};
use crate::domain::Hash;
use crate::domain::limits::LEAF_BYTES_MAX;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Hashes in an inclusion proof: a tree of at most 2^64 leaves is no higher.
pub const PATH_HASHES_MAX: usize = 64;

/// A proof file: a full path, a leaf as extra data, a note, and room for the words between.
pub const TLOG_PROOF_BYTES_MAX: usize = NOTE_BYTES_MAX + PATH_HASHES_MAX * 45 + LEAF_BYTES_MAX.div_ceil(3) * 4 + 128;

/// Bytes that are no proof file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofMalformed {
    /// Longer than [`TLOG_PROOF_BYTES_MAX`].
    #[error("the proof is longer than {TLOG_PROOF_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("the proof is not UTF-8 text")]
    NotText,
    /// Another first line.
    #[error("the first line must be {FIRST_LINE:?}")]
    FirstLine,
    /// Extra data that is empty, longer than a leaf, or not canonical base64.
    #[error("the extra line must have 1 to {LEAF_BYTES_MAX} bytes in canonical base64")]
    Extra,
    /// No index, or not the one spelling of it.
    #[error("the index line must have a decimal without leading zeros")]
    Index,
    /// A line of the path that is no hash, or more than [`PATH_HASHES_MAX`] of them.
    #[error("the path must be at most {PATH_HASHES_MAX} hashes in canonical base64, then an empty line")]
    Path,
    /// What follows is no signed note.
    #[error("the checkpoint is not well formed: {0}")]
    Checkpoint(#[from] NoteMalformed),
}

/// A proof file's content; nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Data that nobody vouches for; empty when the file has none.
    pub extra: Vec<u8>,
    /// The leaf's index, from 0.
    pub index: u64,
    /// The inclusion proof, from the leaf up (RFC 6962, section 2.1.1).
    pub path: Vec<Hash>,
    /// The checkpoint it leads to.
    pub checkpoint: SignedNote,
}

/// Reads a proof file.
///
/// # Errors
/// When the bytes are not the one spelling of a proof.
pub fn parse_tlog_proof(bytes: &[u8]) -> Result<TlogProof, TlogProofMalformed> {
    if bytes.len() > TLOG_PROOF_BYTES_MAX {
        return Err(TlogProofMalformed::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| TlogProofMalformed::NotText)?;
    let (first, rest) = text.split_once('\n').ok_or(TlogProofMalformed::FirstLine)?;
    if first != FIRST_LINE {
        return Err(TlogProofMalformed::FirstLine);
    }
    let (extra, rest) = parse_extra(rest)?;
    let (index, rest) = parse_index(rest).ok_or(TlogProofMalformed::Index)?;
    let (path, rest) = parse_path(rest)?;
    Ok(TlogProof { extra, index, path, checkpoint: parse_note(rest.as_bytes())? })
}

fn parse_extra(text: &str) -> Result<(Vec<u8>, &str), TlogProofMalformed> {
    let Some(rest) = text.strip_prefix("extra ") else {
        return Ok((Vec::new(), text));
    };
    let (encoded, rest) = rest.split_once('\n').ok_or(TlogProofMalformed::Extra)?;
    let extra = Base64::decode_vec(encoded).map_err(|_| TlogProofMalformed::Extra)?;
    let length_ok = (1..=LEAF_BYTES_MAX).contains(&extra.len());
    if length_ok { Ok((extra, rest)) } else { Err(TlogProofMalformed::Extra) }
}

fn parse_index(text: &str) -> Option<(u64, &str)> {
    let (index, rest) = text.strip_prefix("index ")?.split_once('\n')?;
    Some((parse_decimal(index)?, rest))
}

fn parse_path(mut text: &str) -> Result<(Vec<Hash>, &str), TlogProofMalformed> {
    let mut path = Vec::new();
    loop {
        let (line, rest) = text.split_once('\n').ok_or(TlogProofMalformed::Path)?;
        if line.is_empty() {
            return Ok((path, rest));
        }
        if path.len() == PATH_HASHES_MAX {
            return Err(TlogProofMalformed::Path);
        }
        path.push(parse_base64_hash(line).ok_or(TlogProofMalformed::Path)?);
        text = rest;
    }
}

/// Writes a proof file. Its `extra` must not be longer than a leaf, nor its `path` than [`PATH_HASHES_MAX`].
pub fn encode_tlog_proof(proof: &TlogProof) -> String {
    let TlogProof { extra, index, path, checkpoint } = proof;
    let mut text = format!("{FIRST_LINE}\n");
    if !extra.is_empty() {
        text += &format!("extra {}\n", Base64::encode_string(extra));
    }
    text += &format!("index {index}\n");
    for hash in path {
        text += &encode_base64_hash(hash);
        text.push('\n');
    }
    text.push('\n');
    text + checkpoint.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOTE: &str = "mla.example/events\n3\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n— mla.example/events AAAAAAA=\n";
    const HASH: &str = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=";

    fn example() -> String {
        format!("{FIRST_LINE}\nextra YWdl\nindex 2\n{HASH}\n{HASH}\n\n{NOTE}")
    }

    #[test]
    fn both_forms_are_read() {
        let proof = parse_tlog_proof(example().as_bytes()).unwrap();
        assert_eq!((proof.extra.as_slice(), proof.index, proof.path.len()), (b"age".as_slice(), 2, 2));
        assert_eq!(proof.checkpoint.as_str(), NOTE);
        assert_eq!(encode_tlog_proof(&proof), example());
        let single = format!("{FIRST_LINE}\nindex 0\n\n{NOTE}");
        let proof = parse_tlog_proof(single.as_bytes()).unwrap();
        assert_eq!((proof.extra.len(), proof.index, proof.path.len()), (0, 0, 0));
        assert_eq!(encode_tlog_proof(&proof), single);
    }

    #[test]
    fn everything_else_is_refused() {
        use TlogProofMalformed::{Checkpoint, Extra, FirstLine, Index, NotText, Path};
        let refused = |text: String, why| assert_eq!(parse_tlog_proof(text.as_bytes()), Err(why), "{text:?}");
        refused(String::new(), FirstLine);
        refused(FIRST_LINE.into(), FirstLine);
        refused(example().replace("@v1", "@v2"), FirstLine);
        refused(example().replace('\n', "\r\n"), FirstLine);
        refused(format!("\n{}", example()), FirstLine);
        refused(example().replace("YWdl", ""), Extra);
        refused(example().replace("YWdl", "YWd"), Extra);
        refused(example().replace("YWdl", "YWe="), Extra);
        refused(example().replace("YWdl", " YWdl"), Extra);
        refused(example().replace("extra YWdl\n", "extra\n"), Index);
        refused(example().replace("extra YWdl\n", "extra YWdl\nextra YWdl\n"), Index);
        refused(example().replace("index 2", "index 02"), Index);
        refused(example().replace("index 2", "index +2"), Index);
        refused(example().replace("index 2", "index"), Index);
        refused(example().replace("index 2", "index 18446744073709551616"), Index);
        refused(example().replace("index 2\n", ""), Index);
        refused(example().replace("PlQ=\n\n", "PlR=\n\n"), Path);
        refused(example().replace("PlQ=\n\n", "PlQ=\n"), Path);
        refused(example().replace("PlQ=\n\n", "PlQ=\n \n"), Path);
        refused(example().replace("PlQ=\n\n", "PlQ=\n\n\n\n\n").replace(NOTE, ""), Checkpoint(NoteMalformed::NoSignatures));
        refused(example().trim_end().into(), Checkpoint(NoteMalformed::NotText));
        assert_eq!(parse_tlog_proof(b"c2sp.org/tlog-proof@v1\n\xff"), Err(NotText));
    }

    #[test]
    fn limits_hold() {
        let with = |extra: usize, hashes: usize| {
            let extra = Base64::encode_string(&vec![7; extra]);
            format!("{FIRST_LINE}\nextra {extra}\nindex 2\n{}\n{NOTE}", format!("{HASH}\n").repeat(hashes))
        };
        assert!(parse_tlog_proof(with(LEAF_BYTES_MAX, PATH_HASHES_MAX).as_bytes()).is_ok());
        assert_eq!(parse_tlog_proof(with(LEAF_BYTES_MAX + 1, 1).as_bytes()), Err(TlogProofMalformed::Extra));
        assert_eq!(parse_tlog_proof(with(1, PATH_HASHES_MAX + 1).as_bytes()), Err(TlogProofMalformed::Path));
        assert_eq!(parse_tlog_proof(&[b'x'; TLOG_PROOF_BYTES_MAX + 1]), Err(TlogProofMalformed::TooLong));
    }

    proptest! {
        #[test]
        fn proofs_round_trip(extra in proptest::collection::vec(any::<u8>(), 0..99), index: u64,
            path in proptest::collection::vec(any::<[u8; 32]>(), 0..=PATH_HASHES_MAX)) {
            let path = path.into_iter().map(Hash::from_bytes).collect();
            let proof = TlogProof { extra, index, path, checkpoint: parse_note(NOTE.as_bytes()).unwrap() };
            prop_assert_eq!(parse_tlog_proof(encode_tlog_proof(&proof).as_bytes()).unwrap(), proof);
        }

        #[test]
        fn what_is_read_has_one_spelling(extra in "(extra [A-Za-z0-9+/=]{0,4}\n){0,2}", index in "[ 0-9]{1,3}", lines in "(gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPl[QR]=?\n){0,3}") {
            let text = format!("{FIRST_LINE}\n{extra}index {index}\n{lines}\n{NOTE}");
            if let Ok(proof) = parse_tlog_proof(text.as_bytes()) {
                prop_assert_eq!(encode_tlog_proof(&proof), text);
            }
        }

        #[test]
        fn foreign_bytes_do_not_panic(bytes: Vec<u8>, text in "\\PC*") {
            prop_assert!(parse_tlog_proof(&bytes).is_err());
            let close = format!("{FIRST_LINE}\n{text}");
            prop_assert!(parse_tlog_proof(close.as_bytes()).is_err());
        }
    }
}
