//! A disk whose writes and syncs fail when a test says so, and that writes a part before it fails.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jug_native::Result;
use jug_native::fs::file::{Append, Disk, LocalDisk};

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// How many of the next calls fail.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) writes: AtomicUsize,
    pub(crate) syncs: AtomicUsize,
    /// What was done, in order: "create", "write", "sync", with a "!" where it failed.
    pub(crate) log: Mutex<Vec<(String, &'static str)>>,
}

impl Plan {
    fn note(&self, file: &str, what: &'static str) {
        self.log.lock().unwrap().push((file.to_owned(), what));
    }

    /// What was done to a file.
    pub(crate) fn done_to(&self, file: &str) -> Vec<&'static str> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|(name, _)| name.ends_with(file)).map(|(_, what)| *what).collect()
    }
}

#[derive(Debug)]
pub(crate) struct FlakyDisk(pub(crate) Arc<Plan>);

#[derive(Debug)]
struct FlakyFile {
    file: Arc<dyn Append>,
    name: String,
    plan: Arc<Plan>,
}

impl Disk for FlakyDisk {
    fn create(&self, path: &Path) -> Result<Arc<dyn Append>> {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        self.0.note(&name, "create");
        let file = LocalDisk.create(path)?;
        Ok(Arc::new(FlakyFile { file, name, plan: Arc::clone(&self.0) }))
    }
}

/// True for one of the calls that are to fail.
fn fails(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Append for FlakyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if fails(&self.plan.writes) {
            self.plan.note(&self.name, "write!");
            self.file.append(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        self.plan.note(&self.name, "write");
        self.file.append(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        if fails(&self.plan.syncs) {
            self.plan.note(&self.name, "sync!");
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.plan.note(&self.name, "sync");
        self.file.sync()
    }
}
