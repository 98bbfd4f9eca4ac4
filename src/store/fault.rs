//! What can go wrong, by who has to act.

use std::path::PathBuf;

use crate::domain::{Hash, Tag, UploadId};

/// Ours to fix: the machine's, the disk's or the operator's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// Nothing was acknowledged; it works again by itself when space returns. Reads go on.
    #[error("the disk is full: {at} needs {needed_bytes} free bytes and finds {free_bytes}")]
    Full {
        /// What was refused.
        at: &'static str,
        /// How much must be free.
        needed_bytes: u64,
        /// How much is.
        free_bytes: u64,
    },
    /// The outcome of a write is unknown, or the disk cannot be read. Every further write is refused:
    /// the process must stop, and learn from disk what is there when it starts again.
    #[error("storage failed: {at}: {cause}")]
    Broken {
        /// What was being done.
        at: &'static str,
        /// What the storage said.
        cause: String,
    },
    /// What was read does not check: a wrong checksum, or a row that no version of this program wrote.
    #[error("stored data is damaged: {what}: {cause}")]
    Damaged {
        /// Which rows or file.
        what: &'static str,
        /// What does not check.
        cause: String,
    },
}

/// The store did not open. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// Another process has it open.
    #[error("another process has this store open ({0} is locked)\nhint: stop the other server first; two must never write one log")]
    Locked(PathBuf),
    /// A guard file inside the database's folder would be restored with it and guard nothing.
    #[error("the guard file {0} lies inside the store's folder\nhint: keep it elsewhere, outside the folder and outside its backups")]
    GuardInside(PathBuf),
    /// There is a database, but nothing that says how far it must be.
    #[error(
        "there is a database but no guard file {0}\nhint: put back the guard file that belongs to this database; it is never restored from a backup"
    )]
    GuardMissing(PathBuf),
    /// The guard file's own checksums do not match.
    #[error(
        "the guard file {0} is damaged\nhint: check the disk; the logs' heads must be compared with the witnesses and clients before a new one is made"
    )]
    GuardDamaged(PathBuf),
    /// Writes that were acknowledged are not in the database: an old backup, or a lost write-ahead log.
    #[error(
        "the database is behind the guard file: write {database_writes} of {guard_writes}, {database_events} of {guard_events} events\n\
         hint: this is an old copy, or its last writes were lost. Starting it would fork the log. Put back the newest copy; if there is \
         none, the states must agree on how to go on"
    )]
    Behind {
        /// Writes the database knows.
        database_writes: u64,
        /// Writes that were acknowledged.
        guard_writes: u64,
        /// Events in the database.
        database_events: u64,
        /// Events that were acknowledged.
        guard_events: u64,
    },
    /// Both say something, and it is not one history.
    #[error("the guard file and the database do not belong together\nhint: put back the guard file that this database was running with")]
    Disagrees,
    /// A rebuild dropped rows and did not put all of them back.
    #[error(
        "a rebuild of this store's indexes was begun and has not ended\n\
         hint: run `elchi admin rebuild` again, without --check; logs, statements and documents are as they were"
    )]
    RebuildUnfinished,
    /// Storage answered with a fault.
    #[error(transparent)]
    Fault(#[from] StoreFault),
}

/// An upload was refused, or storage failed under it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadFault {
    /// There is none of this id that is this member's; whether it is another's is not said.
    #[error("there is no such upload")]
    Unknown,
    /// It is being written by another request.
    #[error("this upload is being written by another request")]
    Busy,
    /// The member has begun too many.
    #[error("too many uploads were begun and not yet sent")]
    TooMany,
    /// The announced size is zero or above the limit.
    #[error("the size of an upload must be between 1 byte and the limit")]
    Size,
    /// More bytes came than were announced. None of this piece was taken.
    #[error("more bytes came than were announced")]
    Overrun,
    /// Fewer bytes have come than were announced.
    #[error("the upload is not complete")]
    Incomplete,
    /// The digest or the length is not what the statement says.
    #[error("the uploaded bytes are not those of the statement")]
    Mismatch,
    /// A piece failed before; the upload must be opened again, and resumes at its durable offset.
    #[error("the upload was interrupted")]
    Interrupted,
    /// Storage answered with a fault.
    #[error(transparent)]
    Fault(#[from] StoreFault),
}

/// A batch was refused, or storage failed under it. Whatever it was, load the heads again before the next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitFault {
    /// The stored heads are not those that the batch builds on. Nothing was written.
    #[error("the stored heads are not the expected ones")]
    HeadsMoved,
    /// A chain entry does not follow the last of its chain. Nothing was written.
    #[error("an entry does not follow its chain")]
    ChainMoved,
    /// A document of this tag exists. Nothing was written.
    #[error("a document of this tag exists: {0}")]
    DocumentTaken(Tag),
    /// A claimed upload is gone: swept, deleted, or claimed by another batch. Nothing was written.
    #[error("a claimed upload is gone: {0}")]
    UploadGone(UploadId),
    /// A claimed upload's files do not check; it must be sent again. Nothing was written.
    #[error("a claimed upload is damaged: {0}")]
    UploadDamaged(UploadId),
    /// This statement was accepted before. Nothing was written.
    #[error("the statement was accepted before: {0}")]
    AlreadyAccepted(Hash),
    /// The batch contradicts itself or is too large: a fault of the caller. Nothing was written.
    #[error("the batch is inconsistent: {0}")]
    Inconsistent(&'static str),
    /// Storage answered with a fault. `Full`: not acknowledged. `Broken`: the outcome is unknown.
    #[error(transparent)]
    Fault(#[from] StoreFault),
}
