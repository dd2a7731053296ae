//! Waiting for a moment in which nobody else changes a directory, before many names are removed from it.
//!
//! A client of a network filesystem that removes a name asks the server for the directory and for that name first,
//! unless it knows that nothing changed since it listed the directory. So removing names among others who change the
//! directory takes three times as many requests as removing them alone.

use std::time::{Duration, Instant};

use crate::Result;
use crate::fs::{Host, Modified};

/// From how many names on it is worth while to wait.
pub(super) const MANY: usize = 8;
/// How long nobody must have changed anything: longer than a tick of the server's clock.
const MOMENT: Duration = Duration::from_millis(25);
/// How often at most nobody waits, after it was waited in vain.
const MOST_SKIPPED: u32 = 32;

/// How long it is waited for a quiet moment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// In the background, where only those wait who would run invalidated tasks again, and say so
    /// ([`super::Claims::hurry`]).
    Background,
    /// By a process that is about to end: as long as others need to remove some hundred names.
    Ending,
}

impl Patience {
    /// Where an answer of the server takes so long.
    fn after(self, answer: Duration) -> Duration {
        match self {
            Patience::Background => Duration::from_secs(10),
            Patience::Ending => (answer * 1000).clamp(Duration::from_millis(500), Duration::from_secs(10)),
        }
    }
}

/// What was seen of a directory while waiting.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    since: Option<Instant>,
    seen: Option<(Instant, Modified)>,
    /// How often not to wait at all, because it was in vain the last time; and how often that will be after the
    /// next time in vain.
    skip: u32,
    next_skip: u32,
}

impl Quiet {
    /// `None` if now is the moment, or it was waited for it for as long as `patience`. Else after what time to ask
    /// again; `chance` makes processes differ that ask at the same time, the more the longer an answer takes.
    pub(super) fn wait(
        &mut self,
        clock: &dyn Host,
        patience: Patience,
        chance: u8,
        modified: impl FnOnce() -> Result<Modified>,
    ) -> Result<Option<Duration>> {
        if self.since.is_none() && self.skip > 0 {
            self.skip -= 1;
            return Ok(None);
        }
        let asked = clock.now();
        let modified = modified()?;
        let now = clock.now();
        let answer = now.saturating_duration_since(asked);
        let since = *self.since.get_or_insert(asked);
        if self.seen.is_some_and(|(at, seen)| now >= at + MOMENT && seen == modified) {
            (self.since, self.seen, self.next_skip) = (None, None, 0);
            return Ok(None);
        }
        if now >= since + patience.after(answer) {
            let skip = (2 * self.next_skip).clamp(1, MOST_SKIPPED);
            *self = Quiet { since: None, seen: None, skip, next_skip: skip };
            return Ok(None);
        }
        self.seen = Some((now, modified));
        let spread = (answer / 4).clamp(Duration::from_micros(100), Duration::from_millis(4));
        Ok(Some(MOMENT + spread * u32::from(chance)))
    }
}
