//! The network: mutual TLS 1.3 and HTTP/1.1, accepting and connecting, with a limit on everything.
//!
//! The only module that names rustls and hyper. It knows no act: a server gives it a [`PeerGate`] that says who a
//! certificate belongs to and a [`Handler`] that answers; a client gives it an identity, the server's pinned
//! key, and requests. Bodies have the same two types on both sides.
//!
//! ```text
//!  accept ── place free? ── TLS handshake ── gate: who is it? ──┐             nothing but TLS before this line
//!                            (no tickets)                       ▼
//!  EdgeIo: strict head, minimum rates ── hyper ── gate: still? ── Handler ── answer ── next request
//!                                                  └ asked again every few seconds while the connection is open
//!
//!  Connector ── TLS, pinned key ── Connection::send(request) ── answer, even one that comes before the upload's end
//! ```
//!
//! Follows RFC 8446 (TLS 1.3), draft-ietf-tls-ecdhe-mlkem (X25519MLKEM768), RFC 9112 (HTTP/1.1, with less freedom:
//! see `head.rs`), RFC 9457 (problem documents).

mod accept;
mod body;
mod connect;
mod cut;
mod edge_io;
mod head;
mod limits;
mod link_io;
mod pace;
mod peers;
mod places;
mod problem;
mod serve;
mod tls;
mod upload;

use std::sync::Arc;

pub use accept::{ServerEdge, run_listener};
pub use body::{BodyCut, BodyNotTaken, BodySender, BodyStream, IncomingBody, OutgoingBody};
pub use connect::{Connection, Connector, LinkFault};
pub use cut::Cut;
pub use limits::{ClientDeadlines, EdgeLimits, Rate};
pub use peers::{PeerAlert, PeerGate, PeerRefused};
pub use problem::{RequestId, problem_response};
pub use serve::Handler;
pub use tls::{TlsFault, TlsIdentity};

use crate::clock;
use crate::domain::UnixMillis;

/// The time that certificates are judged by.
#[derive(Clone)]
pub struct EdgeClock(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl EdgeClock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::from_fn(clock::now)
    }

    /// Another clock, for tests and rehearsals.
    pub fn from_fn(now: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    fn now(&self) -> UnixMillis {
        (self.0)()
    }
}
