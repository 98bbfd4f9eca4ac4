//! The cover of a submission: `request.json`, sealed like any document and the first of them.
//!
//! It repeats what the statement says (log, case, kind, sender, recipients, the tags in order) and adds
//! what only the readers may know: names, titles, plaintext digests, the text. [`CheckedCover`] exists only
//! if all of the former meets the statement; so a cover moved into another submission shows nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ClientError;
use crate::domain::limits::{COVER_BYTES_MAX, DOCUMENT_NAME_BYTES_MAX};
use crate::domain::{AuthorityCode, Hash, Nonce, Origin, Tag};
use crate::mla::SubmissionKind;
use crate::wire::{Statement, Submit};

/// The name under which a cover is saved.
pub const COVER_NAME: &str = "request.json";

/// `request.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// `elchi-request/v1`.
    pub format: String,
    /// The log of the statement.
    pub log: Origin,
    /// The case's tag.
    pub case: Tag,
    /// Request or response.
    pub kind: SubmissionKind,
    /// The sender's authority.
    pub sender: AuthorityCode,
    /// The recipients, ascending.
    pub recipients: Vec<AuthorityCode>,
    /// The cover's own tag.
    pub tag: Tag,
    /// One line for the inbox.
    pub title: String,
    /// The text of the request or the answer.
    pub text: String,
    /// The other documents, in the statement's order.
    pub documents: Vec<CoverDocument>,
    /// Random, so that a digest of the cover does not betray a short text.
    pub nonce: Nonce,
}

/// A document as its sender has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverDocument {
    /// Its tag.
    pub tag: Tag,
    /// Its file name: a name, never a path.
    pub name: String,
    /// Length of the plaintext.
    pub bytes: u64,
    /// SHA-256 of the plaintext.
    pub sha256: Hash,
}

/// The only `format` there is.
pub(super) const COVER_FORMAT: &str = "elchi-request/v1";

/// A cover that meets its statement in everything both say.
#[derive(Debug, Clone)]
pub struct CheckedCover(Cover);

impl CheckedCover {
    /// The cover.
    pub fn cover(&self) -> &Cover {
        &self.0
    }

    /// What it says of a document.
    pub fn document(&self, tag: &Tag) -> Option<&CoverDocument> {
        self.0.documents.iter().find(|document| document.tag == *tag)
    }
}

/// Writes a cover.
///
/// # Errors
/// When it is larger than a cover may be.
pub(super) fn encode_cover(cover: &Cover) -> Result<Vec<u8>, ClientError> {
    let mut bytes = serde_json::to_vec_pretty(cover).map_err(ClientError::unproven)?;
    bytes.push(b'\n');
    if bytes.len() > COVER_BYTES_MAX {
        return Err(ClientError::not_possible("the text is too long for a cover (1 MiB)", "send it as a document of its own"));
    }
    Ok(bytes)
}

/// Reads a cover and holds it against the statement it came with.
///
/// # Errors
/// When it is no cover, or says anything else than the statement.
pub(super) fn check_cover(bytes: &[u8], statement: &Statement, submit: &Submit) -> Result<CheckedCover, ClientError> {
    let refused = |what: &str| {
        ClientError::unproven(format!("the cover does not belong to this submission: {what} differs from the signed statement"))
    };
    let cover: Cover =
        serde_json::from_slice(bytes).map_err(|fault| ClientError::unproven(format!("the cover is not as PROTOCOL.md has it: {fault}")))?;
    let cover_tag = submit.documents.first().map(|document| document.tag);
    let other_tags = || submit.documents.iter().skip(1).map(|document| document.tag);
    let claims = [
        (cover.format == COVER_FORMAT, "the format"),
        (cover.log == statement.log, "the log"),
        (cover.case == submit.case, "the case"),
        (cover.kind == submit.kind, "the kind"),
        (cover.sender == *statement.actor.authority(), "the sender"),
        (cover.recipients == submit.to, "the list of recipients"),
        (Some(cover.tag) == cover_tag, "the cover's own tag"),
        (cover.documents.iter().map(|document| document.tag).eq(other_tags()), "the list of documents"),
    ];
    if let Some((_, what)) = claims.into_iter().find(|(same, _)| !same) {
        return Err(refused(what));
    }
    if !is_plain_title(&cover.title) {
        return Err(ClientError::unproven("the cover's title is no single line of plain text"));
    }
    check_names(&cover)?;
    Ok(CheckedCover(cover))
}

/// Names become file names at the reader's: plain, and each once, also on a disk that ignores case.
fn check_names(cover: &Cover) -> Result<(), ClientError> {
    let mut seen = BTreeSet::from([COVER_NAME.to_owned()]);
    for document in &cover.documents {
        if !is_plain_name(&document.name) || !seen.insert(document.name.to_lowercase()) {
            return Err(ClientError::unproven(format!(
                "the cover names a document {:?}, which is no plain file name of its own",
                document.name
            )));
        }
    }
    Ok(())
}

/// A name that is safe to create in a folder, on any system: no path, no option, nothing hidden, no device, no
/// character that cannot be seen.
pub fn is_plain_name(name: &str) -> bool {
    let length_ok = (1..=DOCUMENT_NAME_BYTES_MAX).contains(&name.len());
    let edges_ok = !name.starts_with(['.', ' ', '-']) && !name.ends_with(['.', ' ']);
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |device: &str| stem.strip_prefix(device).is_some_and(|rest| rest.len() == 1 && rest.chars().all(|c| c.is_ascii_digit()));
    let is_device = ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || numbered("COM") || numbered("LPT");
    let plain = |c: char| is_visible(c) && !matches!(c, '/' | '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*');
    length_ok && edges_ok && !is_device && name.chars().all(plain)
}

/// A title that is one line and says no more than it shows.
pub(super) fn is_plain_title(title: &str) -> bool {
    !title.trim().is_empty() && title.chars().all(is_visible)
}

/// Neither a control character nor one that is drawn as nothing, breaks the line or turns its direction.
fn is_visible(c: char) -> bool {
    let is_mark = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !is_mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_paths_or_tricks_are_refused() {
        for good in ["delil.pdf", "tutanak ğüşi Ө.txt", "a", "ой-бүлө.jpg", "console.log", "lpt.txt", "com12"] {
            assert!(is_plain_name(good), "{good:?}");
        }
        let long = "x".repeat(256);
        for bad in [
            "",
            ".",
            "..",
            ".ssh",
            "a/b",
            "a\\b",
            "C:x",
            "a\n",
            "a\u{202e}fdp.exe",
            "nul\0",
            "a ",
            "x.",
            &long,
            "-rf",
            "con",
            "Lpt1.txt",
            "a\u{200b}.pdf",
        ] {
            assert!(!is_plain_name(bad), "{bad:?}");
        }
    }
}
