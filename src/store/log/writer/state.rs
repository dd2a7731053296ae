//! What a writer keeps: the segment, and bytes that are not safe yet.

use std::collections::VecDeque;
use std::time::Instant;

use crate::jugdir::Event;
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
    /// What was appended since others had news.
    pub(super) unnoted: Unnoted,
}

/// What was appended, in order, as far as others have no news of it. All numbers count from the beginning.
#[derive(Debug, Default)]
pub(super) struct Unnoted {
    events: VecDeque<Event>,
    noted: u64,
    /// How many of all are in the file, and how many on disk.
    written: u64,
    durable: u64,
}

impl Unnoted {
    pub(super) fn add(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// All of them are in the file.
    pub(super) fn wrote(&mut self) {
        self.written = self.noted + self.events.len() as u64;
    }

    /// How many are in the file.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// So many are on disk.
    pub(super) fn synced(&mut self, written: u64) {
        self.durable = self.durable.max(written);
    }

    /// What is on disk; others have news of it from now on.
    pub(super) fn take(&mut self) -> Vec<Event> {
        let new = usize::try_from(self.durable.saturating_sub(self.noted)).unwrap_or(usize::MAX);
        let events: Vec<Event> = self.events.drain(..new.min(self.events.len())).collect();
        self.noted += events.len() as u64;
        events
    }
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
