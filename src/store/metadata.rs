//! What is reported about the store's own work.

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
