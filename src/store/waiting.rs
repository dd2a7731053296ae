//! Waiting until others have stored something or given up claims.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Store, lock, segment};
use crate::Result;
use crate::jugdir::ClaimMode;
use crate::os::Watch;
use crate::os::watch::POLL;

impl Store {
    /// Sleeps until another process appended something or gave up claims, be it by dying (true); false after
    /// `timeout` or at a signal. It may return true where nothing of that happened.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        let fs = self.jugdir.fs();
        let deadline = fs.now() + timeout;
        let own = self.own_wids();
        if self.jugdir.claim_mode()? == ClaimMode::Link {
            return self.poll(deadline, &own);
        }
        loop {
            let watch = self.watch()?;
            let left = deadline.saturating_duration_since(fs.now());
            match watch {
                // From its first wait on, a watch misses nothing.
                Some((watch, false)) => {
                    return watch.wait_for(left, &|name| is_anothers(name, &own));
                }
                Some(_) | None if self.has_news(&own)? => return Ok(true),
                Some(_) => {}
                None if left.is_zero() => return Ok(false),
                None => fs.sleep(left.min(POLL)),
            }
        }
    }

    /// Looks for news now and then, at first often, because nobody tells what other hosts do; what happens on this
    /// one wakes it at once.
    fn poll(&self, deadline: Instant, own: &[Arc<str>]) -> Result<bool> {
        let fs = self.jugdir.fs();
        loop {
            let now = fs.now();
            let next = lock(&self.polling).next(now);
            if next <= now {
                let found = self.has_news(own)?;
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
            match self.watch()? {
                Some((watch, false)) if watch.wait_for(pause, &|name| is_anothers(name, own))? => {
                    return Ok(true);
                }
                Some(_) => {}
                None => fs.sleep(pause),
            }
        }
    }

    fn has_news(&self, own: &[Arc<str>]) -> Result<bool> {
        lock(&self.tails).has_news(own, &self.jugdir)
    }

    /// The watch of the segments and the claims, if they can be watched yet, and whether it is new.
    fn watch(&self) -> Result<Option<(Arc<dyn Watch>, bool)>> {
        if self.forked() {
            // Events that this process took would be missing in its parent.
            return Ok(None);
        }
        let mut watch = lock(&self.watch);
        if let Some(watch) = &*watch {
            return Ok(Some((Arc::clone(watch), false)));
        }
        // The claims come into being last.
        let fs = self.jugdir.fs();
        if fs.is_dir(&self.jugdir.claims())? != Some(true) {
            return Ok(None);
        }
        let new = fs.watch(&self.jugdir.segments())?;
        new.add(&self.jugdir.claims())?;
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
pub(super) struct Polling {
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
