//! The claims of this worker, and its results that are not sent yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use crate::Key;

/// How long a task may run before the tasks that were claimed behind it are released.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// A result that is not sent yet.
#[derive(Clone, Debug)]
pub struct UnsentResult {
    /// The task.
    pub key: Key,
    /// Its record.
    pub record: Vec<u8>,
    /// Whether it counts only if the task is still claimed here.
    pub claimed: bool,
}

/// What a worker holds.
#[derive(Debug, Default)]
pub struct InFlight {
    /// When each claimed task was started; `None` if it was not.
    claims: HashMap<Key, Option<Instant>>,
    unstarted: usize,
    last_started: Option<Key>,
    /// Results in the order in which they were made.
    pub unsent: Vec<UnsentResult>,
    /// How many bytes they have.
    pub unsent_bytes: usize,
    /// When the oldest of them was made.
    pub unsent_since: Option<Instant>,
}

impl InFlight {
    /// Records a claim; false if there was one already.
    pub fn add(&mut self, key: Key) -> bool {
        let Entry::Vacant(place) = self.claims.entry(key) else { return false };
        place.insert(None);
        self.unstarted += 1;
        true
    }

    /// Records that a claimed task starts; false if it is not claimed any more.
    pub fn start(&mut self, key: Key) -> bool {
        let Some(started) = self.claims.get_mut(&key) else { return false };
        if started.replace(Instant::now()).is_none() {
            self.unstarted -= 1;
        }
        self.last_started = Some(key);
        true
    }

    /// Removes a claim; whether there was one.
    pub fn end(&mut self, key: &Key) -> bool {
        let was = self.claims.remove(key);
        if was == Some(None) {
            self.unstarted -= 1;
        }
        was.is_some()
    }

    /// Removes all claims.
    pub fn end_all(&mut self) {
        self.claims.clear();
        self.unstarted = 0;
    }

    /// All claims.
    pub fn keys(&self) -> Vec<Key> {
        self.claims.keys().copied().collect()
    }

    /// Whether there are no claims.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// How many claims there are.
    pub fn len(&self) -> usize {
        self.claims.len()
    }

    /// Adds a result that has to be sent.
    pub fn push(&mut self, result: UnsentResult) {
        self.unsent_bytes += result.record.len();
        self.unsent_since.get_or_insert_with(Instant::now);
        self.unsent.push(result);
    }

    /// Takes the results that have to be sent. A caller that cannot send them puts them back.
    pub fn take_unsent(&mut self) -> Vec<UnsentResult> {
        self.unsent_bytes = 0;
        self.unsent_since = None;
        std::mem::take(&mut self.unsent)
    }

    /// Puts back what could not be sent, before what came meanwhile.
    pub fn put_back(&mut self, mut results: Vec<UnsentResult>) {
        results.append(&mut self.unsent);
        self.unsent_bytes = results.iter().map(|it| it.record.len()).sum();
        self.unsent_since = (!results.is_empty()).then(Instant::now);
        self.unsent = results;
    }

    /// Removes and returns the claims on tasks that were not started, if the one that runs takes long.
    ///
    /// # Errors
    /// Otherwise, how long from now that will be the case; `None` if every claimed task was started.
    pub fn take_overdue(&mut self, now: Instant) -> Result<Vec<Key>, Option<Duration>> {
        if self.unstarted == 0 {
            return Err(None);
        }
        let running_since = self.last_started.and_then(|key| *self.claims.get(&key)?);
        let due = running_since.unwrap_or(now) + PATIENCE;
        if now < due {
            return Err(Some(due - now));
        }
        Ok(self.drop_unstarted())
    }

    /// Removes and returns the claims on tasks that were not started.
    pub fn drop_unstarted(&mut self) -> Vec<Key> {
        let waiting = self.claims.iter().filter(|(_, started)| started.is_none());
        let waiting: Vec<Key> = waiting.map(|(key, _)| *key).collect();
        for key in &waiting {
            self.end(key);
        }
        waiting
    }
}
