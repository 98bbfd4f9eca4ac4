//! The integration tests, one binary: each module here is a subject, each test a sentence.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests stop at the first surprise")]

#[cfg(feature = "server")]
mod audit;
mod back_dating;
mod chain;
mod cosignatures;
#[cfg(feature = "server")]
mod enrolment;
#[cfg(feature = "server")]
mod evidence;
#[cfg(feature = "server")]
mod exchange;
#[cfg(feature = "server")]
mod exchange_directory;
#[cfg(feature = "server")]
mod exchange_documents;
#[cfg(feature = "server")]
mod exchange_faults;
#[cfg(feature = "server")]
mod exchange_limits;
#[cfg(feature = "server")]
mod exchange_world;
#[cfg(feature = "server")]
mod gate;
#[cfg(feature = "server")]
mod go_verifier;
#[cfg(feature = "server")]
mod inspections;
mod layering;
mod net;
mod policy;
#[cfg(feature = "server")]
mod rebuild;
#[cfg(feature = "server")]
mod rewriting;
mod seal;
mod sign;
mod statements;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod store_faults;
#[cfg(feature = "server")]
mod story;
#[cfg(feature = "server")]
mod story_hand;
#[cfg(feature = "server")]
mod story_keys;
#[cfg(feature = "server")]
mod story_machines;
#[cfg(feature = "server")]
mod story_recovery;
#[cfg(feature = "server")]
mod story_slips;
#[cfg(feature = "server")]
mod story_unlock;
#[cfg(feature = "server")]
mod story_witnesses;
#[cfg(feature = "server")]
mod story_world;
#[cfg(feature = "server")]
mod tampering;
mod tlog;
mod trust_acts;
mod trust_cases;
mod trust_directory;
mod trust_replacement;
mod trust_slips;
mod trust_world;
mod witness;
