//! Tombstones: what workers that were found dead leave in the directory of workers, for all others to know.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::lifelines;
use crate::Result;
use crate::error::IoContext;
use crate::jugdir::identity::ids;
use crate::os::ops::{is_gone, is_unlinkable};
use crate::os::{FileSystem, Open};

/// The name of a worker's tombstone begins like this; no worker's id has a hyphen.
const PREFIX: &str = "dead-";
/// The name of the file that says that a worker was removed whose process may exist.
const LOST: &str = "lost";

/// The tombstones of a jugdir.
#[derive(Debug)]
pub(crate) struct Tombstones {
    fs: Arc<dyn FileSystem>,
    workers: PathBuf,
    /// The workers that had one when the directory was last listed.
    known: Mutex<BTreeSet<String>>,
    /// Whether there was a lifeline at that time.
    has_line: AtomicBool,
}

impl Tombstones {
    pub(super) fn new(fs: Arc<dyn FileSystem>, workers: PathBuf) -> Tombstones {
        Tombstones { fs, workers, known: Mutex::default(), has_line: AtomicBool::new(false) }
    }

    /// Whether somebody marked this worker as dead, when the directory was last listed.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.known().contains(id)
    }

    /// Takes note of the names in the directory of workers.
    pub(super) fn update(&self, names: &[String]) {
        *self.known() = names.iter().filter_map(|name| worker_of(name)).map(str::to_owned).collect();
        self.has_line.store(names.iter().any(|name| lifelines::worker_of(name).is_some()), Ordering::Relaxed);
    }

    /// Marks a worker as dead; false if it is marked already.
    pub(crate) fn write(&self, id: &str) -> Result<bool> {
        let path = self.path_of(id);
        let written = match self.fs.link(&self.workers.join(id), &path) {
            Err(error) if error.kind() == ErrorKind::NotFound || is_gone(&error) => return Ok(false),
            Err(error) if is_unlinkable(&error) => self.fs.open(&path, Open::New).map(|_| ()),
            outcome => outcome,
        };
        let first = match written {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error).context("creating", path),
        };
        self.known().insert(id.to_owned());
        Ok(first)
    }

    /// Removes what a dead worker without claims left here. Unless it `is_confirmed` that its process has ended, it stays
    /// known for ever that there was one which may come back: see [`Tombstones::had_unconfirmed_dead`].
    pub(super) fn remove_worker(&self, id: &str, is_confirmed: bool) -> Result<()> {
        if !is_confirmed && !self.had_unconfirmed_dead()? {
            let path = self.workers.join(LOST);
            match self.fs.open(&path, Open::New) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(error).context("creating", path);
                }
                _ => self.fs.sync_parent(&path)?,
            }
        }
        // In this order: a tombstone without its worker means nothing, a dead worker without one would count as alive.
        self.fs.remove_if_exists(&self.workers.join(id))?;
        self.fs.remove_if_exists(&self.path_of(id))?;
        self.fs.remove_if_exists(&lifelines::path_of(&self.workers, id))?;
        Ok(())
    }

    /// Whether there ever was a worker without a file now, whose process may exist: with a result in memory that was
    /// removed since, which it will store when it comes back.
    pub(crate) fn had_unconfirmed_dead(&self) -> Result<bool> {
        Ok(self.fs.names(&self.workers)?.iter().any(|name| name == LOST))
    }

    /// Removes tombstones and lifelines of workers that have no file any more.
    pub(crate) fn remove_stale(&self, lease: Duration) -> Result<()> {
        if self.known().is_empty() && !self.has_line.load(Ordering::Relaxed) {
            return Ok(());
        }
        let names = self.fs.names(&self.workers)?;
        let present: BTreeSet<&str> = ids(&names).collect();
        for id in names.iter().filter_map(|name| worker_of(name)).filter(|id| !present.contains(id)) {
            self.fs.remove_if_exists(&self.path_of(id))?;
        }
        lifelines::remove_stale(&*self.fs, &self.workers, &names, lease)
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.workers.join(format!("{PREFIX}{id}"))
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker whose tombstone has this name.
fn worker_of(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}
