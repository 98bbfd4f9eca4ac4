//! # Elchi
//!
//! *Elçi*, *элчи*: envoy. Elchi carries mutual legal assistance requests, evidence and answers between
//! the authorities of states that need not trust each other's computers, nor the one in the middle.
//!
//! ```text
//!  Bishkek workstation                        the server                    Ankara workstation
//!  cli ── client ── seal, sign ── net ══ TLS ══ net ── server ── exchange ── store     (the same)
//!                                                 │      tlog ──┘   (rows, blobs)
//!                                                 └── net ══ TLS ══ witness KG, witness TR
//! ```
//!
//! Modules stand in layers; each imports only from layers below it (`tests/layering.rs` holds the table
//! and enforces it).

#[cfg(feature = "server")]
pub mod admin;
pub mod audit;
pub mod cli;
pub mod client;
pub mod clock;
pub mod crypto;
#[cfg(feature = "server")]
pub mod demo;
pub mod domain;
pub mod durable;
#[cfg(feature = "server")]
pub mod exchange;
pub mod mla;
pub mod net;
pub mod registrar;
pub mod seal;
#[cfg(feature = "server")]
pub mod server;
pub mod settings;
pub mod sign;
#[cfg(feature = "server")]
pub mod store;
pub mod telemetry;
pub mod tlog;
pub mod trust;
pub mod wire;
pub mod witness;
