//! What can go wrong on a person's own machine, sorted by what it means.

use std::path::{Path, PathBuf};

use crate::wire::Problem;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It was checked, and it is not what it says it is. Nothing of it is shown or used.
    #[error("{0}")]
    Unproven(String),
    /// It is the log's, and too few witnesses stand behind it yet. What was done is done; it is not proven.
    #[error("{0}")]
    NotWitnessed(String),
    /// The server refused, in words.
    #[error("the server refused: {} ({})\nhint: {}", .0.detail, .0.code, .0.hint)]
    Refused(Problem),
    /// The server could not be reached or talked to.
    #[error("{reason}\nhint: {hint}")]
    Network {
        /// What happened.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// A file of this machine.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The profile is not complete or not consistent.
    #[error("the profile in {path} cannot be used: {reason}\nhint: {hint}")]
    Profile {
        /// The profile's folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// What was asked for does not make sense here.
    #[error("{what}\nhint: {hint}")]
    NotPossible {
        /// What is not possible.
        what: String,
        /// What is.
        hint: String,
    },
}

impl ClientError {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| ClientError::File { action, path: path.to_owned(), source }
    }

    pub(crate) fn unproven(what: impl std::fmt::Display) -> Self {
        ClientError::Unproven(what.to_string())
    }

    pub(crate) fn not_possible(what: impl Into<String>, hint: impl Into<String>) -> Self {
        ClientError::NotPossible { what: what.into(), hint: hint.into() }
    }

    /// Whether the answer is *no*, rather than *could not*.
    pub fn is_unproven(&self) -> bool {
        matches!(self, ClientError::Unproven(_))
    }
}
