//! What the background thread does for a jugdir: heartbeats, and looking at other workers.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{ClaimMode, Jugdir};
use crate::background::Periodic;

/// In link mode: beats the heart of this process's worker, and looks at the others. In posix mode the worker itself
/// is the job.
impl Periodic for Jugdir {
    fn poll(&self, now: Instant) -> Option<Duration> {
        let mut worker = self.registered().filter(|worker| worker.is_here())?;
        if self.left.load(Ordering::Acquire) || !matches!(self.claim_mode(), Ok(ClaimMode::Link)) {
            return None;
        }
        if let Some(left) = self.detector.due(now) {
            return Some(left);
        }
        if worker.is_lost() {
            // A process that only waits claims nothing, and would not register again by itself: but what it waits for may
            // be the death of another, which only those see who are in touch.
            worker = self.worker().unwrap_or(worker);
        }
        let in_touch = worker.renew_lease();
        // What cannot be seen now is looked at again later.
        let _looked = self.detector.poll(now, in_touch);
        if self.detector.tombstones().contains(worker.id()) {
            worker.expire();
        }
        Some(self.detector.due(now).unwrap_or(self.detector.timing().heartbeat))
    }
}
