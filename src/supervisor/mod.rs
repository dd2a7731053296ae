//! Workers as children: started, watched, and ended with all below them.
//!
//! A supervisor never claims and never opens a store: workers do, through the jugdir, as ever. It sleeps in one call until
//! something is due: the end of a worker, what tasks print, a signal, a deadline, a sample of memory.

pub mod board;
pub mod capture;
mod events;
mod member;
mod notes;
mod output_queue;
pub mod slot;
mod start;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::Key;
use crate::os::local;
use crate::os::process::{self, Table};
use crate::status_slot::Activity;

pub use events::{Ended, Event, Limit, Running};
pub use output_queue::OutputQueue;
pub use start::{Start, VARIABLE};

use board::Board;
use member::Member;
use slot::NameCounts;

/// How often memory is looked at where there is a limit.
const SAMPLE: Duration = Duration::from_millis(100);

/// How long a worker may take to kill itself and all below it.
const FAREWELL: Duration = Duration::from_secs(1);

/// The signals that are for the supervisor, which passes on what they mean.
const SIGNALS: [Signal; 5] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGTSTP, Signal::SIGCONT];

/// A supervisor: the one of this process.
#[derive(Debug)]
pub struct Supervisor {
    board: Board,
    board_file: File,
    members: BTreeMap<u32, Member>,
    /// The children that this process had before, which are none of ours.
    strangers: Vec<u32>,
    /// What workers executed that have ended, by name.
    ended: HashMap<String, NameCounts>,
    memory_limit: Option<u64>,
    sampled: Instant,
    signals: Option<(SignalFd, SigSet)>,
    /// Where what workers print goes in the end, if it is known: while that is full, nothing more is read of it.
    output: Option<Arc<OutputQueue>>,
}

impl Supervisor {
    /// A supervisor without workers. Signals to this process are its from now on, where `takes_signals`.
    ///
    /// # Errors
    ///
    /// Where the system has no files of memory, or no descriptor is left.
    pub fn new(memory_limit: Option<u64>, takes_signals: bool) -> io::Result<Supervisor> {
        process::become_subreaper()?;
        let signals = if takes_signals { Some(take_signals()?) } else { None };
        let board_file = Board::create()?;
        Ok(Supervisor {
            board: Board::open(&board_file)?,
            board_file,
            members: BTreeMap::new(),
            strangers: process::orphans(&[]),
            ended: HashMap::new(),
            memory_limit,
            sampled: Instant::now(),
            signals,
            output: None,
        })
    }

    /// What workers print goes there: while it is full, they wait, and all else goes on.
    pub fn print_to(&mut self, output: Arc<OutputQueue>) {
        self.output = Some(output);
    }

    /// Starts the worker of this number, which no living worker has.
    ///
    /// # Errors
    ///
    /// Where the process cannot be started.
    pub fn start(&mut self, worker: u32, start: &Start<'_>) -> io::Result<u32> {
        self.board.add_worker(worker);
        let member = Member::start(worker, start, &self.board_file)?;
        let pid = member.pid();
        self.members.insert(worker, member);
        Ok(pid)
    }

    /// The numbers of the workers that live.
    pub fn workers(&self) -> Vec<u32> {
        self.members.keys().copied().collect()
    }

    /// Sleeps until something happens, or this time has passed.
    ///
    /// # Errors
    ///
    /// Where the system cannot watch.
    pub fn wait(&mut self, patience: Option<Duration>) -> io::Result<Vec<Event>> {
        let until = patience.map(|patience| Instant::now() + patience);
        loop {
            let due = self.next_look();
            let due = [due, until].into_iter().flatten().min();
            let mut events = self.poll(due)?;
            self.enforce();
            events.retain(|event| !matches!(event, Event::Output { text, .. } if text.is_empty()));
            if !events.is_empty() || until.is_some_and(|until| Instant::now() >= until) {
                return Ok(events);
            }
        }
    }

    /// Has all workers start nothing new: what they run may finish.
    pub fn stop(&mut self) {
        self.board.stop_all();
        for (worker, member) in &mut self.members {
            // Nothing runs there, and what it loads is not needed any more.
            if member.report(*worker).is_ok_and(|report| !report.has_loaded) {
                member.let_go();
            }
        }
    }

    /// Whether no worker has said yet that it stored how this task died: it is theirs until then.
    pub fn is_unsettled(&self, key: &Key) -> bool {
        self.board.is_unsettled(key)
    }

    /// Nobody will store how this task died: any worker may have it.
    pub fn settle(&self, key: &Key) {
        self.board.settle(key);
    }

    /// Kills all workers and everything below them; that they ended is still to be waited for. What they run is not to blame.
    pub fn kill(&mut self) {
        for member in self.members.values_mut() {
            member.let_go();
        }
        let until = Instant::now() + FAREWELL;
        for member in self.members.values() {
            let left = until.saturating_duration_since(Instant::now());
            if !member.child().ends_within(left) {
                member.child().kill_tree();
            }
        }
    }

    /// Stops this process and all workers, as Ctrl-Z does, until it is continued. That time counts towards no limit.
    pub fn pause(&mut self) {
        let began = local().uptime();
        for member in self.members.values() {
            let _gone = member.child().signal_group(Signal::SIGSTOP);
        }
        let _raised = raise(Signal::SIGSTOP);
        let paused = local().uptime().saturating_sub(began);
        for (worker, member) in &mut self.members {
            member.forgive(*worker, paused);
            let _gone = member.child().signal_group(Signal::SIGCONT);
        }
    }

    /// What each living worker runs.
    pub fn running(&self) -> Vec<Running> {
        let now = local().uptime();
        let of = |(worker, member): (&u32, &Member)| {
            let run = match member.report(*worker).ok()?.activity {
                Activity::Running(run) => {
                    let since = now.saturating_sub(run.uptime);
                    Some((run, since))
                }
                Activity::Idle | Activity::Unknown => None,
            };
            Some(Running { worker: *worker, pid: member.pid(), run })
        };
        self.members.iter().filter_map(of).collect()
    }

    /// How many tasks of each name there are, and what became of them in all workers of this supervisor.
    pub fn counts(&self) -> Vec<(String, NameCounts)> {
        let mut all = self.ended.clone();
        for member in self.members.values() {
            add_counts(&mut all, member.counts());
        }
        all.into_iter().collect()
    }

    /// Whether there will be more tasks than are counted: each jugfile that was loaded ended at a barrier.
    pub fn has_more(&self) -> bool {
        let reports = self.members.iter().filter_map(|(worker, member)| member.report(*worker).ok());
        let mut loaded = reports.filter(|report| report.has_loaded).map(|report| report.has_more).peekable();
        loaded.peek().is_some() && loaded.all(|has_more| has_more)
    }

    /// How many bytes each living worker has in memory, with all below it. It takes one look at all processes of the
    /// system, however many workers there are: some microseconds for each of them.
    pub fn resident(&self) -> Vec<(u32, u64)> {
        let processes = process::Table::read();
        self.members.iter().map(|(worker, member)| (*worker, processes.resident(member.pid()))).collect()
    }

    /// When a deadline may have passed, or memory is to be looked at.
    fn next_look(&self) -> Option<Instant> {
        let now = Instant::now();
        let deadlines = self.members.iter().filter_map(|(worker, member)| member.time_left(*worker));
        let deadline = deadlines.min().map(|left| now + left);
        let sample = self.limits_memory().then(|| self.sampled + SAMPLE);
        [deadline, sample].into_iter().flatten().min()
    }

    /// Whether memory is to be looked at.
    fn limits_memory(&self) -> bool {
        let mut members = self.members.iter();
        members.any(|(worker, member)| self.memory_limit.is_some() || member.limits_memory(*worker))
    }

    /// Sleeps until something can be read, or until `due`; what that was.
    fn poll(&mut self, due: Option<Instant>) -> io::Result<Vec<Event>> {
        let timeout = match due {
            None => PollTimeout::NONE,
            Some(due) => {
                // Rounded up: a deadline a moment ahead is not waited for by turns.
                let left = due.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        let mut watched: Vec<PollFd<'_>> = Vec::new();
        let signals = self.signals.as_ref().map(|(signals, _)| signals.as_fd());
        let is_full = |is_error| self.output.as_ref().is_some_and(|output| output.is_full(is_error));
        let is_read = [!is_full(false), !is_full(true)];
        let room = self.output.as_ref().map(|output| output.bell());
        let descriptors = self.members.values().flat_map(|member| member.descriptors(is_read));
        for descriptor in signals.into_iter().chain(room).chain(descriptors) {
            watched.push(PollFd::new(descriptor, PollFlags::POLLIN));
        }
        match poll(&mut watched, timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<i32> = watched
            .iter()
            .filter(|it| it.revents().is_some_and(|events| !events.is_empty()))
            .map(|it| it.as_fd().as_raw_fd())
            .collect();
        let is_ready = |descriptor: BorrowedFd<'_>| ready.contains(&descriptor.as_raw_fd());
        let mut events = Vec::new();
        if let Some((signals, _)) = &self.signals
            && is_ready(signals.as_fd())
        {
            while let Some(signal) = signals.read_signal()? {
                events.push(Event::Signal(i32::try_from(signal.ssi_signo).unwrap_or(0)));
            }
        }
        if let Some(output) = self.output.as_ref().filter(|output| is_ready(output.bell())) {
            output.hear();
        }
        let mut ended = Vec::new();
        for (worker, member) in &mut self.members {
            if is_ready(member.child().ended()) {
                ended.push(*worker);
            } else {
                member.read_ready(*worker, &is_ready, &mut events);
            }
        }
        for worker in ended {
            self.bury(worker, &mut events)?;
        }
        Ok(events)
    }

    /// Takes note of the end of a worker, and lets nothing of it be left.
    fn bury(&mut self, worker: u32, events: &mut Vec<Event>) -> io::Result<()> {
        let Some(member) = self.members.remove(&worker) else { return Ok(()) };
        let members = self.members.values().map(Member::pid);
        let others: Vec<u32> = members.chain(self.strangers.iter().copied()).collect();
        add_counts(&mut self.ended, member.counts());
        let ended = member.end(worker, events)?;
        self.board.add_death(worker, ended.run.as_ref().map(|(run, _)| &run.key));
        process::kill_orphans(&others);
        events.push(Event::Ended(Box::new(ended)));
        Ok(())
    }

    /// Kills workers whose task ran too long, or that have too much memory.
    fn enforce(&mut self) {
        for (worker, member) in &mut self.members {
            member.enforce_time(*worker);
        }
        if self.sampled.elapsed() < SAMPLE || !self.limits_memory() {
            return;
        }
        let processes = Table::read();
        for (worker, member) in &mut self.members {
            member.enforce_memory(*worker, self.memory_limit, &processes);
        }
        self.sampled = Instant::now();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        for (_, member) in std::mem::take(&mut self.members) {
            member.child().kill_tree();
            let _ended = member.end(0, &mut Vec::new());
        }
        process::kill_orphans(&self.strangers);
        if let Some((_, before)) = &self.signals {
            let _restored = before.thread_set_mask();
        }
    }
}

fn add_counts(all: &mut HashMap<String, NameCounts>, counts: Vec<(String, NameCounts)>) {
    for (name, counts) in counts {
        let sum = all.entry(name).or_default();
        sum.executed += counts.executed;
        sum.failed += counts.failed;
        sum.spent += counts.spent;
        sum.total = sum.total.max(counts.total);
        sum.finished = sum.finished.max(counts.finished);
    }
}

/// A descriptor for the signals that are for the supervisor, and the mask to restore.
fn take_signals() -> io::Result<(SignalFd, SigSet)> {
    let ignored = ignored_signals();
    // What is ignored, as under nohup or in the background of a script, stays so.
    let is_heeded = |signal: &Signal| ignored & (1 << (*signal as u32 - 1)) == 0;
    let mine: SigSet = SIGNALS.into_iter().filter(is_heeded).collect();
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
