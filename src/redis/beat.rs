//! The jobs of the background thread: sending what waits, giving back what is held up, and the heartbeat.

use std::time::{Duration, Instant};

use super::link::Hasty;
use super::resp::Commands;
use super::script::{ALIVE, WORKERS};
use super::{BEATS, Redis};
use crate::background::Periodic;
use crate::os::pid;
use crate::{Key, Result};

/// When the server is away, how long to wait before it is tried again.
const AGAIN: Duration = Duration::from_millis(500);

impl Periodic for Redis {
    fn poll(&self, now: Instant) -> Option<Duration> {
        if self.pid != pid::id() {
            return None;
        }
        [self.write(now), self.give_back(now), self.beat(now)].into_iter().flatten().min()
    }
}

impl Redis {
    /// Sends results that waited long enough, for the task that runs now may take long.
    fn write(&self, now: Instant) -> Option<Duration> {
        let due = self.mind().write_due()?;
        if now < due {
            return Some(due - now);
        }
        // An error is told by whoever sends next in the foreground: nothing is lost meanwhile.
        let sent = self.flush_over(&Hasty, &self.side);
        sent.err().map(|_| AGAIN)
    }

    /// Ends claims on tasks that wait behind a long one.
    fn give_back(&self, now: Instant) -> Option<Duration> {
        let waiting = {
            let mut mind = self.mind();
            if mind.closed {
                return None;
            }
            match mind.held.give_back(now) {
                Ok(waiting) => waiting,
                Err(pause) => return pause,
            }
        };
        self.let_go(waiting).err()
    }

    fn let_go(&self, keys: Vec<Key>) -> Result<(), Duration> {
        self.release_there(&Hasty, &self.side, &keys).map_err(|_| {
            // They were not started, and can be given back once more.
            let mut mind = self.mind();
            for key in keys {
                mind.held.add(key);
            }
            AGAIN
        })
    }

    /// Says that this worker lives.
    fn beat(&self, now: Instant) -> Option<Duration> {
        let lifetime = self.address().lifetime;
        let pause = lifetime / BEATS;
        let (facts, due) = {
            let mind = self.mind();
            if mind.closed {
                return None;
            }
            (mind.facts.clone()?, mind.beaten + pause)
        };
        if now < due {
            return Some(due - now);
        }
        let (alive, lifetime) = ([ALIVE, &self.me].concat(), lifetime.as_millis().to_string());
        let commands = Commands::new()
            .and_words(["EXISTS", &alive])
            .and_words(["SET", &alive, "", "PX", &lifetime])
            .and_words(["HSET", WORKERS, &self.me, &facts]);
        let Ok(replies) = self.side.ask(&Hasty, &commands) else { return Some(AGAIN) };
        self.mind().beaten = Instant::now();
        if replies.first().is_none_or(|was| was.number() == 0) {
            // It was taken for dead: what it did not start yet, another one may have by now.
            let waiting = self.mind().held.drop_unstarted();
            let _ended = self.let_go(waiting);
        }
        Some(pause)
    }
}
