//! A worker whose file this process has read, and what it knows of it.

use std::sync::Arc;
use std::time::Duration;

use super::lifelines::Line;
use crate::jugdir::identity::Identity;
use crate::jugdir::lease_timing::LeaseTiming;
use crate::os::{File, FileId, Modified};

/// How many heartbeats a worker may leave out before it is worth a word; or, if nobody offers its lifeline, before it is dead.
const BEATS: u32 = 3;

/// A worker whose file was read.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) identity: Option<Arc<Identity>>,
    /// Where there are descriptors to spare; else it is opened at each look.
    pub(super) file: Option<Arc<dyn File>>,
    pub(super) id: FileId,
    pub(super) modified: Modified,
    /// What the time watched was when it was last seen to beat.
    pub(super) since: Duration,
    /// What it was at the last look at the file.
    pub(super) looked: Duration,
    /// Whether it was.
    pub(super) has_beaten: bool,
    pub(super) line: Line,
}

impl Known {
    /// Whether it did not beat for a whole lease, as far as it was looked at.
    pub(super) fn is_quiet(&self, timing: &LeaseTiming) -> bool {
        let lease = if matches!(self.line, Line::Gone) { BEATS * timing.heartbeat } else { timing.lease };
        self.quiet() >= lease
    }

    /// Whether it left out more heartbeats than it may by chance.
    pub(super) fn is_late(&self, timing: &LeaseTiming) -> bool {
        self.quiet() >= BEATS * timing.heartbeat
    }

    /// For how long it was looked at since it last beat.
    pub(super) fn quiet(&self) -> Duration {
        self.looked.saturating_sub(self.since)
    }
}
