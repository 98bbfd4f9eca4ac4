//! Entry bundles (C2SP tlog-tiles, "Log entries"): a log's leaves in files of 256.
//!
//! ```text
//! bundle = (u16 length ‖ leaf)…     big-endian
//! ```

use super::tile_names::TILE_WIDTH;
use crate::domain::limits::LEAF_BYTES_MAX;

/// A bundle of the longest leaves: 16 MiB and a half KiB.
pub const BUNDLE_BYTES_MAX: usize = TILE_WIDTH as usize * (2 + LEAF_BYTES_MAX);

/// Leaves that make no bundle, or bytes that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleMalformed {
    /// A leaf longer than [`LEAF_BYTES_MAX`].
    #[error("a leaf is longer than {LEAF_BYTES_MAX} bytes")]
    LeafTooLong,
    /// No leaf, or more than [`TILE_WIDTH`].
    #[error("a bundle has 1 to {TILE_WIDTH} leaves")]
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
    if leaves.is_empty() || leaves.len() > usize::from(TILE_WIDTH) {
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
        fn bundles_round_trip(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..=256), foreign: Vec<u8>) {
            let bytes = encode_entry_bundle(&leaves).unwrap();
            prop_assert_eq!(decode_entry_bundle(&bytes, leaves.len() as u16).unwrap(), leaves);
            if let Ok(leaves) = decode_entry_bundle(&foreign, 2) {
                prop_assert_eq!(encode_entry_bundle(&leaves).unwrap(), foreign);
            }
        }
    }
}
