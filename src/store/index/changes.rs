//! Which keys have another state than when somebody last asked.

use std::collections::HashMap;

use super::Index;
use super::version::{Resolved, same};
use crate::Key;
use crate::result_store::State;

impl Index {
    /// The keys that [`Index::take_changes`] would look at.
    pub fn changing(&self) -> Vec<Key> {
        self.changes.iter().flat_map(HashMap::keys).copied().collect()
    }

    /// From now on, remembers which keys change.
    pub fn track_changes(&mut self) {
        self.changes = Some(HashMap::new());
    }

    /// What changed since the last call: each key with its state now. A result in the place of another one is a
    /// change too, since the old value may be in memory; and so is a failure, whose report may be the one after
    /// which the task is not tried again.
    pub fn take_changes(&mut self) -> Vec<(Key, State)> {
        let Some(changes) = self.changes.replace(HashMap::new()) else { return Vec::new() };
        let now = changes.into_iter().map(|(key, before)| (key, before, self.known(&key)));
        let others = now.filter(|(_, before, now)| !same(before, now));
        others.map(|(key, _, (state, _))| (key, state)).collect()
    }

    /// Runs `act` on a key and notes what was known before it, if that is different afterwards.
    pub(super) fn change(&mut self, key: Key, act: impl FnOnce(&mut Index, Key)) {
        if self.changes.is_none() {
            return act(self, key);
        }
        let before = self.known(&key);
        act(self, key);
        if !same(&self.known(&key), &before)
            && let Some(changes) = &mut self.changes
        {
            changes.entry(key).or_insert(before);
        }
    }

    pub(super) fn known(&self, key: &Key) -> Resolved {
        let state = self.state(key);
        let record = match state {
            State::Result => self.best_result(key),
            State::Failed => self.extras.get(key).and_then(|extra| extra.failure),
            State::Absent => None,
        };
        (state, record)
    }
}
