//! The directory that workers share: its FORMAT and its workers.
//!
//! Opening one looks and creates nothing. The first thing that has to be written (a record, a claim)
//! asks for this process's [`Worker`], and with it the jugdir comes into being.

mod crashes;
mod detect;
mod format;
mod heartbeat_job;
mod identity;
mod lease_timing;
mod liveness;
mod news;
mod own_workers;
mod space_reserve;
mod switch_mode;
mod worker;
mod worker_info;
mod worker_status;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use format::{ClaimMode, Format, VERSION};
pub use identity::Identity;
pub(crate) use identity::claim_owner;
pub use lease_timing::LeaseTiming;
pub use liveness::Liveness;
pub use news::News;
pub(crate) use news::{Answer, Event, Listener, Mark};
pub use worker::{HEARTBEAT, Worker};
pub use worker_info::WorkerInfo;
pub use worker_status::WorkerStatus;

use liveness::FailureDetector;
pub(crate) use liveness::Others;

use crate::error::{ClaimError, IoContext};
use crate::os::{self, FileId, FileSystem, Mount, pid};
use crate::{Error, Result};

/// What is in a jugdir beside FORMAT.
const PARTS: [&str; 5] = ["workers", "segments", "blobs", "packs", "claims"];

/// A jugdir, which need not exist yet.
#[derive(Debug)]
pub struct Jugdir {
    fs: Arc<dyn FileSystem>,
    root: PathBuf,
    /// The mode that was asked for.
    wanted: Option<ClaimMode>,
    format: OnceLock<Format>,
    worker: Mutex<Option<Arc<Worker>>>,
    detector: FailureDetector,
    news: Arc<News>,
    /// This process writes and claims nothing more here.
    left: AtomicBool,
    /// How large the files were that kept room for a full disk, if this process gave them back.
    given_back: AtomicU64,
    pid: u32,
}

impl Jugdir {
    /// Opens the jugdir at `path`. It need not exist; nothing is created.
    ///
    /// # Errors
    ///
    /// A [`StoreError`](crate::StoreError) where the path is no directory or one with other files, or FORMAT is missing,
    /// damaged or of a later version; and where it cannot be read.
    pub fn open(path: &Path) -> Result<Arc<Jugdir>> {
        Jugdir::open_on(os::local(), path)
    }

    /// Like [`Jugdir::open`], on a filesystem that may be another than this machine's.
    ///
    /// # Errors
    ///
    /// Those of [`Jugdir::open`].
    pub fn open_on(fs: Arc<dyn FileSystem>, path: &Path) -> Result<Arc<Jugdir>> {
        Jugdir::open_as(fs, path, None, LeaseTiming::from_environment())
    }

    /// Like [`Jugdir::open_on`], with claims in the mode `wanted`, whatever filesystem it is on.
    ///
    /// # Errors
    ///
    /// Those of [`Jugdir::open`], and [`ClaimError::OtherClaimMode`] where there is a jugdir with another mode.
    pub fn open_as(
        fs: Arc<dyn FileSystem>,
        path: &Path,
        wanted: Option<ClaimMode>,
        timing: LeaseTiming,
    ) -> Result<Arc<Jugdir>> {
        let jugdir = Jugdir {
            detector: FailureDetector::new(Arc::clone(&fs), path.join(PARTS[0]), timing),
            news: News::new(Arc::clone(&fs), path, &path.join(PARTS[0])),
            fs,
            root: path.to_owned(),
            wanted,
            format: OnceLock::new(),
            worker: Mutex::new(None),
            left: AtomicBool::new(false),
            given_back: AtomicU64::new(0),
            pid: pid::id(),
        };
        jugdir.check_path()?;
        jugdir.check_mode()?;
        Ok(Arc::new(jugdir))
    }

    /// The filesystem it is on, as this process sees it.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it was created, by whomever. Looked up again until it is true.
    pub fn exists(&self) -> bool {
        matches!(self.read_format(), Ok(Some(_)))
    }

    /// Whether nobody has created it yet. Tells the truth, also on a network filesystem.
    pub(crate) fn is_absent(&self) -> Result<bool> {
        Ok(self.read_format()?.is_none())
    }

    /// What tells it from every other jugdir; None before it exists.
    pub fn uuid(&self) -> Option<[u8; 16]> {
        self.read_format().ok().flatten().map(|format| format.uuid)
    }

    /// How claims are made in it; what it would be created with before it exists.
    ///
    /// # Errors
    ///
    /// Where FORMAT cannot be read.
    pub fn claim_mode(&self) -> Result<ClaimMode> {
        if let Some(format) = self.read_format()? {
            return Ok(format.mode);
        }
        Ok(self.wanted.unwrap_or(mode_for(&self.mount()?)))
    }

    /// The filesystem that it is on, or would be.
    ///
    /// # Errors
    ///
    /// Where no directory above can be looked at.
    pub fn mount(&self) -> Result<Mount> {
        let mut place = self.root.as_path();
        loop {
            match (self.fs.mount(place), place.parent()) {
                (Err(error), Some(parent)) if error.kind() == std::io::ErrorKind::NotFound => {
                    place = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                }
                (mount, _) => return mount.context("looking at", place),
            }
        }
    }

    /// Why nobody should work in this jugdir from here, if so: it is for one host, and on a network filesystem.
    ///
    /// # Errors
    ///
    /// Where FORMAT cannot be read.
    pub fn network_mount_warning(&self) -> Result<Option<Error>> {
        if self.wanted == Some(ClaimMode::Posix) || self.claim_mode()? == ClaimMode::Link {
            return Ok(None);
        }
        let mount = self.mount()?;
        let path = self.root.clone();
        Ok(mount.is_shared.then_some(Error::Claim(ClaimError::PosixModeOnNetwork { path, kind: mount.kind })))
    }

    /// Fails where there is an [`Jugdir::network_mount_warning`].
    pub(crate) fn check_network_mount(&self) -> Result<()> {
        self.network_mount_warning()?.map_or(Ok(()), Err)
    }

    /// Creates the jugdir where there is none, without registering a worker.
    ///
    /// # Errors
    ///
    /// Where it cannot be created.
    pub fn init(&self) -> Result<()> {
        self.create()
    }

    /// This process as a worker of the jugdir. The first call creates the jugdir where there is none, and
    /// registers; later ones return the same worker.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`] in a forked child, [`ClaimError::PosixModeOnNetwork`], [`ClaimError::ModeChanged`]; and where the jugdir
    /// cannot be created, or the worker not registered.
    pub fn worker(&self) -> Result<Arc<Worker>> {
        if self.pid != pid::id() {
            return Err(Error::Forked { what: "the jugdir" });
        }
        let mut current = self.current();
        if let Some(worker) = &*current
            && !worker.is_lost()
        {
            return Ok(Arc::clone(worker));
        }
        self.create()?;
        self.check_network_mount()?;
        let mode = self.claim_mode()?;
        let places = (&*self.workers(), &*self.segments());
        let gives_news = mode == ClaimMode::Link && self.news.begin();
        let new = Worker::register(&self.fs, places, mode, self.detector.timing(), gives_news)?;
        if mode == ClaimMode::Posix
            && let Err(error) = self.check_mode_unchanged(mode)
        {
            new.unlink_identity();
            return Err(error);
        }
        self.keep_reserve();
        self.detector.set_own(new.id());
        if gives_news {
            self.news.take_place(new.id());
        }
        if let Some(lost) = current.replace(Arc::clone(&new)) {
            lost.deregister();
            // Its process lives, so that nobody else on this host could tell. Where it cannot be said now, its
            // heartbeat stands still all the same.
            let _marked = self.detector.tombstones().write(lost.id());
        }
        Ok(new)
    }

    /// This process as a worker, if it has registered.
    pub fn registered(&self) -> Option<Arc<Worker>> {
        if self.pid != pid::id() {
            return None;
        }
        self.current().clone()
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Worker>>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that this process will write nothing more here: a worker that never did is forgotten.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Release);
        if let Some(worker) = self.registered() {
            worker.unlink_identity();
        }
    }

    /// Whether the worker of this name still runs. False where there is no such worker.
    ///
    /// # Errors
    ///
    /// Where FORMAT or the file of the worker cannot be read.
    pub fn is_alive(&self, id: &str) -> Result<bool> {
        Ok(self.liveness(id)? == Liveness::Alive)
    }

    /// What is known of the worker of this name. In posix mode one that is not alive is gone.
    ///
    /// # Errors
    ///
    /// Where FORMAT or the file of the worker cannot be read.
    pub fn liveness(&self, id: &str) -> Result<Liveness> {
        if self.claim_mode()? == ClaimMode::Link {
            return self.detector.liveness(id);
        }
        let is_alive = worker::is_alive(&*self.fs, &self.workers(), id)?;
        Ok(if is_alive { Liveness::Alive } else { Liveness::Dead })
    }

    /// Whether a worker is seen to run from this host. One on another host that beats is not.
    pub(crate) fn is_process_running(&self, id: &str) -> Result<bool> {
        if self.claim_mode()? == ClaimMode::Link {
            self.detector.is_process_running(id)
        } else {
            self.is_alive(id)
        }
    }

    /// Link mode: how long things take in the life of a worker.
    pub fn timing(&self) -> LeaseTiming {
        self.detector.timing()
    }

    /// Link mode: the worker with this file, if it was seen already.
    pub(crate) fn worker_with_file(&self, file: FileId) -> Option<String> {
        self.detector.with_file(file)
    }

    /// Link mode: whether this process has watched a worker beat.
    pub(crate) fn has_beaten(&self, id: &str) -> bool {
        self.detector.has_beaten(id)
    }

    /// Link mode: for how long this process has watched others, in touch itself.
    pub(crate) fn observed_for(&self) -> Duration {
        self.detector.observed_for()
    }

    /// Link mode: looks at all workers now, without a heartbeat of this process's own.
    pub(crate) fn poll_workers(&self) -> Result<()> {
        self.detector.poll(self.fs.now(), false)
    }

    /// Link mode: the workers that are dead, as of the last look.
    pub(crate) fn dead_workers(&self) -> Result<Vec<String>> {
        self.detector.dead()
    }

    /// Link mode: marks a worker as dead, for all to know; false if it was.
    pub(crate) fn write_tombstone(&self, id: &str) -> Result<bool> {
        self.detector.tombstones().write(id)
    }

    /// Link mode: how many names a worker's file has beside those in the directory of workers: its claims.
    pub(crate) fn claims_of(&self, id: &str) -> Result<u64> {
        let others = 1 + u64::from(self.detector.tombstones().contains(id));
        Ok(self.detector.links(id)?.saturating_sub(others))
    }

    /// Link mode: whether a worker that is marked as dead has hard links.
    pub(crate) fn has_links(&self, id: &str) -> Result<bool> {
        Ok(self.detector.links(id)? > 1)
    }

    /// Link mode: whether a worker has no file any more: it has left, or was dead and is forgotten.
    pub(crate) fn has_left(&self, id: &str) -> Result<bool> {
        Ok(self.detector.links(id)? == 0)
    }

    /// Link mode: the workers that do not beat any more, and count as alive until a lease has passed in which they
    /// did not; and for how long each has not, as far as this process looked.
    pub(crate) fn late_workers(&self) -> Vec<(String, Duration)> {
        self.detector.late()
    }

    /// Link mode: removes what is left of a dead worker that has no claims.
    pub(crate) fn remove_worker(&self, id: &str) -> Result<()> {
        self.detector.remove_worker(id)
    }

    /// Link mode: whether a worker was ever forgotten that may come back. To be asked after looking for workers: each
    /// of them has a file, or has left, or is one of these.
    pub(crate) fn had_unconfirmed_dead(&self) -> Result<bool> {
        self.detector.tombstones().had_unconfirmed_dead()
    }

    /// Link mode: removes marks and lifelines of workers that are forgotten already.
    pub(crate) fn remove_stale_tombstones(&self) -> Result<()> {
        self.detector.tombstones().remove_stale(self.timing().lease)
    }

    /// Where records are.
    pub fn segments(&self) -> PathBuf {
        self.root.join(PARTS[1])
    }

    /// Where large values are.
    pub fn blobs(&self) -> PathBuf {
        self.root.join(PARTS[2])
    }

    /// Where packs of old segments are.
    pub fn packs(&self) -> PathBuf {
        self.root.join(PARTS[3])
    }

    /// Where claims are.
    pub fn claims(&self) -> PathBuf {
        self.root.join(PARTS[4])
    }

    /// Where workers are.
    pub fn workers(&self) -> PathBuf {
        self.root.join(PARTS[0])
    }
}

/// The mode for a filesystem.
pub fn mode_for(mount: &Mount) -> ClaimMode {
    if mount.is_shared { ClaimMode::Link } else { ClaimMode::Posix }
}
