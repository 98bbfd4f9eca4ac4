//! Rows and blobs on disk: the only module that names RocksDB.
//!
//! The store holds no key, signs nothing and decides nothing; it never reads a clock. It keeps what it is
//! given, all of it or nothing, and says so when what it reads back is not what it wrote. It is
//! synchronous: whoever has an async runtime calls it from a thread that may block.
//!
//! ```text
//! folder/db/            RocksDB: one database, its rows by column family (`rows.rs`)
//! folder/uploads/ID/    segments of a bulk upload, until a commit claims them
//! guard file            elsewhere: which write was the last, and the logs' heads after it
//!
//! create_upload ─ open_upload ─ write … write ─ finish ─ claim_upload ─┐
//!                     └ each 64 MiB: segment synced, then recorded     │
//!                                                                      ▼
//! commit:  check ─ ingest segments ─ one synced batch ─ guard file ─ Ok      from here on it is an act
//!                  │                 │                  └ crash: the guard is one behind; open catches up
//!                  │                 └ crash after: all of the act is there
//!                  └ crash after: blobs that no row names; the upload is still claimable, or is swept
//!
//! begin_fresh ─ what the logs make ─ compare_with ─ rebuild_from            an operator's, on a stopped server
//! ```
//!
//! What storage may answer is in [`StoreFault`]: `Full` passes by itself when space returns, `Broken` ends
//! all writing until the process has restarted, `Damaged` names what was read and does not check.

mod blobs;
mod commit;
mod compare;
mod database;
mod fault;
mod fresh;
mod guard;
mod opened;
mod probe;
mod reads;
mod rebuild;
mod rows;
mod segments;
mod settings;
mod uploads;
mod verify;
mod writer;

pub use blobs::BlobReader;
pub use commit::{
    AcceptedStatement, COMMIT_BYTES_MAX, ChainEntry, ClaimedDocument, CommitBatch, LogAppend, NewNode, NewSlip, SlipChange, ViewUpdate,
};
pub use compare::{DifferenceKind, RowDifference, RowName};
pub use fault::{CommitFault, OpenFault, StoreFault, UploadFault};
pub use fresh::{FreshRows, Opener};
pub use opened::Store;
pub use probe::{Moment, ProbedFailure, Step, StepProbe};
pub use reads::{Acceptance, ChainLink, LOAD_ROWS_MAX, LOAD_STATEMENTS_BYTES, StoredStatement};
pub use rows::{Heads, StoredDocument};
pub use settings::StoreSettings;
pub use uploads::{ClaimedUpload, UPLOAD_PREFIX_BYTES, UploadHold, UploadProgress};
pub use verify::{Damage, VerifyProgress};
pub use writer::UploadWriter;
