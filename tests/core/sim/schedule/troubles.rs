//! What can happen to a computation, and how it comes about.

use std::time::Duration;

use jug_native::{Key, Result};
use nix::errno::Errno;

use super::{Driver, Role, Running, actors};
use crate::sim::world::{Call, State};

/// What can happen to a computation.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) enum Trouble {
    /// A process is killed.
    Kill(usize),
    /// A process is stopped for so many milliseconds.
    Pause(usize, u64),
    /// A host is suspended for so many milliseconds: its clock stands still, so that nobody there knows.
    Suspend(usize, u64),
    /// A worker more.
    Join,
    /// Somebody changes a task's code and invalidates it.
    Invalidate(u32),
    /// Somebody looks at the results.
    Look,
    /// Somebody packs, everything or only what is small.
    Pack(bool),
    /// Somebody works on a task that the jugfile has no more.
    WorkOnFormer(usize),
    /// Somebody removes the results that no task has any more.
    CleanUp,
    /// Somebody checks everything, and repairs it if this is true.
    Check(bool),
    /// A byte of a blob or of a pack's index changes on the disk.
    Rot(usize),
    /// A segment, a pack, an index or a blob cannot be read any more, for ever.
    GoBad(usize),
    /// Somebody sets a host's date, so many seconds later or earlier.
    SetDate(usize, i64),
    /// The power fails.
    PowerCut,
    /// A host crashes.
    Crash(usize),
    /// A host cannot reach the server for so many milliseconds.
    CutOff(usize, u64),
    /// The server is away for so many milliseconds.
    ServerDown(u64),
    /// The n-th call of a kind from now on fails.
    Fail(Call, u32, Errno),
}

impl Driver {
    fn kill(&mut self, at: usize) {
        let Running { handle, role } = self.running.swap_remove(at);
        let by = (handle.host, handle.pid);
        self.world.state().end_process(by.0, by.1);
        handle.kill();
        self.lost(by, role);
    }

    pub(super) fn befall(&mut self, trouble: Trouble) -> Result<(), String> {
        let now = self.world.now();
        let milliseconds = Duration::from_millis;
        match trouble {
            Trouble::Kill(at) if !self.running.is_empty() => self.kill(at % self.running.len()),
            Trouble::Pause(at, time) if !self.running.is_empty() => {
                let at = at % self.running.len();
                self.running[at].handle.paused_until = now + milliseconds(time);
                let pid = (self.running[at].handle.host, self.running[at].handle.pid);
                self.out_of_touch(milliseconds(time), |it| (it.handle.host, it.handle.pid) == pid);
            }
            Trouble::Kill(_) | Trouble::Pause(..) => {}
            Trouble::Suspend(host, time) => self.suspend(host % self.plan.hosts, milliseconds(time)),
            Trouble::Join => self.start(Role::Worker),
            Trouble::Invalidate(root) => {
                let number = actors::change_code(&self.job, root % self.plan.tasks, now);
                self.start(Role::Invalidates(number));
            }
            Trouble::Look => self.start(Role::Looks),
            Trouble::Pack(all) => self.start(Role::Packs(all)),
            Trouble::WorkOnFormer(which) => {
                self.start(Role::WorksOnFormer(which % self.job.former.len()));
            }
            Trouble::CleanUp => self.start(Role::CleansUp),
            Trouble::Check(repair) => self.start(Role::Checks(repair)),
            Trouble::Rot(which) => self.rot(which),
            Trouble::GoBad(which) => self.go_bad(which),
            Trouble::SetDate(host, seconds) => {
                self.world.state().hosts[host % self.plan.hosts].date += seconds;
            }
            Trouble::PowerCut => return self.power_cut(),
            Trouble::Crash(host) => return self.crash(host % self.plan.hosts),
            Trouble::CutOff(host, time) => {
                let host = host % self.plan.hosts;
                self.world.state().hosts[host].cut_off_until = now + milliseconds(time);
                self.out_of_touch(milliseconds(time), |it| it.handle.host == host);
            }
            Trouble::ServerDown(time) => {
                self.world.state().server_down_until = now + milliseconds(time);
                self.out_of_touch(milliseconds(time), |_| true);
            }
            Trouble::Fail(call, after, errno) => self.world.state().faults.push((call, 1 + after, errno)),
        }
        Ok(())
    }

    fn suspend(&mut self, host: usize, time: Duration) {
        let mut state = self.world.state();
        let until = state.now + time;
        let clock = &mut state.hosts[host].clock;
        *clock = clock.saturating_sub(time);
        drop(state);
        for it in self.running.iter_mut().filter(|it| it.handle.host == host) {
            it.handle.paused_until = until;
            self.suspended.insert((host, it.handle.pid));
        }
        self.out_of_touch(time, |it| it.handle.host == host);
    }

    /// A byte changes on the disk, in a file whose damage costs one result at most.
    fn rot(&mut self, which: usize) {
        let mut state = self.world.state();
        let State { disk, rng, was_harmed, .. } = &mut *state;
        let names = disk.files_named(|name| name.contains(".idx") || name.contains('.') && name.len() > 62);
        if names.is_empty() {
            return;
        }
        *was_harmed = true;
        let (name, ino) = &names[which % names.len()];
        disk.rot(*ino, rng);
        let mut facts = self.job.facts();
        for (node, key) in (0..).zip(&self.job.keys) {
            if name.starts_with(&key.to_hex()[2..]) {
                facts.spoilt.insert(node);
                facts.promised.remove(&node);
            }
        }
        for (number, key) in self.job.former.iter().enumerate() {
            if name.starts_with(&key.to_hex()[2..]) {
                facts.excuse_former(number);
            }
        }
    }

    /// A file cannot be read from now on, though it can be written to, moved and removed.
    fn go_bad(&mut self, which: usize) {
        let mut state = self.world.state();
        let endings = [".seg", ".pack", ".idx"];
        let is_blob = |name: &str| name.contains('.') && name.len() > 62;
        let names =
            state.disk.files_named(|name| endings.iter().any(|it| name.ends_with(it)) || is_blob(name));
        if names.is_empty() {
            return;
        }
        state.was_harmed = true;
        state.disk.bad.insert(names[which % names.len()].1);
        drop(state);
        self.excuse_bad();
    }

    /// What is in files that cannot be read may be lost.
    pub(super) fn excuse_bad(&self) {
        let state = self.world.state();
        let bad: Vec<&[u8]> = state.disk.bad.iter().map(|ino| state.disk.bytes(*ino)).collect();
        let blobs = state.disk.files_named(|name| name.contains('.') && name.len() > 62);
        let is_lost = |key: &Key| {
            let holds = |bytes: &&[u8]| bytes.windows(Key::LEN).any(|window| window == key.as_bytes());
            let is_its = |name: &str| name.starts_with(&key.to_hex()[2..]);
            bad.iter().any(holds)
                || blobs.iter().any(|(name, ino)| is_its(name) && state.disk.bad.contains(ino))
        };
        let mut facts = self.job.facts();
        for (node, key) in (0..).zip(&self.job.keys) {
            if is_lost(key) {
                facts.spoilt.insert(node);
                facts.promised.remove(&node);
            }
        }
        for (number, key) in self.job.former.iter().enumerate() {
            if is_lost(key) {
                facts.excuse_former(number);
            }
        }
    }

    fn power_cut(&mut self) -> Result<(), String> {
        self.world.state().faults.clear();
        let running = std::mem::take(&mut self.running);
        let invalidating: Vec<Role> =
            running.iter().map(|it| it.role).filter(|role| matches!(role, Role::Invalidates(_))).collect();
        self.world.state().power_cut();
        for it in running {
            self.job.facts().ended((it.handle.host, it.handle.pid), self.world.now());
            it.handle.kill();
        }
        self.job.facts().excuse_unpromised();
        self.excuse_bad();
        self.alone(actors::check_promises)?;
        for role in invalidating {
            self.start(role);
        }
        Ok(())
    }

    fn crash(&mut self, host: usize) -> Result<(), String> {
        self.world.state().crash(host);
        let (dead, alive) =
            std::mem::take(&mut self.running).into_iter().partition(|it| it.handle.host == host);
        self.running = alive;
        let dead: Vec<Running> = dead;
        for Running { handle, role } in dead {
            let by = (handle.host, handle.pid);
            handle.kill();
            self.lost(by, role);
        }
        self.excuse_bad();
        self.alone(actors::check_promises)
    }

    /// A worker without a heartbeat for long may lose what it has claimed.
    fn out_of_touch(&self, time: Duration, who: impl Fn(&Running) -> bool) {
        if self.plan.is_network && time > actors::OUT_OF_TOUCH {
            let lost = self.running.iter().filter(|it| who(it)).map(|it| (it.handle.host, it.handle.pid));
            let mut facts = self.job.facts();
            for by in lost {
                facts.excuse(by);
            }
        }
    }
}
