//! The directory that workers share: its FORMAT and its workers.
//!
//! Opening one looks and creates nothing. The first thing that has to be written (a record, a claim)
//! asks for this process's [`Worker`], and with it the jugdir comes into being.

mod format;
mod identity;
mod worker;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use format::{ClaimMode, Format, VERSION};
pub use identity::Identity;
pub use worker::{HEARTBEAT, Worker};

use crate::error::IoContext;
use crate::fs::{self, FileSystem};
use crate::{Error, Result, process};

const FORMAT: &str = "FORMAT";
/// Temporary names of FORMAT begin like this; they may be left behind by a process that was killed.
const FORMAT_TEMPORARY: &str = ".FORMAT-";

/// What is in a jugdir beside FORMAT.
const PARTS: [&str; 4] = ["workers", "segments", "blobs", "claims"];

/// A jugdir, which need not exist yet.
#[derive(Debug)]
pub struct Jugdir {
    fs: Arc<dyn FileSystem>,
    root: PathBuf,
    format: OnceLock<Format>,
    worker: Mutex<Option<Arc<Worker>>>,
    pid: u32,
}

/// A registered worker, as others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerInfo {
    /// Its name.
    pub id: String,
    /// Who it is; None where its file is damaged or was written by a later version.
    pub identity: Option<Identity>,
    /// Whether its process runs.
    pub alive: bool,
}

impl Jugdir {
    /// Opens the jugdir at `path`. It need not exist; nothing is created.
    ///
    /// Refuses a path that is not a directory, a directory with other files in it, and a jugdir that is
    /// damaged or of a later version.
    pub fn open(path: &Path) -> Result<Arc<Jugdir>> {
        Jugdir::open_on(fs::local(), path)
    }

    /// Like [`Jugdir::open`], on a filesystem that may be another than this machine's.
    pub fn open_on(fs: Arc<dyn FileSystem>, path: &Path) -> Result<Arc<Jugdir>> {
        let jugdir = Jugdir {
            fs,
            root: path.to_owned(),
            format: OnceLock::new(),
            worker: Mutex::new(None),
            pid: process::id(),
        };
        jugdir.check_place()?;
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

    /// What tells it from every other jugdir; None before it exists.
    pub fn uuid(&self) -> Option<[u8; 16]> {
        self.read_format().ok().flatten().map(|format| format.uuid)
    }

    /// How claims are made in it; what it would be created with before it exists.
    pub fn claim_mode(&self) -> Result<ClaimMode> {
        Ok(self.read_format()?.map_or(ClaimMode::Posix, |format| format.mode))
    }

    /// This process as a worker of the jugdir. The first call creates the jugdir where there is none, and
    /// registers; later ones return the same worker.
    pub fn worker(&self) -> Result<Arc<Worker>> {
        if self.pid != process::id() {
            return Err(Error::Forked { what: "the jugdir" });
        }
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = &*worker {
            return Ok(Arc::clone(worker));
        }
        self.create()?;
        let new = Worker::register(&self.fs, &self.workers(), &self.segments())?;
        *worker = Some(Arc::clone(&new));
        Ok(new)
    }

    /// This process as a worker, if it has registered.
    pub fn registered(&self) -> Option<Arc<Worker>> {
        if self.pid != process::id() {
            return None;
        }
        self.worker.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that this process will write nothing more here: a worker that never did is forgotten.
    pub fn leave(&self) {
        if let Some(worker) = self.registered() {
            worker.retire();
        }
    }

    /// Whether the worker of this name still runs. False where there is no such worker.
    pub fn is_alive(&self, id: &str) -> Result<bool> {
        worker::is_alive(&*self.fs, &self.workers(), id)
    }

    /// All registered workers, dead ones included, in the order of their names.
    pub fn list_workers(&self) -> Result<Vec<WorkerInfo>> {
        let workers = self.workers();
        let ids = worker::ids(&*self.fs, &workers)?;
        ids.into_iter().filter_map(|id| self.describe(id).transpose()).collect()
    }

    /// Where records are.
    pub fn segments(&self) -> PathBuf {
        self.root.join(PARTS[1])
    }

    /// Where large values are.
    pub fn blobs(&self) -> PathBuf {
        self.root.join(PARTS[2])
    }

    /// Where claims are.
    pub fn claims(&self) -> PathBuf {
        self.root.join(PARTS[3])
    }

    /// Where workers are.
    pub fn workers(&self) -> PathBuf {
        self.root.join(PARTS[0])
    }

    /// None if its file has just gone away.
    fn describe(&self, id: String) -> Result<Option<WorkerInfo>> {
        // A worker's own file is never opened by its process, not even by another jugdir object.
        if let Some(identity) = worker::own_identity(&*self.fs, &id) {
            return Ok(Some(WorkerInfo { id, identity: Some(identity), alive: true }));
        }
        let alive = self.is_alive(&id)?;
        let path = self.workers().join(&id);
        let Some(bytes) = self.fs.read_if_exists(&path)? else { return Ok(None) };
        Ok(Some(WorkerInfo { id, identity: Identity::parse(&bytes, &path).ok(), alive }))
    }

    fn read_format(&self) -> Result<Option<Format>> {
        if let Some(format) = self.format.get() {
            return Ok(Some(*format));
        }
        let path = self.root.join(FORMAT);
        let Some(bytes) = self.fs.read_if_exists(&path)? else { return Ok(None) };
        let format = Format::parse(&bytes, &path)?;
        Ok(Some(*self.format.get_or_init(|| format)))
    }

    /// Errors unless the path is free for a jugdir or has one.
    fn check_place(&self) -> Result<()> {
        match self.fs.is_dir(&self.root)? {
            Some(true) => {}
            Some(false) => return Err(Error::NotADirectory { path: self.root.clone() }),
            None => return Ok(()),
        }
        if self.read_format()?.is_some() {
            return Ok(());
        }
        let mut names = self.fs.names(&self.root)?;
        names.retain(|name| !name.starts_with(FORMAT_TEMPORARY));
        // Between the two looks another process may have created the jugdir.
        if names.is_empty() || self.read_format()?.is_some() {
            return Ok(());
        }
        if names.iter().all(|name| PARTS.contains(&name.as_str())) {
            let path = self.root.join(FORMAT);
            return Err(Error::Damaged { path, what: "it is missing".to_owned() });
        }
        let what = if is_jug_2(&*self.fs, &self.root, &names)? {
            "was written by jug 2.x"
        } else {
            "holds other files"
        };
        Err(Error::ForeignDirectory { path: self.root.clone(), what })
    }

    fn create(&self) -> Result<()> {
        self.fs.ensure_dir(&self.root)?;
        // Since it was opened, somebody may have put other files there.
        self.check_place()?;
        if self.read_format()?.is_none() {
            let nonce = self.fs.nonce()?;
            let format = Format { uuid: self.fs.nonce()?, mode: ClaimMode::Posix };
            let temporary = format!("{FORMAT_TEMPORARY}{:032x}", u128::from_le_bytes(nonce));
            let temporary = self.root.join(temporary);
            self.fs.create_once(&self.root.join(FORMAT), &temporary, format.to_text().as_bytes())?;
            self.read_format()?;
        }
        for part in PARTS {
            self.fs.create_dir(&self.root.join(part))?;
        }
        // Whoever created them may not have come this far: what is stored is only safe where its directory is.
        self.fs.sync_dir(&self.root).context("syncing", &self.root)?;
        match self.fs.sync_parent(&self.root) {
            // In a directory that may not be read nothing can be done about it.
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        }
    }
}

/// Whether a directory looks like what jug 2.x writes: results named by 40 hexadecimal digits, the first
/// two of which are a directory, and directories for packs, locks and unfinished files.
fn is_jug_2(fs: &dyn FileSystem, root: &Path, names: &[String]) -> Result<bool> {
    let is_hex = |name: &str, len| name.len() == len && name.bytes().all(|it| it.is_ascii_hexdigit());
    for name in names {
        if fs.stat(&root.join(name).join("jugpack")).is_ok() {
            return Ok(true);
        }
        if is_hex(name, 2) && fs.is_dir(&root.join(name))? == Some(true) {
            let results = fs.names(&root.join(name))?;
            if results.is_empty() || results.iter().any(|result| is_hex(result, 38)) {
                return Ok(true);
            }
        }
    }
    let parts = ["locks", "tempfiles", "packs"];
    Ok(names.iter().all(|name| parts.contains(&name.as_str())))
}
