//! The two logs, the kinds of chains in the events log, and the head of a tree.

use std::fmt;

use super::{Hash, Malformed};

/// One of the two transparency logs that a server keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Log {
    /// Acts on cases and documents: commitments only.
    Events,
    /// Who is who: plaintext statements of registrars.
    Directory,
}

impl Log {
    /// Both, in the order in which they are committed.
    pub const ALL: [Log; 2] = [Log::Events, Log::Directory];

    /// Its place in [`Log::ALL`], for what is kept of both.
    pub const fn place(self) -> usize {
        self as usize
    }

    /// The last part of the log's origin and the first of its paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Log::Events => "events",
            Log::Directory => "directory",
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Log {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a tag of the events log names. Chains are per (kind, tag).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ChainKind {
    /// A request and all that follows from it.
    Case = 1,
    /// One file.
    Document = 2,
    /// All that was sent to or by one authority.
    Register = 3,
}

impl ChainKind {
    /// The byte that stands for the kind in a leaf.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// The kind a leaf's byte stands for.
    ///
    /// # Errors
    /// When it stands for none.
    pub const fn from_byte(byte: u8) -> Result<Self, Malformed> {
        match byte {
            1 => Ok(ChainKind::Case),
            2 => Ok(ChainKind::Document),
            3 => Ok(ChainKind::Register),
            _ => Err(Malformed { what: "a leaf's kind", rule: "it must be 1, 2 or 3" }),
        }
    }
}

/// The size of a log and its root at that size (RFC 6962, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// How many leaves.
    pub size: u64,
    /// The Merkle root over them; of no leaves, SHA-256 of nothing.
    pub root: Hash,
}
