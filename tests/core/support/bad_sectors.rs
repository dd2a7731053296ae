//! Disks with places that cannot be read, and jugdirs to put on them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jug_native::background::Background;
use jug_native::error::StoreError;
use jug_native::jugdir::Jugdir;
use jug_native::os::File;
use jug_native::result_store::ResultStore;
use jug_native::store::{CompactOptions, Durability, Finding, Store};
use jug_native::{Error, Key, Result};
use nix::errno::Errno;

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::{TempJugdir, noise, save};

pub(crate) const REPAIR: CompactOptions = CompactOptions { all: true, damaged: true, smaller: false };
pub(crate) const WHOLE: Range<u64> = 0..u64::MAX;
/// How long such a disk tries until it gives up.
const TRIES_FOR: Duration = Duration::from_secs(60);
pub(crate) const EIO: &str = "cannot be read: Input/output error";

/// A disk with places that cannot be read.
#[derive(Debug)]
pub(crate) struct Disk {
    bad: Mutex<Vec<(PathBuf, Range<u64>)>>,
    /// How many of the next calls about these places fail.
    pub(crate) failures: AtomicUsize,
    errno: Errno,
    refuses_to_open: bool,
    links: bool,
    ahead: Mutex<Duration>,
}

impl Disk {
    /// Its files can be opened.
    pub(crate) fn new(errno: Errno) -> Arc<Disk> {
        let (bad, failures) = (Mutex::default(), AtomicUsize::new(usize::MAX));
        Arc::new(Disk { bad, failures, errno, refuses_to_open: false, links: true, ahead: Mutex::default() })
    }

    /// Its files cannot be opened whose first byte is bad.
    pub(crate) fn closed(errno: Errno) -> Arc<Disk> {
        let (bad, failures) = (Mutex::default(), AtomicUsize::new(usize::MAX));
        Arc::new(Disk { bad, failures, errno, refuses_to_open: true, links: true, ahead: Mutex::default() })
    }

    /// Nor can a file have two names there.
    pub(crate) fn linkless(self: Arc<Disk>) -> Arc<Disk> {
        let disk = Arc::into_inner(self).unwrap();
        Arc::new(Disk { links: false, ..disk })
    }

    pub(crate) fn spoil(&self, path: &Path, bytes: Range<u64>) {
        self.bad.lock().unwrap().push((path.to_owned(), bytes));
    }

    /// Lets time pass for the stores that are open on it.
    pub(crate) fn let_pass(&self, time: Duration) {
        *self.ahead.lock().unwrap() += time;
    }

    pub(crate) fn heal(&self) {
        self.bad.lock().unwrap().clear();
    }

    /// Where the first bad byte from `offset` on is.
    fn bad_from(&self, path: &Path, offset: u64) -> Option<u64> {
        let bad = self.bad.lock().unwrap();
        let behind = bad.iter().filter(|(of, bytes)| of == path && bytes.end > offset);
        behind.map(|(_, bytes)| bytes.start.max(offset)).min()
    }

    fn fails<T>(&self) -> Option<io::Result<T>> {
        let less = |left: usize| left.checked_sub(1);
        let failed = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        failed.is_ok().then(|| {
            self.let_pass(TRIES_FOR);
            Err(self.errno.into())
        })
    }

    pub(crate) fn open(self: &Arc<Disk>, of: &TempJugdir) -> Result<Store> {
        let jugdir = Jugdir::open_on(HookedFs::on(self.clone()), &of.root())?;
        Store::open_in(jugdir, Background::spawn(), Durability::Group)
    }
}

impl Hooks for Disk {
    fn links(&self) -> bool {
        self.links
    }

    fn ahead(&self) -> Duration {
        *self.ahead.lock().unwrap()
    }

    fn lists(&self, dir: &Path) -> io::Result<()> {
        self.bad_from(dir, 0).and_then(|_| self.fails()).unwrap_or(Ok(()))
    }

    fn opens(&self, path: &Path) -> io::Result<()> {
        match self.bad_from(path, 0) {
            Some(0) if self.refuses_to_open => self.fails().unwrap_or(Ok(())),
            _ => Ok(()),
        }
    }

    fn read_at(&self, path: &Path, file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some(bad) = self.bad_from(path, offset) else { return file.read_at(buffer, offset) };
        // As the kernel does it: up to the bad page, and then the error.
        let good = usize::try_from(bad - offset).unwrap_or(usize::MAX).min(buffer.len());
        if good == 0 && !buffer.is_empty() && bad < file.stat()?.length {
            return self.fails().unwrap_or_else(|| file.read_at(buffer, offset));
        }
        file.read_at(&mut buffer[..good], offset)
    }
}

/// What each worker stores: results of a few bytes, one of many pages, one with a file of its own.
pub(crate) fn work(of: &TempJugdir, numbers: Range<u8>) -> PathBuf {
    let before = files(of, "segments", ".seg");
    let store = of.open();
    for number in numbers {
        save(&store, number, &value(number)).unwrap();
    }
    store.close().unwrap();
    drop(store);
    let mut new = files(of, "segments", ".seg").into_iter().filter(|path| !before.contains(path));
    let segment = new.next().unwrap();
    assert_eq!(new.next(), None);
    segment
}

pub(crate) fn value(number: u8) -> Vec<u8> {
    let length = match number % 10 {
        4 => 60_000,
        7 => 100_000,
        _ => 300,
    };
    [vec![number], noise(length)].concat()
}

pub(crate) fn files(temp: &TempJugdir, part: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![temp.root().join(part)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.to_string_lossy().contains(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn only(temp: &TempJugdir, part: &str, ending: &str) -> PathBuf {
    let found = files(temp, part, ending);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

/// The results that a store gives, each of which is right.
pub(crate) fn results(store: &Store) -> Vec<u8> {
    let mut found = Vec::new();
    for key in store.keys().unwrap() {
        let number = key.as_bytes()[0];
        match store.load(&key) {
            Ok(Some(stored)) => assert_eq!(stored.bytes, value(number)),
            Ok(None) | Err(Error::Store(StoreError::DamagedResult { .. })) => continue,
            Err(error) => panic!("{error}"),
        }
        found.push(number);
    }
    found.sort_unstable();
    found
}

pub(crate) fn verify(store: &Store) -> Vec<Finding> {
    store.verify(&mut |_, _| Ok(())).unwrap()
}

pub(crate) fn keys_of(faults: &[Finding]) -> Vec<u8> {
    let mut keys: Vec<u8> = faults.iter().filter_map(|fault| Some(fault.key?.as_bytes()[0])).collect();
    keys.sort_unstable();
    keys
}

/// As `jug fsck --repair` does it.
pub(crate) fn repair(store: &Store) {
    let faults = verify(store);
    let paths: Vec<PathBuf> = faults.iter().map(|fault| fault.path.clone()).collect();
    store.quarantine(&paths).unwrap();
    let keys: Vec<Key> = faults.iter().filter_map(|fault| fault.key).collect();
    store.remove(&keys).unwrap();
    store.close().unwrap();
    store.pack(REPAIR).unwrap();
    store.sweep().unwrap();
}

pub(crate) fn without(numbers: Range<u8>, lost: &[u8]) -> Vec<u8> {
    numbers.filter(|number| !lost.contains(number)).collect()
}

pub(crate) fn snapshot(temp: &TempJugdir) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = ["segments", "blobs", "packs"].into_iter().flat_map(|part| files(temp, part, ""));
    all.filter(|path| !path.to_string_lossy().contains("MANIFEST"))
        .map(|it| (it.clone(), fs::read(it).unwrap()))
        .collect()
}
