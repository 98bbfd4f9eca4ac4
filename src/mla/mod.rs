//! What MLA law asks, as data and pure functions: acts, kinds of submissions, the life cycle of a case.
//!
//! Knows neither crypto nor storage. Law is named by article (UNTOC art. 18).
//!
//! ```text
//!            acknowledge          forward                  response inside
//! Submitted ────────────▶ Acknowledged ───▶ ForwardedToCompetent ───▶ Executed
//!                              │                                        │
//!                              └──────── response across the border ────┤
//!                                                                       ▼
//!                                           Closed ◀─── close ────── Responded
//! ```

mod acts;
mod life_cycle;

pub use acts::{Op, RevocationReason, SubmissionKind};
pub use life_cycle::{CaseAct, CaseState, Direction, LIFE_CYCLE, Office, Side, Transition, permit_transition};
