//! Claims by hard links to the worker's file: for a jugdir that several hosts use.
//!
//! A claim is a name that only one can create. All claims of a worker share one inode, so that one heartbeat
//! refreshes all of them, and the inode tells whose a claim is. A worker that dies leaves its claims behind;
//! a process that meets one ends the generation ([`generations`]) and claims in the next, and the names are swept later.
//!
//! Claims are released in the background, once everything stored before is on disk, and so on the server.

mod acquire;
mod generations;
mod owner;
mod periodic;
mod quiescence;
mod reaper;
mod release;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Claims, LiveClaim, WriteProgress};
use crate::background::{Background, Periodic};
use crate::jugdir::{Jugdir, Worker};
use crate::os::{FileSystem, pid};
use crate::{Error, Key, Result};
use generations::{Generation, Generations};
use quiescence::{Quiescence, WaitLimit};

/// How long the names of finished tasks stay, and how many of them: nobody waits for these, and many removals in a
/// row cost less than as many one by one ([`quiescence`]).
const LINGER: Duration = Duration::from_secs(30);
const LINGERING: usize = 1024;
/// How long a task may run before what was claimed behind it is given back: others learn of that within a second, and
/// each claim that was made in vain costs several requests to the server.
const BATCH_PATIENCE: Duration = Duration::from_secs(1);
/// How long after claims were released without a result a directory is touched, for those who listed it just then.
const NOTIFY_AFTER: Duration = Duration::from_millis(20);

/// Claims in a jugdir, which need not exist before the first one is made.
pub struct Link {
    jugdir: Arc<Jugdir>,
    generations: Generations,
    background: Arc<Background>,
    records: Arc<dyn WriteProgress>,
    /// Held while claims are made, or names of ours are removed.
    names: Mutex<()>,
    state: Mutex<State>,
    quiescence: Mutex<Quiescence>,
    pid: u32,
}

#[derive(Default)]
struct State {
    worker: Option<Arc<Worker>>,
    held: BTreeMap<Key, HeldClaim>,
    released: BTreeMap<Key, Released>,
    /// Names of this process that could not be removed yet.
    leftover: BTreeSet<PathBuf>,
    /// Whose the claims of others are, as of the last look at each.
    owners: BTreeMap<PathBuf, String>,
    /// Claims without contents, and how long this process had watched when it first met each.
    unwritten: BTreeMap<PathBuf, Duration>,
    notify_at: Option<Instant>,
    /// When released names go away at the latest.
    remove_at: Option<Instant>,
    /// Whether others need some of them.
    expedite: bool,
    /// Whether they are being removed.
    removing: bool,
    /// Dead workers whose claims may go: what they had claimed is recorded.
    settled: BTreeSet<String>,
    /// When dead workers were last swept away.
    swept: Option<Instant>,
}

#[derive(Clone, Copy)]
struct HeldClaim {
    generation: Generation,
    is_confirmed: bool,
}

#[derive(Clone, Copy)]
struct Released {
    generation: Generation,
    /// What [`WriteProgress::durable`] must have reached before the name goes away.
    after: u64,
    /// Whether somebody may wait for it.
    is_waited_for: bool,
}

impl Link {
    /// Claims in this jugdir, whose records tell when claims may be released. Nothing is created before the first
    /// claim; from then on the background thread beats the worker's heart.
    pub fn new(
        jugdir: Arc<Jugdir>,
        background: Arc<Background>,
        records: Arc<dyn WriteProgress>,
    ) -> Arc<Link> {
        let generations = Generations::new(Arc::clone(jugdir.fs()), jugdir.claims());
        let (names, state, quiescence) = (Mutex::default(), Mutex::default(), Mutex::default());
        let link = Arc::new(Link {
            jugdir,
            generations,
            background,
            records,
            names,
            state,
            quiescence,
            pid: pid::id(),
        });
        let job: Arc<dyn Periodic> = link.clone();
        link.background.add(&job);
        link
    }

    /// This process as a worker that is in touch. What a worker held that is not in touch any more is given up.
    fn ensure_worker(&self) -> Result<Arc<Worker>> {
        let worker = self.jugdir.worker()?;
        let mut state = self.state();
        if state.worker.as_ref().is_some_and(|known| known.id() == worker.id()) {
            return Ok(worker);
        }
        let lost = state.worker.replace(Arc::clone(&worker));
        if let Some(lost) = lost {
            let held: Vec<(Key, Generation)> = std::mem::take(&mut state.held)
                .into_iter()
                .map(|(key, held)| (key, held.generation))
                .collect();
            let released: Vec<(Key, Generation)> = std::mem::take(&mut state.released)
                .into_iter()
                .map(|(key, it)| (key, it.generation))
                .collect();
            state.leftover.extend(
                held.iter().chain(&released).map(|(key, generation)| self.generations.path(*generation, key)),
            );
            drop(state);
            // Its process lives, so that nobody else could tell.
            if self.jugdir.write_tombstone(lost.id())? {
                self.generations.end(self.generations.newest()?)?;
            }
        } else {
            drop(state);
            let job: Arc<dyn Periodic> = self.jugdir.clone();
            self.background.add(&job);
        }
        self.background.wake();
        Ok(worker)
    }

    /// Removes a claim that did not count.
    fn abandon(&self, key: &Key) {
        let held = self.state().held.remove(key);
        if let Some(held) = held {
            self.remove_name(self.generations.path(held.generation, key));
        }
    }

    /// Has dead workers swept away with the background thread's next round.
    fn reap_soon(&self) {
        self.state().swept = None;
        self.background.wake();
    }

    fn fs(&self) -> &Arc<dyn FileSystem> {
        self.jugdir.fs()
    }

    fn lock_names(&self) -> MutexGuard<'_, ()> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_here(&self) -> Result<()> {
        if self.pid == pid::id() { Ok(()) } else { Err(Error::Forked { what: "the claims" }) }
    }
}

impl Claims for Link {
    fn try_claim(&self, key: &Key) -> Result<bool> {
        self.check_here()?;
        let _names = self.lock_names();
        let mut state = self.state();
        if state.held.contains_key(key) {
            return Ok(false);
        }
        if state.worker.as_ref().is_some_and(|worker| !worker.is_lost())
            && let Some(released) = state.released.remove(key)
        {
            // Its name is still there.
            state.held.insert(*key, HeldClaim { generation: released.generation, is_confirmed: true });
            return Ok(true);
        }
        drop(state);
        self.acquire(key)
    }

    fn confirm(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.check_here()?;
        let _names = self.lock_names();
        let outcome = self.confirm_all(keys);
        if outcome.is_err() {
            self.unconfirmed(keys).iter().for_each(|(key, _)| self.abandon(key));
        }
        outcome?;
        let state = self.state();
        Ok(keys.iter().map(|key| state.held.get(key).is_some_and(|held| held.is_confirmed)).collect())
    }

    fn holds(&self, key: &Key) -> bool {
        let state = self.state();
        state.held.contains_key(key) && state.worker.as_ref().is_some_and(|worker| !worker.is_lost())
    }

    fn release(&self, key: &Key) -> Result<()> {
        self.check_here()?;
        let after = self.records.stored();
        let mut state = self.state();
        if let Some(held) = state.held.remove(key) {
            state
                .released
                .insert(*key, Released { generation: held.generation, after, is_waited_for: false });
            let now = self.background.now();
            let first = state.remove_at.is_none();
            let due = state.remove_at.get_or_insert(now + LINGER);
            let is_full = *due > now && state.released.len() == LINGERING;
            if is_full {
                state.remove_at = Some(now);
            }
            drop(state);
            if first || is_full {
                self.background.wake();
            }
        }
        Ok(())
    }

    fn release_is_deferred(&self) -> bool {
        true
    }

    fn return_unstarted(&self, key: &Key) -> Result<()> {
        self.release(key)?;
        let mut state = self.state();
        if let Some(released) = state.released.get_mut(key) {
            released.is_waited_for = true;
            state.expedite = true;
        }
        drop(state);
        self.background.wake();
        Ok(())
    }

    fn patience(&self) -> Duration {
        BATCH_PATIENCE
    }

    fn expedite_releases(&self) {
        let mut state = self.state();
        state.released.values_mut().for_each(|released| released.is_waited_for = true);
        state.expedite = !state.released.is_empty();
        drop(state);
        self.background.wake();
    }

    fn are_taken(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.check_here()?;
        let mut taken = BTreeSet::new();
        for generation in self.generations.list()? {
            taken.extend(self.generations.claims(generation)?.into_iter().map(|(key, _)| key));
        }
        Ok(keys.iter().map(|key| taken.contains(key)).collect())
    }

    fn is_claimed(&self, key: &Key) -> Result<bool> {
        Ok(self.are_claimed(&[*key])?[0])
    }

    fn are_claimed(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.check_here()?;
        let mut claimed: Vec<bool> = {
            let state = self.state();
            keys.iter().map(|key| state.held.contains_key(key)).collect()
        };
        let mut wanted: BTreeMap<Key, usize> = BTreeMap::new();
        wanted.extend(keys.iter().enumerate().filter(|(at, _)| !claimed[*at]).map(|(at, key)| (*key, at)));
        if wanted.is_empty() {
            return Ok(claimed);
        }
        let mut seen = BTreeSet::new();
        for generation in self.generations.list()? {
            for (key, path) in self.generations.claims(generation)? {
                if let Some(&at) = wanted.get(&key) {
                    claimed[at] |= self.held_by(&path)?.is_some();
                }
                seen.insert(path);
            }
        }
        let mut state = self.state();
        state.owners.retain(|path, _| seen.contains(path));
        state.unwritten.retain(|path, _| seen.contains(path));
        drop(state);
        Ok(claimed)
    }

    fn live(&self) -> Result<Vec<LiveClaim>> {
        self.check_here()?;
        if self.state().worker.is_none() {
            // Nobody looks for marks in the background.
            self.jugdir.poll_workers()?;
        }
        let mut live = Vec::new();
        for generation in self.generations.list()? {
            for (key, path) in self.generations.claims(generation)? {
                if let Some(worker) = self.held_by(&path)? {
                    live.push(LiveClaim::by_worker(&key, worker));
                }
            }
        }
        live.sort_unstable();
        live.dedup_by_key(|claim| claim.id);
        Ok(live)
    }

    fn abandoned(&self) -> Result<Vec<(Key, String)>> {
        self.jugdir.poll_workers()?;
        self.claims_of_dead()
    }

    fn notify_waiters(&self) {
        let mut state = self.state();
        state.notify_at.get_or_insert_with(|| self.background.now() + NOTIFY_AFTER);
    }

    fn drain_releases(&self) -> Result<()> {
        if self.pid != pid::id() || self.state().worker.is_none() {
            return Ok(());
        }
        while let Some(pause) = self.quiescence_pause(WaitLimit::Ending) {
            self.fs().sleep(pause);
        }
        let _names = self.lock_names();
        self.release_all_deferred()?;
        self.take_leftover().into_iter().for_each(|path| self.remove_name(path));
        Ok(())
    }

    fn suspects(&self) -> Result<Vec<(Key, String)>> {
        self.check_here()?;
        if self.jugdir.dead_workers()?.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = self.claims_of_dead()?;
        found.retain(|(key, worker)| self.is_unsettled(worker, key));
        Ok(found)
    }

    fn settle_suspects(&self, workers: &[String]) {
        self.state().settled.extend(workers.iter().cloned());
        self.reap_soon();
    }

    fn sweep(&self) -> Result<usize> {
        self.check_here()?;
        self.jugdir.poll_workers()?;
        self.reap_dead(|_, _| false)
    }
}
