//! The tasks that a worker has claimed: which of them run, and when to give back those that wait behind a long one.
//!
//! Tasks are claimed in batches, because one look at the store serves a whole batch. When a task then turns out long,
//! what was claimed behind it would wait for it while other workers idle.

use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use crate::Key;
use crate::key::KeyMap;

/// How long a task may run before what was claimed behind it is given back, where that costs little.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// How far a claimed task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It was not started.
    Claimed,
    /// It runs, since when.
    Running(Instant),
    /// It has ended, when; others may run it as soon as its record is visible.
    Finished(Instant),
}

/// Claimed tasks, and how far each of them is.
#[derive(Debug, Default)]
pub struct HeldTasks {
    phases: KeyMap<Phase>,
    /// How many of them were not started.
    unstarted: usize,
    /// How many of them have ended.
    finished: usize,
    last_started: Option<Key>,
}

impl HeldTasks {
    /// Adds a task that was claimed; false if it is held already.
    pub fn add(&mut self, key: Key) -> bool {
        let Entry::Vacant(place) = self.phases.entry(key) else { return false };
        place.insert(Phase::Claimed);
        self.unstarted += 1;
        true
    }

    /// A held task starts; false if it is not held.
    pub fn start(&mut self, key: &Key, now: Instant) -> bool {
        let Some(phase) = self.phases.get_mut(key) else { return false };
        let before = std::mem::replace(phase, Phase::Running(now));
        self.forget(before);
        self.last_started = Some(*key);
        true
    }

    /// A task ends, if it runs.
    pub fn finish(&mut self, key: &Key, now: Instant) {
        if let Some(phase @ Phase::Running(_)) = self.phases.get_mut(key) {
            *phase = Phase::Finished(now);
            self.finished += 1;
        }
    }

    /// Removes a task; how far it was, if it was held.
    pub fn remove(&mut self, key: &Key) -> Option<Phase> {
        let phase = self.phases.remove(key)?;
        self.forget(phase);
        Some(phase)
    }

    /// How far a task is, if it is held.
    pub fn phase(&self, key: &Key) -> Option<Phase> {
        self.phases.get(key).copied()
    }

    /// All held tasks.
    pub fn keys(&self) -> Vec<Key> {
        self.phases.keys().copied().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.phases.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.phases.is_empty()
    }

    /// How many of them were not started.
    pub fn unstarted(&self) -> usize {
        self.unstarted
    }

    /// How many of them have ended.
    pub fn finished(&self) -> usize {
        self.finished
    }

    /// Those that have ended, and when.
    pub fn finished_since(&self) -> impl Iterator<Item = (Key, Instant)> {
        self.phases.iter().filter_map(|(key, phase)| match phase {
            Phase::Finished(since) => Some((*key, *since)),
            Phase::Claimed | Phase::Running(_) => None,
        })
    }

    /// Whether no other task was started after this one.
    pub fn is_last_started(&self, key: &Key) -> bool {
        self.last_started == Some(*key)
    }

    /// Since when the last started task has been running; `None` if it has ended.
    pub fn running_since(&self) -> Option<Instant> {
        match self.phases.get(&self.last_started?)? {
            Phase::Running(since) => Some(*since),
            Phase::Claimed | Phase::Finished(_) => None,
        }
    }

    /// The tasks that were not started.
    pub fn waiting(&self) -> Vec<Key> {
        let waiting = self.phases.iter().filter(|(_, phase)| **phase == Phase::Claimed);
        waiting.map(|(key, _)| *key).collect()
    }

    /// The tasks that were not started, if one has been running for longer than `patience`.
    ///
    /// # Errors
    ///
    /// Otherwise, how long from now that may be the case; `None` if every held task was started.
    pub fn overdue(&self, now: Instant, patience: Duration) -> Result<Vec<Key>, Option<Duration>> {
        if self.unstarted == 0 {
            return Err(None);
        }
        let due = self.running_since().unwrap_or(now) + patience;
        if now < due { Err(Some(due.duration_since(now))) } else { Ok(self.waiting()) }
    }

    /// Counts one task less in this phase.
    fn forget(&mut self, phase: Phase) {
        match phase {
            Phase::Claimed => self.unstarted -= 1,
            Phase::Finished(_) => self.finished -= 1,
            Phase::Running(_) => {}
        }
    }
}
