//! The one background thread of a store: group writes, syncs, heartbeats and claims.
//!
//! It never needs the interpreter, so a task that computes in C for a day without letting go of it
//! still has its worker's records synced and its heartbeat beaten. A forked child has no such thread
//! and cannot get one from an inherited one: there, every method does nothing.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;

use crate::os::{self, Host, pid};

/// A job of the background thread.
pub trait Periodic: Send + Sync {
    /// Does what is due and says how long from now it wants to be called again; None: only when woken.
    ///
    /// It may be called earlier than it asked for, since all jobs are called together.
    fn poll(&self, now: Instant) -> Option<Duration>;
}

/// A thread that calls jobs when they are due. It starts with the first [`Background::wake`].
pub struct Background {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    manual: bool,
    pid: u32,
}

struct Shared {
    host: Arc<dyn Host>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: Vec<Weak<dyn Periodic>>,
    woken: bool,
    stopping: bool,
}

impl Background {
    /// A background thread without jobs, which has not started.
    pub fn spawn() -> Arc<Background> {
        Background::new(os::local(), false)
    }

    /// One that never has a thread: its jobs are done when [`Background::poll`] is called, and the time is
    /// that of `host`.
    pub fn manual(host: Arc<dyn Host>) -> Arc<Background> {
        Background::new(host, true)
    }

    fn new(host: Arc<dyn Host>, manual: bool) -> Arc<Background> {
        let shared = Arc::new(Shared { host, state: Mutex::default(), wake: Condvar::new() });
        Arc::new(Background { shared, thread: Mutex::default(), manual, pid: pid::id() })
    }

    /// The time by the clock that is passed to jobs.
    pub fn now(&self) -> Instant {
        self.shared.host.now()
    }

    /// Calls all jobs once; how long from now the first of them wants to be called again.
    pub fn poll(&self) -> Option<Duration> {
        if self.forked() {
            return None;
        }
        let jobs = self.shared.lock().jobs();
        self.shared.call(&jobs)
    }

    /// Adds a job. The background thread does not keep it alive, and forgets it when its last owner does.
    ///
    /// It is first called after the next [`Background::wake`].
    pub fn add(&self, job: &Arc<dyn Periodic>) {
        if !self.forked() {
            self.shared.lock().jobs.push(Arc::downgrade(job));
        }
    }

    /// Has all jobs called as soon as possible; starts the thread if need be.
    pub fn wake(&self) {
        if self.forked() {
            return;
        }
        let mut state = self.shared.lock();
        if state.stopping {
            return;
        }
        state.woken = true;
        drop(state);
        if self.manual {
            return;
        }
        self.shared.wake.notify_one();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.as_ref().is_none_or(JoinHandle::is_finished) {
            let shared = Arc::clone(&self.shared);
            // Without a thread the jobs are done late, by the callers that flush and close; nothing is lost.
            *thread = thread::Builder::new().name("jug-background".into()).spawn(move || shared.run()).ok();
        }
    }

    /// Ends the thread, after the job it may be at. Nothing is called from then on.
    pub fn stop(&self) {
        if self.forked() {
            return;
        }
        self.shared.lock().stopping = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The thread itself ends up here if a job of its was the last owner of the background thread.
        if let Some(thread) = thread.filter(|it| it.thread().id() != thread::current().id()) {
            let _ended = thread.join();
        }
    }

    fn forked(&self) -> bool {
        self.pid != pid::id()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        // Signals are for the main thread, whose sleep they must interrupt.
        let _blocked = SigSet::all().thread_block();
        let mut state = self.lock();
        while !state.stopping {
            state.woken = false;
            let jobs = state.jobs();
            drop(state);
            let pause = self.call(&jobs);
            state = self.lock();
            if !state.woken && !state.stopping {
                state = self.sleep(state, pause);
            }
        }
    }

    /// Calls each job; the shortest pause one of them asks for.
    fn call(&self, jobs: &[Weak<dyn Periodic>]) -> Option<Duration> {
        jobs.iter().filter_map(Weak::upgrade).filter_map(|job| job.poll(self.host.now())).min()
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>, pause: Option<Duration>) -> MutexGuard<'a, State> {
        match pause {
            Some(pause) => self.wake.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0,
            None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl State {
    /// All jobs that somebody still wants done.
    fn jobs(&mut self) -> Vec<Weak<dyn Periodic>> {
        self.jobs.retain(|job| job.strong_count() > 0);
        self.jobs.clone()
    }
}
