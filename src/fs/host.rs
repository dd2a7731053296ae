//! What the core needs of the machine: clocks, chance, and what the system says about processes.

use std::fs::{self, File};
use std::io::Read;
use std::time::{Duration, Instant, SystemTime};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};

use crate::Result;
use crate::error::IoContext;

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
    fn nonce(&self) -> Result<[u8; 16]>;

    /// The host's name.
    fn name(&self) -> String;

    /// Differs from boot to boot of any host; empty where the system has no such thing.
    fn boot_id(&self) -> String;

    /// Within what process ids are unique: the name of the container's list of them. Empty where this is not known.
    fn pid_namespace(&self) -> String;

    /// This process; another one in a forked child.
    fn process(&self) -> ProcessId;

    /// When a process of this host and namespace began, in clock ticks since boot. `None` if there is none with
    /// this id, `Some(0)` where the system does not tell.
    fn process_start(&self, pid: u32) -> Option<u64>;
}

/// Where random bytes come from.
const RANDOM: &str = "/dev/urandom";

/// The machine that this runs on.
impl Host for super::local::Local {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn uptime(&self) -> Duration {
        clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn date(&self) -> SystemTime {
        SystemTime::now()
    }

    fn nonce(&self) -> Result<[u8; 16]> {
        let mut bytes = [0; 16];
        File::open(RANDOM).and_then(|mut source| source.read_exact(&mut bytes)).context("reading", RANDOM)?;
        Ok(bytes)
    }

    fn name(&self) -> String {
        let name = nix::unistd::gethostname().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    fn boot_id(&self) -> String {
        read_kernel("/proc/sys/kernel/random/boot_id").trim().to_owned()
    }

    fn pid_namespace(&self) -> String {
        let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        link.to_string_lossy().into_owned()
    }

    fn process(&self) -> ProcessId {
        ProcessId { machine: 0, pid: crate::process::id() }
    }

    fn process_start(&self, pid: u32) -> Option<u64> {
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => start_of_living(&stat),
            // Without a word of the kernel about it, a signal that is never sent tells whether it exists.
            Err(_) => exists(pid).then_some(0),
        }
    }
}

/// How many bytes of memory this process may use, as far as is known: the machine's, or less where a control group
/// says so.
pub fn memory() -> u64 {
    let pages = |what| sysconf(what).ok().flatten().and_then(|count| u64::try_from(count).ok());
    let machine = pages(SysconfVar::_PHYS_PAGES).zip(pages(SysconfVar::PAGE_SIZE));
    let machine = machine.map_or(1 << 30, |(count, size)| count.saturating_mul(size));
    read_kernel("/sys/fs/cgroup/memory.max").trim().parse().map_or(machine, |group: u64| group.min(machine))
}

/// What the kernel tells of itself in a file; nothing where it does not.
fn read_kernel(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Field 22 of `/proc/<pid>/stat`; `None` for a process that is dead and only waits for its parent to notice.
///
/// The second field is the program's name in parentheses, which may hold blanks and parentheses itself.
fn start_of_living(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    let is_dead = matches!(fields.next(), None | Some("Z" | "X"));
    let ticks = fields.nth(18).and_then(|field| field.parse().ok());
    (!is_dead).then_some(ticks.unwrap_or(0))
}

fn exists(pid: u32) -> bool {
    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;
    let Ok(pid) = i32::try_from(pid) else { return false };
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}
