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
mod quiescence;
mod reaper;
mod release;
mod upkeep_job;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Claims, LiveClaim, WriteProgress};
use crate::background::{Background, Periodic};
use crate::jugdir::{Jugdir, Worker};
use crate::os::{FileSystem, pid};
use crate::{Error, Key, Result};
use generations::{Generation, Generations};
use owner::{Owner, Owners};
use quiescence::WaitLimit;
use release::DeferredReleases;

/// How long a task may run before what was claimed behind it is given back: others learn of that within a second, and
/// each claim that was made in vain costs several requests to the server.
const BATCH_PATIENCE: Duration = Duration::from_secs(1);
/// How long after claims were released without a result a directory is touched, for those who listed it just then.
const NOTIFY_AFTER: Duration = Duration::from_millis(20);

/// Claims in a jugdir, which need not exist before the first one is made.
pub struct Link {
    jugdir: Arc<Jugdir>,
    generations: Arc<Generations>,
    background: Arc<Background>,
    records: Arc<dyn WriteProgress>,
    releases: DeferredReleases,
    owners: Owners,
    state: Mutex<State>,
    pid: u32,
}

#[derive(Default)]
struct State {
    worker: Option<Arc<Worker>>,
    held: BTreeMap<Key, HeldClaim>,
    notify_at: Option<Instant>,
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

impl Link {
    /// Claims in this jugdir, whose records tell when claims may be released. Nothing is created before the first
    /// claim; from then on the background thread beats the worker's heart.
    pub fn new(
        jugdir: Arc<Jugdir>,
        background: Arc<Background>,
        records: Arc<dyn WriteProgress>,
    ) -> Arc<Link> {
        let generations = Arc::new(Generations::new(Arc::clone(jugdir.fs()), jugdir.claims()));
        let (fs, gens) = (Arc::clone(jugdir.fs()), Arc::clone(&generations));
        let releases = DeferredReleases::new(fs, gens, Arc::clone(&records), Arc::clone(jugdir.news()));
        let owners = Owners::new(Arc::clone(&jugdir));
        let link = Arc::new(Link {
            jugdir,
            generations,
            background,
            records,
            releases,
            owners,
            state: Mutex::default(),
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
            let held = std::mem::take(&mut state.held);
            self.releases.give_up(held.into_iter().map(|(key, held)| (key, held.generation)));
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
            self.releases.remove_name(key, held.generation);
            self.background.wake();
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

    /// Whose a claim is.
    fn verified_owner(&self, path: &Path) -> Result<Owner> {
        self.owners.verified(path, self.worker().as_deref())
    }

    /// This process as a worker, if it is one.
    fn worker(&self) -> Option<Arc<Worker>> {
        self.state().worker.clone()
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
        let _names = self.releases.lock_names();
        let mut state = self.state();
        if state.held.contains_key(key) {
            return Ok(false);
        }
        if state.worker.as_ref().is_some_and(|worker| !worker.is_lost())
            && let Some(generation) = self.releases.take_back(key)
        {
            state.held.insert(*key, HeldClaim { generation, is_confirmed: true });
            return Ok(true);
        }
        drop(state);
        self.acquire(key)
    }

    fn confirm(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.check_here()?;
        let _names = self.releases.lock_names();
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
        let Some(held) = state.held.remove(key) else { return Ok(()) };
        // At every moment its name is that of a claim, or of a released one.
        let is_news = self.releases.add(*key, held.generation, after, self.background.now());
        drop(state);
        if is_news {
            self.background.wake();
        }
        Ok(())
    }

    fn release_is_deferred(&self) -> bool {
        true
    }

    fn return_unstarted(&self, key: &Key) -> Result<()> {
        self.release(key)?;
        self.releases.expedite(key);
        self.background.wake();
        Ok(())
    }

    fn patience(&self) -> Duration {
        BATCH_PATIENCE
    }

    fn expedite_releases(&self) {
        self.releases.expedite_all();
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
        let (this, mut listed) = (self.worker(), BTreeSet::new());
        for generation in self.generations.list()? {
            for (key, path) in self.generations.claims(generation)? {
                if let Some(&at) = wanted.get(&key) {
                    claimed[at] |= self.owners.holder(&path, this.as_deref())?.is_some();
                }
                listed.insert(path);
            }
        }
        self.owners.retain(&listed);
        Ok(claimed)
    }

    fn live(&self) -> Result<Vec<LiveClaim>> {
        self.check_here()?;
        let this = self.worker();
        if this.is_none() {
            // Nobody looks for marks in the background.
            self.jugdir.poll_workers()?;
        }
        let mut live = Vec::new();
        for generation in self.generations.list()? {
            for (key, path) in self.generations.claims(generation)? {
                if let Some(worker) = self.owners.holder(&path, this.as_deref())? {
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
        while let Some(pause) = self.releases.quiescence_pause(WaitLimit::Ending) {
            self.fs().sleep(pause);
        }
        let _names = self.releases.lock_names();
        self.releases.remove_all()?;
        self.releases.remove_leftover();
        self.jugdir.news().give_now();
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
