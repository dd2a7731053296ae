//! Which workers live, where no lock tells: heartbeats, and the processes of this host.
//!
//! A worker of this host, boot and process namespace lives as long as its process. Any other one is dead once
//! its heartbeat has not changed for a whole lease while this process watched and its own heartbeats succeeded.
//! Time is counted by the watcher's own clock from look to look, and a look that comes late (this process was
//! paused, the server was away) counts for no more than two of them. What is found to be dead can be marked as
//! such ([`tombstones`]), for all others to know.

mod tombstones;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tombstones::Tombstones;

use super::identity::{Identity, ids};
use super::lease_timing::LeaseTiming;
use super::own_workers;
use crate::Result;
use crate::error::IoContext;
use crate::os::ops::{SMALL, is_gone};
use crate::os::{File, FileId, FileSystem, Modified, PidSpace, Stat};

/// How much longer it takes from look to look for each worker that is watched: many of them must not wear out the
/// server.
const SHARE: Duration = Duration::from_millis(250);

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
}

/// A worker whose file was opened.
#[derive(Debug, Clone)]
struct Known {
    identity: Option<Arc<Identity>>,
    file: Arc<dyn File>,
    id: FileId,
    modified: Modified,
    /// What [`State::watched`] was when it was last seen to beat.
    since: Duration,
    /// Whether it was.
    has_beaten: bool,
}

/// A worker's file, open, and what it says.
struct Found {
    file: Arc<dyn File>,
    stat: Stat,
    bytes: Vec<u8>,
}

impl State {
    /// What a look at a worker's file says of its heartbeat.
    fn take_heartbeat(&mut self, id: &str, stat: io::Result<Stat>) {
        let watched = self.watched;
        match stat {
            Ok(stat) if stat.links > 0 => {
                if let Some(known) = self.known.get_mut(id).filter(|known| known.modified != stat.modified) {
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
                    known.since = watched;
                }
            }
        }
    }
}

impl FailureDetector {
    pub(super) fn new(fs: Arc<dyn FileSystem>, workers: PathBuf, timing: LeaseTiming) -> FailureDetector {
        let tombstones = Tombstones::new(Arc::clone(&fs), workers.clone());
        FailureDetector { fs, workers, timing, space: OnceLock::new(), tombstones, state: Mutex::default() }
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
        let Some(known) = self.known(id)? else { return Ok(Liveness::Suspected) };
        let state = self.state();
        let is_quiet = state.watched.saturating_sub(known.since) >= self.timing.lease;
        drop(state);
        let is_marked = self.tombstones.contains(id);
        Ok(match known.identity.and_then(|identity| self.has_process(&identity)) {
            Some(false) => Liveness::Dead,
            _ if is_marked => Liveness::Suspected,
            None if is_quiet => Liveness::Suspected,
            Some(true) | None => Liveness::Alive,
        })
    }

    /// Whether a worker's process is seen to run: it is this one, or another one of this host.
    pub(super) fn is_process_running(&self, id: &str) -> Result<bool> {
        let process = |known: Known| known.identity.and_then(|identity| self.has_process(&identity));
        Ok(self.is_own(id) || self.known(id)?.and_then(process) == Some(true))
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
        match known.file.fresh_stat() {
            Ok(stat) => Ok(stat.links),
            Err(error) if is_gone(&error) => Ok(0),
            Err(error) => Err(error).context("looking at", self.workers.join(id)),
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
        let known: Vec<(String, Known)> =
            state.known.iter().map(|(id, it)| (id.clone(), it.clone())).collect();
        drop(state);
        let beats: Vec<_> = known
            .into_iter()
            .filter(|(_, it)| {
                it.identity.as_ref().is_none_or(|identity| self.has_process(identity).is_none())
            })
            .map(|(id, it)| (id, it.file.fresh_stat()))
            .collect();
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
        for id in present {
            if !self.is_own(id) {
                self.known(id)?;
            }
        }
        Ok(())
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
        let others = u32::try_from(state.known.len()).unwrap_or(u32::MAX);
        self.timing.heartbeat.max(SHARE.min(self.timing.heartbeat).saturating_mul(others))
    }

    /// How long ago the last look was, as far as that counts.
    fn since_look(&self, state: &State, now: Instant) -> Duration {
        let passed = state.looked.map_or(Duration::ZERO, |looked| now.saturating_duration_since(looked));
        passed.min(2 * self.pause(state))
    }

    /// Whether a worker's process exists, if that can be known here.
    fn has_process(&self, identity: &Identity) -> Option<bool> {
        if self.timing.treat_as_remote {
            return None;
        }
        let space = self.space.get_or_init(|| PidSpace::of(&*self.fs));
        let other = (identity.boot_id.as_str(), identity.pid_namespace.as_str());
        let is_running = space.is_running(&*self.fs, other, identity.pid, identity.pid_start)?;
        // A worker of this very process would have been found before: that one is not used any more.
        Some(is_running && identity.pid != self.fs.process().pid)
    }

    /// A worker with its file opened; `None` if it has none.
    fn known(&self, id: &str) -> Result<Option<Known>> {
        if let Some(known) = self.state().known.get(id) {
            return Ok(Some(known.clone()));
        }
        let path = self.workers.join(id);
        let Some(Found { file, stat, bytes }) = self.read(&path)? else { return Ok(None) };
        let identity = Identity::parse(&bytes, &path).ok().map(Arc::new);
        let mut state = self.state();
        // What has passed since the last look is counted at the next one, and this worker was not watched then.
        let since = state.watched + self.since_look(&state, self.fs.now());
        let known = Known { identity, file, id: stat.id, modified: stat.modified, since, has_beaten: false };
        state.known.insert(id.to_owned(), known.clone());
        Ok(Some(known))
    }

    /// A worker's file; `None` if there is none.
    fn read(&self, path: &Path) -> Result<Option<Found>> {
        // A process that has no file counts as dead. So that an open one is gone is believed when it is said twice, and that
        // there is none when a list says so: a client may remember a moment in which it had no name yet.
        for _ in 0..2 {
            let Some(file) = self.fs.open_if_exists(path)? else {
                let names = self.fs.names(&self.workers)?;
                if names.iter().any(|name| path.ends_with(name)) {
                    continue;
                }
                return Ok(None);
            };
            match file.fresh_stat().and_then(|stat| Ok((stat, file.read_whole(SMALL)?))) {
                Err(error) if is_gone(&error) => {}
                read => {
                    let (stat, bytes) = read.context("reading", path)?;
                    return Ok(Some(Found { file, stat, bytes }));
                }
            }
        }
        Ok(None)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
