//! A worker of a jugdir: its identity file, and how others know that it lives.
//!
//! In posix mode the file is locked from before it has its name until the process ends, so a worker is alive
//! exactly while its file is locked.
//!
//! In link mode nothing is locked: setting the time of the file is the heartbeat. A worker that could not beat for
//! half a lease is lost: others may take it for dead soon, so it claims nothing more, and registers again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::format::ClaimMode;
use super::identity::{self, Identity};
use super::lease_timing::LeaseTiming;
use super::liveness::lifelines::OwnLine;
use super::own_workers;
use super::worker_status::{self, WorkerStatus};
use crate::background::Periodic;
use crate::error::{IoContext, StoreError};
use crate::os::ops::is_gone;
use crate::os::{File, FileId, FileSystem, ProcessId};
use crate::status_slot::Activity;
use crate::{Error, Result};

/// The byte of a worker file that is locked.
const LIFE: u64 = 0;

/// How often a worker sets the time of its file in posix mode.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// This process, registered in a jugdir. Its segments are named after it.
#[derive(Debug)]
pub struct Worker {
    fs: Arc<dyn FileSystem>,
    process: ProcessId,
    id: String,
    identity: Identity,
    path: PathBuf,
    segments: PathBuf,
    file: Arc<dyn File>,
    file_id: FileId,
    /// By which other containers on this kernel learn that it has ended, in link mode.
    lifeline: Option<OwnLine>,
    /// What it runs, where others can see that: never on a network filesystem.
    status: Option<WorkerStatus>,
    /// How long it may be out of touch, in link mode.
    patience: Option<Duration>,
    /// When the last heartbeat began that reached the file; None once it is known that others took it for dead.
    last_heartbeat: Mutex<Option<Instant>>,
}

impl Worker {
    /// Registers this process in a jugdir with these directories, which must exist. In posix mode it removes the
    /// files of dead workers that left no segment.
    pub(super) fn register(
        fs: &Arc<dyn FileSystem>,
        (workers, segments): (&Path, &Path),
        mode: ClaimMode,
        timing: LeaseTiming,
        gives_news: bool,
    ) -> Result<Arc<Worker>> {
        let mut identity = Identity { gives_news, ..Identity::here(&**fs, &fs.nonce()?) };
        let id = identity.id();
        // Before its file can be found: who knows of it looks for its lifeline.
        let lifeline = (mode == ClaimMode::Link).then(|| OwnLine::new(&**fs, workers, &id));
        identity.lifeline = lifeline.as_ref().and_then(|line| line.device(&**fs));
        let path = workers.join(&id);
        let temporary = workers.join(format!(".{id}"));
        // Listed before it can be found, so that no thread of this process ever opens it.
        let process = fs.process();
        own_workers::add(&**fs, &identity);
        let began = fs.now();
        let file = create(&**fs, &temporary, &identity, mode).and_then(|file| {
            fs.rename(&temporary, &path).context("creating", &path)?;
            Ok(file)
        });
        let file = file.inspect_err(|_| {
            // The first error is the one to report.
            let _removed = fs.unlink(&temporary);
            if let Some(line) = &lifeline {
                line.remove(&**fs);
            }
            own_workers::remove(&identity);
        })?;
        let file_id = file.stat().context("looking at", &path)?.id;
        let patience = (mode == ClaimMode::Link).then_some(timing.lease / 2);
        let last_heartbeat = Mutex::new(Some(began));
        let (fs, segments) = (Arc::clone(fs), segments.to_owned());
        let is_here = mode == ClaimMode::Posix && fs.is_shared(workers).is_ok_and(|is_shared| !is_shared);
        // Nothing depends on it but what is known of a crash: a disk that is full keeps nobody from working.
        let status = if is_here { WorkerStatus::create(&*fs, workers, &id).ok() } else { None };
        let worker = Worker {
            fs,
            process,
            id,
            identity,
            path,
            segments,
            file,
            file_id,
            lifeline,
            status,
            patience,
            last_heartbeat,
        };
        if mode == ClaimMode::Posix {
            // Files of another user may be closed to this one; they stay, and harm nobody.
            let _swept = sweep(&*worker.fs, workers, &worker.segments);
        }
        Ok(Arc::new(worker))
    }

    /// The worker's name: a file name of the characters `[a-z0-9_.]`. Its segments are `<id>-<n>.seg`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether this is the process that registered.
    pub fn is_here(&self) -> bool {
        self.process == self.fs.process()
    }

    /// Its file, of which its claims are further names in link mode.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its file is, whatever name leads to it.
    pub fn file_id(&self) -> FileId {
        self.file_id
    }

    /// Where it says what it runs.
    pub(crate) fn status(&self) -> Option<&WorkerStatus> {
        self.status.as_ref()
    }

    /// Sets the file's time to now.
    ///
    /// # Errors
    ///
    /// Where the file is gone, or the server cannot be reached.
    pub fn beat(&self) -> Result<()> {
        self.file.touch().context("setting the time of", &self.path)
    }

    /// Beats, and looks whether the file is still there; whether this worker is in touch with all others.
    pub(super) fn renew_lease(&self) -> bool {
        let began = self.fs.now();
        match self.file.touch().and_then(|()| self.file.fresh_stat()) {
            Ok(stat) if stat.links > 0 => {
                let mut last_heartbeat = self.last_heartbeat();
                // Once lost, always lost.
                if self.is_lost_at(*last_heartbeat, self.fs.now()) {
                    *last_heartbeat = None;
                } else {
                    *last_heartbeat = Some(began);
                }
                last_heartbeat.is_some()
            }
            Ok(_) => {
                self.expire();
                false
            }
            Err(error) => {
                if is_gone(&error) {
                    self.expire();
                }
                false
            }
        }
    }

    /// Offers those in containers a lifeline, in link mode.
    pub(super) fn offer_lifeline(&self) {
        if let Some(line) = &self.lifeline {
            line.offer(&*self.fs);
        }
    }

    /// Takes note that others took this worker for dead.
    pub fn expire(&self) {
        *self.last_heartbeat() = None;
    }

    /// Whether others may have taken this worker for dead, or may do so soon: it must claim nothing more, and what
    /// it writes into its segment may be seen by nobody. Never in posix mode.
    pub fn is_lost(&self) -> bool {
        self.patience.is_some() && self.is_lost_at(*self.last_heartbeat(), self.fs.now())
    }

    fn is_lost_at(&self, last_heartbeat: Option<Instant>, now: Instant) -> bool {
        last_heartbeat.is_none_or(|last_heartbeat| {
            self.patience.is_some_and(|patience| now.saturating_duration_since(last_heartbeat) > patience)
        })
    }

    fn last_heartbeat(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_heartbeat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Periodic for Worker {
    fn poll(&self, now: Instant) -> Option<Duration> {
        let mut last_heartbeat = self.last_heartbeat();
        let due = last_heartbeat.unwrap_or(now) + HEARTBEAT;
        if now < due {
            return Some(due.duration_since(now));
        }
        // On one host the lock tells who lives, whatever the time says: a failure here harms nobody.
        let _beat = self.beat();
        *last_heartbeat = Some(now);
        Some(HEARTBEAT)
    }
}

impl Worker {
    /// Removes the status file, since nothing will run, and the worker's file if nothing refers to it: no segment in posix
    /// mode, no claim in link mode. Called when nothing more will be written.
    pub(super) fn unlink_identity(&self) {
        if !self.is_here() {
            return;
        }
        if let Some(status) = &self.status {
            status.remove(&*self.fs);
        }
        if let Some(line) = &self.lifeline {
            line.remove(&*self.fs);
        }
        if self.patience.is_some() {
            if matches!(self.file.fresh_stat(), Ok(stat) if stat.links == 1) {
                let _removed = self.fs.unlink(&self.path);
            }
        } else if let Ok(names) = self.fs.names(&self.segments)
            && !writers(&names).contains(self.id.as_str())
        {
            // A process that registers next would remove it otherwise.
            let _removed = self.fs.unlink(&self.path);
        }
    }

    /// From now on this is no worker of this process.
    pub(super) fn deregister(&self) {
        own_workers::remove(&self.identity);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_here() {
            return;
        }
        self.unlink_identity();
        self.deregister();
    }
}

/// The file under its temporary name, complete, and in posix mode locked.
fn create(
    fs: &dyn FileSystem,
    temporary: &Path,
    identity: &Identity,
    mode: ClaimMode,
) -> Result<Arc<dyn File>> {
    let contents = identity.to_bytes(temporary)?;
    let file = fs.create_new(temporary)?;
    if mode == ClaimMode::Link {
        // Other hosts see what is on the server.
        file.append(&contents).and_then(|()| file.sync()).context("writing", temporary)?;
        return Ok(file);
    }
    if !file.try_lock(LIFE).context("locking", temporary)? {
        let what = "another process locked it as it was created".to_owned();
        return Err(Error::Store(StoreError::Damaged { path: temporary.to_owned(), what }));
    }
    file.append(&contents).context("writing", temporary)?;
    Ok(file)
}

/// Whether the process that registered as `id` still runs. False where there is no such worker.
pub(super) fn is_alive(fs: &dyn FileSystem, workers: &Path, id: &str) -> Result<bool> {
    if own_workers::identity_of(fs, id).is_some() {
        return Ok(true);
    }
    let path = workers.join(id);
    let Some(file) = fs.open_if_exists(&path)? else { return Ok(false) };
    Ok(file.holder(LIFE).context("asking for the lock of", &path)?.is_some())
}

/// The ids of all workers that have a file.
pub(super) fn ids(fs: &dyn FileSystem, workers: &Path) -> Result<Vec<String>> {
    let names = fs.names(workers)?;
    let mut ids: Vec<String> = identity::ids(&names).map(str::to_owned).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Removes the files of dead workers that no segment refers to, and the status files of those that ran nothing.
fn sweep(fs: &dyn FileSystem, workers: &Path, segments: &Path) -> Result<()> {
    for id in worker_status::ids(&fs.names(workers)?) {
        if !is_alive(fs, workers, id)? && matches!(worker_status::read(fs, workers, id), Activity::Idle) {
            fs.remove_if_exists(&worker_status::path_of(workers, id))?;
        }
    }
    let before = fs.names(segments)?;
    let writers_before = writers(&before);
    let mut dead = Vec::new();
    for id in ids(fs, workers)? {
        if !writers_before.contains(id.as_str()) && !is_alive(fs, workers, &id)? {
            dead.push(id);
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    // Between the first look and its death a worker may have written its first segment.
    let after = fs.names(segments)?;
    let writers_after = writers(&after);
    for id in dead.iter().filter(|id| !writers_after.contains(id.as_str())) {
        fs.remove_if_exists(&workers.join(id))?;
    }
    Ok(())
}

/// The workers that these segments belong to.
fn writers(segments: &[String]) -> HashSet<&str> {
    segments.iter().filter_map(|name| Some(name.split_once('-')?.0)).collect()
}
