//! The views that the exchange folds from statements and keeps beside them: cases, releases in force,
//! and which statement a leaf is of. Each can be dropped and folded again from the log.

use super::ExchangeFault;
use crate::crypto::hash_parts;
use crate::domain::{Hash, Tag, UnixMillis};
use crate::store::{Store, ViewUpdate};
use crate::tlog::register_tag;
use crate::trust::Case;
use crate::wire::Act;

/// Case tag → the case, as JSON.
pub(super) const CASE_VIEW: u8 = 1;

/// [`release_key`] → the time of the leaf of the newest release, unwrap or inspection.
pub(super) const RELEASE_VIEW: u8 = 2;

/// [`leaf_key`] → SHA-256 of the statement.
pub(super) const LEAF_VIEW: u8 = 3;

/// Where the statement of a leaf of the events log is kept.
pub(super) fn leaf_key(index: u64) -> Tag {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&index.to_be_bytes());
    Tag::from_bytes(bytes)
}

/// The leaf whose [`leaf_key`] this is.
pub(super) fn index_of_leaf_key(key: &Tag) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *key.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

pub(super) fn leaf_row(index: u64, statement: &Hash) -> ViewUpdate {
    ViewUpdate { view: LEAF_VIEW, tag: leaf_key(index), bytes: statement.as_bytes().to_vec() }
}

/// The statement behind a leaf of the events log, if the log has grown that far.
pub(super) fn load_leaf_statement(store: &Store, index: u64) -> Result<Option<Hash>, ExchangeFault> {
    let Some(bytes) = store.load_view(LEAF_VIEW, &leaf_key(index))? else { return Ok(None) };
    Hash::try_from(bytes.as_slice()).map(Some).map_err(|_| ExchangeFault::Damaged { what: "leaves' statements" })
}

/// The largest case as JSON: [`CASE_SLIPS_MAX`] slips, each of another document and by an authority of the longest code.
///
/// [`CASE_SLIPS_MAX`]: crate::domain::limits::CASE_SLIPS_MAX
pub(super) const CASE_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(super) fn encode_case(case: &Case) -> Vec<u8> {
    // A map with text keys and no floats always serialises.
    serde_json::to_vec(case).unwrap_or_default()
}

/// What is released under a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Released {
    /// A document's blob and slips, by a `release`.
    Document,
    /// A document's slips alone, by an `unwrap`.
    Slips,
    /// The statements of the cases on a register, by an `inspect`.
    Register,
}

impl Released {
    /// What an act releases under which tags.
    fn by(act: &Act) -> Vec<(Self, Tag)> {
        match act {
            Act::Release(act) => act.documents.iter().map(|document| (Released::Document, *document)).collect(),
            Act::Unwrap(act) => act.documents.iter().map(|document| (Released::Slips, *document)).collect(),
            Act::Inspect(act) => vec![(Released::Register, register_tag(&act.authority))],
            _ => Vec::new(),
        }
    }

    const fn mark(self) -> &'static [u8] {
        match self {
            Released::Document => b"elchi-release-view/v1\n",
            Released::Slips => b"elchi-unwrap-view/v1\n",
            Released::Register => b"elchi-inspect-view/v1\n",
        }
    }
}

/// Where a release to a TLS certificate is kept.
pub(super) fn release_key(released: Released, tag: &Tag, tls_certificate: &Hash) -> Tag {
    Tag::from_bytes(*hash_parts(&[released.mark(), tag.as_bytes(), tls_certificate.as_bytes()]).as_bytes())
}

/// The rows of what an act releases to a TLS certificate.
pub(super) fn release_rows(act: &Act, tls_certificate: &Hash, time: UnixMillis) -> Vec<ViewUpdate> {
    let row = |(released, tag)| {
        let tag = release_key(released, &tag, tls_certificate);
        ViewUpdate { view: RELEASE_VIEW, tag, bytes: time.0.to_be_bytes().to_vec() }
    };
    Released::by(act).into_iter().map(row).collect()
}

pub(super) fn decode_release(bytes: &[u8]) -> Result<UnixMillis, ExchangeFault> {
    let bytes = bytes.try_into().map_err(|_| ExchangeFault::Damaged { what: "releases" })?;
    Ok(UnixMillis(u64::from_be_bytes(bytes)))
}

pub(super) fn case_row(tag: Tag, case: &Case) -> ViewUpdate {
    ViewUpdate { view: CASE_VIEW, tag, bytes: encode_case(case) }
}

pub(super) fn decode_case(bytes: &[u8]) -> Result<Case, ExchangeFault> {
    serde_json::from_slice(bytes).map_err(|_| ExchangeFault::Damaged { what: "cases" })
}

pub(super) fn load_case(store: &Store, tag: &Tag) -> Result<Option<Case>, ExchangeFault> {
    store.load_view(CASE_VIEW, tag)?.map(|bytes| decode_case(&bytes)).transpose()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::limits::CASE_SLIPS_MAX;

    #[test]
    fn the_largest_case_fits() {
        let code = |number: usize| format!("kg.{}.{}.{number:032}", "a".repeat(32), "b".repeat(32));
        let codes: Vec<String> = (0..CASE_SLIPS_MAX).map(code).collect();
        let slip = json!({"key": Hash::ZERO, "sha256": Hash::ZERO});
        let held = |number: usize| json!({"in_force": slip, "waiting": {"slip": slip, "by": format!("{}/123456", code(number))}});
        let document = |number: usize| {
            let tag = format!("{number:064x}");
            (tag.clone(), json!({"cover": tag, "holders": {code(number): held(number)}}))
        };
        let documents: BTreeMap<String, Value> = (0..CASE_SLIPS_MAX).map(document).collect();
        let value = json!({
            "state": "ForwardedToCompetent", "last_event": Hash::ZERO, "requesting": "KG", "requested": "TR",
            "parties": codes, "documents": documents,
        });
        let case: Case = serde_json::from_value(value).unwrap();
        let bytes = encode_case(&case).len();
        assert!((6_000_000..=CASE_BYTES_MAX).contains(&bytes), "{bytes}");
    }
}
