//! What the background thread does for claims by hard links: removing names, notifying, reaping.

use std::time::{Duration, Instant};

use super::Link;
use crate::background::Periodic;

/// How many times as long as between heartbeats a process that waits leaves what others may have left, unless one of them
/// died.
const CALM: u32 = 6;

impl Periodic for Link {
    fn poll(&self, now: Instant) -> Option<Duration> {
        self.state().worker.as_ref().filter(|worker| worker.is_here())?;
        let had_news = self.jugdir.news().is_pending();
        let mut pause = self.releases.remove_due(now);
        if pause == Some(Duration::ZERO) {
            return pause;
        }
        let beat = self.jugdir.timing().heartbeat;
        let is_calm =
            self.jugdir.is_waiting() && self.jugdir.dead_workers().is_ok_and(|dead| dead.is_empty());
        let (notify, sweep) = {
            let mut state = self.state();
            let beat = if is_calm { CALM * beat } else { beat };
            let notify = state.notify_at.take_if(|at| *at <= now).is_some();
            let sweep = state.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= beat);
            if sweep {
                state.swept = Some(now);
            }
            (notify, sweep)
        };
        if notify {
            self.generations.touch_directory();
        }
        if sweep {
            // What cannot be removed now is found again the next time.
            let _swept = self.reap_dead(|worker, key| self.is_unsettled(worker, key));
        }
        // Names went away that others may wait for. The job of the jugdir gives news, and may have had its turn in this round.
        if !had_news && self.jugdir.news().is_pending() {
            pause = Some(Duration::ZERO);
        }
        if let Some(at) = self.state().notify_at {
            let notify = at.saturating_duration_since(now);
            pause = Some(pause.map_or(notify, |pause| pause.min(notify)));
        }
        Some(pause.map_or(beat, |pause| pause.min(beat)))
    }
}
