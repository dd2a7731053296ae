//! A lock of a whole file: never waiting, and freed by the kernel the moment its process dies.
//!
//! It belongs to what `open` made, as `flock(2)` has it, and excludes byte-range locks of no kind. On network filesystems it
//! is another thing on each host, so nobody asks for one there.

use std::borrow::Borrow;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use fs2::FileExt;
use nix::libc;

use super::close_on_fork::ClosedInChildren;
use super::ops::planted;
use super::stdio::off_standard;

/// A lock that this process has on a file.
#[derive(Debug)]
pub struct FileLock {
    file: ClosedInChildren,
    path: PathBuf,
}

/// How often a file is opened that is removed in the moment in which it is locked.
const TRIES: usize = 8;

impl FileLock {
    /// Locks the file at `path`, which is created where there is none; `None` if anybody has it locked.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened, or the filesystem has no locks.
    pub fn try_lock(path: &Path) -> io::Result<Option<FileLock>> {
        for _ in 0..TRIES {
            let file = open(path)?;
            match FileExt::try_lock_exclusive(Borrow::<File>::borrow(&file)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                locked => locked?,
            }
            let lock = FileLock { file, path: path.to_owned() };
            // Another process may have removed the name since it was opened: others lock another file then.
            if lock.is_in_place() {
                return Ok(Some(lock));
            }
        }
        Ok(None)
    }

    /// Whether anybody has the file at `path` locked. For as long as the question takes, nobody else can lock it.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened.
    pub fn is_locked(path: &Path) -> io::Result<bool> {
        let file = match ClosedInChildren::open(|| options().open(path).and_then(off_standard)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        match FileExt::try_lock_shared(Borrow::<File>::borrow(&file)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            locked => locked.map(|()| false),
        }
    }

    /// Whether the locked file still has its name: if not, others can lock another file under it.
    pub fn is_in_place(&self) -> bool {
        let id = |facts: std::fs::Metadata| (facts.dev(), facts.ino());
        let here = Borrow::<File>::borrow(&self.file).metadata().map(id);
        let there = std::fs::symlink_metadata(&self.path).map(id);
        matches!((here, there), (Ok(here), Ok(there)) if here == there)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing would do, but for what a child between fork and exec has of it.
        let _unlocked = FileExt::unlock(Borrow::<File>::borrow(&self.file));
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o664);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}

fn open(path: &Path) -> io::Result<ClosedInChildren> {
    let file = ClosedInChildren::open(|| options().create(true).open(path).and_then(off_standard))?;
    if Borrow::<File>::borrow(&file).metadata()?.is_file() {
        Ok(file)
    } else {
        Err(planted("it is not a file; a user who may write there put it in a file's place"))
    }
}
