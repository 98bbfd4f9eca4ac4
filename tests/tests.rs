//! The integration tests, one binary: each module here is a subject, each test a sentence.

mod chain;
mod layering;
mod net;
mod seal;
mod sign;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod store_faults;
mod tlog;
