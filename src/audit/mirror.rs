//! A full mirror of both logs as files (C2SP tlog-tiles), for whoever wants to hold or serve them beside the server: a
//! witness's operator, an archive. Any tool that reads such logs reads it; it has commitments, no statement of the events
//! log, and the directory whole.
//!
//! ```text
//! FOLDER/events/checkpoint              what this machine verified, with the witnesses' lines
//!              /tile/0/000 …            hash tiles
//!              /tile/entries/000 …      entry bundles
//! FOLDER/directory/…                    the same
//! ```
//!
//! Tiles are written first, then the checkpoint, then partial tiles that nobody needs any more go. A crash leaves a mirror
//! that is right for its checkpoint, and the next run goes on.

use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{Client, ClientError};
use crate::domain::{Hash, Log, TreeHead};
use crate::durable;
use crate::tlog::{Frontier, leaf_hash};
use crate::wire::{
    EntryBundleName, HashTileName, NOTE_BYTES_MAX, TILE_HEIGHT, TILE_WIDTH, encode_entry_bundle, parse_checkpoint, parse_note,
};

/// How far a mirror of a log has come.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Mirrored {
    /// The log.
    pub log: Log,
    /// Leaves that it had.
    pub before: u64,
    /// Leaves that it has.
    pub now: u64,
}

/// Brings the mirror in `folder` up to what this machine has verified; makes it, if there is none.
///
/// # Errors
/// When what is there is of another history, or a file cannot be read or written.
pub fn write_mirror(client: &Client, folder: &Path) -> Result<Vec<Mirrored>, ClientError> {
    Log::ALL.into_iter().map(|log| LogMirror::of(client, log, folder)?.bring_up()).collect()
}

/// One log's folder, being written.
struct LogMirror<'c> {
    client: &'c Client,
    log: Log,
    folder: PathBuf,
    /// What its checkpoint says; the empty tree, if there is none.
    before: TreeHead,
    size: u64,
    frontier: Frontier,
    /// The leaves of the bundle that is not full yet.
    bundle: Vec<Vec<u8>>,
    /// Of each level of tiles, the hashes of the one that is not full yet.
    tiles: Vec<Vec<Hash>>,
    /// Folders of partial tiles, with what is to stay in them.
    partial: Vec<(PathBuf, Option<PathBuf>)>,
}

impl<'c> LogMirror<'c> {
    fn of(client: &'c Client, log: Log, folder: &Path) -> Result<Self, ClientError> {
        let folder = folder.join(log.as_str());
        let before = load_head(&folder.join("checkpoint"))?;
        let size = client.mirror(log).head().size;
        let (frontier, bundle, tiles, partial) = Default::default();
        Ok(Self { client, log, folder, before, size, frontier, bundle, tiles, partial })
    }

    fn bring_up(mut self) -> Result<Mirrored, ClientError> {
        let mirror = self.client.mirror(self.log);
        self.require_same_history()?;
        mirror.scan(0, |_, leaf| {
            self.take(leaf)?;
            self.require_same_history()
        })?;
        self.finish()?;
        let Some(checkpoint) = mirror.checkpoint() else { return Ok(self.report()) };
        let note = checkpoint.to_plain_note().map_err(ClientError::unproven)?;
        self.publish("checkpoint", note.as_str().as_bytes())?;
        // From here on the mirror has all of it.
        self.partial.iter().try_for_each(|(folder, stays)| clear(folder, stays.as_deref()))?;
        Ok(self.report())
    }

    fn report(&self) -> Mirrored {
        Mirrored { log: self.log, before: self.before.size, now: self.size }
    }

    /// What the mirror had is a beginning of what this machine verified.
    fn require_same_history(&self) -> Result<(), ClientError> {
        let is_other = self.before.size > self.size || self.frontier.size() == self.before.size && self.frontier.head() != self.before;
        if !is_other {
            return Ok(());
        }
        Err(ClientError::unproven(format!(
            "{} mirrors another history of the {} log: its checkpoint of size {} is not of the one that this machine verified\nhint: keep the folder for your state's auditor, and mirror into a new one",
            self.folder.display(),
            self.log,
            self.before.size
        )))
    }

    fn take(&mut self, leaf: &[u8]) -> Result<(), ClientError> {
        self.bundle.push(leaf.to_vec());
        let nodes = self.frontier.append(leaf_hash(leaf));
        for node in nodes.into_iter().filter(|node| node.level % TILE_HEIGHT == 0) {
            let level = usize::from(node.level / TILE_HEIGHT);
            self.tiles.resize_with(self.tiles.len().max(level + 1), Vec::new);
            self.tiles[level].push(node.hash);
            if self.tiles[level].len() == usize::from(TILE_WIDTH) {
                self.write_tile(node.level, node.index)?;
            }
        }
        if self.bundle.len() == usize::from(TILE_WIDTH) { self.write_bundle() } else { Ok(()) }
    }

    /// Writes what is not full: the ends of the bundles and of each level of tiles.
    fn finish(&mut self) -> Result<(), ClientError> {
        for level in 0..self.tiles.len() {
            if !self.tiles[level].is_empty() {
                let node_level = level as u8 * TILE_HEIGHT;
                self.write_tile(node_level, (self.size >> node_level) - 1)?;
            }
        }
        if self.bundle.is_empty() { Ok(()) } else { self.write_bundle() }
    }

    /// Writes the tile that ends with this node, if the mirror has it not.
    fn write_tile(&mut self, node_level: u8, last: u64) -> Result<(), ClientError> {
        let hashes = std::mem::take(&mut self.tiles[usize::from(node_level / TILE_HEIGHT)]);
        let Some(name) = HashTileName::of_node(node_level, last, self.size) else { return Ok(()) };
        if last < self.before.size >> node_level {
            return Ok(());
        }
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        self.write_part(&name.to_string(), &bytes)
    }

    fn write_bundle(&mut self) -> Result<(), ClientError> {
        let leaves = std::mem::take(&mut self.bundle);
        let last = self.frontier.size() - 1;
        let Some(name) = EntryBundleName::of_leaf(last, self.size).filter(|_| last >= self.before.size) else { return Ok(()) };
        self.write_part(&name.to_string(), &encode_entry_bundle(&leaves).map_err(ClientError::unproven)?)
    }

    /// Writes a tile or a bundle. Narrower ones of the same go when the checkpoint is there.
    fn write_part(&mut self, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
        let path = self.publish(name, bytes)?;
        let (of, is_partial) = name.split_once(".p/").map_or((name, false), |(of, _)| (of, true));
        self.partial.push((self.folder.join(format!("{of}.p")), is_partial.then_some(path)));
        Ok(())
    }

    fn publish(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, ClientError> {
        let path = self.folder.join(name);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(ClientError::file("make", parent))?;
        durable::publish_file(&path, bytes).map_err(ClientError::file("write", &path))?;
        Ok(path)
    }
}

/// The head that a mirror's checkpoint says. Whether it is one is seen when the log's history is gone through.
fn load_head(path: &Path) -> Result<TreeHead, ClientError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(Frontier::new().head()),
        Err(other) => return Err(ClientError::file("read", path)(other)),
    };
    let no_checkpoint =
        || ClientError::not_possible(format!("{} is no checkpoint", path.display()), "name a new folder, or one that this command made");
    let note = parse_note(&bytes[..bytes.len().min(NOTE_BYTES_MAX)]).map_err(|_| no_checkpoint())?;
    Ok(parse_checkpoint(note.text()).map_err(|_| no_checkpoint())?.head)
}

/// Removes a folder of partial tiles, but for one file.
fn clear(folder: &Path, stays: Option<&Path>) -> Result<(), ClientError> {
    let Ok(files) = fs::read_dir(folder) else { return Ok(()) };
    for file in files {
        let path = file.map_err(ClientError::file("read", folder))?.path();
        if Some(path.as_path()) != stays {
            fs::remove_file(&path).map_err(ClientError::file("remove", &path))?;
        }
    }
    if stays.is_none() { fs::remove_dir(folder).map_err(ClientError::file("remove", folder)) } else { Ok(()) }
}
