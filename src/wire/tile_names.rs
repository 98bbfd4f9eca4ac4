//! Names of a log's files (C2SP tlog-tiles): entry bundles and hash tiles, each with one spelling.
//!
//! ```text
//! tile/entries/x001/x234/067        leaves 1234067 × 256 and the 255 after it
//! tile/entries/x001/x234/068.p/12   the next 12, while there are no more
//! tile/0/x001/x234/067              their 256 leaf hashes
//! tile/1/x004/820                   256 hashes, each of a full tile/0
//! ```

use std::fmt;
use std::str::FromStr;

use super::checkpoint::parse_decimal;
use crate::domain::Malformed;

/// The leaves in a full bundle, and the hashes in a full tile.
pub const TILE_WIDTH: u16 = 256;

/// The binary levels of the tree from one tile level to the next: a tile is a subtree of this height.
pub const TILE_HEIGHT: u8 = 8;

/// The highest tile level that a log of fewer than 2^64 leaves has. The specification lets a path say up to 63.
const LEVEL_MAX: u8 = 7;

/// Which 256 of their kind, from 0, and how many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    index: u64,
    width: u16,
}

impl Place {
    /// The place that has item `item` of `count`, as wide as that many items let it be; none if there is no such item.
    fn of_item(item: u64, count: u64) -> Option<Self> {
        if item >= count {
            return None;
        }
        let index = item / u64::from(TILE_WIDTH);
        let rest = count - index * u64::from(TILE_WIDTH);
        Some(Self { index, width: u16::try_from(rest).map_or(TILE_WIDTH, |rest| rest.min(TILE_WIDTH)) })
    }

    const fn first_item(self) -> u64 {
        self.index * TILE_WIDTH as u64
    }

    /// Reads what `Display` writes, among other things: whoever calls this compares. `item_max` is the last item there can be.
    fn parse(text: &str, item_max: u64) -> Option<Self> {
        let (groups, width) = match text.split_once(".p/") {
            Some((groups, width)) => (groups, u16::try_from(parse_decimal(width)?).ok()?),
            None => (text, TILE_WIDTH),
        };
        let index = groups.split('/').try_fold(0u64, push_group)?;
        let is_possible = (1..=TILE_WIDTH).contains(&width) && index <= item_max / u64::from(TILE_WIDTH);
        is_possible.then_some(Self { index, width })
    }
}

/// One `x001` or `067` more. Whether the `x` stands where it must is seen when the path is written again.
fn push_group(index: u64, group: &str) -> Option<u64> {
    let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
    index.checked_mul(1000)?.checked_add(digits)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = format!("{:03}", self.index % 1000);
        let mut higher = self.index / 1000;
        while higher > 0 {
            groups = format!("x{:03}/{groups}", higher % 1000);
            higher /= 1000;
        }
        f.write_str(&groups)?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// An entry bundle: which, and how many leaves of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryBundleName(Place);

impl EntryBundleName {
    /// The bundle that has leaf `leaf` in a tree of `tree_size` leaves, as wide as that tree lets it be;
    /// none when the tree does not have the leaf.
    pub fn of_leaf(leaf: u64, tree_size: u64) -> Option<Self> {
        Place::of_item(leaf, tree_size).map(Self)
    }

    /// The first leaf's index in the log.
    pub const fn first_leaf(self) -> u64 {
        self.0.first_item()
    }

    /// How many leaves: 1 to [`TILE_WIDTH`].
    pub const fn width(self) -> u16 {
        self.0.width
    }
}

impl FromStr for EntryBundleName {
    type Err = Malformed;
    fn from_str(path: &str) -> Result<Self, Malformed> {
        let rule = "it must be tile/entries/ and the index in groups of three digits, .p/ and a width below 256 where it is partial";
        let name = path.strip_prefix("tile/entries/").and_then(|rest| Place::parse(rest, u64::MAX)).map(Self);
        name.filter(|name| name.to_string() == path).ok_or(Malformed { what: "an entry bundle's path", rule })
    }
}

impl fmt::Display for EntryBundleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/entries/{}", self.0)
    }
}

/// A hash tile: of which level, which, and how many hashes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashTileName {
    level: u8,
    place: Place,
}

impl HashTileName {
    /// The tiles of a tree of `tree_size` leaves, level by level, the partial ones at their ends.
    pub fn all_of(tree_size: u64) -> impl Iterator<Item = Self> {
        (0..=LEVEL_MAX).flat_map(move |level| {
            let node_level = TILE_HEIGHT * level;
            let tiles = (tree_size >> node_level).div_ceil(TILE_WIDTH.into());
            (0..tiles).filter_map(move |tile| Self::of_node(node_level, tile * u64::from(TILE_WIDTH), tree_size))
        })
    }

    /// The tile that has node `index` of a binary level that is a multiple of [`TILE_HEIGHT`], in a tree of `tree_size`
    /// leaves, as wide as that tree lets it be; none when the tree does not have the node.
    pub fn of_node(node_level: u8, index: u64, tree_size: u64) -> Option<Self> {
        let level = node_level / TILE_HEIGHT;
        Place::of_item(index, tree_size >> node_level).map(|place| Self { level, place })
    }

    /// The binary level of its hashes: each is the root over `1 << node_level` leaves.
    pub const fn node_level(self) -> u8 {
        self.level * TILE_HEIGHT
    }

    /// The first hash's index among the nodes of its level.
    pub const fn first_node(self) -> u64 {
        self.place.first_item()
    }

    /// How many hashes: 1 to [`TILE_WIDTH`].
    pub const fn width(self) -> u16 {
        self.place.width
    }

    /// How many leaves a tree must have for this tile to be there.
    pub fn tree_size_min(self) -> u64 {
        let nodes = self.first_node().saturating_add(self.width().into());
        nodes.saturating_mul(1 << self.node_level())
    }
}

impl FromStr for HashTileName {
    type Err = Malformed;
    fn from_str(path: &str) -> Result<Self, Malformed> {
        let rule = "it must be tile/, the level from 0 to 7, and the index in groups of three digits, .p/ and a width below 256 where it is partial";
        let parse = || {
            let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
            let level = u8::try_from(parse_decimal(level)?).ok().filter(|level| *level <= LEVEL_MAX)?;
            let place = Place::parse(place, u64::MAX >> (TILE_HEIGHT * level))?;
            Some(Self { level, place })
        };
        parse().filter(|name| name.to_string() == path).ok_or(Malformed { what: "a hash tile's path", rule })
    }
}

impl fmt::Display for HashTileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/{}", self.level, self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INDEX_MAX: u64 = u64::MAX / 256;

    fn entries(index: u64, width: u16) -> EntryBundleName {
        EntryBundleName(Place { index, width })
    }

    #[test]
    fn paths_are_as_the_specification_has_them() {
        for (path, expected) in [
            ("000", Place { index: 0, width: 256 }),
            ("000.p/1", Place { index: 0, width: 1 }),
            ("999.p/255", Place { index: 999, width: 255 }),
            ("x001/000", Place { index: 1000, width: 256 }),
            ("x001/x234/067", Place { index: 1_234_067, width: 256 }),
            ("x001/x234/067.p/8", Place { index: 1_234_067, width: 8 }),
            ("x072/x057/x594/x037/x927/935", Place { index: INDEX_MAX, width: 256 }),
        ] {
            let (bundle, tile) = (format!("tile/entries/{path}"), format!("tile/0/{path}"));
            assert_eq!(bundle.parse::<EntryBundleName>().unwrap(), EntryBundleName(expected));
            assert_eq!(tile.parse::<HashTileName>().unwrap(), HashTileName { level: 0, place: expected });
            assert_eq!(EntryBundleName(expected).to_string(), bundle);
        }
        assert_eq!(entries(INDEX_MAX, 256).first_leaf(), u64::MAX - 255);
    }

    #[test]
    fn other_paths_are_refused() {
        for wrong in [
            "",
            "0",
            "0000",
            "x000",
            "x000/001",
            "001/x001",
            "001/001",
            "xx01",
            "+01",
            "x+01/001",
            "x001//001",
            "000/",
            "000.p",
            "000.p/",
            "000.p/0",
            "000.p/01",
            "000.p/256",
            "000.p/65537",
            "000.p/1/",
            "000.p/1.p/1",
            "x072/x057/x594/x037/x927/936",
            "x018/x446/x744/x073/x709/x551/616",
            "../../etc/passwd",
        ] {
            assert!(format!("tile/entries/{wrong}").parse::<EntryBundleName>().is_err(), "{wrong:?} was accepted");
            assert!(format!("tile/0/{wrong}").parse::<HashTileName>().is_err(), "{wrong:?} was accepted");
        }
        for wrong in ["", "/tile/entries/000", "entries/000", "tile/0/000"] {
            assert!(wrong.parse::<EntryBundleName>().is_err(), "{wrong:?} was accepted");
        }
        for wrong in
            ["", "/tile/0/000", "tile/00/000", "tile/8/000", "tile/63/000", "tile/-1/000", "tile/entries/000", "tile/7/256", "tile/000"]
        {
            assert!(wrong.parse::<HashTileName>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn a_leaf_is_in_the_widest_bundle_of_its_tree() {
        assert_eq!(EntryBundleName::of_leaf(0, 1), Some(entries(0, 1)));
        assert_eq!(EntryBundleName::of_leaf(255, 256), Some(entries(0, 256)));
        assert_eq!(EntryBundleName::of_leaf(0, 257), Some(entries(0, 256)));
        assert_eq!(EntryBundleName::of_leaf(256, 257), Some(entries(1, 1)));
        assert_eq!(EntryBundleName::of_leaf(70_000 - 1, 70_000), Some(entries(273, 112)));
        assert_eq!(EntryBundleName::of_leaf(u64::MAX - 1, u64::MAX), Some(entries(INDEX_MAX, 255)));
        assert_eq!(EntryBundleName::of_leaf(1, 1), None);
        assert_eq!(EntryBundleName::of_leaf(0, 0), None);
    }

    /// The two examples of C2SP tlog-tiles, "Partial Tiles".
    #[test]
    fn a_tree_has_the_tiles_that_the_specification_says() {
        let names = |size| HashTileName::all_of(size).map(|tile| tile.to_string()).collect::<Vec<_>>();
        let of_70_000 = names(70_000);
        assert_eq!(of_70_000.len(), 273 + 1 + 1 + 1 + 1);
        assert_eq!(of_70_000[273..], ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
        assert_eq!(names(256), ["tile/0/000", "tile/1/000.p/1"]);
        assert!(names(0).is_empty());
    }

    #[test]
    fn a_tile_is_there_when_its_last_hash_is_complete() {
        let size_min = |name: &str| name.parse::<HashTileName>().unwrap().tree_size_min();
        assert_eq!(size_min("tile/0/000.p/1"), 1);
        assert_eq!(size_min("tile/0/273.p/112"), 70_000);
        assert_eq!(size_min("tile/1/001.p/17"), 273 * 256);
        assert_eq!(size_min("tile/2/000.p/1"), 65_536);
        assert_eq!(size_min("tile/7/000.p/255"), 255 << 56);
        assert_eq!(size_min("tile/7/000"), u64::MAX);
    }

    proptest! {
        #[test]
        fn paths_round_trip(index in 0..=INDEX_MAX, shift in 0u32..64, width in 1..=TILE_WIDTH, level in 0..=LEVEL_MAX) {
            let name = entries(index >> shift, width);
            prop_assert_eq!(name.to_string().parse::<EntryBundleName>().unwrap(), name);
            let tile = HashTileName { level, place: Place { index: (index >> shift) >> (8 * level), width } };
            prop_assert_eq!(tile.to_string().parse::<HashTileName>().unwrap(), tile);
        }

        #[test]
        fn what_is_read_has_one_spelling(path in "tile/(entries|[0-9]{1,2})/(x?[0-9]{2,4}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?", foreign in "\\PC*") {
            if let Ok(name) = path.parse::<EntryBundleName>() {
                prop_assert_eq!(name.to_string(), path.clone());
            }
            if let Ok(name) = path.parse::<HashTileName>() {
                prop_assert_eq!(name.to_string(), path);
            }
            prop_assert!(foreign.parse::<EntryBundleName>().is_err() && foreign.parse::<HashTileName>().is_err());
        }
    }
}
