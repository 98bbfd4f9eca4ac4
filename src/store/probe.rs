//! The seam for the fault table: every step that makes something durable can be made to fail, before it
//! happens or after it is on disk. Production uses the probe that never does.

/// A step that makes something durable, in the order of an upload's and an act's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The row of a new upload.
    CreateUpload,
    /// A segment's file finished, synced, and its name made durable.
    FinishSegment,
    /// The row that says how far an upload is, or that it is complete.
    RecordUpload,
    /// The row that gives an upload up.
    DoomUpload,
    /// A doomed upload's bytes removed.
    RemoveUpload,
    /// A doomed upload's row removed.
    ForgetUpload,
    /// The segments of claimed uploads moved into the database.
    IngestSegments,
    /// The one batch of an act.
    WriteCommit,
    /// The guard file, after any counted write.
    WriteGuard,
    /// The row that says that a rebuild is under way.
    MarkRebuild,
    /// The families of rows that can be folded dropped.
    DropFolded,
    /// A batch of fresh rows.
    WriteFresh,
    /// The row that says that a rebuild is under way removed.
    FinishRebuild,
}

impl Step {
    /// Those of a server's work.
    pub const WORK: [Step; 9] = [
        Step::CreateUpload,
        Step::FinishSegment,
        Step::RecordUpload,
        Step::DoomUpload,
        Step::RemoveUpload,
        Step::ForgetUpload,
        Step::IngestSegments,
        Step::WriteCommit,
        Step::WriteGuard,
    ];

    /// Those that only a rebuild takes, in their order.
    pub const REBUILD: [Step; 4] = [Step::MarkRebuild, Step::DropFolded, Step::WriteFresh, Step::FinishRebuild];
}

/// On which side of its effect a step is made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing has happened yet.
    Before,
    /// It is on disk, but the caller is told that it failed.
    AfterPersisting,
}

/// A failure that a probe made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProbedFailure {
    /// What the disk answers when nobody knows what it has written.
    #[error("the probe failed this step")]
    Failed,
    /// What it answers when there is no room.
    #[error("the probe found no room for this step")]
    Full,
}

/// Decides which steps fail.
pub trait StepProbe: Send + Sync {
    /// Called on both sides of each step.
    ///
    /// # Errors
    /// When the step is to fail here.
    fn pass(&self, step: Step, moment: Moment) -> Result<(), ProbedFailure>;
}

/// Lets everything pass.
pub(super) struct NoProbe;

impl StepProbe for NoProbe {
    fn pass(&self, _: Step, _: Moment) -> Result<(), ProbedFailure> {
        Ok(())
    }
}
