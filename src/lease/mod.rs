//! Leases: a named right that one holder has at a time, and that ends when its holder does.
//!
//! A [`Tenure`] is what this process knows of a lease that it holds: its fencing token and when it ends, by the clock of this
//! host. [`FileLease`] keeps one in a directory, by a lock of the kernel on one host and by the links and heartbeats of
//! [`crate::claim`] among several; [`RedisLease`] in a server. Both are renewed by a background thread, without the interpreter.

mod file;
mod name;
mod redis;
mod shared;
mod tenure;
mod tokens;

use std::time::Duration;

pub use file::{FileLease, FileOptions};
pub use redis::RedisLease;
pub use shared::Shared;
pub use tenure::{Phase, Tenure};

use crate::Result;
use crate::redis::Caller;

/// A lease whose client is ours.
pub trait Lease: Send + Sync {
    /// Tries to get it; `owner` is what others may read about the holder. False if anybody has it, this process included.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be written, or the server does not answer; and in a forked child.
    fn acquire(&self, caller: &dyn Caller, owner: &[u8]) -> Result<bool>;

    /// Renews it now; whether it is held as long as it can be from before the call.
    ///
    /// # Errors
    ///
    /// Where the server does not answer.
    fn renew(&self) -> Result<bool>;

    /// Gives it up; whether it was held until now.
    ///
    /// # Errors
    ///
    /// Where it cannot be given up: it ends by itself then.
    fn release(&self) -> Result<bool>;

    /// What its holder said of itself; `None` if nobody has it.
    ///
    /// # Errors
    ///
    /// Where that cannot be found out.
    fn owner(&self, caller: &dyn Caller) -> Result<Option<Vec<u8>>>;

    /// Takes it from a holder that said this of itself, and whose process has ended; whether it was that one's.
    ///
    /// # Errors
    ///
    /// Where the server does not answer.
    fn free(&self, _caller: &dyn Caller, _owner: &[u8]) -> Result<bool> {
        Ok(false)
    }

    /// How long it lives without being renewed; `None`: as long as its holder.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be read.
    fn ttl(&self) -> Result<Option<Duration>>;

    /// Gives it up, and ends threads and connections.
    ///
    /// # Errors
    ///
    /// Those of [`Lease::release`].
    fn close(&self) -> Result<bool>;
}
