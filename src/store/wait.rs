//! Waiting until others have stored something or given up claims.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::Result;
use crate::jugdir::{ClaimMode, Jugdir};
use crate::lock::lock;
use crate::os::Watch;
use crate::os::watch::POLL;
use crate::store::log::segment;

/// What a wait needs to know of the store.
pub(super) struct Waiting<'a> {
    /// Where changes happen.
    pub(super) jugdir: &'a Jugdir,
    /// The ids under which this process writes: what it does itself does not wake it.
    pub(super) own: &'a [Arc<str>],
    /// Whether others stored something that was not read yet.
    pub(super) has_news: &'a dyn Fn() -> Result<bool>,
    /// Whether this process may take events: those that a forked child took would be missing in its parent.
    pub(super) may_watch: bool,
}

/// The watch on a jugdir, and when to look where it tells nothing.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    watch: Mutex<Option<Arc<dyn Watch>>>,
    polling: Mutex<Polling>,
}

impl Waiter {
    /// Sleeps until another process appended something or gave up claims, be it by dying (true); false after
    /// `timeout` or at a signal. It may return true where nothing of that happened.
    pub(super) fn wait(&self, on: &Waiting, timeout: Duration) -> Result<bool> {
        let fs = on.jugdir.fs();
        let deadline = fs.now() + timeout;
        if on.jugdir.claim_mode()? == ClaimMode::Link {
            return self.poll(on, deadline);
        }
        loop {
            let watch = self.watch(on)?;
            let left = deadline.saturating_duration_since(fs.now());
            match watch {
                // From its first wait on, a watch misses nothing.
                Some((watch, false)) => {
                    return watch.wait_for(left, &|name| is_anothers(name, on.own));
                }
                Some(_) | None if (on.has_news)()? => return Ok(true),
                Some(_) => {}
                None if left.is_zero() => return Ok(false),
                None => fs.sleep(left.min(POLL)),
            }
        }
    }

    /// Looks for news now and then, at first often, because nobody tells what other hosts do; what happens on this
    /// one wakes it at once.
    fn poll(&self, on: &Waiting, deadline: Instant) -> Result<bool> {
        let fs = on.jugdir.fs();
        loop {
            let now = fs.now();
            let next = lock(&self.polling).next(now);
            if next <= now {
                let found = (on.has_news)()?;
                lock(&self.polling).looked(fs.now(), found);
                if found {
                    return Ok(true);
                }
                continue;
            }
            if now >= deadline {
                return Ok(false);
            }
            let pause = deadline.min(next).saturating_duration_since(now);
            match self.watch(on)? {
                Some((watch, false)) if watch.wait_for(pause, &|name| is_anothers(name, on.own))? => {
                    return Ok(true);
                }
                Some(_) => {}
                None => fs.sleep(pause),
            }
        }
    }

    /// The watch of the segments and the claims, if they can be watched yet, and whether it is new.
    fn watch(&self, on: &Waiting) -> Result<Option<(Arc<dyn Watch>, bool)>> {
        if !on.may_watch {
            return Ok(None);
        }
        let mut watch = lock(&self.watch);
        if let Some(watch) = &*watch {
            return Ok(Some((Arc::clone(watch), false)));
        }
        // The claims come into being last.
        let fs = on.jugdir.fs();
        if fs.is_dir(&on.jugdir.claims())? != Some(true) {
            return Ok(None);
        }
        let new = fs.watch(&on.jugdir.segments())?;
        new.add(&on.jugdir.claims())?;
        *watch = Some(Arc::clone(&new));
        Ok(Some((new, true)))
    }
}

/// Whether a file belongs to another worker, or to all of them.
fn is_anothers(name: &OsStr, own: &[Arc<str>]) -> bool {
    let owner = name.to_str().and_then(segment::owner);
    owner.is_none_or(|owner| own.iter().all(|wid| **wid != *owner))
}

/// When to look for news next.
#[derive(Debug, Default)]
struct Polling {
    looked: Option<Instant>,
    pause: Duration,
}

impl Polling {
    /// The longest pause, and after how long without a look it begins with the shortest again.
    const LONGEST: Duration = Duration::from_secs(1);
    /// The longest pause where there was something the last time: most of it is nothing that this process waits for.
    const LONGEST_WITH_NEWS: Duration = Duration::from_millis(320);

    fn next(&mut self, now: Instant) -> Instant {
        match self.looked {
            Some(looked) if now.saturating_duration_since(looked) < 2 * Polling::LONGEST => {
                looked + self.pause
            }
            _ => {
                self.looked = Some(now);
                self.pause = POLL;
                now + POLL
            }
        }
    }

    fn looked(&mut self, now: Instant, found: bool) {
        self.looked = Some(now);
        let longest = if found { Polling::LONGEST_WITH_NEWS } else { Polling::LONGEST };
        self.pause = longest.min(2 * self.pause);
    }
}
