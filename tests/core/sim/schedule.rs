//! A whole computation, with everything that goes wrong in it, repeated from a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jug_native::Result;

mod troubles;

pub(super) use troubles::Trouble;

use super::actors;
use super::job::Job;
use super::process::{Handle, Process, Report};
use super::rng::Rng;
use super::world::{Call, Rules, World};
use super::{upkeep, worker};

/// A computation and its troubles.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) is_network: bool,
    pub(super) hosts: usize,
    pub(super) workers: usize,
    pub(super) tasks: u32,
    pub(super) large: u32,
    pub(super) longest: Duration,
    pub(super) lost_answers: u64,
    pub(super) links_max: u64,
    /// What happens after so many further turns.
    pub(super) troubles: Vec<(u32, Trouble)>,
}

/// What is running.
struct Running {
    handle: Handle,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Worker,
    Invalidates(usize),
    Looks,
    Packs(bool),
    WorksOnFormer(usize),
    CleansUp,
    Checks(bool),
}

/// More turns than any computation takes that ends.
const TURNS_MAX: usize = 200_000;

/// The driver of a plan.
struct Driver {
    plan: Plan,
    world: Arc<World>,
    job: Arc<Job>,
    rng: Rng,
    running: Vec<Running>,
    /// Processes that were suspended, and may not know.
    suspended: BTreeSet<(usize, u32)>,
    /// Nobody else is left, and nothing more happens.
    is_last: bool,
    /// The last worker ended well.
    is_done: bool,
}

/// What a plan came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Course {
    took: Duration,
    /// How often each system call was made.
    calls: BTreeMap<Call, u64>,
    /// How often each failed, with which error.
    pub(super) errors: BTreeMap<(Call, i32), u64>,
    /// How often somebody synced a file that others had closed off.
    pub(super) in_vain: u64,
}

impl Driver {
    fn of(plan: &Plan) -> Driver {
        let rules = Rules {
            is_network: plan.is_network,
            has_watches: false,
            slow: if plan.is_network { 1_000 } else { 20 },
            hosts: plan.hosts,
            seed: plan.seed,
            links_max: plan.links_max,
            lost_answers: plan.lost_answers,
            is_traced: std::env::var_os("JUG_SIM_TRACE").is_some(),
        };
        let mut rng = Rng::new(plan.seed ^ 0x005c_4ed0);
        let job = Job::new(plan.tasks, plan.large, plan.longest, &mut rng);
        let (world, plan) = (World::new(rules), plan.clone());
        let (running, suspended) = (Vec::new(), BTreeSet::new());
        Driver { plan, world, job, rng, running, suspended, is_last: false, is_done: false }
    }
}

/// Runs a plan; says what was violated.
pub(super) fn run(plan: &Plan) -> Result<Course, String> {
    let mut driver = Driver::of(plan);
    driver.play().map_err(|what| format!("{what}, at {:?}", driver.world.now()))?;
    let state = driver.world.state();
    let (calls, errors) = (state.calls.clone(), state.errors.clone());
    Ok(Course { took: state.now, calls, errors, in_vain: state.in_vain })
}

/// The clocks of a plan's hosts: how much later they are, the dates in seconds, and how many thousandths too fast.
pub(super) fn clocks(plan: &Plan) -> Vec<(Duration, i64, i32)> {
    let driver = Driver::of(plan);
    let state = driver.world.state();
    state.hosts.iter().map(|host| (host.clock, host.date, host.drift)).collect()
}

impl Driver {
    fn play(&mut self) -> Result<(), String> {
        for _ in 0..self.plan.workers {
            self.start(Role::Worker);
        }
        let troubles = self.plan.troubles.clone();
        let mut troubles = troubles.into_iter().peekable();
        let mut since = 0;
        for _ in 0..TURNS_MAX {
            if let Some((_, trouble)) =
                troubles.next_if(|(after, _)| since >= *after || self.running.is_empty())
            {
                since = 0;
                self.befall(trouble)?;
                continue;
            }
            if self.running.is_empty() {
                // Whatever was left undone is done by a worker that comes now, after all that happened.
                if self.is_done {
                    return self.judge();
                }
                self.start(Role::Worker);
                self.is_last = true;
            }
            since += 1;
            self.turn()?;
        }
        Err("it never ends".to_owned())
    }

    fn start(&mut self, role: Role) {
        let host = self.rng.index(self.plan.hosts);
        let job = Arc::clone(&self.job);
        let handle = Process::spawn(&self.world, host, move |process| {
            let done = match role {
                Role::Worker => worker::work(process, &job),
                Role::Invalidates(number) => actors::invalidate(process, &job, number),
                Role::Looks => actors::look(process, &job),
                Role::Packs(all) => upkeep::pack(process, &job, all),
                Role::WorksOnFormer(which) => upkeep::work_on_former(process, &job, which),
                Role::CleansUp => upkeep::clean_up(process, &job),
                Role::Checks(repair) => upkeep::check(process, &job, repair),
            };
            done.map_err(|error| error.to_string())
        });
        handle.listen();
        self.running.push(Running { handle, role });
    }

    /// Lets one process go on.
    fn turn(&mut self) -> Result<(), String> {
        let now = self.world.now();
        let wakes = |it: &Running| it.handle.wakes.max(it.handle.paused_until);
        let awake: Vec<usize> =
            (0..self.running.len()).filter(|at| wakes(&self.running[*at]) <= now).collect();
        if awake.is_empty() {
            let next = self.running.iter().map(wakes).min().unwrap_or(now);
            self.world.state().now = next;
            return Ok(());
        }
        let at = awake[self.rng.index(awake.len())];
        let calls = if self.rng.once_in(3) { 0 } else { u32::try_from(self.rng.below(12)).unwrap() };
        let report = self.running[at].handle.go_on(calls);
        let misled = std::mem::take(&mut self.world.state().misled);
        for by in misled.into_iter().chain(self.suspended.iter().copied()) {
            self.job.facts().excuse(by);
        }
        match report {
            Report::Paused => {}
            Report::Sleeps(until) => self.running[at].handle.wakes = until,
            Report::Ended(outcome) => self.ended(at, outcome.is_ok()),
            Report::Panicked(what) => return Err(what),
        }
        Ok(())
    }

    fn ended(&mut self, at: usize, is_ok: bool) {
        let Running { mut handle, role } = self.running.swap_remove(at);
        handle.join();
        self.world.state().end_process(handle.host, handle.pid);
        self.job.facts().ended((handle.host, handle.pid), self.world.now());
        self.is_done = self.is_last && is_ok;
        if !is_ok {
            self.lost((handle.host, handle.pid), role);
        }
    }

    /// A process ended before it was done.
    fn lost(&mut self, by: (usize, u32), role: Role) {
        let now = self.world.now();
        let mut facts = self.job.facts();
        facts.excuse(by);
        facts.ended(by, now);
        drop(facts);
        if let Role::Invalidates(_) = role {
            // A user who sees that it failed does it again.
            self.start(role);
        }
    }

    /// Runs a process while no other one does.
    fn alone(&self, main: fn(&Arc<Process>, &Arc<Job>) -> Result<()>) -> Result<(), String> {
        let job = Arc::clone(&self.job);
        // Nothing fails for the process that judges, and nothing keeps it waiting: all others wait for it.
        let (faults, away) = {
            let mut state = self.world.state();
            let away = (state.server_down_until, state.hosts[0].cut_off_until);
            (state.server_down_until, state.hosts[0].cut_off_until) = (Duration::ZERO, Duration::ZERO);
            (std::mem::take(&mut state.faults), away)
        };
        let mut handle = Process::spawn(&self.world, 0, move |process| {
            main(process, &job).map_err(|error| error.to_string())
        });
        handle.listen();
        let outcome = loop {
            match handle.go_on(1_000_000) {
                Report::Paused => {}
                Report::Sleeps(until) => self.world.state().now = until,
                Report::Ended(outcome) => break outcome,
                Report::Panicked(what) => break Err(what),
            }
        };
        handle.join();
        let mut state = self.world.state();
        state.end_process(handle.host, handle.pid);
        state.faults = faults;
        (state.server_down_until, state.hosts[0].cut_off_until) = away;
        outcome
    }

    /// Everything is done: whether it is right.
    fn judge(&self) -> Result<(), String> {
        self.excuse_bad();
        self.alone(actors::check_all)?;
        self.alone(upkeep::pack_at_last)?;
        self.alone(actors::check_all)?;
        let duplicates = self.job.facts().duplicates();
        if duplicates.is_empty() { Ok(()) } else { Err(format!("run twice without need: {duplicates:?}")) }
    }
}
