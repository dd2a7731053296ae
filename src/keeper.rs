//! The one background thread of a store: it ticks group writes, syncs, heartbeats and claims.
//!
//! It never needs the interpreter, so a task that computes in C for a day without letting go of it
//! still has its worker's records synced and its heartbeat beaten. A forked child has no such thread
//! and cannot get one from an inherited keeper: there, every method does nothing.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;

use crate::fs::{self, Host};
use crate::process;

/// A chore of the background thread.
pub trait Tick: Send + Sync {
    /// Does what is due and says how long from now it wants to be called again; None: only when nudged.
    ///
    /// It may be called earlier than it asked for, since all chores of a keeper are called together.
    fn tick(&self, now: Instant) -> Option<Duration>;
}

/// A thread that calls chores when they are due. It starts with the first [`Keeper::nudge`].
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    by_hand: bool,
    pid: u32,
}

struct Shared {
    host: Arc<dyn Host>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    chores: Vec<Weak<dyn Tick>>,
    nudged: bool,
    stopping: bool,
}

impl Keeper {
    /// A keeper without chores, whose thread has not started.
    pub fn spawn() -> Arc<Keeper> {
        Keeper::new(fs::local(), false)
    }

    /// A keeper that never has a thread: its chores are done when [`Keeper::tick`] is called, and the time is
    /// that of `host`.
    pub fn by_hand(host: Arc<dyn Host>) -> Arc<Keeper> {
        Keeper::new(host, true)
    }

    fn new(host: Arc<dyn Host>, by_hand: bool) -> Arc<Keeper> {
        let shared = Arc::new(Shared { host, state: Mutex::default(), wake: Condvar::new() });
        Arc::new(Keeper { shared, thread: Mutex::default(), by_hand, pid: process::id() })
    }

    /// The time by the clock that chores are told.
    pub fn now(&self) -> Instant {
        self.shared.host.now()
    }

    /// Calls all chores once; how long from now the first of them wants to be called again.
    pub fn tick(&self) -> Option<Duration> {
        if self.forked() {
            return None;
        }
        let chores = self.shared.lock().chores();
        self.shared.call(&chores)
    }

    /// Adds a chore. The keeper does not keep it alive, and forgets it when its last owner does.
    ///
    /// It is first called after the next [`Keeper::nudge`].
    pub fn add(&self, chore: &Arc<dyn Tick>) {
        if !self.forked() {
            self.shared.lock().chores.push(Arc::downgrade(chore));
        }
    }

    /// Has all chores called as soon as possible; starts the thread if need be.
    pub fn nudge(&self) {
        if self.forked() {
            return;
        }
        let mut state = self.shared.lock();
        if state.stopping {
            return;
        }
        state.nudged = true;
        drop(state);
        if self.by_hand {
            return;
        }
        self.shared.wake.notify_one();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.as_ref().is_none_or(JoinHandle::is_finished) {
            let shared = Arc::clone(&self.shared);
            // Without a thread the chores are done late, by whoever flushes and closes; nothing is lost.
            *thread = thread::Builder::new().name("jug-keeper".into()).spawn(move || shared.run()).ok();
        }
    }

    /// Ends the thread, after the chore it may be at. Nothing is called from then on.
    pub fn stop(&self) {
        if self.forked() {
            return;
        }
        self.shared.lock().stopping = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The thread itself ends up here if a chore of its was the last owner of this keeper.
        if let Some(thread) = thread.filter(|it| it.thread().id() != thread::current().id()) {
            let _ended = thread.join();
        }
    }

    fn forked(&self) -> bool {
        self.pid != process::id()
    }
}

impl Drop for Keeper {
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
            state.nudged = false;
            let chores = state.chores();
            drop(state);
            let pause = self.call(&chores);
            state = self.lock();
            if !state.nudged && !state.stopping {
                state = self.sleep(state, pause);
            }
        }
    }

    /// Calls each chore; the shortest pause one of them asks for.
    fn call(&self, chores: &[Weak<dyn Tick>]) -> Option<Duration> {
        chores.iter().filter_map(Weak::upgrade).filter_map(|chore| chore.tick(self.host.now())).min()
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>, pause: Option<Duration>) -> MutexGuard<'a, State> {
        match pause {
            Some(pause) => self.wake.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0,
            None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl State {
    /// All chores that somebody still wants done.
    fn chores(&mut self) -> Vec<Weak<dyn Tick>> {
        self.chores.retain(|chore| chore.strong_count() > 0);
        self.chores.clone()
    }
}
