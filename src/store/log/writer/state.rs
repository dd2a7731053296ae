//! What a writer keeps: the segment, and bytes that are not safe yet.

use std::time::Instant;

use crate::store::log::active_segment::Log;
use crate::store::metadata::WriteStats;
use crate::{Error, Result};

/// What a writer has under its lock.
pub(super) struct State {
    pub(super) log: Log,
    pub(super) buffer: Vec<u8>,
    pub(super) buffered: Option<Instant>,
    /// Written and not known to be on disk.
    pub(super) undurable: Vec<u8>,
    pub(super) written: Option<Instant>,
    /// A segment of which others may not learn yet, though they list the directory: when to tell them, and how much
    /// was stored before it.
    pub(super) unannounced: Option<(Instant, u64)>,
    /// What went wrong in the background and was not reported yet.
    pub(super) failure: Option<Error>,
    pub(super) closed: bool,
    pub(super) stats: WriteStats,
}

impl State {
    pub(super) fn check(&mut self) -> Result<()> {
        if self.closed {
            return Err(Error::Closed { what: "the store" });
        }
        self.report()
    }

    /// How many bytes of records were appended so far.
    pub(super) fn stored(&self) -> u64 {
        self.stats.bytes + self.buffer.len() as u64
    }

    /// Up to which offset the current segment is known to be on disk.
    pub(super) fn durable_to(&self) -> u64 {
        self.log.end() - (self.buffer.len() + self.undurable.len()) as u64
    }

    pub(super) fn report(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }
}
