//! The machine that this runs on: its clocks, chance, its memory, and what it says about processes.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{AccessFlags, SysconfVar, access, sysconf};

use super::host::{Host, ProcessId};
use super::local::Local;
use super::pid;
use super::process::Process;
use crate::Result;
use crate::error::IoContext;

/// Where random bytes come from.
const RANDOM: &str = "/dev/urandom";

impl Host for Local {
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

    fn most_descriptors(&self) -> usize {
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(RLIM_INFINITY, |(soft, _)| soft);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    fn pid_namespace(&self) -> String {
        let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        link.to_string_lossy().into_owned()
    }

    fn process(&self) -> ProcessId {
        ProcessId { machine: 0, pid: pid::id() }
    }

    fn process_start(&self, pid: u32) -> Option<u64> {
        match Process::with_id(pid) {
            Some(process) => (!process.is_dead()).then_some(process.start),
            // Without a word of the kernel about it, a signal that is never sent tells whether it exists.
            None => exists(pid).then_some(0),
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

/// Whether something is at a path, as far as this process can tell.
pub fn is_there(path: &Path) -> bool {
    access(path, AccessFlags::F_OK).is_ok()
}

/// What the kernel tells of itself in a file; nothing where it does not.
fn read_kernel(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn exists(pid: u32) -> bool {
    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;
    let Ok(pid) = i32::try_from(pid) else { return false };
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}
