//! Lifelines of workers, `workers/line-<wid>`: what a container has of a process of another one on the same kernel.
//!
//! A process id says nothing there. So a worker in a container offers a lifeline before its file can be found, one outside of them as soon
//! as it finds the file of a worker in one: most jugdirs never have a socket, which not every program can copy. Who knows a worker's file
//! holds its lifeline: it is cut when the worker ends, at once and for certain. Who finds that nobody offers it any more knows less. It
//! may not be the same mount, though the kernel's number of it is: so it believes that only of a worker that does not beat either.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::Result;
use crate::error::IoContext;
use crate::jugdir::identity::{Identity, ids};
use crate::os::{FileSystem, Lifeline, Listener, Modified, PidSpace};

/// The name of a lifeline begins like this; no worker's id has a hyphen.
const PREFIX: &str = "line-";

/// Where a worker offers its lifeline.
pub(super) fn path_of(workers: &Path, id: &str) -> PathBuf {
    workers.join(name_of(id))
}

fn name_of(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// The lifeline of this process's own worker.
#[derive(Debug)]
pub(in crate::jugdir) struct OwnLine {
    path: PathBuf,
    /// Once it was to be offered: None inside where the filesystem has no sockets.
    listener: OnceLock<Option<Listener>>,
}

impl OwnLine {
    /// That of the worker `id`, offered already if this process is in a container.
    pub(in crate::jugdir) fn new(fs: &dyn FileSystem, workers: &Path, id: &str) -> OwnLine {
        let line = OwnLine { path: path_of(workers, id), listener: OnceLock::new() };
        if PidSpace::of(fs).is_inner() {
            line.offer(fs);
        }
        line
    }

    /// The number of the filesystem on which others may find it, now or later.
    pub(in crate::jugdir) fn device(&self, fs: &dyn FileSystem) -> Option<u64> {
        let is_impossible = matches!(self.listener.get(), Some(None));
        let stat = fs.stat(self.path.parent()?).ok();
        stat.map(|stat| stat.id.dev).filter(|_| !is_impossible)
    }

    /// Offers it, unless that was tried before.
    pub(in crate::jugdir) fn offer(&self, fs: &dyn FileSystem) {
        self.listener.get_or_init(|| fs.offer_lifeline(&self.path).ok());
    }

    /// Removes its name.
    pub(in crate::jugdir) fn remove(&self, fs: &dyn FileSystem) {
        if matches!(self.listener.get(), Some(Some(_))) {
            let _removed = fs.unlink(&self.path);
        }
    }
}

/// What is known of a worker by its lifeline.
#[derive(Debug, Clone)]
pub(super) enum Line {
    /// Nothing.
    None,
    /// The worker will offer it when it finds a worker beside it; or there is no descriptor to spare for it.
    Awaited,
    /// It is there until it is cut.
    Held(Arc<dyn Lifeline>),
    /// It was not there any more, though its name was.
    Gone,
}

impl Line {
    /// That of a worker of another container on this kernel, which has this directory by the same mount.
    pub(super) fn of(fs: &dyn FileSystem, workers: &Path, here: &PidSpace, worker: &Identity) -> Line {
        let is_beside = here.is_beside((&worker.boot_id, &worker.pid_namespace));
        let Some(device) = worker.lifeline.filter(|_| is_beside) else { return Line::None };
        if fs.stat(workers).is_ok_and(|stat| stat.id.dev != device) {
            return Line::None;
        }
        match fs.hold_lifeline(&path_of(workers, &worker.id())) {
            Ok(line) => Line::Held(line),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Line::Gone,
            Err(error) if error.kind() == ErrorKind::NotFound => Line::Awaited,
            Err(_) => Line::None,
        }
    }

    /// Whether the process at its other end runs, if that is known.
    pub(super) fn has_process(&self) -> Option<bool> {
        match self {
            Line::Held(line) => Some(!line.is_cut()),
            Line::None | Line::Awaited | Line::Gone => None,
        }
    }

    /// Gives back its descriptor.
    pub(super) fn let_go(&mut self) {
        if matches!(self, Line::Held(_)) {
            *self = Line::Awaited;
        }
    }

    /// Whether it could be held and is not, by the names in the directory of workers.
    pub(super) fn is_offered(&self, id: &str, names: &[String]) -> bool {
        matches!(self, Line::Awaited) && names.contains(&name_of(id))
    }
}

/// The worker whose lifeline has this name, or had it before somebody listened there.
pub(super) fn worker_of(name: &str) -> Option<&str> {
    name.strip_prefix('.').unwrap_or(name).strip_prefix(PREFIX)
}

/// Removes the names of lifelines of workers without a file, where nobody listens and a lease has passed by the server's clock: a
/// worker that registers has one before it has a file.
pub(super) fn remove_stale(
    fs: &dyn FileSystem,
    workers: &Path,
    names: &[String],
    lease: Duration,
) -> Result<()> {
    let present: BTreeSet<&str> = ids(names).collect();
    let is_stale = |name: &&String| worker_of(name).is_some_and(|id| !present.contains(id));
    let stale: Vec<PathBuf> = names.iter().filter(is_stale).map(|name| workers.join(name)).collect();
    if stale.is_empty() {
        return Ok(());
    }
    fs.touch_dir(workers).context("setting the time of", workers)?;
    let now = fs.dir_modified(workers).context("looking at", workers)?;
    for path in stale {
        let is_old = |modified: Modified| Duration::from_secs(now.seconds.abs_diff(modified.seconds)) > lease;
        if fs.stat(&path).is_ok_and(|stat| is_old(stat.modified)) && fs.hold_lifeline(&path).is_err() {
            fs.remove_if_exists(&path)?;
        }
    }
    Ok(())
}
