//! What is reported about results and about the store's own work.

/// What a store has written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteStats {
    /// Records, those that were written again not counted.
    pub records: u64,
    /// Bytes of records handed to the operating system.
    pub bytes: u64,
    /// Calls of `write`.
    pub writes: u64,
    /// Calls of `fdatasync`.
    pub syncs: u64,
    /// How often records were written again to a new segment.
    pub replays: u64,
}

/// What is known of the run that gave a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunMetadata {
    /// The task's name; empty where it has none.
    pub name: String,
    /// When it started, in microseconds since the Unix epoch; 0 is "unknown".
    pub started: i64,
    /// How long it ran, in microseconds.
    pub duration: u64,
    /// Attempt number, starting at 1; 0 is "unknown".
    pub attempt: u32,
    /// A fingerprint of its code; 0 is "unknown".
    pub code: u64,
}

/// What is known of a stored result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultInfo {
    /// The run that gave it.
    pub facts: RunMetadata,
    /// The worker that ran it.
    pub worker: String,
    /// Bytes of its value as stored.
    pub size: u64,
}
