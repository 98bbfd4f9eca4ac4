//! Entry bundles (C2SP tlog-tiles, "Log entries"): a log's leaves in files of 256, and their paths.
//!
//! ```text
//! tile/entries/x001/x234/067        leaves 1234067 × 256 and the 255 after it
//! tile/entries/x001/x234/068.p/12   the next 12, while there are no more
//! bundle = (u16 length ‖ leaf)…     big-endian
//! ```

use std::fmt;
use std::str::FromStr;

use super::checkpoint::parse_decimal;
use crate::domain::Malformed;
use crate::domain::limits::LEAF_BYTES_MAX;

/// The leaves in a full bundle.
pub const BUNDLE_LEAVES: u16 = 256;

/// A bundle of the longest leaves: 16 MiB and a half KiB.
pub const BUNDLE_BYTES_MAX: usize = BUNDLE_LEAVES as usize * (2 + LEAF_BYTES_MAX);

const PATH_PREFIX: &str = "tile/entries/";

/// The largest index of a bundle whose leaves' indices are all below 2^64.
const BUNDLE_INDEX_MAX: u64 = u64::MAX / BUNDLE_LEAVES as u64;

/// Which bundle, and how many leaves of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryBundleName {
    index: u64,
    width: u16,
}

impl EntryBundleName {
    /// The bundle that has leaf `leaf` in a tree of `tree_size` leaves, as wide as that tree lets it be;
    /// none when the tree does not have the leaf.
    pub fn of_leaf(leaf: u64, tree_size: u64) -> Option<Self> {
        if leaf >= tree_size {
            return None;
        }
        let index = leaf / u64::from(BUNDLE_LEAVES);
        let rest = tree_size - index * u64::from(BUNDLE_LEAVES);
        let width = u16::try_from(rest).map_or(BUNDLE_LEAVES, |rest| rest.min(BUNDLE_LEAVES));
        Some(Self { index, width })
    }

    /// The first leaf's index in the log.
    pub const fn first_leaf(self) -> u64 {
        self.index * BUNDLE_LEAVES as u64
    }

    /// How many leaves: 1 to [`BUNDLE_LEAVES`].
    pub const fn width(self) -> u16 {
        self.width
    }
}

impl FromStr for EntryBundleName {
    type Err = Malformed;
    fn from_str(path: &str) -> Result<Self, Malformed> {
        let rule = "it must be tile/entries/ and the index in groups of three digits, .p/ and a width below 256 where it is partial";
        let parsed = parse_path(path).filter(|name| name.to_string() == path);
        parsed.ok_or(Malformed { what: "an entry bundle's path", rule })
    }
}

fn parse_path(path: &str) -> Option<EntryBundleName> {
    let rest = path.strip_prefix(PATH_PREFIX)?;
    let (groups, width) = match rest.split_once(".p/") {
        Some((groups, width)) => (groups, u16::try_from(parse_decimal(width)?).ok()?),
        None => (rest, BUNDLE_LEAVES),
    };
    let index = groups.split('/').try_fold(0u64, push_group)?;
    let width_ok = (1..=BUNDLE_LEAVES).contains(&width);
    (width_ok && index <= BUNDLE_INDEX_MAX).then_some(EntryBundleName { index, width })
}

/// One `x001` or `067` more. Whether the `x` stands where it must is seen when the path is written again.
fn push_group(index: u64, group: &str) -> Option<u64> {
    let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
    index.checked_mul(1000)?.checked_add(digits)
}

impl fmt::Display for EntryBundleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = format!("{:03}", self.index % 1000);
        let mut higher = self.index / 1000;
        while higher > 0 {
            groups = format!("x{:03}/{groups}", higher % 1000);
            higher /= 1000;
        }
        write!(f, "{PATH_PREFIX}{groups}")?;
        if self.width < BUNDLE_LEAVES { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Leaves that make no bundle, or bytes that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleMalformed {
    /// A leaf longer than [`LEAF_BYTES_MAX`].
    #[error("a leaf is longer than {LEAF_BYTES_MAX} bytes")]
    LeafTooLong,
    /// No leaf, or more than [`BUNDLE_LEAVES`].
    #[error("a bundle has 1 to {BUNDLE_LEAVES} leaves")]
    Count,
    /// The bytes end inside a leaf.
    #[error("the bundle is cut short")]
    CutShort,
    /// Bytes after the last leaf.
    #[error("the bundle has more than its {0} leaves")]
    Surplus(u16),
}

/// Writes a bundle of leaves.
///
/// # Errors
/// When there are none or too many, or one is too long.
pub fn encode_entry_bundle<L: AsRef<[u8]>>(leaves: &[L]) -> Result<Vec<u8>, BundleMalformed> {
    if leaves.is_empty() || leaves.len() > usize::from(BUNDLE_LEAVES) {
        return Err(BundleMalformed::Count);
    }
    let mut bytes = Vec::with_capacity(leaves.iter().map(|leaf| 2 + leaf.as_ref().len()).sum());
    for leaf in leaves {
        let length = u16::try_from(leaf.as_ref().len()).map_err(|_| BundleMalformed::LeafTooLong)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(leaf.as_ref());
    }
    Ok(bytes)
}

/// Reads a bundle that has exactly `width` leaves.
///
/// # Errors
/// When the bytes are not that many leaves.
pub fn decode_entry_bundle(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleMalformed> {
    let mut rest = bytes;
    let leaves = (0..width).map(|_| take_leaf(&mut rest).ok_or(BundleMalformed::CutShort)).collect::<Result<Vec<_>, _>>()?;
    if rest.is_empty() { Ok(leaves) } else { Err(BundleMalformed::Surplus(width)) }
}

fn take_leaf<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (leaf, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(leaf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(index: u64, width: u16) -> EntryBundleName {
        EntryBundleName { index, width }
    }

    #[test]
    fn paths_are_as_the_specification_has_them() {
        for (path, expected) in [
            ("tile/entries/000", name(0, 256)),
            ("tile/entries/000.p/1", name(0, 1)),
            ("tile/entries/999.p/255", name(999, 255)),
            ("tile/entries/x001/000", name(1000, 256)),
            ("tile/entries/x001/x234/067", name(1_234_067, 256)),
            ("tile/entries/x001/x234/067.p/8", name(1_234_067, 8)),
            ("tile/entries/x072/x057/x594/x037/x927/935", name(BUNDLE_INDEX_MAX, 256)),
        ] {
            assert_eq!(path.parse::<EntryBundleName>().unwrap(), expected);
            assert_eq!(expected.to_string(), path);
        }
        assert_eq!(name(BUNDLE_INDEX_MAX, 256).first_leaf(), u64::MAX - 255);
    }

    #[test]
    fn other_paths_are_refused() {
        for wrong in [
            "",
            "tile/entries/",
            "/tile/entries/000",
            "tile/0/000",
            "tile/entries/0",
            "tile/entries/0000",
            "tile/entries/x000",
            "tile/entries/x000/001",
            "tile/entries/001/x001",
            "tile/entries/001/001",
            "tile/entries/xx01",
            "tile/entries/+01",
            "tile/entries/x+01/001",
            "tile/entries/x001//001",
            "tile/entries/000/",
            "tile/entries/000.p",
            "tile/entries/000.p/",
            "tile/entries/000.p/0",
            "tile/entries/000.p/01",
            "tile/entries/000.p/256",
            "tile/entries/000.p/65537",
            "tile/entries/000.p/1/",
            "tile/entries/000.p/1.p/1",
            "tile/entries/x072/x057/x594/x037/x927/936",
            "tile/entries/x018/x446/x744/x073/x709/x551/616",
            "tile/entries/../../etc/passwd",
        ] {
            assert!(wrong.parse::<EntryBundleName>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn a_leaf_is_in_the_widest_bundle_of_its_tree() {
        assert_eq!(EntryBundleName::of_leaf(0, 1), Some(name(0, 1)));
        assert_eq!(EntryBundleName::of_leaf(255, 256), Some(name(0, 256)));
        assert_eq!(EntryBundleName::of_leaf(0, 257), Some(name(0, 256)));
        assert_eq!(EntryBundleName::of_leaf(256, 257), Some(name(1, 1)));
        assert_eq!(EntryBundleName::of_leaf(70_000 - 1, 70_000), Some(name(273, 112)));
        assert_eq!(EntryBundleName::of_leaf(u64::MAX - 1, u64::MAX), Some(name(BUNDLE_INDEX_MAX, 255)));
        assert_eq!(EntryBundleName::of_leaf(1, 1), None);
        assert_eq!(EntryBundleName::of_leaf(0, 0), None);
    }

    #[test]
    fn bundles_have_their_leaves_and_no_more() {
        let bytes = encode_entry_bundle(&[b"ab".as_slice(), b"", b"c"]).unwrap();
        assert_eq!(bytes, b"\0\x02ab\0\0\0\x01c");
        assert_eq!(decode_entry_bundle(&bytes, 3).unwrap(), [b"ab".as_slice(), b"", b"c"]);
        assert_eq!(decode_entry_bundle(&bytes, 2), Err(BundleMalformed::Surplus(2)));
        assert_eq!(decode_entry_bundle(&bytes, 4), Err(BundleMalformed::CutShort));
        assert_eq!(decode_entry_bundle(&bytes[..bytes.len() - 1], 3), Err(BundleMalformed::CutShort));
        assert_eq!(encode_entry_bundle::<&[u8]>(&[]), Err(BundleMalformed::Count));
        assert_eq!(encode_entry_bundle(&[b"x"; 257]), Err(BundleMalformed::Count));
        assert_eq!(encode_entry_bundle(&[vec![0; LEAF_BYTES_MAX + 1]]), Err(BundleMalformed::LeafTooLong));
        assert_eq!(encode_entry_bundle(&vec![vec![0; LEAF_BYTES_MAX]; 256]).unwrap().len(), BUNDLE_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn paths_round_trip(index in 0..=BUNDLE_INDEX_MAX, shift in 0u32..64, width in 1..=BUNDLE_LEAVES) {
            let name = name(index >> shift, width);
            prop_assert_eq!(name.to_string().parse::<EntryBundleName>().unwrap(), name);
        }

        #[test]
        fn what_is_read_has_one_spelling(path in "tile/entries/(x?[0-9]{2,4}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?", foreign in "\\PC*") {
            if let Ok(name) = path.parse::<EntryBundleName>() {
                prop_assert_eq!(name.to_string(), path);
            }
            prop_assert!(foreign.parse::<EntryBundleName>().is_err());
        }

        #[test]
        fn bundles_round_trip(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..=256), foreign: Vec<u8>) {
            let bytes = encode_entry_bundle(&leaves).unwrap();
            prop_assert_eq!(decode_entry_bundle(&bytes, leaves.len() as u16).unwrap(), leaves);
            if let Ok(leaves) = decode_entry_bundle(&foreign, 2) {
                prop_assert_eq!(encode_entry_bundle(&leaves).unwrap(), foreign);
            }
        }
    }
}
