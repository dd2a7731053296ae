//! Releasing claims made by hard links: their names go away in the background, many in a row.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::generations::{Generation, Generations};
use super::quiescence::{DirProbe, MANY, Quiescence, WaitLimit};
use crate::claim::WriteProgress;
use crate::jugdir::{Event, News};
use crate::os::{FileSystem, Modified};
use crate::{Key, Result};

/// How long the names of finished tasks stay, and how many of them: nobody waits for these, and many removals in a
/// row cost less than as many one by one ([`super::quiescence`]).
const LINGER: Duration = Duration::from_secs(30);
const LINGERING: usize = 1024;
/// How many names are removed before the background thread does its other jobs.
const AT_A_TIME: usize = 64;
/// How long after a claim was given back it is looked whether its name can go away.
const WAIT: Duration = Duration::from_millis(10);

/// Claims of this process that were released, and whose names are still there.
pub(super) struct DeferredReleases {
    fs: Arc<dyn FileSystem>,
    generations: Arc<Generations>,
    records: Arc<dyn WriteProgress>,
    news: Arc<News>,
    /// Held while claims are made, or names of this process are removed.
    names: Mutex<()>,
    state: Mutex<State>,
    quiescence: Mutex<Quiescence>,
}

#[derive(Default)]
struct State {
    released: BTreeMap<Key, Released>,
    /// Names that could not be removed yet.
    leftover: BTreeSet<PathBuf>,
    /// When released names go away at the latest.
    remove_at: Option<Instant>,
    /// Whether others need some of them.
    expedite: bool,
    /// Whether they are being removed.
    removing: bool,
}

#[derive(Clone, Copy)]
struct Released {
    generation: Generation,
    /// What [`WriteProgress::durable`] must have reached before the name goes away.
    after: u64,
    /// Whether somebody may wait for it.
    is_waited_for: bool,
}

impl DeferredReleases {
    /// Nothing was released yet. Names stay until what was stored before is on disk, as the records tell.
    pub(super) fn new(
        fs: Arc<dyn FileSystem>,
        generations: Arc<Generations>,
        records: Arc<dyn WriteProgress>,
        news: Arc<News>,
    ) -> DeferredReleases {
        let (names, state, quiescence) = (Mutex::default(), Mutex::default(), Mutex::default());
        DeferredReleases { fs, generations, records, news, names, state, quiescence }
    }

    /// Keeps names of this process from being removed.
    pub(super) fn lock_names(&self) -> MutexGuard<'_, ()> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases a claim once records up to `after` are on disk; whether the background thread has to learn when its name
    /// goes away.
    pub(super) fn add(&self, key: Key, generation: Generation, after: u64, now: Instant) -> bool {
        let mut state = self.state();
        state.released.insert(key, Released { generation, after, is_waited_for: false });
        let first = state.remove_at.is_none();
        let due = state.remove_at.get_or_insert(now + LINGER);
        let is_full = *due > now && state.released.len() == LINGERING;
        if is_full {
            state.remove_at = Some(now);
        }
        first || is_full
    }

    /// Claims again what was released, as long as its name is there: in which generation that is.
    pub(super) fn take_back(&self, key: &Key) -> Option<Generation> {
        self.state().released.remove(key).map(|released| released.generation)
    }

    /// Has the name of a released claim go away as soon as possible.
    pub(super) fn expedite(&self, key: &Key) {
        let mut state = self.state();
        if let Some(released) = state.released.get_mut(key) {
            released.is_waited_for = true;
            state.expedite = true;
        }
    }

    /// Has the names of all released claims go away as soon as possible.
    pub(super) fn expedite_all(&self) {
        let mut state = self.state();
        state.released.values_mut().for_each(|released| released.is_waited_for = true);
        state.expedite = !state.released.is_empty();
    }

    /// Gives up all claims of a worker that is lost, those that it `held` and those that were released: their names are
    /// to be removed one day.
    pub(super) fn give_up(&self, held: impl IntoIterator<Item = (Key, Generation)>) {
        let mut state = self.state();
        let released = std::mem::take(&mut state.released).into_iter();
        let names = held.into_iter().chain(released.map(|(key, it)| (key, it.generation)));
        state.leftover.extend(names.map(|(key, generation)| self.generations.path(generation, &key)));
    }

    /// A name that could not be removed is that of a claim again.
    pub(super) fn keep(&self, path: &Path) {
        self.state().leftover.remove(path);
    }

    /// Takes note of how long it took to make a name.
    pub(super) fn name_took(&self, took: Duration) {
        self.quiescence().made(took);
    }

    /// Removes the name of a claim of this process. Whenever that happens, nobody else's claim has this name.
    pub(super) fn remove_name(&self, key: &Key, generation: Generation) {
        self.remove(self.generations.path(generation, key), Some(*key));
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

    /// Removes released names whose records are on disk, all of them or those that others need; whether there
    /// are more.
    fn remove_released(&self, all: bool, most: usize) -> bool {
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
        for (key, generation) in due {
            self.remove_name(&key, generation);
        }
        is_more
    }

    /// Whether many names may be removed now; else how long to wait before asking again.
    pub(super) fn quiescence_pause(&self, patience: WaitLimit) -> Option<Duration> {
        let generation = self.generations.busiest()?;
        if self.state().released.len() < MANY {
            return None;
        }
        let chance = self.fs.nonce().map_or(0, |nonce| nonce[0]);
        let waited = self.quiescence().wait(&*self.fs, patience, chance, &(&*self.generations, generation));
        // Where this cannot be asked, removing will say what is wrong.
        waited.unwrap_or(None)
    }

    /// Removes the names of all released claims, which makes room among the names of the worker's file.
    pub(super) fn remove_all(&self) -> Result<()> {
        self.records.publish()?;
        let due = std::mem::take(&mut self.state().released);
        for (key, it) in due {
            self.remove_name(&key, it.generation);
        }
        Ok(())
    }

    /// Removes names that could not be removed before, as far as that is possible now.
    pub(super) fn remove_leftover(&self) {
        let leftover = std::mem::take(&mut self.state().leftover);
        for path in leftover {
            self.remove(path, None);
        }
    }

    fn remove(&self, path: PathBuf, key: Option<Key>) {
        match self.fs.unlink(&path) {
            // Also where the server is said to have forgotten something: should the name be there, it would hold the
            // task as long as this process lives.
            Err(error) if error.kind() != ErrorKind::NotFound => _ = self.state().leftover.insert(path),
            _ => _ = self.news.note([key.map_or(Event::Other, Event::Released)]),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quiescence(&self) -> MutexGuard<'_, Quiescence> {
        self.quiescence.lock().unwrap_or_else(PoisonError::into_inner)
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
