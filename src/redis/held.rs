//! The claims of this worker, and its results that are not sent yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use crate::Key;

/// How long a task may run before what was claimed behind it is given back.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// A result that is not sent yet.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The task.
    pub key: Key,
    /// Its record.
    pub record: Vec<u8>,
    /// Whether it counts only if the task is still claimed here.
    pub claimed: bool,
}

/// What a worker holds.
#[derive(Debug, Default)]
pub struct Held {
    /// When each claimed task was started that is.
    claims: HashMap<Key, Option<Instant>>,
    unstarted: usize,
    last_started: Option<Key>,
    /// Results in the order in which they were made.
    pub pending: Vec<Pending>,
    /// How many bytes they have.
    pub pending_bytes: usize,
    /// When the oldest of them was made.
    pub pending_since: Option<Instant>,
}

impl Held {
    /// Takes note of a claim; false if it was there before.
    pub fn add(&mut self, key: Key) -> bool {
        let Entry::Vacant(place) = self.claims.entry(key) else { return false };
        place.insert(None);
        self.unstarted += 1;
        true
    }

    /// Says that a claimed task starts: false if it is not claimed any more.
    pub fn start(&mut self, key: Key) -> bool {
        let Some(started) = self.claims.get_mut(&key) else { return false };
        if started.replace(Instant::now()).is_none() {
            self.unstarted -= 1;
        }
        self.last_started = Some(key);
        true
    }

    /// Takes note that a claim has ended; whether there was one.
    pub fn end(&mut self, key: &Key) -> bool {
        let was = self.claims.remove(key);
        if was == Some(None) {
            self.unstarted -= 1;
        }
        was.is_some()
    }

    /// Takes note that all claims have ended.
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
    pub fn push(&mut self, result: Pending) {
        self.pending_bytes += result.record.len();
        self.pending_since.get_or_insert_with(Instant::now);
        self.pending.push(result);
    }

    /// The results that have to be sent; whoever takes them sends them, or puts them back.
    pub fn take_pending(&mut self) -> Vec<Pending> {
        self.pending_bytes = 0;
        self.pending_since = None;
        std::mem::take(&mut self.pending)
    }

    /// Puts back what could not be sent, before what came meanwhile.
    pub fn put_back(&mut self, mut results: Vec<Pending>) {
        results.append(&mut self.pending);
        self.pending_bytes = results.iter().map(|it| it.record.len()).sum();
        self.pending_since = (!results.is_empty()).then(Instant::now);
        self.pending = results;
    }

    /// Ends the claims on tasks that were not started, which are returned, if the one that runs takes long.
    /// Otherwise how long from now it will be long, if anything waits for it.
    pub fn give_back(&mut self, now: Instant) -> Result<Vec<Key>, Option<Duration>> {
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

    /// Ends the claims on tasks that were not started, and returns them.
    pub fn drop_unstarted(&mut self) -> Vec<Key> {
        let waiting = self.claims.iter().filter(|(_, started)| started.is_none());
        let waiting: Vec<Key> = waiting.map(|(key, _)| *key).collect();
        for key in &waiting {
            self.end(key);
        }
        waiting
    }
}
