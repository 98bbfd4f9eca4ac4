//! What can stand in an operator's way.

use std::path::{Path, PathBuf};

use crate::exchange::ExchangeFault;
use crate::settings::SettingsRefused;
use crate::store::{OpenFault, StoreFault};

/// Why an operator's command could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AdminFault {
    /// The configuration.
    #[error("{0}\nhint: compare it with config/server.example.toml")]
    Settings(#[from] SettingsRefused),
    /// A file of the server.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A key, a certificate or a root that cannot be used.
    #[error("{path} cannot be used: {reason}\nhint: restore it from a backup; a log key cannot be made anew")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenFault),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The logs do not check, or cannot be read.
    #[error(transparent)]
    Exchange(#[from] ExchangeFault),
}

impl AdminFault {
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| AdminFault::File { action, path: path.to_owned(), source }
    }

    pub(super) fn unusable(path: &Path, reason: impl std::fmt::Display) -> Self {
        AdminFault::Unusable { path: path.to_owned(), reason: reason.to_string() }
    }
}
