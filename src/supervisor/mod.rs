//! Workers as children: started, watched, and ended with all below them.
//!
//! A supervisor never claims and never opens a store: workers do, through the jugdir, as ever. It sleeps in one call until
//! something is due: the end of a worker, what tasks print, a signal, a deadline, a sample of memory.

pub mod board;
pub mod capture;
mod events;
pub mod marks;
mod member;
pub mod memory_watch;
pub mod names;
mod notes;
mod output_queue;
mod server;
mod signals;
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
use nix::sys::signalfd::SignalFd;

use crate::Key;
use crate::os::local;
use crate::os::process::{self, Table};
use crate::status_slot::Activity;

pub use events::{Ended, Event, Limit, Running};
pub use output_queue::OutputQueue;
pub use start::{Start, VARIABLE};

use board::Board;
use member::{FAREWELL, Member};
use names::NameCounts;
use server::Server;
use signals::take_signals;

/// How often memory is looked at where there is a limit.
const SAMPLE: Duration = Duration::from_millis(100);

/// A supervisor: the one of this process.
#[derive(Debug)]
pub struct Supervisor {
    board: Board,
    board_file: File,
    members: BTreeMap<u32, Member>,
    /// From which workers are forked, where they are.
    server: Option<Server>,
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
    /// A supervisor without workers. Signals to this process are its from now on, where `takes_signals`,
    /// and so is `stop_signal`.
    ///
    /// # Errors
    ///
    /// Where the system has no files of memory, or no descriptor is left.
    pub fn new(
        memory_limit: Option<u64>,
        takes_signals: bool,
        stop_signal: Option<Signal>,
    ) -> io::Result<Supervisor> {
        process::become_subreaper()?;
        let signals = if takes_signals { Some(take_signals(stop_signal)?) } else { None };
        let board_file = Board::create()?;
        Ok(Supervisor {
            board: Board::open(&board_file)?,
            board_file,
            members: BTreeMap::new(),
            server: None,
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

    /// Starts a server from which workers are forked once it is ready; see [`Event::Prepared`].
    ///
    /// # Errors
    ///
    /// Where the process cannot be started.
    pub fn prepare(&mut self, start: &Start<'_>) -> io::Result<()> {
        self.server = Some(Server::start(start)?);
        Ok(())
    }

    /// Ends that server, if there is one. The workers go on.
    pub fn dismiss(&mut self) {
        if let Some(server) = self.server.take() {
            server.end(&mut Vec::new());
        }
    }

    /// Starts the worker of this number, which no living worker has.
    ///
    /// # Errors
    ///
    /// Where the process cannot be started.
    pub fn start(&mut self, worker: u32, start: &Start<'_>) -> io::Result<u32> {
        self.board.add_worker(worker);
        let member = match self.fork(worker, start) {
            Some(member) => member,
            None => Member::start(worker, start, &self.board_file, None)?,
        };
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
        self.server.iter().for_each(|server| server.signal(Signal::SIGSTOP));
        let _raised = raise(Signal::SIGSTOP);
        self.server.iter().for_each(|server| server.signal(Signal::SIGCONT));
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

    /// Has a worker forked; `None` where nobody can.
    fn fork(&mut self, worker: u32, start: &Start<'_>) -> Option<Member> {
        let server = self.server.as_mut()?;
        match Member::start(worker, start, &self.board_file, Some(server.ready()?)) {
            Ok(member) => Some(member),
            Err(error) => {
                server.condemn(&error);
                None
            }
        }
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
        let of_server = self.server.iter().flat_map(|server| server.descriptors(is_read));
        for descriptor in signals.into_iter().chain(room).chain(descriptors).chain(of_server) {
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
        let is_lost = self.server.as_mut().is_some_and(|server| !server.read_ready(&is_ready, &mut events));
        if let Some(server) = self.server.take_if(|_| is_lost) {
            server.end(&mut events);
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
        let members = self.members.values().map(Member::pid).chain(self.server.iter().map(Server::pid));
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
        self.dismiss();
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
