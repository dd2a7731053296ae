//! A disk whose writes and syncs of segments fail when a test says so, and that writes a part before it fails.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jug_native::background::Background;
use jug_native::jugdir::Jugdir;
use jug_native::os::File;
use jug_native::store::{Durability, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::TempJugdir;

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// How many of the next calls fail.
#[derive(Debug, Default)]
pub(crate) struct FailingDisk {
    pub(crate) writes: AtomicUsize,
    pub(crate) syncs: AtomicUsize,
    /// What was done, in order: "create", "write", "sync", with a "!" where it failed.
    pub(crate) log: Mutex<Vec<(String, &'static str)>>,
}

impl FailingDisk {
    fn note(&self, file: &Path, what: &'static str) {
        self.log.lock().unwrap().push((file.to_string_lossy().into_owned(), what));
    }

    /// What was done to a file.
    pub(crate) fn done_to(&self, file: &str) -> Vec<&'static str> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|(name, _)| name.ends_with(file)).map(|(_, what)| *what).collect()
    }
}

/// True for one of the calls that are to fail.
fn fails(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Hooks for FailingDisk {
    fn made_dir(&self, dir: &Path) {
        self.note(dir, "make");
    }

    fn syncs_names(&self, dir: &Path) {
        self.note(dir, "sync");
    }

    fn created(&self, path: &Path) {
        self.note(path, "create");
    }

    fn append(&self, path: &Path, file: &dyn File, bytes: &[u8]) -> io::Result<()> {
        if path.extension().is_some_and(|it| it == "seg") && fails(&self.writes) {
            self.note(path, "write!");
            file.append(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        self.note(path, "write");
        file.append(bytes)
    }

    fn sync(&self, path: &Path, file: &dyn File) -> io::Result<()> {
        if path.extension().is_some_and(|it| it == "seg") && fails(&self.syncs) {
            self.note(path, "sync!");
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.note(path, "sync");
        file.sync()
    }
}

/// A store on such a disk.
pub(crate) fn on_failing_disk(temp: &TempJugdir, durability: Durability) -> (Store, Arc<FailingDisk>) {
    let disk = Arc::<FailingDisk>::default();
    let jugdir = Jugdir::open_on(HookedFs::on(disk.clone()), &temp.root()).unwrap();
    (Store::open_in(jugdir, Background::spawn(), durability).unwrap(), disk)
}
