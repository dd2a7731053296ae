//! The simulated world: one server, some hosts, the time, and what goes wrong.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::disk::{Disk, Ino, ROOT};
use super::host::Host;
use super::rng::Rng;

/// What kind of world it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// A network filesystem with clients that remember; otherwise one host with its own disk.
    pub(super) is_network: bool,
    /// How many microseconds a call takes at most, as a rule. The server does one after the other.
    pub(super) slow: u64,
    /// Processes see what happens on their hosts.
    pub(super) has_watches: bool,
    pub(super) hosts: usize,
    pub(super) seed: u64,
    /// How many names a file can have.
    pub(super) links_max: u64,
    /// Every call is printed on stderr.
    pub(super) is_traced: bool,
    /// One in so many answers of the server is lost; 0: none.
    pub(super) lost_answers: u64,
}

/// Everything there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) rules: Rules,
    /// Tells this world's processes from those of others in the same test binary.
    machine: u64,
    /// What no clock shows: a beginning for all of them.
    pub(super) start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) disk: Disk,
    pub(super) hosts: Vec<Host>,
    pub(super) now: Duration,
    pub(super) rng: Rng,
    pub(super) server_down_until: Duration,
    /// Calls that will fail: in how many calls of which kind, and how.
    pub(super) faults: Vec<(Call, u32, Errno)>,
    /// How often each kind of call was made.
    pub(super) calls: BTreeMap<Call, u64>,
    /// How many calls of each host were requests to the server, or may have been.
    pub(super) requests: BTreeMap<usize, u64>,
    /// Whether files can only be opened in ways in which their contents are remembered.
    pub(super) remembers_all: bool,
    /// How often each host asked for the facts of an open file.
    pub(super) asked_for: BTreeMap<(usize, Ino), u64>,
    /// The names that were changed on each host where somebody watches; empty where a file was.
    pub(super) happened: BTreeMap<usize, Vec<String>>,
    /// How often each kind of call failed, and how.
    pub(super) errors: BTreeMap<(Call, i32), u64>,
    /// Processes that got the answer that a file is gone which is not.
    pub(super) misled: Vec<(usize, u32)>,
    /// Something happened that may have cost what was not synced, or more.
    pub(super) was_harmed: bool,
    /// How often somebody synced a file that others had closed off.
    pub(super) in_vain: u64,
    next_start: u64,
}

/// Kinds of system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    List,
    Stat,
    FreshStat,
    Mkdir,
    Rmdir,
    Open,
    Create,
    Link,
    Rename,
    Unlink,
    Read,
    Append,
    Sync,
    SyncDir,
    Touch,
    Finish,
    Lock,
}

impl World {
    pub(super) fn new(rules: Rules) -> Arc<World> {
        static MACHINES: AtomicU64 = AtomicU64::new(1);
        let mut rng = Rng::new(rules.seed);
        let hosts = (0..rules.hosts).map(|number| Host::new(number, rules.is_network, &mut rng)).collect();
        let mut disk = Disk::new(rules.is_network, rules.links_max);
        // Where a jugdir is created, a user has been before.
        disk.create(ROOT, "home", true).expect("the disk is empty");
        disk.sync_dir(ROOT);
        let state = State {
            disk,
            hosts,
            now: Duration::ZERO,
            rng,
            server_down_until: Duration::ZERO,
            faults: Vec::new(),
            calls: BTreeMap::new(),
            requests: BTreeMap::new(),
            remembers_all: false,
            asked_for: BTreeMap::new(),
            happened: BTreeMap::new(),
            errors: BTreeMap::new(),
            misled: Vec::new(),
            was_harmed: false,
            in_vain: 0,
            next_start: 100,
        };
        // Room for the hosts: each of them is a machine of its own, and another one after each boot.
        let machine = MACHINES.fetch_add(1 << 32, Ordering::Relaxed);
        Arc::new(World { rules, machine, start: Instant::now(), state: Mutex::new(state) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Duration {
        self.state().now
    }

    /// The number by which objects of one process of this test binary differ from those of another.
    pub(super) fn machine(&self, host: usize, boot: u32) -> u64 {
        self.machine + ((host as u64) << 16) + u64::from(boot)
    }
}

impl State {
    /// Starts a process of a host; its id and when it began.
    pub(super) fn start_process(&mut self, host: usize) -> (u32, u64) {
        self.next_start += 1 + self.rng.below(3);
        let start = self.next_start;
        let reuse = self.rng.once_in(3);
        let host = &mut self.hosts[host];
        // Ids are used again, as they are where many short processes come and go.
        let pid = if reuse {
            (1..=host.next_pid).find(|pid| !host.processes.contains_key(pid)).unwrap_or(host.next_pid)
        } else {
            host.next_pid
        };
        host.next_pid = host.next_pid.max(pid + 1);
        while host.processes.contains_key(&host.next_pid) {
            host.next_pid += 1;
        }
        host.processes.insert(pid, start);
        (pid, start)
    }

    /// A process ends, however it ends: its files are closed.
    pub(super) fn end_process(&mut self, host: usize, pid: u32) {
        self.disk.release_all(host, pid);
        self.hosts[host].processes.remove(&pid);
    }

    /// Clients that reach the server send something of what they have not sent.
    pub(super) fn send_in_background(&mut self) {
        let State { hosts, disk, rng, now, server_down_until, .. } = self;
        if *server_down_until > *now {
            return;
        }
        for host in hosts.iter_mut().filter(|host| host.cut_off_until <= *now) {
            host.send_in_background(disk, rng);
        }
    }

    /// Power fails for the whole world: every host and the disk.
    pub(super) fn power_cut(&mut self) {
        let State { disk, hosts, rng, was_harmed, .. } = self;
        *was_harmed = true;
        disk.power_cut(rng);
        hosts.iter_mut().for_each(Host::crash);
    }

    /// A host loses its memory; what it had not sent is lost.
    pub(super) fn crash(&mut self, host: usize) {
        self.was_harmed = true;
        let pids: Vec<u32> = self.hosts[host].processes.keys().copied().collect();
        for pid in pids {
            self.disk.release_all(host, pid);
        }
        if self.hosts[host].cut_off_until <= self.now && self.server_down_until <= self.now {
            self.hosts[host].send_in_background(&mut self.disk, &mut self.rng);
        }
        self.hosts[host].crash();
    }

    /// Whether this call is one that fails, and how.
    pub(super) fn fault(&mut self, call: Call) -> Option<Errno> {
        *self.calls.entry(call).or_default() += 1;
        let at = self.faults.iter_mut().position(|(of, left, _)| {
            if *of == call {
                *left = left.saturating_sub(1);
            }
            *of == call && *left == 0
        })?;
        self.was_harmed = true;
        Some(self.faults.remove(at).2)
    }
}
