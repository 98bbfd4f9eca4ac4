//! Follow, check, keep evidence, report: for an auditor who trusts neither the server nor this program.
//!
//! What it proves comes from the auditor's own copy of both logs and from signatures; what it writes can be
//! verified again by `verify.sh` with openssl and sha256sum alone. It never sees a document.
//!
//! ```text
//! run_audit ── follow both logs ── scan all leaves ── registers ── cases, replayed ── heads compared ── report
//!           └── something is wrong ── keep_finding: all that this rests on, as it was
//! load_release_log ── who asked for which document of a case, got it, opened it
//! write_evidence ── every statement, signature, certificate, leaf, proof of it ── verify.sh
//! write_bundle ── the same of one case, with all leaves and a page to read, as one ZIP
//! ```

mod bundle;
mod checks;
mod evidence;
mod finding;
mod heads;
mod mirror;
mod page;
mod proven_log;
mod releases;
mod report;
mod writer;

pub use bundle::write_bundle;
pub use checks::run_audit;
pub use evidence::write_evidence;
pub use finding::keep_finding;
pub use mirror::{Mirrored, write_mirror};
pub use releases::{Opening, Release, ReleaseLog, Subject, WholeChain, load_release_log};
pub use report::{AuditReport, AuditedCase, AuditedEvent, Inspected, PendingReplacement, RevokedHolder};
