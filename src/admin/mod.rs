//! The operator's work on a server that is not running: making it, verifying all that it stores, rebuilding its
//! indexes from its logs.
//!
//! It holds the log keys and the TLS key, never a key of a member or an authority.
//!
//! ```text
//! elchi.toml           the configuration, see config/server.example.toml
//! tls.key .pem         the server's TLS key; clients pin its public half by their policy
//! events.key           log keys, C2SP signed-note form
//! directory.key
//! roots/KG.pem …       each state's root
//! witnesses/*.json     the sheets of the witnesses that are asked
//! guard/head           the guard file: outside the database and its backups
//! data/                the store (data/fresh/ while it is verified or rebuilt)
//! server-sheet.json    for each registrar
//! ```

mod config;
mod fault;
mod init;
mod rebuild;
mod verify;

pub use config::{LoadedServer, ServerConfig, load_server};
pub use fault::AdminFault;
pub use init::{NewServer, init_server};
pub use rebuild::{RebuildMode, RebuildReport, rebuild_server};
pub use verify::{StorageReport, verify_server};
