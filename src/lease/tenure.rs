//! What a process knows of a lease that it holds: the token, and when it ends by the clock of this host.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use super::shared::Shared;
use crate::lock::lock;
use crate::os::{boottime, pid};

/// The longest that is slept at a time: a host that was suspended goes on with a sleep where it was, and the lease with
/// its end.
const SLICE: Duration = Duration::from_secs(1);
/// The same where another process says how it is, which wakes nobody here.
const FOLLOWED: Duration = Duration::from_millis(100);

/// How it is with a lease in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was not got, or was given up.
    Idle,
    /// It is held.
    Held,
    /// It was got, and ended by itself.
    Lost,
}

/// A lease, as its holder knows it. The end of it is noticed by whoever asks, whatever other threads are doing.
#[derive(Debug)]
pub struct Tenure {
    state: Mutex<State>,
    changed: Condvar,
    pid: u32,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    token: Option<u64>,
    /// When it ends, by [`boottime`]; `None`: not by itself.
    until: Option<Duration>,
    /// When it ended.
    lost_at: Duration,
    /// How often it was got.
    round: u64,
    /// What is killed, and how long after the loss.
    kill: Option<(String, Duration)>,
    shared: Role,
}

/// What another process has to do with it.
#[derive(Debug)]
enum Role {
    /// Nothing.
    Alone,
    /// It reads here how it is.
    Publishes(Shared),
    /// It writes there how it is: it is the holder, and this process works for it.
    Follows(Shared),
}

impl Default for Tenure {
    fn default() -> Tenure {
        Tenure::with(Role::Alone)
    }
}

impl Tenure {
    /// That of another process, as it says in a page which that one [shares](Tenure::share). It ends here by this host's clock even
    /// if the other process is paused.
    pub fn following(page: Shared) -> Tenure {
        Tenure::with(Role::Follows(page))
    }

    fn with(shared: Role) -> Tenure {
        let state = State {
            phase: Phase::Idle,
            token: None,
            until: None,
            lost_at: Duration::ZERO,
            round: 0,
            kill: None,
            shared,
        };
        Tenure { state: Mutex::new(state), changed: Condvar::new(), pid: pid::id() }
    }

    /// Says from now on in this page how it is, for a process that works for this one.
    pub fn share(&self, page: Shared) {
        let mut state = self.state();
        state.shared = Role::Publishes(page);
        state.publish();
    }

    /// It is held as the process says that is followed. False if it is not.
    pub fn begin_as_shared(self: &Arc<Self>) -> bool {
        let found = match &self.state().shared {
            Role::Follows(page) => page.read(),
            Role::Alone | Role::Publishes(_) => None,
        };
        found.is_some_and(|(token, until)| self.begin(token, until))
    }

    /// The lease was got with this token and ends at `until` unless it is renewed. False if that is over already.
    pub fn begin(self: &Arc<Self>, token: u64, until: Option<Duration>) -> bool {
        let mut state = self.state();
        state.phase = Phase::Held;
        state.token = Some(token);
        state.until = until;
        state.round += 1;
        let is_held = state.settled() == Phase::Held;
        if !is_held {
            state.phase = Phase::Idle;
            state.token = None;
        }
        state.publish();
        if let (true, Some((name, after))) = (is_held, state.kill.clone()) {
            let (tenure, round) = (Arc::clone(self), state.round);
            let killer = move || tenure.kill_when_lost(round, &name, after);
            // Without a thread nothing is killed, as for those that did not ask for it.
            let _started = thread::Builder::new().name("jug-lease-kill".into()).spawn(killer);
        }
        drop(state);
        self.changed.notify_all();
        is_held
    }

    /// It was renewed, and now ends at `until`. False if it ended before that was known: it stays lost.
    pub fn renewed(&self, until: Option<Duration>) -> bool {
        let mut state = self.state();
        if state.settled() != Phase::Held {
            return false;
        }
        state.until = until.max(state.until);
        state.publish();
        true
    }

    /// It is known to have ended.
    pub fn lose(&self) {
        let mut state = self.state();
        if state.settled() == Phase::Held {
            state.lose_at(boottime());
        }
        drop(state);
        self.changed.notify_all();
    }

    /// It was given up; whether it was held until now.
    pub fn end(&self) -> bool {
        let mut state = self.state();
        let was_held = state.settled() == Phase::Held;
        state.phase = Phase::Idle;
        state.token = None;
        state.publish();
        drop(state);
        self.changed.notify_all();
        was_held
    }

    /// How it is now. Nothing is held in a forked child.
    pub fn phase(&self) -> Phase {
        if self.pid == pid::id() { self.state().settled() } else { Phase::Idle }
    }

    /// The token, from when it was got until it is given up.
    pub fn token(&self) -> Option<u64> {
        self.state().token
    }

    /// When it ends, by [`boottime`].
    pub fn until(&self) -> Option<Duration> {
        self.state().until
    }

    /// Has this process killed if the lease is lost and not given up within this time. For the next time that it is got.
    pub fn kill_on_loss(&self, name: &str, after: Duration) {
        self.state().kill = Some((name.to_owned(), after));
    }

    /// How often it was got until now.
    pub fn round(&self) -> u64 {
        self.state().round
    }

    /// Returns when the lease is held no more, or at the time given by [`boottime`]; how it is then. With a round, another one is
    /// as if it was given up.
    pub fn wait(&self, end: Option<Duration>, round: Option<u64>) -> Phase {
        let mut state = self.state();
        loop {
            if round.is_some_and(|round| round != state.round) {
                return Phase::Idle;
            }
            let now = boottime();
            let left = end.map_or(SLICE, |end| end.saturating_sub(now));
            if state.settled() != Phase::Held || left.is_zero() {
                return state.phase;
            }
            state = self.sleep(state, left);
        }
    }

    fn kill_when_lost(&self, round: u64, name: &str, after: Duration) {
        // Signals are for the main thread.
        let _blocked = SigSet::all().thread_block();
        let mut state = self.state();
        while state.round == round && state.settled() != Phase::Idle {
            let left = match state.phase {
                Phase::Lost => (state.lost_at + after).saturating_sub(boottime()),
                Phase::Idle | Phase::Held => SLICE,
            };
            if left.is_zero() {
                let seconds = after.as_secs_f64();
                eprintln!(
                    "jug: error: the lease {name:?} was lost, and what needed it did not end within {seconds} s: killed"
                );
                let _gone = kill(Pid::this(), Signal::SIGKILL);
            }
            state = self.sleep(state, left);
        }
    }

    /// Sleeps until something changes, the lease ends, or this time has passed.
    fn sleep<'a>(&self, state: MutexGuard<'a, State>, most: Duration) -> MutexGuard<'a, State> {
        let until = if state.phase == Phase::Held { state.until } else { None };
        let left = until.map_or(SLICE, |until| until.saturating_sub(boottime()));
        let slice = if matches!(state.shared, Role::Follows(_)) { FOLLOWED } else { SLICE };
        let pause = left.min(most).min(slice).max(Duration::from_millis(1));
        let woken = self.changed.wait_timeout(state, pause);
        woken.unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// How it is now, by the clock.
    fn settled(&mut self) -> Phase {
        if self.phase == Phase::Held
            && let Role::Follows(page) = &self.shared
        {
            match page.read() {
                Some((token, until)) if Some(token) == self.token => self.until = until,
                _ => self.lose_at(boottime()),
            }
        }
        if self.phase == Phase::Held
            && let Some(until) = self.until
            && boottime() >= until
        {
            self.lose_at(until);
        }
        self.phase
    }

    fn lose_at(&mut self, moment: Duration) {
        self.phase = Phase::Lost;
        self.lost_at = moment;
        self.publish();
    }

    /// Says how it is, if anybody reads that.
    fn publish(&self) {
        if let Role::Publishes(page) = &self.shared {
            let is_held = self.phase == Phase::Held;
            page.write(self.token.filter(|_| is_held), self.until);
        }
    }
}
