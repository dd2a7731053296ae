//! Who runs what.
//!
//! A claim says "this worker is running this task". [`Claims`] is the seam between the ways of making
//! one: [`Posix`] locks bytes of files that one host shares, [`Memory`] is for a single process. A
//! [`Batch`] claims ahead on top of any of them, and gives back what it cannot start soon.

mod batch;
mod memory;
mod posix;
mod stripes;

pub use batch::{Batch, PATIENCE};
pub use memory::Memory;
pub use posix::Posix;

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

/// A claim that somebody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveClaim {
    /// What is claimed.
    pub id: ClaimId,
    /// By which process of this host; 0 if it cannot be seen from here (another container, say).
    pub pid: u32,
}

/// A way of claiming tasks. A claim ends when it is released, or by itself when its process ends.
pub trait Claims: Send + Sync {
    /// Claims a task: false if anyone has it, this process included.
    fn try_claim(&self, key: &Key) -> Result<bool>;

    /// Gives a claim of this process up. Does nothing if there is none.
    ///
    /// To be called only after the task's record is visible to others, or without having run it.
    fn release(&self, key: &Key) -> Result<()>;

    /// Whether anyone has it, this process included. Creates nothing.
    fn is_claimed(&self, key: &Key) -> Result<bool>;

    /// All claims of all processes, in ascending order. Creates nothing.
    fn live(&self) -> Result<Vec<LiveClaim>>;

    /// Lets processes that wait for a claim know that some were released without a result.
    fn announce(&self) {}
}
