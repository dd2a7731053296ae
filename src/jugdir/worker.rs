//! A worker of a jugdir: its identity file and its lifetime lock.
//!
//! The file is locked from before it has its name until the process ends, so a worker is alive exactly
//! while its file is locked. A process must never open its own worker file a second time: closing that
//! descriptor would give up the lock.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::identity::Identity;
use crate::error::IoContext;
use crate::fs::file::{self, Append, File};
use crate::fs::{dir, lock};
use crate::keeper::Tick;
use crate::{Error, Result, process};

/// The byte of a worker file that is locked.
const LIFE: u64 = 0;

/// How often a worker sets the time of its file.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// The workers of this process, in any jugdir. A forked child inherits the list, but not the locks; the
/// process ids in it tell.
static OWN: Mutex<Vec<Identity>> = Mutex::new(Vec::new());

fn own() -> MutexGuard<'static, Vec<Identity>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This process, registered in a jugdir. Its segments are named after it.
#[derive(Debug)]
pub struct Worker {
    id: String,
    identity: Identity,
    path: PathBuf,
    segments: PathBuf,
    file: File,
    beaten: Mutex<Instant>,
}

impl Worker {
    /// Registers this process in a jugdir with these directories, which must exist, and removes the files
    /// of dead workers that left no segment.
    pub(super) fn register(workers: &Path, segments: &Path) -> Result<Arc<Worker>> {
        let identity = Identity::here(&dir::nonce()?);
        let id = identity.id();
        let path = workers.join(&id);
        let temporary = workers.join(format!(".{id}"));
        // Listed before it can be found, so that no thread of this process ever opens it.
        own().push(identity.clone());
        let file = create(&temporary, &identity).and_then(|file| {
            file::rename(&temporary, &path)?;
            Ok(file)
        });
        let file = file.inspect_err(|_| {
            // The first error is the one to report.
            let _removed = dir::remove_if_exists(&temporary);
        })?;
        let beaten = Mutex::new(Instant::now());
        let segments = segments.to_owned();
        let worker = Arc::new(Worker { id, identity, path, segments, file, beaten });
        // Files of another user may be closed to this one; they stay, and harm nobody.
        let _swept = sweep(workers, &worker.segments);
        Ok(worker)
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
        self.identity.pid == process::id()
    }

    /// Sets the file's time to now.
    pub fn beat(&self) -> Result<()> {
        self.file.set_modified(SystemTime::now()).context("setting the time of", &self.path)
    }
}

impl Tick for Worker {
    fn tick(&self, now: Instant) -> Option<Duration> {
        let mut beaten = self.beaten.lock().unwrap_or_else(PoisonError::into_inner);
        let due = *beaten + HEARTBEAT;
        if now < due {
            return Some(due.duration_since(now));
        }
        // On one host the lock tells who lives, whatever the time says: a failure here harms nobody.
        let _beat = self.beat();
        *beaten = now;
        Some(HEARTBEAT)
    }
}

impl Worker {
    /// Removes the file if this worker wrote nothing; otherwise segments refer to it. Called when nothing more
    /// will be written.
    pub(super) fn retire(&self) {
        if self.is_here()
            && let Ok(names) = dir::names(&self.segments)
            && !writers(&names).contains(self.id.as_str())
        {
            // Whoever registers next would remove it otherwise.
            let _removed = dir::remove_if_exists(&self.path);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_here() {
            return;
        }
        self.retire();
        own().retain(|other| *other != self.identity);
    }
}

/// The file under its temporary name, locked and complete.
fn create(temporary: &Path, identity: &Identity) -> Result<File> {
    let contents = identity.to_bytes(temporary)?;
    let file = file::create_new(temporary)?;
    if !lock::try_lock(&file, LIFE).context("locking", temporary)? {
        let what = "another process locked it as it was created".to_owned();
        return Err(Error::Damaged { path: temporary.to_owned(), what });
    }
    file.append(&contents).context("writing", temporary)?;
    Ok(file)
}

/// Whether the process that registered as `id` still runs. False where there is no such worker.
pub(super) fn is_alive(workers: &Path, id: &str) -> Result<bool> {
    if own_identity(id).is_some() {
        return Ok(true);
    }
    let path = workers.join(id);
    let Some(file) = file::open_if_exists(&path)? else { return Ok(false) };
    Ok(lock::holder(&file, LIFE).context("asking for the lock of", &path)?.is_some())
}

/// Who `id` is, if it is a worker of this process in any jugdir.
pub(super) fn own_identity(id: &str) -> Option<Identity> {
    own().iter().find(|it| it.pid == process::id() && it.id() == id).cloned()
}

/// The ids of all workers that have a file.
pub(super) fn ids(workers: &Path) -> Result<Vec<String>> {
    let mut ids = dir::names(workers)?;
    ids.retain(|name| !name.starts_with('.'));
    ids.sort_unstable();
    Ok(ids)
}

/// Removes the files of dead workers that no segment refers to.
fn sweep(workers: &Path, segments: &Path) -> Result<()> {
    let before = dir::names(segments)?;
    let writers_before = writers(&before);
    let mut dead = Vec::new();
    for id in ids(workers)? {
        if !writers_before.contains(id.as_str()) && !is_alive(workers, &id)? {
            dead.push(id);
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    // Between the first look and its death a worker may have written its first segment.
    let after = dir::names(segments)?;
    let writers_after = writers(&after);
    for id in dead.iter().filter(|id| !writers_after.contains(id.as_str())) {
        dir::remove_if_exists(&workers.join(id))?;
    }
    Ok(())
}

/// The workers that these segments belong to.
fn writers(segments: &[String]) -> HashSet<&str> {
    segments.iter().filter_map(|name| Some(name.split_once('-')?.0)).collect()
}
