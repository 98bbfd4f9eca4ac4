//! Why a connection ended before its time: noted where it is seen, read where it must be said.

use std::io;
use std::sync::{Arc, OnceLock};

/// Why a connection ended in the middle of something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The other side closed the connection, or it broke.
    #[error("the other side ended the connection")]
    Closed,
    /// The other side did not keep to the minimum rate or to a deadline.
    #[error("the other side was too slow")]
    TooSlow,
    /// The other side ended TLS with this alert.
    #[error("the other side refused with the TLS alert {0}")]
    Refused(String),
}

/// Where a connection's wrapper notes the first reason; hyper would tell it in fewer words, or not at all.
#[derive(Clone, Default)]
pub(super) struct CutNote(Arc<OnceLock<Cut>>);

impl CutNote {
    /// Notes a reason, if it is the first, and makes the error that ends the connection.
    pub(super) fn write(&self, cut: Cut) -> io::Error {
        let _ = self.0.set(cut);
        io::Error::other(self.read())
    }

    /// As [`CutNote::write`], for what reading or writing TLS says.
    pub(super) fn write_io(&self, error: &io::Error) -> io::Error {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::AlertReceived(alert)) => self.write(Cut::Refused(format!("{alert:?}"))),
            _ => self.write(Cut::Closed),
        }
    }

    /// The first reason that was noted.
    pub(super) fn read(&self) -> Cut {
        self.0.get().cloned().unwrap_or(Cut::Closed)
    }
}
