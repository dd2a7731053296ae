//! A simulated process: a thread that runs only when the world lets it, from one system call to the next.

use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::world::World;

/// What the driver tells a process.
enum Go {
    /// Make this many system calls.
    On(u32),
    /// Be dead.
    Die,
}

/// What a process tells the driver.
#[derive(Debug)]
pub(super) enum Report {
    /// It is about to make a system call.
    Paused,
    /// It sleeps until then.
    Sleeps(Duration),
    /// It ended, and this is its outcome.
    Ended(Result<(), String>),
    /// It failed in a way in which no process may.
    Panicked(String),
}

/// What unwinds the thread of a process that was killed.
struct Killed;

/// The inside of a process.
pub(super) struct Process {
    pub(super) world: Arc<World>,
    pub(super) host: usize,
    pub(super) boot: u32,
    pub(super) pid: u32,
    dead: AtomicBool,
    turns: Mutex<Turns>,
}

struct Turns {
    go: Receiver<Go>,
    reports: Sender<Report>,
    left: u32,
}

/// The outside of a process.
pub(super) struct Handle {
    pub(super) host: usize,
    pub(super) pid: u32,
    pub(super) wakes: Duration,
    pub(super) paused_until: Duration,
    go: SyncSender<Go>,
    reports: Receiver<Report>,
    thread: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a process that will run `main`.
    pub(super) fn spawn(
        world: &Arc<World>,
        host: usize,
        main: impl FnOnce(&Arc<Process>) -> Result<(), String> + Send + 'static,
    ) -> Handle {
        let (go, turns) = sync_channel(1);
        let (say, reports) = channel();
        let ((pid, _), boot) = {
            let mut state = world.state();
            (state.start_process(host), state.hosts[host].boot)
        };
        let turns = Mutex::new(Turns { go: turns, reports: say.clone(), left: 0 });
        let world = Arc::clone(world);
        let process = Arc::new(Process { world, host, boot, pid, dead: AtomicBool::new(false), turns });
        let thread = thread::Builder::new().name(format!("host {host} process {pid}")).spawn(move || {
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                process.turn();
                main(&process)
            }));
            let last = match ran {
                Ok(ended) => Report::Ended(ended),
                Err(reason) if reason.is::<Killed>() => Report::Ended(Err("killed".to_owned())),
                Err(reason) => Report::Panicked(text(&*reason)),
            };
            let _sent = say.send(last);
        });
        let (wakes, paused_until) = (Duration::ZERO, Duration::ZERO);
        Handle { host, pid, wakes, paused_until, go, reports, thread: Some(thread.unwrap()) }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Waits for its turn; unwinds the thread if it never comes again.
    pub(super) fn turn(&self) {
        self.yield_with(None);
    }

    /// Sleeps by the simulated clock.
    pub(super) fn sleep(&self, time: Duration) {
        if !self.is_dead() {
            let until = self.world.now() + time;
            self.yield_with(Some(until));
        }
    }

    fn yield_with(&self, sleep: Option<Duration>) {
        if self.is_dead() {
            return;
        }
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if sleep.is_none() && turns.left > 0 {
            turns.left -= 1;
            return;
        }
        let _sent = turns.reports.send(sleep.map_or(Report::Paused, Report::Sleeps));
        if let Ok(Go::On(calls)) = turns.go.recv() {
            turns.left = calls;
            return;
        }
        drop(turns);
        self.dead.store(true, Ordering::Relaxed);
        if !thread::panicking() {
            std::panic::resume_unwind(Box::new(Killed));
        }
    }
}

impl Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {} process {}", self.host, self.pid)
    }
}

impl Handle {
    /// What it says at first.
    pub(super) fn listen(&self) -> Report {
        self.reports.recv().unwrap_or_else(|_| Report::Panicked("it vanished".to_owned()))
    }

    /// Lets it make some system calls.
    pub(super) fn go_on(&self, calls: u32) -> Report {
        let _sent = self.go.send(Go::On(calls));
        self.listen()
    }

    /// Ends it, wherever it is. What it had open must have been closed before.
    pub(super) fn kill(mut self) {
        let _sent = self.go.send(Go::Die);
        self.join();
    }

    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn text(reason: &(dyn std::any::Any + Send)) -> String {
    let known = reason.downcast_ref::<&str>().map(|text| (*text).to_owned());
    known.or_else(|| reason.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason".to_owned())
}
