//! What its people must hear of: entries of the directory about the own authority that this profile did not make, each
//! until it was shown once, and replacements of its key for as long as they are pending.
//!
//! ```text
//! memory/directory.shown     how many entries of the directory were looked through and shown
//! ```
//!
//! A member's namespace is their authority; a registrar's, who stands in none of the directory's, is their state.

use std::path::PathBuf;

use super::{Client, ClientError};
use crate::clock;
use crate::crypto::hash;
use crate::domain::{AuthorityCode, UnixMillis};
use crate::durable;
use crate::trust::SealingKey;
use crate::wire::{Statement, decode_directory_leaf, parse_statement};

/// An entry of the directory that somebody else made about the own namespace.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Its index in the directory log.
    pub index: u64,
    /// When the log says it was made.
    pub time: UnixMillis,
    /// The entry.
    pub statement: Statement,
}

impl Client {
    /// The entries of the own namespace that this profile did not make and has not shown.
    ///
    /// # Errors
    /// When what this machine remembers cannot be read.
    pub fn load_notices(&self) -> Result<Vec<Notice>, ClientError> {
        let mut notices = Vec::new();
        let shown = self.load_shown()?;
        if shown == self.directory.size() {
            return Ok(notices);
        }
        self.directory_mirror.scan(shown, |index, bytes| {
            let leaf = decode_directory_leaf(bytes).map_err(ClientError::unproven)?;
            let statement = parse_statement(&leaf.statement).map_err(ClientError::unproven)?;
            let is_own = statement.act.entry_authority().is_some_and(|authority| self.is_own_namespace(authority));
            if is_own && !self.profile.receipt_path(&hash(&leaf.statement)).exists() {
                notices.push(Notice { index, time: leaf.time, statement });
            }
            Ok(())
        })?;
        Ok(notices)
    }

    /// From here on all entries that are on this machine count as shown.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_shown(&self) -> Result<(), ClientError> {
        if self.load_shown()? == self.directory.size() {
            return Ok(());
        }
        let path = self.shown_path()?;
        durable::publish_file(&path, format!("{}\n", self.directory.size()).as_bytes()).map_err(ClientError::file("write", &path))
    }

    /// The replacements of sealing keys of the own namespace that wait to take effect.
    pub fn pending_replacements(&self) -> Vec<(&AuthorityCode, &SealingKey)> {
        let at = self.directory.as_of(clock::now());
        let own = self.directory.authorities().filter(|(code, _)| self.is_own_namespace(code));
        own.filter_map(|(code, record)| Some((code, record.pending_at(at)?))).collect()
    }

    fn is_own_namespace(&self, authority: &AuthorityCode) -> bool {
        let own = self.profile.member().authority();
        let is_registrar = self.directory.authority(own).is_none();
        authority == own || is_registrar && authority.state() == own.state()
    }

    /// None were shown before the first time; and if the file says more than there are, it is not believed.
    fn load_shown(&self) -> Result<u64, ClientError> {
        let path = self.shown_path()?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(other) => return Err(ClientError::file("read", &path)(other)),
        };
        Ok(text.trim_end().parse().ok().filter(|shown| *shown <= self.directory.size()).unwrap_or(0))
    }

    fn shown_path(&self) -> Result<PathBuf, ClientError> {
        Ok(self.profile.make_folder("memory")?.join("directory.shown"))
    }
}
