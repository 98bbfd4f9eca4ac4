//! A state's own desk: its certificate authority, enrolment, directory entries, policy.
//!
//! The only module that names rcgen. It never speaks for another state.

mod ca;

pub use ca::{CaFault, StateCa, Validity, generate_key, issue_server_certificate};
