//! Where the demo plays: its folder, and telling each step with its duration.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::client::Unlock;

/// Progress of a long step is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// The folder, and who listens.
pub(super) struct Stage<'a> {
    folder: PathBuf,
    say: &'a mut dyn FnMut(&str),
    last_progress: Instant,
}

impl<'a> Stage<'a> {
    pub(super) fn new(folder: PathBuf, say: &'a mut dyn FnMut(&str)) -> Self {
        Self { folder, say, last_progress: Instant::now() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What unlocks everybody's profile here: nobody sits at a terminal to be asked.
    pub(super) fn unlock(&self) -> Unlock {
        Unlock::File(self.path("unlock.key"))
    }

    pub(super) fn make_folder(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.path(name);
        fs::create_dir_all(&path).map_err(|fault| format!("cannot make {}: {fault}", path.display()))?;
        Ok(path)
    }

    pub(super) fn tell(&mut self, line: &str) {
        (self.say)(line);
    }

    /// Does one step and tells it with its duration.
    pub(super) fn step<T, E: std::fmt::Display>(&mut self, what: &str, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, String> {
        let begun = Instant::now();
        let outcome = work(self).map_err(|fault| format!("{what}: {fault}"))?;
        self.tell(&format!("{:>8.2} s  {what}", begun.elapsed().as_secs_f64()));
        Ok(outcome)
    }

    /// Tells how far a long step is, now and then.
    pub(super) fn progress(&mut self, what: &str, done: u64, all: u64) {
        if done < all && self.last_progress.elapsed() >= PROGRESS_EVERY {
            self.last_progress = Instant::now();
            self.tell(&format!("            {what}: {} of {} MiB", done >> 20, all >> 20));
        }
    }
}
