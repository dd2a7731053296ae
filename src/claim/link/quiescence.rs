//! Waiting for a moment in which nobody else changes a directory, before many names are removed from it.
//!
//! A client of a network filesystem that removes a name asks the server for the directory and for that name first,
//! unless it knows that nothing changed since it listed the directory. So removing names among others who change the
//! directory takes three times as many requests as removing them alone.

use std::time::{Duration, Instant};

use crate::Result;
use crate::os::{Host, Modified};

/// From how many names on it is worth while to wait.
pub(super) const MANY: usize = 8;
/// How long nobody must have changed anything: longer than a tick of the server's clock.
const MOMENT: Duration = Duration::from_millis(25);
/// Upper bound on how many waits are skipped after one that timed out.
const MOST_SKIPPED: u32 = 32;

/// How long to wait for the directory to be idle.
#[derive(Debug, Clone, Copy)]
pub(super) enum WaitLimit {
    /// In the background, where only those wait who would run invalidated tasks again, and say so
    /// ([`super::Claims::expedite_releases`]).
    Background,
    /// By a process that is about to end: as long as others need to remove a thousand names.
    Ending,
}

impl WaitLimit {
    /// Where to make or to remove a name takes so long.
    fn after(self, name: Duration) -> Duration {
        match self {
            WaitLimit::Background => Duration::from_secs(10),
            WaitLimit::Ending => {
                name.saturating_mul(1000).clamp(Duration::from_millis(500), Duration::from_secs(10))
            }
        }
    }
}

/// The directory.
pub(super) trait DirProbe {
    /// When it was changed, as far as this host knows.
    fn remembered(&self) -> Result<Modified>;
    /// When it was changed: asks the server.
    fn modified(&self) -> Result<Modified>;
    /// Lists it: what is listed need not be looked up one by one, until somebody else changes something.
    fn list(&self);
}

/// What is known of a directory while waiting.
#[derive(Debug, Default)]
pub(super) struct Quiescence {
    since: Option<Instant>,
    /// When the server was asked last, and the time of change that it gave.
    last: Option<(Instant, Modified)>,
    /// How long it took to make a name, and how long to ask when something changed, the last time.
    name: Duration,
    answer: Duration,
    /// How often not to wait at all, because it was in vain the last time; and how often that will be after the
    /// next time in vain.
    skip: u32,
    next_skip: u32,
}

impl Quiescence {
    /// Takes note of how long it took to make a name. What is stored for good takes much longer than what a server
    /// only looks up.
    pub(super) fn made(&mut self, name: Duration) {
        self.name = name;
    }

    /// `None` if the directory is idle or `patience` has elapsed. Else after what time to ask
    /// again; `chance` makes processes differ that ask at the same time, the more the longer an answer takes.
    ///
    /// The server is asked only where this host knows of no change: where another process of the host removes names, an
    /// answer in between would make the host forget that nobody else does.
    pub(super) fn wait(
        &mut self,
        clock: &dyn Host,
        patience: WaitLimit,
        chance: u8,
        look: &impl DirProbe,
    ) -> Result<Option<Duration>> {
        if self.since.is_none() && self.skip > 0 {
            self.skip -= 1;
            return Ok(None);
        }
        let asked = clock.now();
        let since = *self.since.get_or_insert(asked);
        let known = self.last.map(|(_, before)| Ok((before, look.remembered()?))).transpose()?;
        let mut modified = match known {
            Some((before, here)) if before != here => here,
            _ => {
                let modified = look.modified()?;
                self.answer = clock.now().saturating_duration_since(asked);
                modified
            }
        };
        let now = clock.now();
        if self.last.is_some_and(|(at, before)| now >= at + MOMENT && before == modified) {
            look.list();
            // While that took its time, somebody else may have found the same moment.
            let now = look.modified()?;
            if now == modified {
                (self.since, self.last, self.next_skip) = (None, None, 0);
                return Ok(None);
            }
            modified = now;
        }
        if now >= since + patience.after(self.name) {
            let skip = (2 * self.next_skip).clamp(1, MOST_SKIPPED);
            *self = Quiescence { since: None, last: None, skip, next_skip: skip, ..*self };
            return Ok(None);
        }
        self.last = Some((now, modified));
        let spread = (self.answer / 4).clamp(Duration::from_micros(100), Duration::from_millis(4));
        Ok(Some(MOMENT + spread * u32::from(chance)))
    }
}
