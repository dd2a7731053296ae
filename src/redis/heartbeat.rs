//! The jobs of the background thread: unsent results, claims that a long task holds up, and the heartbeat.

use std::time::{Duration, Instant};

use super::client::NeverWait;
use super::client::resp::Commands;
use super::client::script::{ALIVE, WORKERS};
use super::{Redis, State};
use crate::background::Periodic;
use crate::held_tasks::PATIENCE;
use crate::os::pid;
use crate::{Key, Result};

/// The pause between two tries while the server does not answer.
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl Periodic for Redis {
    fn poll(&self, now: Instant) -> Option<Duration> {
        if self.pid != pid::id() {
            return None;
        }
        [self.flush_if_due(now), self.return_unstarted(now), self.beat(now)].into_iter().flatten().min()
    }
}

impl Redis {
    /// Sends results that are due: the task that runs now may take long.
    fn flush_if_due(&self, now: Instant) -> Option<Duration> {
        let due = self.state().flush_due()?;
        if now < due {
            return Some(due - now);
        }
        // The next call in the foreground sends them too, and reports the error: nothing is lost meanwhile.
        let sent = self.flush_over(&NeverWait, &self.background_client);
        sent.err().map(|_| RETRY_AFTER)
    }

    /// Releases tasks that were claimed behind one that takes long.
    fn return_unstarted(&self, now: Instant) -> Option<Duration> {
        let waiting = {
            let mut state = self.state();
            if state.closed {
                return None;
            }
            match state.held.overdue(now, PATIENCE) {
                Ok(waiting) => state.give_up(waiting),
                Err(pause) => return pause,
            }
        };
        self.release_unstarted(waiting).err()
    }

    fn release_unstarted(&self, keys: Vec<Key>) -> Result<(), Duration> {
        self.release_over(&NeverWait, &self.background_client, &keys).map_err(|_| {
            // They were not started, and can be released later.
            let mut state = self.state();
            for key in keys {
                state.held.add(key);
            }
            RETRY_AFTER
        })
    }

    /// Sends the heartbeat.
    fn beat(&self, now: Instant) -> Option<Duration> {
        let lifetime = self.address().lifetime;
        let pause = self.address().heartbeat_interval();
        let (registration, due) = {
            let state = self.state();
            if state.closed {
                return None;
            }
            (state.registration.clone()?, state.last_heartbeat + pause)
        };
        if now < due {
            return Some(due - now);
        }
        let (alive, lifetime) = ([ALIVE, &self.worker_id].concat(), lifetime.as_millis().to_string());
        let commands = Commands::new()
            .and_words(["EXISTS", &alive])
            .and_words(["SET", &alive, "", "PX", &lifetime])
            .and_words(["HSET", WORKERS, &self.worker_id, &registration]);
        let Ok(replies) = self.background_client.ask(&NeverWait, &commands) else { return Some(RETRY_AFTER) };
        self.state().last_heartbeat = Instant::now();
        if replies.first().is_none_or(|was| was.number() == 0) {
            // It was presumed dead: another worker may have claimed what it did not start yet.
            let waiting = {
                let mut state = self.state();
                let waiting = state.held.waiting();
                state.give_up(waiting)
            };
            let _ended = self.release_unstarted(waiting);
        }
        Some(pause)
    }
}

impl State {
    /// Takes claims for released, before they are.
    fn give_up(&mut self, keys: Vec<Key>) -> Vec<Key> {
        for key in &keys {
            self.held.remove(key);
        }
        keys
    }
}
