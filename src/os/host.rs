//! What the core needs of the machine: clocks, chance, and what the system says about processes.

use std::time::{Duration, Instant, SystemTime};

use crate::Result;

/// How many descriptors a process needs in any case.
const NEEDED: usize = 16;

/// Which process of which machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// 0 for the machine that this runs on; any other one is simulated.
    pub machine: u64,
    /// The system's number for it.
    pub pid: u32,
}

/// The host of a process.
pub trait Host: Send + Sync {
    /// The time by a clock that only goes forward, and that no other host knows.
    fn now(&self) -> Instant;

    /// How long it has been, by that clock, since a moment that all processes of this host share.
    fn uptime(&self) -> Duration;

    /// Returns after this time, or a little later.
    fn sleep(&self, time: Duration);

    /// The date. Other hosts may have another one.
    fn date(&self) -> SystemTime;

    /// Sixteen random bytes, so that two processes never choose the same name, forked ones included.
    ///
    /// # Errors
    ///
    /// Where the system has no random bytes.
    fn nonce(&self) -> Result<[u8; 16]>;

    /// The host's name.
    fn name(&self) -> String;

    /// Differs from boot to boot of any host; empty where the system has no such thing.
    fn boot_id(&self) -> String;

    /// Within what process ids are unique: the name of the container's list of them. Empty where this is not known.
    fn pid_namespace(&self) -> String;

    /// How many descriptors this process may have.
    fn most_descriptors(&self) -> usize;

    /// This process; another one in a forked child.
    fn process(&self) -> ProcessId;

    /// When a process of this host and namespace began, in clock ticks since boot. `None` if there is none with
    /// this id, `Some(0)` where the system does not tell.
    fn process_start(&self, pid: u32) -> Option<u64>;
}

/// One of `parts` equal parts of the descriptors that a process does not need in any case.
pub fn share_of_descriptors(host: &dyn Host, parts: usize) -> usize {
    host.most_descriptors().saturating_sub(NEEDED) / parts
}
