//! What a command can end with, and the exit code that says so.

use crate::client::ClientError;

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliFault {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[cfg(feature = "server")]
    #[error(transparent)]
    Admin(#[from] crate::admin::AdminFault),
    #[cfg(feature = "server")]
    #[error(transparent)]
    Exchange(#[from] crate::exchange::ExchangeFault),
    #[cfg(feature = "server")]
    #[error(transparent)]
    Cosigning(#[from] crate::server::CosigningRefused),
    #[error(transparent)]
    Witness(#[from] crate::witness::WitnessFault),
    #[cfg(feature = "server")]
    #[error("{0}")]
    Demo(String),
    /// It was checked, and it is wrong.
    #[cfg(feature = "server")]
    #[error("{0}")]
    Wrong(String),
    /// It could not be done.
    #[error("{what}\nhint: {hint}")]
    NotPossible { what: String, hint: String },
}

impl CliFault {
    pub(super) fn not_possible(what: impl Into<String>, hint: impl Into<String>) -> Self {
        CliFault::NotPossible { what: what.into(), hint: hint.into() }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            CliFault::Client(fault) if fault.is_unproven() => 1,
            #[cfg(feature = "server")]
            CliFault::Wrong(_) | CliFault::Demo(_) => 1,
            _ => 2,
        }
    }
}
