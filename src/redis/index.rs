//! What this process knows of the store: which keys have results or failures, and what changed since somebody
//! asked.

use std::collections::{HashMap, HashSet};

use super::resp::Reply;
use crate::Key;

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has a result (or another one).
    Result,
    /// Its task failed.
    Failed,
    /// It has no result, or no failure, any more.
    Absent,
}

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
}

/// How far [`Index::follow`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// All events were there.
    All,
    /// There may be more.
    Some,
    /// Events are missing: everything has to be read again.
    Lost,
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

    /// All keys with results.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.now.results.iter()
    }

    /// The number of the last event that was taken in, as the id of a stream's entry.
    pub fn last(&self) -> String {
        format!("{}-0", self.now.last)
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Vec<(Key, State)> {
        std::mem::take(&mut self.changes)
    }

    /// Has changes told once more.
    pub fn put_changes_back(&mut self, mut changes: Vec<(Key, State)>) {
        changes.append(&mut self.changes);
        self.changes = changes;
    }

    /// Takes note of a result that this process stored itself.
    pub fn add_own(&mut self, key: Key) {
        self.now.results.insert(key);
        self.now.failed.remove(&key);
    }

    /// Drops a key whose result turned out to be damaged.
    pub fn lose(&mut self, key: Key) {
        if self.now.results.remove(&key) {
            self.changes.push((key, State::Absent));
        }
    }

    /// Takes in everything anew, as it was after event `last`.
    pub fn replace(&mut self, now: Snapshot) {
        let before = std::mem::replace(&mut self.now, now);
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

    /// Takes in the events from [`Index::last`] on, this one included, if it is there. At most `limit` of them
    /// were asked for.
    pub fn follow(&mut self, entries: Vec<Reply>, limit: usize, me: &str) -> Followed {
        let count = entries.len();
        let mut expected = self.now.last;
        for entry in entries {
            let mut entry = entry.list().into_iter();
            let id = entry.next().map(Reply::bytes).unwrap_or_default();
            let fields = entry.next().map(Reply::list).unwrap_or_default();
            // Events are numbered without gaps; 0 stands before the first one and was never one.
            let number = str::from_utf8(&id).ok().and_then(|id| id.strip_suffix("-0")?.parse::<u64>().ok());
            if number != Some(expected) && !(expected == 0 && number == Some(1)) {
                return Followed::Lost;
            }
            if number != Some(self.now.last) {
                self.take(fields, me);
            }
            self.now.last = number.unwrap_or_default();
            expected = self.now.last + 1;
        }
        match count {
            0 if self.now.last > 0 => Followed::Lost,
            _ if count >= limit => Followed::Some,
            _ => Followed::All,
        }
    }

    fn take(&mut self, fields: Vec<Reply>, me: &str) {
        let mut fields = fields.into_iter().map(Reply::bytes);
        let kind = fields.next().unwrap_or_default();
        let keys = fields.next().unwrap_or_default();
        let is_own = fields.nth(1).is_some_and(|by| by == me.as_bytes());
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
