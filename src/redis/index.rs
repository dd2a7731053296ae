//! What this process knows of the store: which keys have results or failures, and which changed since the last
//! call to [`Index::take_changes`].

use std::collections::{HashMap, HashSet};

use super::client::resp::Reply;
use crate::Key;
use crate::result_store::State;

/// The state of the store after an event.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The number of the event; 0: there was none yet.
    pub last: u64,
    /// Keys with results.
    pub results: HashSet<Key>,
    /// Keys that failed, and whether they stay failed.
    pub failed: HashMap<Key, bool>,
}

/// Keys with results and failures, up to an event.
#[derive(Debug, Default)]
pub struct Index {
    now: Snapshot,
    changes: Vec<(Key, State)>,
    losses: u64,
}

/// How far [`Index::follow`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// All events were applied.
    Complete,
    /// There may be more.
    Partial,
    /// Events are missing: the index has to be loaded again.
    Gap,
}

impl Index {
    /// Whether a key has a result.
    pub fn contains(&self, key: &Key) -> bool {
        self.now.results.contains(key)
    }

    /// The keys that failed, and whether they stay failed.
    pub fn failed(&self) -> &HashMap<Key, bool> {
        &self.now.failed
    }

    /// Changes whenever a result may have gone that was there.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// All keys with results.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.now.results.iter()
    }

    /// The number of the last event that was applied, as the id of a stream's entry.
    pub fn last(&self) -> String {
        format!("{}-0", self.now.last)
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Vec<(Key, State)> {
        std::mem::take(&mut self.changes)
    }

    /// Puts changes back: the next call returns them first.
    pub fn restore_changes(&mut self, mut changes: Vec<(Key, State)>) {
        changes.append(&mut self.changes);
        self.changes = changes;
    }

    /// Records a result that this process stored itself.
    pub fn add_own(&mut self, key: Key) {
        self.now.results.insert(key);
        self.now.failed.remove(&key);
    }

    /// Drops a key whose result turned out to be damaged.
    pub fn lose(&mut self, key: Key) {
        if self.now.results.remove(&key) {
            self.losses += 1;
            self.changes.push((key, State::Absent));
        }
    }

    /// Replaces everything by the state after an event, and records what differs.
    pub fn replace(&mut self, now: Snapshot) {
        let before = std::mem::replace(&mut self.now, now);
        self.losses += 1;
        let now = &self.now;
        let lost = before.results.difference(&now.results);
        let cleared = before.failed.keys().filter(|key| !before.results.contains(key));
        let absent =
            lost.chain(cleared.filter(|key| !now.failed.contains_key(key) && !now.results.contains(key)));
        let new = now.results.difference(&before.results);
        // Which of them failed once more, with another report, is not known.
        let failed = now.failed.keys();
        self.changes.extend(absent.map(|key| (*key, State::Absent)));
        self.changes.extend(new.map(|key| (*key, State::Result)));
        self.changes.extend(failed.map(|key| (*key, State::Failed)));
    }

    /// Applies the events from [`Index::last`] on, this one included, if it is there. At most `limit` of them
    /// were asked for.
    pub fn follow(&mut self, entries: Vec<Reply>, limit: usize, worker_id: &str) -> CatchUp {
        let count = entries.len();
        let mut expected = self.now.last;
        for entry in entries {
            let mut entry = entry.list().into_iter();
            let id = entry.next().map(Reply::bytes).unwrap_or_default();
            let fields = entry.next().map(Reply::list).unwrap_or_default();
            // Events are numbered without gaps; 0 stands before the first one and was never one.
            let number = str::from_utf8(&id).ok().and_then(|id| id.strip_suffix("-0")?.parse::<u64>().ok());
            if number != Some(expected) && !(expected == 0 && number == Some(1)) {
                return CatchUp::Gap;
            }
            if number != Some(self.now.last) {
                self.apply(fields, worker_id);
            }
            self.now.last = number.unwrap_or_default();
            expected = self.now.last + 1;
        }
        match count {
            0 if self.now.last > 0 => CatchUp::Gap,
            _ if count >= limit => CatchUp::Partial,
            _ => CatchUp::Complete,
        }
    }

    fn apply(&mut self, fields: Vec<Reply>, worker_id: &str) {
        let mut fields = fields.into_iter().map(Reply::bytes);
        let kind = fields.next().unwrap_or_default();
        let keys = fields.next().unwrap_or_default();
        let is_own = fields.nth(1).is_some_and(|by| by == worker_id.as_bytes());
        for key in keys.chunks_exact(Key::LEN).filter_map(Key::from_slice) {
            match kind.as_slice() {
                b"result" => {
                    let is_new = self.now.results.insert(key);
                    self.now.failed.remove(&key);
                    if is_new || !is_own {
                        self.changes.push((key, State::Result));
                    }
                }
                b"absent" => {
                    self.now.results.remove(&key);
                    self.losses += 1;
                    self.changes.push((key, State::Absent));
                }
                b"failed" | b"kept" => {
                    self.now.failed.insert(key, kind == b"kept");
                    if !is_own {
                        self.changes.push((key, State::Failed));
                    }
                }
                b"cleared" => {
                    self.now.failed.remove(&key);
                    if !self.contains(&key) {
                        self.changes.push((key, State::Absent));
                    }
                }
                _ => {}
            }
        }
    }
}
