//! The signals to a supervisor, as something to wait for beside other things.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals that are for the supervisor, which passes on what they mean.
const SIGNALS: [Signal; 5] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGTSTP, Signal::SIGCONT];

/// A descriptor for the signals that are for the supervisor, `also` among them, and the mask to restore.
pub(super) fn take_signals(also: Option<Signal>) -> io::Result<(SignalFd, SigSet)> {
    let ignored = ignored_signals();
    // What is ignored, as under nohup or in the background of a script, stays so.
    let is_heeded = |signal: &Signal| ignored & (1 << (*signal as u32 - 1)) == 0;
    let mine: SigSet = SIGNALS.into_iter().filter(is_heeded).chain(also).collect();
    let before = SigSet::thread_get_mask()?;
    mine.thread_block()?;
    Ok((SignalFd::with_flags(&mine, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?, before))
}

/// The signals that this process ignores, a bit for each.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
