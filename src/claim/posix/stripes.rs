//! The stripe files of a jugdir, opened once per process.
//!
//! A claim is a lock on one byte of one of 64 files; the kernel searches a file's locks one by one, so
//! there are many files. Everything in this process that claims in the same directory shares one set of
//! descriptors, and the set of keys it holds, which the kernel does not keep apart among them.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crate::claim::{ClaimId, LiveClaim};
use crate::os::{File, FileId, FileSystem, ProcessId};
use crate::{Error, Key, Result};

/// How many stripe files there are.
const STRIPES: usize = 64;

/// All sets of this process. A forked child finds those of its parent here too, and passes them over.
static OPEN: Mutex<Vec<Weak<Stripes>>> = Mutex::new(Vec::new());

/// The stripe files of one directory, and what this process holds in them.
#[derive(Debug)]
pub(super) struct Stripes {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    id: FileId,
    process: ProcessId,
    files: [Stripe; STRIPES],
    /// Guards opening: locks of another descriptor would be another's.
    opening: Mutex<()>,
    held: Mutex<HashSet<Key>>,
}

#[derive(Debug, Default)]
struct Stripe {
    /// For claiming.
    writable: OnceLock<Arc<dyn File>>,
    /// For looking, where writing is not allowed.
    readable: OnceLock<Arc<dyn File>>,
}

impl Stripes {
    /// The set for `dir`, shared with everyone in this process; None where there is no such directory.
    pub(super) fn of(fs: &Arc<dyn FileSystem>, dir: &Path) -> Result<Option<Arc<Stripes>>> {
        let Some(id) = fs.identity(dir)? else { return Ok(None) };
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|stripes| stripes.strong_count() > 0);
        let process = fs.process();
        let known = open.iter().filter_map(Weak::upgrade).find(|it| it.id == id && it.process == process);
        if known.is_some() {
            return Ok(known);
        }
        let new = Arc::new(Stripes {
            fs: Arc::clone(fs),
            dir: dir.to_owned(),
            id,
            process,
            files: std::array::from_fn(|_| Stripe::default()),
            opening: Mutex::new(()),
            held: Mutex::default(),
        });
        open.push(Arc::downgrade(&new));
        Ok(Some(new))
    }

    /// Locks the byte of a key: false if it is held, be it by this process.
    pub(super) fn try_claim(&self, key: &Key) -> Result<bool> {
        self.check_here()?;
        let index = stripe_of(key);
        let file = self.writable(index)?;
        let mut held = self.held();
        if held.contains(key) {
            return Ok(false);
        }
        let locked = file.try_lock(ClaimId::of(key).get());
        let locked = locked.map_err(|error| self.failed("locking a byte of", index, error))?;
        if locked {
            held.insert(*key);
        }
        Ok(locked)
    }

    /// Unlocks the byte of a key that this process holds.
    pub(super) fn release(&self, key: &Key) -> Result<()> {
        self.check_here()?;
        let index = stripe_of(key);
        let mut held = self.held();
        if let (true, Some(file)) = (held.contains(key), self.files[index].writable.get()) {
            let unlocked = file.unlock(ClaimId::of(key).get());
            unlocked.map_err(|error| self.failed("unlocking a byte of", index, error))?;
            held.remove(key);
        }
        Ok(())
    }

    pub(super) fn is_claimed(&self, key: &Key) -> Result<bool> {
        self.check_here()?;
        if self.held().contains(key) {
            return Ok(true);
        }
        let index = stripe_of(key);
        let Some(file) = self.readable(index)? else { return Ok(false) };
        let holder = file.holder(ClaimId::of(key).get());
        Ok(holder.map_err(|error| self.failed("asking for the locks of", index, error))?.is_some())
    }

    /// All claims in all stripes, in ascending order. Costs a system call or two a claim.
    pub(super) fn live(&self) -> Result<Vec<LiveClaim>> {
        self.check_here()?;
        // The kernel does not show the locks of these descriptors through themselves.
        let own = |key| LiveClaim::by_process(ClaimId::of(key), self.process.pid);
        let mut live: Vec<LiveClaim> = self.held().iter().map(own).collect();
        for index in 0..STRIPES {
            let Some(file) = self.readable(index)? else { continue };
            let holders = file.holders();
            let holders = holders.map_err(|error| self.failed("asking for the locks of", index, error))?;
            live.extend(holders.iter().map(|held| LiveClaim::by_process(ClaimId(held.offset), held.pid)));
        }
        live.sort_unstable();
        Ok(live)
    }

    /// Changes the time of a stripe file, which wakes a process that watches the directory.
    pub(super) fn notify_waiters(&self) {
        if self.is_here()
            && let Some(file) = self.files.iter().find_map(|stripe| stripe.writable.get())
        {
            // Others wake a little later where this is not possible.
            let _touched = file.touch();
        }
    }

    fn held(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_here(&self) -> bool {
        self.process == self.fs.process()
    }

    fn check_here(&self) -> Result<()> {
        if self.is_here() { Ok(()) } else { Err(Error::Forked { what: "the claims" }) }
    }

    /// Made only where it is needed: a path takes longer to write down than a byte to lock.
    fn failed(&self, action: &'static str, index: usize, source: io::Error) -> Error {
        Error::Io { action, path: self.path(index), source }
    }

    fn path(&self, index: usize) -> PathBuf {
        self.dir.join(format!("{index:02x}"))
    }

    /// The stripe file for claiming, created if need be.
    fn writable(&self, index: usize) -> Result<&Arc<dyn File>> {
        let slot = &self.files[index].writable;
        if let Some(file) = slot.get() {
            return Ok(file);
        }
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = slot.get() {
            return Ok(file);
        }
        let path = self.path(index);
        let file = self.fs.open_or_create(&path)?;
        Ok(slot.get_or_init(|| file))
    }

    /// The stripe file for looking; None where there is none, and so no claim either.
    fn readable(&self, index: usize) -> Result<Option<&Arc<dyn File>>> {
        let Stripe { writable, readable } = &self.files[index];
        if let Some(file) = writable.get().or_else(|| readable.get()) {
            return Ok(Some(file));
        }
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = writable.get().or_else(|| readable.get()) {
            return Ok(Some(file));
        }
        let path = self.path(index);
        let file = self.fs.open_if_exists(&path)?;
        Ok(file.map(|file| readable.get_or_init(|| file)))
    }
}

impl Drop for Stripes {
    /// In a forked child the descriptors are left open: the child may have a set of its own by now, and where locks
    /// belong to processes those on the same files would go with them.
    fn drop(&mut self) {
        if self.is_here() {
            return;
        }
        for stripe in &mut self.files {
            std::mem::forget(stripe.writable.take());
            std::mem::forget(stripe.readable.take());
        }
    }
}

/// Which file a key is claimed in, by bits that are not in its offset.
fn stripe_of(key: &Key) -> usize {
    usize::from(key.as_bytes()[8]) % STRIPES
}
