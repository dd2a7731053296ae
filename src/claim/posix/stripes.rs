//! The stripe files of a jugdir, each opened once per process at a time.
//!
//! A claim is a lock on one byte of one of 64 files; the kernel searches a file's locks one by one, so
//! there are many files. Everything in this process that claims in the same directory shares one set of
//! descriptors, and the set of keys it holds, which the kernel does not keep apart among them. Where a process may
//! have few descriptors, those of files in which nothing is held are closed again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::claim::{ClaimId, LiveClaim};
use crate::key::KeySet;
use crate::os::{File, FileId, FileSystem, ProcessId, share_of_descriptors};
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
    /// How many of the files may be open.
    most_open: usize,
    /// Guards opening and closing too: locks of another descriptor would be another's, and go with it.
    all: Mutex<[Stripe; STRIPES]>,
}

#[derive(Debug, Default)]
struct Stripe {
    /// What this process holds in it.
    held: KeySet,
    file: Option<Opened>,
}

#[derive(Debug, Clone)]
struct Opened {
    file: Arc<dyn File>,
    /// Else it was opened to look only, where writing may not be allowed.
    is_writable: bool,
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
            most_open: most_open(&**fs),
            all: Mutex::new(std::array::from_fn(|_| Stripe::default())),
        });
        open.push(Arc::downgrade(&new));
        Ok(Some(new))
    }

    /// Whether a claim of this key takes no more descriptors than there may be.
    pub(super) fn has_room(&self, key: &Key) -> bool {
        if self.most_open == STRIPES {
            return true;
        }
        let stripes = self.lock();
        stripes[stripe_of(key)].file.is_some()
            || self.may_open(&stripes)
            || stripes.iter().any(Stripe::is_idle)
    }

    /// Locks the byte of a key: false if it is held, be it by this process.
    pub(super) fn try_claim(&self, key: &Key) -> Result<bool> {
        self.check_here()?;
        let index = stripe_of(key);
        let mut stripes = self.lock();
        if stripes[index].held.contains(key) {
            return Ok(false);
        }
        let locked = self.writable(&mut stripes, index)?.try_lock(ClaimId::of(key).get());
        let locked = locked.map_err(|error| self.failed("locking a byte of", index, error))?;
        if locked {
            stripes[index].held.insert(*key);
        }
        Ok(locked)
    }

    /// Unlocks the byte of a key that this process holds.
    pub(super) fn release(&self, key: &Key) -> Result<()> {
        self.check_here()?;
        let index = stripe_of(key);
        self.release_one(&mut self.lock()[index], index, key)
    }

    /// Unlocks the bytes of many keys, and says of each that it does: a call for a whole stripe where nothing else
    /// is held in it.
    pub(super) fn release_all(&self, keys: &[Key], released: &mut dyn FnMut(&Key)) -> Result<()> {
        self.check_here()?;
        let mut by_stripe: [Vec<Key>; STRIPES] = std::array::from_fn(|_| Vec::new());
        for key in keys {
            by_stripe[stripe_of(key)].push(*key);
        }
        for (index, mut keys) in by_stripe.into_iter().enumerate() {
            let stripe = &mut self.lock()[index];
            keys.sort_unstable();
            keys.dedup();
            let Stripe { held, file } = stripe;
            if let Some(Opened { file, .. }) = file
                && keys.len() > 1
                && keys.len() == held.len()
                && keys.iter().all(|key| held.contains(key))
            {
                file.unlock_all().map_err(|error| self.failed("unlocking", index, error))?;
                held.clear();
                keys.iter().for_each(&mut *released);
                continue;
            }
            for key in keys {
                self.release_one(stripe, index, &key)?;
                released(&key);
            }
        }
        Ok(())
    }

    fn release_one(&self, stripe: &mut Stripe, index: usize, key: &Key) -> Result<()> {
        if let (true, Some(Opened { file, .. })) = (stripe.held.contains(key), &stripe.file) {
            let unlocked = file.unlock(ClaimId::of(key).get());
            unlocked.map_err(|error| self.failed("unlocking a byte of", index, error))?;
            stripe.held.remove(key);
        }
        Ok(())
    }

    pub(super) fn is_claimed(&self, key: &Key) -> Result<bool> {
        self.check_here()?;
        let index = stripe_of(key);
        let mut stripes = self.lock();
        if stripes[index].held.contains(key) {
            return Ok(true);
        }
        let Some(file) = self.readable(&mut stripes, index)? else { return Ok(false) };
        let holder = file.holder(ClaimId::of(key).get());
        Ok(holder.map_err(|error| self.failed("asking for the locks of", index, error))?.is_some())
    }

    /// All claims in all stripes, in ascending order. Costs a system call or two a claim.
    pub(super) fn live(&self) -> Result<Vec<LiveClaim>> {
        self.check_here()?;
        // The kernel does not show the locks of these descriptors through themselves.
        let own = |key| LiveClaim::by_process(ClaimId::of(key), self.process.pid);
        let mut live: Vec<LiveClaim> = self.lock().iter().flat_map(|it| &it.held).map(own).collect();
        for index in 0..STRIPES {
            let mut stripes = self.lock();
            let Some(file) = self.readable(&mut stripes, index)? else { continue };
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
            && let Some(file) = self.lock().iter().find_map(Stripe::writable)
        {
            // Others wake a little later where this is not possible.
            let _touched = file.touch();
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Stripe; STRIPES]> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn writable(&self, stripes: &mut [Stripe; STRIPES], index: usize) -> Result<Arc<dyn File>> {
        if let Some(file) = stripes[index].writable() {
            return Ok(Arc::clone(file));
        }
        self.make_room(stripes);
        let file = self.fs.open_or_create(&self.path(index))?;
        stripes[index].file = Some(Opened { file: Arc::clone(&file), is_writable: true });
        Ok(file)
    }

    /// The stripe file for looking; None where there is none, and so no claim either.
    fn readable(&self, stripes: &mut [Stripe; STRIPES], index: usize) -> Result<Option<Arc<dyn File>>> {
        if let Some(Opened { file, .. }) = &stripes[index].file {
            return Ok(Some(Arc::clone(file)));
        }
        self.make_room(stripes);
        let Some(file) = self.fs.open_if_exists(&self.path(index))? else { return Ok(None) };
        stripes[index].file = Some(Opened { file: Arc::clone(&file), is_writable: false });
        Ok(Some(file))
    }

    fn may_open(&self, stripes: &[Stripe; STRIPES]) -> bool {
        stripes.iter().filter(|stripe| stripe.file.is_some()).count() < self.most_open
    }

    /// Closes what nothing is held in, if another file could not be opened else.
    fn make_room(&self, stripes: &mut [Stripe; STRIPES]) {
        if !self.may_open(stripes) {
            stripes.iter_mut().filter(|stripe| stripe.is_idle()).for_each(|stripe| stripe.file = None);
        }
    }
}

impl Stripe {
    /// Its file, if it was opened for claiming.
    fn writable(&self) -> Option<&Arc<dyn File>> {
        self.file.as_ref().filter(|opened| opened.is_writable).map(|opened| &opened.file)
    }

    /// Whether its file is open for nothing.
    fn is_idle(&self) -> bool {
        self.file.is_some() && self.held.is_empty()
    }
}

impl Drop for Stripes {
    /// In a forked child the descriptors are left open: the child may have a set of its own by now, and where locks
    /// belong to processes those on the same files would go with them.
    fn drop(&mut self) {
        if self.is_here() {
            return;
        }
        for stripe in self.all.get_mut().unwrap_or_else(PoisonError::into_inner) {
            std::mem::forget(stripe.file.take());
        }
    }
}

/// How many stripe files a process may have open: half of what it does not need in any
/// case, for tasks need some, too.
fn most_open(host: &dyn FileSystem) -> usize {
    share_of_descriptors(host, 2).clamp(2, STRIPES)
}

/// Which file a key is claimed in, by bits that are not in its offset.
fn stripe_of(key: &Key) -> usize {
    usize::from(key.as_bytes()[8]) % STRIPES
}
