//! Waking up when a directory changes.
//!
//! On Linux the kernel tells (inotify): a file appeared, grew, went away, or the process that had it
//! open for writing closed it, be it by dying. Changes made before a wait are not lost: they end the
//! next one at once. Elsewhere, and where the user's inotify instances are used up, the directories
//! are compared with what they were, every [`POLL`]. Changes made by *other hosts* on a network
//! filesystem reach neither; there the caller waits in short slices.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Debug};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::Result;

/// How often directories are looked at where the system does not tell.
pub const POLL: Duration = Duration::from_millis(20);

/// One or more directories whose changes end a wait.
pub trait Watch: Send + Sync + Debug {
    /// Watches one more directory, which must exist.
    ///
    /// # Errors
    ///
    /// Where the directory does not exist or cannot be read.
    fn add(&self, dir: &Path) -> Result<()>;

    /// Sleeps until a file whose name is `relevant` changes (true), or `timeout` has passed or a signal came
    /// (false). Changes made since the watch began, or since the last wait, count too.
    ///
    /// # Errors
    ///
    /// Where a watched directory cannot be read.
    fn wait_for(&self, timeout: Duration, relevant: &dyn Fn(&OsStr) -> bool) -> Result<bool>;

    /// Like [`Watch::wait_for`], for any change.
    ///
    /// # Errors
    ///
    /// Where a watched directory cannot be read.
    fn wait(&self, timeout: Duration) -> Result<bool> {
        self.wait_for(timeout, &|_| true)
    }
}

/// Directories of this host, watched with the help of its system.
pub struct LocalWatch(Kind);

enum Kind {
    #[cfg(target_os = "linux")]
    Inotify(inotify::Inotify),
    Polled(Mutex<Polled>),
}

impl LocalWatch {
    /// Watches `dir`, which must exist.
    ///
    /// # Errors
    ///
    /// Where the directory does not exist or cannot be read.
    pub fn new(dir: &Path) -> Result<LocalWatch> {
        #[cfg(target_os = "linux")]
        if let Some(inotify) = inotify::Inotify::new() {
            inotify.add(dir)?;
            return Ok(LocalWatch(Kind::Inotify(inotify)));
        }
        LocalWatch::polled(dir)
    }

    /// Watches `dir` without help from the system.
    ///
    /// # Errors
    ///
    /// Where the directory does not exist or cannot be read.
    pub fn polled(dir: &Path) -> Result<LocalWatch> {
        let watch = LocalWatch(Kind::Polled(Mutex::default()));
        watch.add(dir)?;
        Ok(watch)
    }
}

impl Watch for LocalWatch {
    fn add(&self, dir: &Path) -> Result<()> {
        match &self.0 {
            #[cfg(target_os = "linux")]
            Kind::Inotify(inotify) => inotify.add(dir),
            Kind::Polled(polled) => lock(polled).add(dir),
        }
    }

    fn wait_for(&self, timeout: Duration, relevant: &dyn Fn(&OsStr) -> bool) -> Result<bool> {
        let deadline = Instant::now() + timeout;
        match &self.0 {
            #[cfg(target_os = "linux")]
            Kind::Inotify(inotify) => inotify.wait_for(deadline, relevant),
            Kind::Polled(polled) => Ok(lock(polled).wait_for(deadline, relevant)),
        }
    }
}

impl Debug for LocalWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalWatch")
    }
}

fn lock(polled: &Mutex<Polled>) -> MutexGuard<'_, Polled> {
    polled.lock().unwrap_or_else(PoisonError::into_inner)
}

type Listing = BTreeMap<OsString, (u64, Option<SystemTime>)>;

/// Directories and what was in them when last looked at.
#[derive(Default)]
struct Polled(Vec<(PathBuf, Listing)>);

impl Polled {
    fn add(&mut self, dir: &Path) -> Result<()> {
        use crate::error::IoContext;
        fs::read_dir(dir).context("watching", dir)?;
        self.0.push((dir.to_owned(), listing(dir)));
        Ok(())
    }

    fn wait_for(&mut self, deadline: Instant, relevant: impl Fn(&OsStr) -> bool) -> bool {
        loop {
            if self.look(&relevant) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(POLL));
        }
    }

    fn look(&mut self, relevant: impl Fn(&OsStr) -> bool) -> bool {
        let mut changed = false;
        for (dir, before) in &mut self.0 {
            let now = listing(dir);
            changed |= now.iter().any(|(name, facts)| relevant(name) && before.get(name) != Some(facts));
            changed |= before.keys().any(|name| relevant(name) && !now.contains_key(name));
            *before = now;
        }
        changed
    }
}

fn listing(dir: &Path) -> Listing {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let facts = entry.metadata().ok()?;
            Some((entry.file_name(), (facts.len(), facts.modified().ok())))
        })
        .collect()
}

#[cfg(target_os = "linux")]
mod inotify {
    use std::ffi::OsStr;
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::Path;
    use std::time::Instant;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify as Handle};

    use crate::Result;
    use crate::error::IoContext;
    use crate::os::stdio::off_standard;

    const INOTIFY: &str = "/proc/sys/fs/inotify";

    /// An inotify instance.
    pub(super) struct Inotify(Handle);

    impl Inotify {
        /// None where the system gives no (more) instances; there are 128 per user by default.
        #[expect(unsafe_code, reason = "the crate makes a handle of a descriptor in no other way")]
        pub(super) fn new() -> Option<Inotify> {
            let handle = Handle::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok()?;
            let instance = off_standard(OwnedFd::from(handle)).ok()?;
            // SAFETY: it is the instance that the handle was for.
            Some(Inotify(unsafe { Handle::from_owned_fd(instance) }))
        }

        pub(super) fn add(&self, dir: &Path) -> Result<()> {
            let what = AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_MOVED_TO
                | AddWatchFlags::IN_MODIFY
                | AddWatchFlags::IN_ATTRIB
                | AddWatchFlags::IN_CLOSE_WRITE
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_ONLYDIR;
            self.0.add_watch(dir, what).context("watching", dir)?;
            Ok(())
        }

        pub(super) fn wait_for(&self, deadline: Instant, relevant: impl Fn(&OsStr) -> bool) -> Result<bool> {
            loop {
                if !self.sleep(deadline)? {
                    return Ok(false);
                }
                if self.drain(&relevant)? {
                    return Ok(true);
                }
            }
        }

        /// Until there are events (true), or the deadline or a signal (false).
        fn sleep(&self, deadline: Instant) -> Result<bool> {
            // Rounded up: a wait that ends a little early would be repeated without sleeping.
            let left = deadline.saturating_duration_since(Instant::now()).as_nanos().div_ceil(1_000_000);
            let left = i32::try_from(left).unwrap_or(i32::MAX);
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(ready) => Ok(ready > 0),
                Err(Errno::EINTR) => Ok(false),
                Err(errno) => Err(errno).context("waiting for events of", INOTIFY),
            }
        }

        /// Takes all events there are; true if one of them is relevant.
        fn drain(&self, relevant: impl Fn(&OsStr) -> bool) -> Result<bool> {
            let mut changed = false;
            loop {
                match self.0.read_events() {
                    Ok(events) => {
                        // An event without a name is about a directory itself or says that events were lost.
                        changed |= events.iter().any(|event| event.name.as_deref().is_none_or(&relevant));
                    }
                    Err(Errno::EAGAIN) => return Ok(changed),
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno).context("reading events of", INOTIFY),
                }
            }
        }
    }
}
