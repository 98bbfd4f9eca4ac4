//! A witness: cosigns consistent checkpoints, remembers the last. It never sees a statement.
//!
//! Follows C2SP tlog-witness and tlog-cosignature (Ed25519, `cosignature/v1`). It knows nothing of Elchi: any log with an
//! Ed25519 key can be added, and any log can ask. What it says is signed, so its callers need no certificate; TLS keeps
//! others from reading how busy a log is.
//!
//! ```text
//! witness.toml         the configuration
//! witness.key          the key that cosigns, C2SP signed-note form
//! tls.key .pem         its TLS key; servers pin the public half from the sheet
//! logs/4f2a…           one file a log: its key, and the last checkpoint that was cosigned
//! witness-sheet.json   for registrars and for the server's operator
//! ```
//!
//! The order that counts: judge, write the checkpoint to the log's file and sync it, then answer. A crash before the
//! file leaves a witness that has said nothing; one after it leaves a log that asks again and gets its cosignature.
//!
//! The folder `logs` is a witness's whole worth. Whoever restores an old copy of it makes a witness that may cosign a
//! fork: such a witness needs a new key.

mod api;
mod config;
mod init;
mod ledger;

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::net::{EdgeClock, EdgeLimits, ServerEdge, TlsFault, TlsIdentity, run_listener};

pub use config::{LoadedWitness, WitnessConfig, load_witness};
pub use init::{NewWitness, add_log, init_witness};
pub use ledger::{Ledger, Refused, WitnessFault};

use api::{OpenDoor, WitnessApi};

/// Serves a witness on `listener` until `shutdown`.
///
/// # Errors
/// When TLS cannot be set up.
pub async fn run_witness(
    listener: TcpListener,
    identity: TlsIdentity,
    ledger: Arc<Ledger>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), TlsFault> {
    let edge = ServerEdge { identity, limits: EdgeLimits::for_witness(), clock: EdgeClock::system() };
    run_listener(listener, edge, Arc::new(OpenDoor), Arc::new(WitnessApi::new(ledger)), shutdown).await
}
