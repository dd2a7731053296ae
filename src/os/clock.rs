//! The clock by which leases end.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The time since this host was booted, the time that it slept included: what a server counts goes on meanwhile.
pub fn boottime() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = ClockId::CLOCK_BOOTTIME;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::CLOCK_MONOTONIC;
    // It fails only for clocks that do not exist.
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}
