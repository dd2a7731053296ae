//! Releasing claims made by hard links: their names go away in the background, many in a row.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::Link;
use super::generations::{Generation, Generations};
use super::quiescence::{DirProbe, MANY, WaitLimit};
use crate::os::Modified;
use crate::{Key, Result};

/// How many names are removed before the background thread does its other jobs.
const AT_A_TIME: usize = 64;
/// How long after a claim was given back it is looked whether its name can go away.
const WAIT: Duration = Duration::from_millis(10);
impl Link {
    /// Removes a name that this process made. Whenever that happens, nobody else's claim has this name.
    pub(super) fn remove_name(&self, path: PathBuf) {
        match self.fs().unlink(&path) {
            // Also where the server is said to have forgotten something: should the name be there, it would hold the
            // task as long as this process lives.
            Err(error) if error.kind() != ErrorKind::NotFound => _ = self.state().leftover.insert(path),
            _ => {}
        }
    }

    pub(super) fn remove_names(&self, names: &[(Key, Generation)]) {
        for (key, generation) in names {
            self.remove_name(self.generations.path(*generation, key));
        }
    }

    /// Removes released names whose records are on disk, all of them or those that others need; whether there
    /// are more.
    pub(super) fn remove_released(&self, all: bool, most: usize) -> bool {
        let _names = self.lock_names();
        let durable = self.records.durable();
        let due: Vec<(Key, Generation)> = {
            let mut state = self.state();
            let due = state.released.iter();
            let due = due.filter(|(_, it)| it.after <= durable && (all || it.is_waited_for)).take(most);
            let due: Vec<(Key, Generation)> = due.map(|(key, it)| (*key, it.generation)).collect();
            for (key, _) in &due {
                state.released.remove(key);
            }
            due
        };
        let is_more = due.len() == most;
        self.remove_names(&due);
        is_more
    }

    /// Removes what is due; after how long to do so again, if there is anything.
    pub(super) fn remove_due(&self, now: Instant) -> Option<Duration> {
        if std::mem::take(&mut self.state().expedite) {
            let is_more = self.remove_released(false, AT_A_TIME);
            let mut state = self.state();
            state.expedite |= state.released.values().any(|it| it.is_waited_for);
            if is_more {
                return Some(Duration::ZERO);
            }
        }
        let (due, is_begun, expedite) = {
            let state = self.state();
            (state.remove_at, state.removing, state.expedite)
        };
        let expedite = expedite.then_some(WAIT);
        let Some(left) = due.map(|due| due.saturating_duration_since(now)) else { return expedite };
        if !left.is_zero() {
            return Some(expedite.unwrap_or(left).min(left));
        }
        if !is_begun && let Some(pause) = self.quiescence_pause(WaitLimit::Background) {
            self.state().remove_at = Some(now + pause);
            return Some(expedite.unwrap_or(pause).min(pause));
        }
        let is_more = self.remove_released(true, AT_A_TIME);
        let mut state = self.state();
        state.removing = is_more;
        if is_more {
            return Some(Duration::ZERO);
        }
        state.remove_at = (!state.released.is_empty()).then(|| now + WAIT);
        state.remove_at.map(|_| WAIT)
    }

    /// Whether many names may be removed now; else how long to wait before asking again.
    pub(super) fn quiescence_pause(&self, patience: WaitLimit) -> Option<Duration> {
        let generation = self.generations.busiest()?;
        if self.state().released.len() < MANY {
            return None;
        }
        let chance = self.fs().nonce().map_or(0, |nonce| nonce[0]);
        let mut quiescence = self.quiescence.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = quiescence.wait(&**self.fs(), patience, chance, &(&self.generations, generation));
        // Where this cannot be asked, removing will say what is wrong.
        waited.unwrap_or(None)
    }

    /// Makes room among the names of the worker's file: all released claims go.
    pub(super) fn release_all_deferred(&self) -> Result<()> {
        self.records.publish()?;
        let due: Vec<(Key, Generation)> = std::mem::take(&mut self.state().released)
            .into_iter()
            .map(|(key, it)| (key, it.generation))
            .collect();
        self.remove_names(&due);
        Ok(())
    }

    pub(super) fn take_leftover(&self) -> Vec<PathBuf> {
        std::mem::take(&mut self.state().leftover).into_iter().collect()
    }

    pub(super) fn try_again_later(&self, path: PathBuf) {
        self.state().leftover.insert(path);
    }
}

impl DirProbe for (&Generations, Generation) {
    fn remembered(&self) -> Result<Modified> {
        self.0.remembered(self.1)
    }

    fn modified(&self) -> Result<Modified> {
        self.0.modified(self.1)
    }

    fn list(&self) {
        let _listed = self.0.claims(self.1);
    }
}
