//! Who runs what.
//!
//! A claim says "this worker is running this task". [`Claims`] is the seam between the ways of making
//! one: [`Posix`] locks bytes of files that one host shares, [`Link`] makes hard links that many hosts see,
//! [`Memory`] is for a single process. [`AutoClaims`] is what a jugdir's FORMAT says. A [`Prefetch`] claims ahead on top of any of them, and gives back what it cannot start soon.

mod auto;
mod link;
mod memory;
mod posix;
mod prefetch;
mod write_progress;

pub use auto::AutoClaims;
pub use link::Link;
pub use memory::Memory;
pub use posix::Posix;
pub use prefetch::Prefetch;
pub use write_progress::WriteProgress;

use std::time::{Duration, Instant};

use crate::held_tasks::PATIENCE;
use crate::status_slot::Counts;
use crate::{Key, Result};

/// A claimed task, as far as a claim tells: the first 63 bits of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(u64);

impl ClaimId {
    /// The id under which a key is claimed.
    pub fn of(key: &Key) -> ClaimId {
        ClaimId(key.prefix() >> 1)
    }

    /// The id as a number below 2^63.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// How a task starts.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The task's name.
    pub name: &'a str,
    /// Attempt number, starting at 1.
    pub attempt: u32,
    /// When.
    pub now: Instant,
}

/// A claim that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveClaim {
    /// What is claimed.
    pub id: ClaimId,
    /// By which process of this host; 0 if the kernel does not say, or `worker` tells.
    pub pid: u32,
    /// By which worker, where claims tell that; empty if not.
    pub worker: String,
}

impl LiveClaim {
    /// A claim of a process of this host.
    pub fn by_process(id: ClaimId, pid: u32) -> LiveClaim {
        LiveClaim { id, pid, worker: String::new() }
    }

    /// A claim of a worker.
    pub fn by_worker(key: &Key, worker: String) -> LiveClaim {
        LiveClaim { id: ClaimId::of(key), pid: 0, worker }
    }
}

/// A way of claiming tasks. A claim ends when it is released, or by itself when its process ends.
pub trait Claims: Send + Sync {
    /// Claims a task: false if anyone has it, this process included.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read or written, and in a forked child.
    fn try_claim(&self, key: &Key) -> Result<bool>;

    /// Whether another claim, of this key, takes no more of the system than this process should have. Where it does, it
    /// can be made all the same, if it has to be.
    fn has_room(&self, _key: &Key) -> bool {
        true
    }

    /// Of claims that were just made, which ones count. To be called before any of them is run; the store must be
    /// refreshed after it.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read: none of these claims may be taken to count.
    fn confirm(&self, keys: &[Key]) -> Result<Vec<bool>> {
        Ok(vec![true; keys.len()])
    }

    /// Whether a claim of this process still counts, as far as this process can know.
    fn holds(&self, _key: &Key) -> bool {
        true
    }

    /// Says that a claimed task starts now, where others can see that: should this process die of it, they know.
    fn runs(&self, _key: &Key, _run: Start<'_>) {}

    /// Says that nothing runs, if nothing but this task did.
    fn ended(&self, _key: &Key) {}

    /// Says that nothing runs, and what this process did so far.
    fn rests(&self, _counts: Counts) {}

    /// Gives a claim of this process up. Does nothing if there is none.
    ///
    /// To be called only after the task's record is visible to others, or without having run it.
    ///
    /// # Errors
    ///
    /// Where it cannot be released: it is still held then.
    fn release(&self, key: &Key) -> Result<()>;

    /// Like [`Claims::release`], of many; each that is released is passed to `released`.
    ///
    /// # Errors
    ///
    /// Where one cannot be released: it is still held then, and those after it.
    fn release_all(&self, keys: &[Key], released: &mut dyn FnMut(&Key)) -> Result<()> {
        keys.iter().try_for_each(|key| {
            self.release(key)?;
            released(key);
            Ok(())
        })
    }

    /// Whether others see the records of everything that was run so far, as far as [`Claims::release`] needs that.
    fn may_release(&self) -> bool {
        true
    }

    /// Whether what was released stays claimed for a while, unless there is a [`Claims::expedite_releases`].
    fn release_is_deferred(&self) -> bool {
        false
    }

    /// Like [`Claims::release`], for a task that others may run right now.
    ///
    /// # Errors
    ///
    /// As [`Claims::release`].
    fn return_unstarted(&self, key: &Key) -> Result<()> {
        self.release(key)
    }

    /// How long a task may run before what was claimed behind it is given back.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Whether anyone has it, this process included. Creates nothing.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    fn is_claimed(&self, key: &Key) -> Result<bool>;

    /// Like [`Claims::is_claimed`], for many.
    ///
    /// # Errors
    ///
    /// As [`Claims::is_claimed`].
    fn are_claimed(&self, keys: &[Key]) -> Result<Vec<bool>> {
        keys.iter().map(|key| self.is_claimed(key)).collect()
    }

    /// Like [`Claims::are_claimed`] at less cost, where that counts: it may take a dead worker's claim for a living
    /// one's.
    ///
    /// # Errors
    ///
    /// As [`Claims::is_claimed`].
    fn are_taken(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.are_claimed(keys)
    }

    /// All claims of all processes, in ascending order. Creates nothing.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    fn live(&self) -> Result<Vec<LiveClaim>>;

    /// Lets processes that wait for a claim know that some were released without a result.
    fn notify_waiters(&self) {}

    /// Has everything that was released be free as soon as possible: tasks were invalidated, or may be unnoticed.
    fn expedite_releases(&self) {}

    /// Returns once everything that was released is free.
    ///
    /// # Errors
    ///
    /// Where something that was stored cannot be written: what depends on it stays claimed.
    fn drain_releases(&self) -> Result<()> {
        Ok(())
    }

    /// What is claimed by workers that are known to be dead, and by which. Creates nothing.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    fn abandoned(&self) -> Result<Vec<(Key, String)>> {
        Ok(Vec::new())
    }

    /// What dead workers had claimed that has no result, and which of them, until it is settled. Creates nothing, and
    /// asks nothing of a server unless some worker died.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    fn suspects(&self) -> Result<Vec<(Key, String)>> {
        Ok(Vec::new())
    }

    /// Lets the claims of these dead workers go, of which is recorded what has no result.
    fn settle_suspects(&self, _workers: &[String]) {}

    /// Removes what dead workers left; how many claims that were.
    ///
    /// # Errors
    ///
    /// Where something cannot be removed, and in a forked child.
    fn sweep(&self) -> Result<usize> {
        Ok(0)
    }
}
