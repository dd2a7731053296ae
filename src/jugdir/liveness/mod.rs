//! Which workers live, where no lock tells: heartbeats, and the processes of this host.
//!
//! A worker of this host, boot and process namespace lives as long as its process, and one of another container on this kernel
//! until its lifeline is cut ([`lifelines`]). Any other one is dead once
//! its heartbeat has not changed for a whole lease while this process watched and its own heartbeats succeeded.
//! Time is counted by the watcher's own clock from look to look, and a look that comes late (this process was
//! paused, the server was away) counts for no more than two of them. What is found to be dead can be marked as
//! such ([`tombstones`]), for all others to know.
//!
//! A process that waits for others looks at a few of them ([`circle`]), so that what it asks does not depend on how many there
//! are; marks tell it of the rest. Time in which a worker was not looked at says nothing of it.

mod circle;
mod known;
pub(super) mod lifelines;
mod meeting;
mod tombstones;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use circle::nearest;
use known::Known;
use tombstones::Tombstones;

use super::identity::{Identity, ids};
use super::lease_timing::LeaseTiming;
use super::own_workers;
use crate::Result;
use crate::error::IoContext;
use crate::os::ops::is_gone;
use crate::os::{FileId, FileSystem, Modified, PidSpace, Stat, share_of_descriptors};

/// How much longer it takes from look to look for each worker that is watched: many of them must not wear out the
/// server.
const SHARE: Duration = Duration::from_millis(250);
/// Into how many parts descriptors go: for files of workers, lifelines, segments and tasks.
const SHARES: usize = 4;
/// How long after it last asked for news a process counts as one that waits: longer than it takes from one question to
/// the next, `PAUSE` in [`crate::store`]'s waiter.
const WAITING: Duration = Duration::from_secs(3);

/// What is known of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Nothing speaks against its being alive.
    Alive,
    /// It counts as dead. Its process may exist, unable to reach the jugdir.
    Suspected,
    /// Its process has ended.
    Dead,
}

/// The workers of a jugdir, watched by this process.
#[derive(Debug)]
pub(super) struct FailureDetector {
    fs: Arc<dyn FileSystem>,
    workers: PathBuf,
    timing: LeaseTiming,
    /// Where this process is.
    space: OnceLock<PidSpace>,
    /// Whether other hosts may change the directory.
    is_shared: OnceLock<bool>,
    /// Of how many other workers the file and the lifeline may be open.
    most_open: usize,
    tombstones: Tombstones,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    own: Option<String>,
    known: BTreeMap<String, Known>,
    /// How long this process has watched.
    watched: Duration,
    looked: Option<Instant>,
    /// When this process last looked whether other workers came, and when the directory had changed by then.
    glanced: Option<Instant>,
    modified: Option<Modified>,
    /// When this process last had to wait until others had ended something.
    waited: Option<Instant>,
}

/// The other workers that live, as far as a process knows that waits for them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Others {
    /// Their ids.
    pub(crate) alive: BTreeSet<String>,
    /// Whether all of them give news.
    pub(crate) give_news: bool,
    /// Whether all of them are seen to run on this host.
    pub(crate) are_here: bool,
}

impl State {
    fn is_waiting(&self, now: Instant) -> bool {
        self.waited.is_some_and(|waited| now.saturating_duration_since(waited) < WAITING)
    }

    /// What a look at a worker's file says of its heartbeat.
    fn take_heartbeat(&mut self, id: &str, stat: io::Result<Stat>) {
        let watched = self.watched;
        match stat {
            Ok(stat) if stat.links > 0 => {
                let Some(known) = self.known.get_mut(id) else { return };
                known.looked = watched;
                if known.modified != stat.modified {
                    known.modified = stat.modified;
                    known.has_beaten = true;
                    known.since = watched;
                }
            }
            Ok(_) => _ = self.known.remove(id),
            Err(error) if is_gone(&error) => _ = self.known.remove(id),
            // The server does not answer: nothing was learnt.
            Err(_) => {
                if let Some(known) = self.known.get_mut(id) {
                    (known.since, known.looked) = (watched, watched);
                }
            }
        }
    }
}

impl FailureDetector {
    pub(super) fn new(fs: Arc<dyn FileSystem>, workers: PathBuf, timing: LeaseTiming) -> FailureDetector {
        let most_open = share_of_descriptors(&*fs, SHARES);
        let tombstones = Tombstones::new(Arc::clone(&fs), workers.clone());
        FailureDetector {
            fs,
            workers,
            timing,
            space: OnceLock::new(),
            is_shared: OnceLock::new(),
            most_open,
            tombstones,
            state: Mutex::default(),
        }
    }

    pub(super) fn timing(&self) -> LeaseTiming {
        self.timing
    }

    /// From now on, this is the worker of the jugdir in this process.
    pub(super) fn set_own(&self, id: &str) {
        self.state().own = Some(id.to_owned());
    }

    fn is_own(&self, id: &str) -> bool {
        let is_ours = self.state().own.as_deref() == Some(id);
        // Another object may have registered in this process too.
        is_ours || !self.timing.treat_as_remote && own_workers::identity_of(&*self.fs, id).is_some()
    }

    /// What is known of a worker. One without a file is `Suspected`.
    pub(super) fn liveness(&self, id: &str) -> Result<Liveness> {
        if self.is_own(id) {
            return Ok(Liveness::Alive);
        }
        Ok(self.known(id)?.map_or(Liveness::Suspected, |known| self.liveness_of(id, &known)))
    }

    /// What is known of another worker.
    fn liveness_of(&self, id: &str, known: &Known) -> Liveness {
        let is_quiet = known.is_quiet(&self.timing);
        let is_marked = self.tombstones.contains(id);
        match self.has_process(known) {
            Some(false) => Liveness::Dead,
            _ if is_marked => Liveness::Suspected,
            None if is_quiet => Liveness::Suspected,
            Some(true) | None => Liveness::Alive,
        }
    }

    /// Whether a worker's process is seen to run: it is this one, or another one of this host.
    pub(super) fn is_process_running(&self, id: &str) -> Result<bool> {
        Ok(self.is_own(id) || self.known(id)?.and_then(|known| self.has_process(&known)) == Some(true))
    }

    /// Whether this process has watched a worker beat.
    pub(super) fn has_beaten(&self, id: &str) -> bool {
        self.state().known.get(id).is_some_and(|known| known.has_beaten)
    }

    /// For how long this process has watched.
    pub(super) fn observed_for(&self) -> Duration {
        self.state().watched
    }

    /// Who a worker is, if its file can be read.
    pub(super) fn identity(&self, id: &str) -> Result<Option<Arc<Identity>>> {
        Ok(self.known(id)?.and_then(|known| known.identity))
    }

    /// The worker with this file, among those that were seen.
    pub(super) fn with_file(&self, file: FileId) -> Option<String> {
        let state = self.state();
        state.known.iter().find(|(_, known)| known.id == file).map(|(id, _)| id.clone())
    }

    /// How many names a worker's file has; 0 if it is gone.
    pub(super) fn links(&self, id: &str) -> Result<u64> {
        let Some(known) = self.known(id)? else { return Ok(0) };
        let path = self.workers.join(id);
        let Some(file) = known.file else { return Ok(self.read(&path)?.map_or(0, |found| found.stat.links)) };
        match file.fresh_stat() {
            Ok(stat) => Ok(stat.links),
            Err(error) if is_gone(&error) => Ok(0),
            Err(error) => Err(error).context("looking at", path),
        }
    }

    /// Whether it is time for [`FailureDetector::poll`]; else how long until then.
    pub(super) fn due(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        let due = state.looked? + self.pause(&state);
        (now < due).then(|| due.duration_since(now))
    }

    /// Looks at all workers. `in_touch` says whether this process's own heartbeat just succeeded.
    pub(super) fn poll(&self, now: Instant, in_touch: bool) -> Result<()> {
        let names = self.fs.names(&self.workers)?;
        let present: BTreeSet<&str> = ids(&names).collect();
        let mut state = self.state();
        self.tombstones.update(&names);
        state.known.retain(|id, _| present.contains(id.as_str()));
        let mut known: Vec<(String, Known)> =
            state.known.iter().map(|(id, it)| (id.clone(), it.clone())).collect();
        let own = state.is_waiting(now).then(|| state.own.clone().unwrap_or_default());
        drop(state);
        known.retain(|(_, it)| self.has_process(it).is_none());
        if own.as_ref().is_some_and(String::is_empty) {
            // A process that is no worker finds nobody dead: others do, and mark them.
            known.clear();
        } else if let Some(own) = own {
            known.retain(|(id, _)| !self.tombstones.contains(id));
            known = nearest(&own, known, |it| it.is_quiet(&self.timing));
        }
        let look = |(id, it): (String, Known)| {
            let beat = self.beat(&id, &it);
            (id, beat)
        };
        let beats: Vec<_> = known.into_iter().map(look).collect();
        // The time that has passed and the heartbeats in it count at once: who is asked about in between must not find
        // the one without the other.
        let mut state = self.state();
        let passed = self.since_look(&state, now);
        state.looked = Some(now);
        if in_touch {
            state.watched += passed;
        }
        for (id, beat) in beats {
            state.take_heartbeat(&id, beat);
        }
        drop(state);
        self.meet(&names)
    }

    /// From now on this process counts as one that waits.
    pub(super) fn mark_waiting(&self) {
        self.state().waited = Some(self.fs.now());
    }

    /// The other workers that live, after a look.
    pub(super) fn others(&self) -> Others {
        let known: Vec<(String, Known)> = self.state().known.clone().into_iter().collect();
        let mut others = Others { alive: BTreeSet::new(), give_news: true, are_here: true };
        for (id, it) in known {
            if !self.is_own(&id) && self.liveness_of(&id, &it) == Liveness::Alive {
                others.give_news &= it.identity.as_ref().is_some_and(|identity| identity.gives_news);
                others.are_here &= self.has_process(&it) == Some(true);
                others.alive.insert(id);
            }
        }
        others
    }

    /// The workers that do not beat any more and count as alive, because nothing else is known of them; and for how long
    /// each has not.
    pub(super) fn late(&self) -> Vec<(String, Duration)> {
        let known: Vec<(String, Known)> = self.state().known.clone().into_iter().collect();
        let is_late = |id: &str, it: &Known| {
            !self.is_own(id)
                && it.is_late(&self.timing)
                && self.has_process(it).is_none()
                && self.liveness_of(id, it) == Liveness::Alive
        };
        known.into_iter().filter(|(id, it)| is_late(id, it)).map(|(id, it)| (id, it.quiet())).collect()
    }

    /// Whether this process waits for others.
    pub(super) fn is_waiting(&self) -> bool {
        self.state().is_waiting(self.fs.now())
    }

    /// The ids of the workers that have a file and are not alive, after a look.
    pub(super) fn dead(&self) -> Result<Vec<String>> {
        let known: Vec<String> = self.state().known.keys().cloned().collect();
        let mut dead = Vec::new();
        for id in known {
            if self.liveness(&id)? != Liveness::Alive {
                dead.push(id);
            }
        }
        Ok(dead)
    }

    /// The marks of workers that were found dead.
    pub(super) fn tombstones(&self) -> &Tombstones {
        &self.tombstones
    }

    /// Removes what a dead worker without claims left here. See [`Tombstones::remove_worker`].
    pub(super) fn remove_worker(&self, id: &str) -> Result<()> {
        self.tombstones.remove_worker(id, self.liveness(id)? == Liveness::Dead)?;
        self.state().known.remove(id);
        Ok(())
    }

    /// How long it takes from look to look.
    fn pause(&self, state: &State) -> Duration {
        if state.waited.is_some_and(|waited| waited >= state.looked.unwrap_or(waited)) {
            return self.timing.heartbeat;
        }
        let others = u32::try_from(state.known.len()).unwrap_or(u32::MAX);
        self.timing.heartbeat.max(SHARE.min(self.timing.heartbeat).saturating_mul(others))
    }

    /// How long ago the last look was, as far as that counts.
    fn since_look(&self, state: &State, now: Instant) -> Duration {
        let passed = state.looked.map_or(Duration::ZERO, |looked| now.saturating_duration_since(looked));
        passed.min(2 * self.pause(state))
    }

    /// Whether a worker's process exists, if that can be known here.
    fn has_process(&self, known: &Known) -> Option<bool> {
        let identity = known.identity.as_ref().filter(|_| !self.timing.treat_as_remote)?;
        if let Some(is_running) = known.line.has_process() {
            return Some(is_running);
        }
        let space = self.space();
        let other = (identity.boot_id.as_str(), identity.pid_namespace.as_str());
        let is_running = space.is_running(&*self.fs, other, identity.pid, identity.pid_start)?;
        // A worker of this very process would have been found before: that one is not used any more.
        Some(is_running && identity.pid != self.fs.process().pid)
    }

    fn space(&self) -> &PidSpace {
        self.space.get_or_init(|| PidSpace::of(&*self.fs))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
