//! A state's registrar: its CA, enrolment, directory entries, policy; and the member's
//! side of enrolment.
//!
//! The only module that names rcgen. It never speaks for another state, and never holds a private key
//! of a member or an authority.
//!
//! ```text
//! registrar                      member
//! invite ── invitation.json ──▶  enrol: makes the keys on this machine
//! admit  ◀── enrolment.json ──   (signing requests, public sealing keys, the invitation's token)
//!    directory entries published
//!        ── admission.json ──▶   accept: certificates match the keys, the log has the entry
//! ```

mod ca;
mod enrolment;
mod letters;
mod pinned_tls;
mod policy;
mod state_registrar;
mod witness_rule;

pub use ca::{CaFault, StateCa, Validity, create_request, generate_key, issue_server_certificate, verify_request};
pub use enrolment::{accept, enrol};
pub use letters::{Admission, Enrolment, Invitation, PolicyBundle, load_letter, publish_letter};
pub use pinned_tls::{PinnedTls, make_pinned_tls};
pub use policy::take_policy;
pub use state_registrar::{Seat, StateRegistrar, init_registrar};
pub use witness_rule::{Voter, WitnessRule};
