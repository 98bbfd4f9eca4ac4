//! The rule on headers: what age file is a blob, a slip or a grant (PROTOCOL.md, Sealing).
//!
//! ```text
//! age-encryption.org/v1
//! -> mlkem768x25519 <enc>         at least one of these
//! <body>
//! -> k]8Y-grease 4 "n             age adds one at random; ignored
//!
//! --- <MAC>                       its key is secret: checked when the file is opened
//! ```
//!
//! Any other stanza is refused: an X25519, scrypt, ssh or tag stanza would let a weaker key open the
//! file. age's own label keeps its encryptor from mixing them, others' do not, so a reader looks. The
//! server looks too: a header needs no key.
//!
//! The grammar is the specification's, without the body that older versions could leave out.

use age_core::format::read::age_stanza;
use base64ct::{Base64Unpadded, Encoding};

use super::hybrid::{STANZA_TAG, parse_stanza};

/// The longest header. One of ours has at most 1,817 bytes: a hybrid stanza of 1,557, grease of at most
/// 190, version and MAC of 70. Room for a second recipient, none for a hundred.
pub const HEADER_BYTES_MAX: usize = 4 * 1024;

const VERSION_LINE: &[u8] = b"age-encryption.org/v1\n";
const MAC_MARK: &[u8] = b"--- ";
const MAC_CHARS: usize = 43;
const MAC_LINE_BYTES: usize = MAC_MARK.len() + MAC_CHARS + 1;

/// That a header keeps the rule. Only [`verify_header`] makes one, and nothing is opened without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedHeader(());

/// Why a file may not be opened or stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRefused {
    /// It does not begin as age version 1 does.
    #[error("this is no age file")]
    NotAge,
    /// It breaks the grammar of c2sp.org/age, or an `mlkem768x25519` stanza has the wrong shape.
    #[error("the header of the age file is not well formed")]
    Malformed,
    /// The bytes end before the header does.
    #[error("the header of the age file is cut short")]
    CutShort,
    /// It is longer than [`HEADER_BYTES_MAX`].
    #[error("the header of the age file is longer than {HEADER_BYTES_MAX} bytes")]
    TooLong,
    /// It could be opened by a key of another kind.
    #[error("the age file is sealed to a key that is not of the kind mlkem768x25519")]
    OtherRecipient,
    /// Nothing but grease.
    #[error("the age file is sealed to no key of the kind mlkem768x25519")]
    NoRecipient,
}

/// Checks the header at the start of `prefix`: the first [`HEADER_BYTES_MAX`] bytes of a file, or all of a
/// shorter one. What follows the header is not looked at.
///
/// # Errors
/// When the header breaks the rule, or is not all there.
pub fn verify_header(prefix: &[u8]) -> Result<VerifiedHeader, HeaderRefused> {
    let window = &prefix[..prefix.len().min(HEADER_BYTES_MAX)];
    let unfinished = if window.len() == HEADER_BYTES_MAX { HeaderRefused::TooLong } else { HeaderRefused::CutShort };
    if VERSION_LINE.starts_with(window) {
        return Err(unfinished);
    }
    let mut rest = window.strip_prefix(VERSION_LINE).ok_or(HeaderRefused::NotAge)?;
    let mut recipients = 0usize;
    while rest.starts_with(b"->") {
        let (after, stanza) =
            age_stanza(rest).map_err(|error| if error.is_incomplete() { unfinished } else { HeaderRefused::Malformed })?;
        match stanza.tag {
            STANZA_TAG => parse_stanza(&stanza.args, &stanza.body()).map(|_| recipients += 1).ok_or(HeaderRefused::Malformed)?,
            tag if is_grease(tag) => {}
            _ => return Err(HeaderRefused::OtherRecipient),
        }
        rest = after;
    }
    let line = rest.get(..MAC_LINE_BYTES).ok_or(unfinished)?;
    verify_mac_line(line)?;
    if recipients == 0 { Err(HeaderRefused::NoRecipient) } else { Ok(VerifiedHeader(())) }
}

/// `grease` itself is what C2SP's vectors use; implementations put random letters before it.
fn is_grease(tag: &str) -> bool {
    tag == "grease" || tag.ends_with("-grease")
}

fn verify_mac_line(line: &[u8]) -> Result<(), HeaderRefused> {
    let encoded = line.strip_prefix(MAC_MARK).and_then(|rest| rest.strip_suffix(b"\n")).ok_or(HeaderRefused::Malformed)?;
    let mut mac = [0u8; 32];
    Base64Unpadded::decode(encoded, &mut mac).map(|_| ()).map_err(|_| HeaderRefused::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: &str = "--- WyJp9F/9FOZh7gJdheq2WIJcwHgYc8NIVh3ddwhrcNg\n";

    fn hybrid() -> String {
        format!("-> mlkem768x25519 {}\n{}\n", "A".repeat(1_494), "A".repeat(43))
    }

    fn header(stanzas: &str) -> Vec<u8> {
        format!("age-encryption.org/v1\n{stanzas}{MAC}").into_bytes()
    }

    #[test]
    fn hybrid_recipients_and_grease_are_taken_whatever_follows() {
        let grease = "-> ab-grease 1 2\nQUJD\n-> grease\n\n";
        for stanzas in [hybrid(), hybrid() + grease, grease.to_owned() + &hybrid(), hybrid() + &hybrid()] {
            let header = header(&stanzas);
            let with_payload = [header.as_slice(), b"payload"].concat();
            assert!(verify_header(&with_payload).is_ok() && verify_header(&header).is_ok());
        }
    }

    #[test]
    fn other_recipients_are_refused() {
        let others = [
            "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nhjabGXwSLQ9c3S6Lw2i+S2Tu2fiwQHHslbBN6B41FLE\n",
            "-> scrypt bBjlhJVYZeE4aqUdmtRHfw 15\nZV/AhotwSGqaPCU43cepl4WYUouAa17a3xpu4G2yi5k\n",
            "-> ssh-ed25519 BjH7FA RO+wV4kbbl4NtSmp56lQcfRdRp3dEFpdQmWkaoiw6lY\n51eEu5Oo2JYAG7OU4oamH03FDRP18/GnzeCrY7Z+sa8\n",
            "-> p256tag CXBuUw\n\n",
            "-> mlkem768p256tag CXBuUw\n\n",
            "-> MLKEM768X25519\n\n",
            "-> greasy\n\n",
        ];
        for other in others {
            for stanzas in [other.to_owned(), hybrid() + other, other.to_owned() + &hybrid()] {
                assert_eq!(verify_header(&header(&stanzas)), Err(HeaderRefused::OtherRecipient), "{other}");
            }
        }
        assert_eq!(verify_header(&header("-> a-grease\n\n")), Err(HeaderRefused::NoRecipient));
        assert_eq!(verify_header(&header("")), Err(HeaderRefused::NoRecipient));
    }

    #[test]
    fn a_hybrid_stanza_has_one_shape() {
        let body = "A".repeat(43);
        for wrong in [
            format!("-> mlkem768x25519\n{body}\n"),
            format!("-> mlkem768x25519 {}\n{body}\n", "A".repeat(1_493)),
            format!("-> mlkem768x25519 {}B\n{body}\n", "A".repeat(1_493)),
            format!("-> mlkem768x25519 {} A\n{body}\n", "A".repeat(1_494)),
            format!("-> mlkem768x25519 {}\n{}\n", "A".repeat(1_494), "A".repeat(42)),
        ] {
            assert_eq!(verify_header(&header(&wrong)), Err(HeaderRefused::Malformed), "{wrong}");
        }
    }

    #[test]
    fn every_cut_is_noticed_and_the_limit_holds() {
        let whole = header(&(hybrid() + "-> x-grease\n\n"));
        for cut in 0..whole.len() {
            assert_eq!(verify_header(&whole[..cut]), Err(HeaderRefused::CutShort), "cut at {cut}");
        }
        let long = header(&(hybrid() + &"-> x-grease\n\n".repeat(300)));
        assert_eq!(verify_header(&long), Err(HeaderRefused::TooLong));
        assert_eq!(verify_header(&[hybrid().as_bytes(), &[b'A'; 9000]].concat()), Err(HeaderRefused::NotAge));
    }

    #[test]
    fn the_longest_header_just_fits() {
        let spare = HEADER_BYTES_MAX - header(&(hybrid() + "-> -grease \n\n")).len();
        let fitting = |argument: usize| header(&format!("{}-> -grease {}\n\n", hybrid(), "a".repeat(argument)));
        assert_eq!(fitting(spare).len(), HEADER_BYTES_MAX);
        assert!(verify_header(&fitting(spare)).is_ok());
        assert_eq!(verify_header(&fitting(spare + 1)), Err(HeaderRefused::TooLong));
    }
}
