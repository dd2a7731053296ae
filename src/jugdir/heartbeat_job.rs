//! What the background thread does for a jugdir: heartbeats, looking at other workers, and news for them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{ClaimMode, Jugdir, Worker};
use crate::background::Periodic;

/// In link mode: beats the heart of this process's worker, looks at the others, and gives them news. In posix mode the worker itself
/// is the job.
impl Periodic for Jugdir {
    fn poll(&self, now: Instant) -> Option<Duration> {
        let mut worker = self.registered().filter(|worker| worker.is_here())?;
        if self.left.load(Ordering::Acquire) || !matches!(self.claim_mode(), Ok(ClaimMode::Link)) {
            return None;
        }
        let news = self.news.give(now);
        let glance = self.detector.glance(now);
        self.offer_lifeline(&worker);
        let sooner = |pause: Duration| [news, glance].into_iter().flatten().chain([pause]).min();
        if let Some(left) = self.detector.due(now) {
            return sooner(left);
        }
        if worker.is_lost() {
            // A process that only waits claims nothing, and would not register again by itself: but what it waits for may
            // be the death of another, which only those see who are in touch.
            worker = self.worker().unwrap_or(worker);
        }
        let in_touch = worker.renew_lease();
        // What cannot be seen now is looked at again later.
        let _looked = self.detector.poll(now, in_touch);
        self.offer_lifeline(&worker);
        if self.detector.tombstones().contains(worker.id()) {
            worker.expire();
        }
        sooner(self.detector.due(now).unwrap_or(self.detector.timing().heartbeat))
    }
}

impl Jugdir {
    /// Has those in containers on this kernel learn at once when this process ends, if there are any.
    fn offer_lifeline(&self, worker: &Worker) {
        if self.detector.is_beside_others() {
            worker.offer_lifeline();
            if self.left.load(Ordering::Acquire) {
                // Who left meanwhile may have done so before there was one.
                worker.unlink_identity();
            }
        }
    }
}
