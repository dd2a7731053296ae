//! Claiming ahead, and giving back what cannot be started soon.
//!
//! Claims are made in batches, and the background thread gives back what waits behind a long task ([`held_tasks`]). It
//! also releases what has ended before the long task, should nobody else have done that yet.
//!
//! [`held_tasks`]: crate::held_tasks

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Claims, Start};
use crate::background::{Background, Periodic};
use crate::held_tasks::{HeldTasks, PATIENCE, Phase};
use crate::os::pid;
use crate::status_slot::Counts;
use crate::{Error, Key, Result};

/// What one caller holds of some claims. Dropping it releases everything.
pub struct Prefetch {
    claims: Arc<dyn Claims>,
    background: Arc<Background>,
    state: Mutex<State>,
    pid: u32,
}

/// How long an ended task stays claimed at most, unless its record cannot be written.
const FINISHED: Duration = PATIENCE;
/// How long to wait for records to be visible before looking again.
const UNWRITTEN: Duration = Duration::from_millis(10);

#[derive(Default)]
struct State {
    held: HeldTasks,
    given_back: Vec<Key>,
    /// Whether something was released that may not be free yet, because nobody is expected to wait for it.
    deferred: bool,
    /// Whether the background thread knows that it has to call.
    watched: bool,
    closed: bool,
}

impl Prefetch {
    /// A batch that holds nothing yet. The background thread gives back what waits behind a long task.
    pub fn new(claims: Arc<dyn Claims>, background: Arc<Background>) -> Arc<Prefetch> {
        let prefetch = Arc::new(Prefetch { claims, background, state: Mutex::default(), pid: pid::id() });
        let job: Arc<dyn Periodic> = prefetch.clone();
        prefetch.background.add(&job);
        prefetch
    }

    /// Tries to claim each key; true where it is held now and was not before. The answer is shorter than `keys` where some
    /// were claimed, and this process could have others only with more descriptors than it should use.
    ///
    /// If a claim fails with an error, those before it are released again.
    ///
    /// # Errors
    ///
    /// Where a claim cannot be made; [`Error::Closed`] after [`Prefetch::close`], [`Error::Forked`] in a forked child.
    pub fn claim(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.claim_while(keys, |_| true)
    }

    /// Like [`Prefetch::claim`], but only up to the first key that others have: the answer is shorter than `keys` then.
    /// Where one claim is others', the next ones may be too, and to try that can be expensive.
    ///
    /// # Errors
    ///
    /// As [`Prefetch::claim`].
    pub fn claim_run(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.claim_while(keys, |won| won)
    }

    fn claim_while(&self, keys: &[Key], goes_on: fn(bool) -> bool) -> Result<Vec<bool>> {
        self.check_here()?;
        let (mut won, mut has_won) = (Vec::with_capacity(keys.len()), false);
        for key in keys {
            if has_won && !self.claims.has_room(key) {
                break;
            }
            match self.claim_one(key) {
                Ok(is_mine) => {
                    has_won |= is_mine;
                    won.push(is_mine);
                    if !goes_on(is_mine) {
                        break;
                    }
                }
                Err(error) => {
                    let taken: Vec<Key> =
                        keys.iter().zip(&won).filter(|(_, won)| **won).map(|(key, _)| *key).collect();
                    // The first error is the one to report.
                    let _released = self.release(&taken);
                    return Err(error);
                }
            }
        }
        let taken: Vec<Key> = keys.iter().zip(&won).filter(|(_, won)| **won).map(|(key, _)| *key).collect();
        if taken.is_empty() {
            return Ok(won);
        }
        let counts = self.claims.confirm(&taken).inspect_err(|_| _ = self.release(&taken))?;
        let void: Vec<Key> =
            taken.iter().zip(counts).filter(|(_, counts)| !counts).map(|(key, _)| *key).collect();
        if !void.is_empty() {
            self.release(&void)?;
            let void: BTreeSet<Key> = void.into_iter().collect();
            keys.iter().zip(&mut won).filter(|(key, _)| void.contains(key)).for_each(|(_, won)| *won = false);
        }
        self.schedule_poll();
        Ok(won)
    }

    /// To be called before a claimed task is run: false if it is not held any more, and must not run.
    ///
    /// `ended` is the task that the caller ran before, if any: whatever came of it was stored. It is released a
    /// little later, unless that is done before.
    ///
    /// # Errors
    ///
    /// In a forked child, and where a claim that does not count any more cannot be released.
    pub fn start(&self, key: &Key, ended: Option<&Key>) -> Result<bool> {
        self.start_as(key, ended, "", 1)
    }

    /// Like [`Prefetch::start`], of a task with this name for the `attempt`th time, for others to know.
    ///
    /// # Errors
    ///
    /// As [`Prefetch::start`].
    pub fn start_as(&self, key: &Key, ended: Option<&Key>, name: &str, attempt: u32) -> Result<bool> {
        self.check_here()?;
        let now = self.background.now();
        let mut state = self.state();
        if let Some(ended) = ended {
            state.held.finish(ended, now);
        }
        let started = state.start(&*self.claims, key, now)?;
        if started {
            self.claims.runs(key, Start { name, attempt, now });
        }
        drop(state);
        if ended.is_some() {
            self.schedule_poll();
        }
        Ok(started)
    }

    /// Says that nothing runs, and what was done so far, for others to know.
    ///
    /// # Errors
    ///
    /// In a forked child.
    pub fn rest(&self, counts: Counts) -> Result<()> {
        self.check_here()?;
        self.claims.rests(counts);
        Ok(())
    }

    /// What was given back since the last call.
    ///
    /// # Errors
    ///
    /// In a forked child.
    pub fn given_back(&self) -> Result<Vec<Key>> {
        self.check_here()?;
        Ok(std::mem::take(&mut self.state().given_back))
    }

    /// Releases those of these keys that are held here.
    ///
    /// To be called only after their records are visible to others.
    ///
    /// # Errors
    ///
    /// In a forked child, and where a claim cannot be released: it is still held then.
    pub fn release(&self, keys: &[Key]) -> Result<()> {
        self.check_here()?;
        self.state().release(&*self.claims, keys)
    }

    /// The keys that are held here, in no order.
    ///
    /// # Errors
    ///
    /// In a forked child.
    pub fn held(&self) -> Result<Vec<Key>> {
        self.check_here()?;
        Ok(self.state().held.keys())
    }

    /// The keys of tasks that have ended, among those that are held here.
    ///
    /// # Errors
    ///
    /// In a forked child.
    pub fn finished(&self) -> Result<Vec<Key>> {
        self.check_here()?;
        Ok(self.state().held.finished_since().map(|(key, _)| key).collect())
    }

    /// The way in which claims are made.
    ///
    /// # Errors
    ///
    /// In a forked child.
    pub fn claims(&self) -> Result<&Arc<dyn Claims>> {
        self.check_here()?;
        Ok(&self.claims)
    }

    /// Releases everything; later claims fail. Nothing happens in a forked child.
    ///
    /// # Errors
    ///
    /// Where a claim cannot be released.
    pub fn close(&self) -> Result<()> {
        if self.pid != pid::id() {
            return Ok(());
        }
        let mut state = self.state();
        state.closed = true;
        state.held.keys().iter().try_for_each(|key| state.release_one(&*self.claims, key))?;
        drop(state);
        self.claims.drain_releases()
    }

    fn claim_one(&self, key: &Key) -> Result<bool> {
        let mut state = self.state();
        if state.closed {
            return Err(Error::Closed { what: "the claims" });
        }
        let won = self.claims.try_claim(key)?;
        if won {
            state.held.add(*key);
        }
        Ok(won)
    }

    /// Wakes the background thread if several claims are ahead, or something is behind, and it does not watch them yet.
    ///
    /// A single one is about to be started: waking a thread for it would cost more than it may save.
    fn schedule_poll(&self) {
        let mut state = self.state();
        let has_to = !state.watched
            && (state.held.unstarted() > 1
                || state.held.finished() > 0
                || (state.deferred && self.claims.release_is_deferred()));
        let news = has_to && !std::mem::replace(&mut state.watched, true);
        drop(state);
        if news {
            self.background.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_here(&self) -> Result<()> {
        if self.pid == pid::id() { Ok(()) } else { Err(Error::Forked { what: "the claims" }) }
    }
}

impl State {
    /// Whether this task is held, and so may be run from now on.
    fn start(&mut self, claims: &dyn Claims, key: &Key, now: Instant) -> Result<bool> {
        if !claims.holds(key) {
            self.release_one(claims, key)?;
            return Ok(false);
        }
        Ok(self.held.start(key, now))
    }

    /// Releases those of these keys that are held.
    fn release(&mut self, claims: &dyn Claims, keys: &[Key]) -> Result<()> {
        let mut run = Vec::with_capacity(keys.len());
        for key in keys {
            match self.held.phase(key) {
                Some(Phase::Running(_) | Phase::Finished(_)) => run.push(*key),
                Some(Phase::Claimed) => self.release_one(claims, key)?,
                None => {}
            }
        }
        let State { held, deferred, .. } = self;
        claims.release_all(&run, &mut |key| {
            *deferred = true;
            if held.is_last_started(key) {
                claims.ended(key);
            }
            held.remove(key);
        })
    }

    /// Releases a key if it is held.
    fn release_one(&mut self, claims: &dyn Claims, key: &Key) -> Result<()> {
        let Some(phase) = self.held.phase(key) else { return Ok(()) };
        if phase == Phase::Claimed {
            claims.return_unstarted(key)?;
        } else {
            claims.release(key)?;
            self.deferred = true;
        }
        if self.held.is_last_started(key) {
            claims.ended(key);
        }
        self.held.remove(key);
        Ok(())
    }

    /// Does what is due; how long to wait before looking again, if at all.
    fn poll(&mut self, claims: &dyn Claims, now: Instant) -> Option<Duration> {
        let pauses = [
            self.poll_finished(claims, now),
            self.poll_deferred(claims, now),
            self.poll_unstarted(claims, now),
        ];
        pauses.into_iter().flatten().min()
    }

    /// Releases what has ended a while ago.
    fn poll_finished(&mut self, claims: &dyn Claims, now: Instant) -> Option<Duration> {
        if self.held.finished() == 0 {
            return None;
        }
        let ended = self.held.finished_since().map(|(key, since)| (key, since + FINISHED));
        let (due, later): (Vec<_>, Vec<_>) = ended.partition(|(_, due)| *due <= now);
        let pause = later.iter().map(|(_, due)| due.duration_since(now)).min();
        if due.is_empty() {
            return pause;
        }
        let may = claims.may_release();
        let released =
            if may { due.iter().try_for_each(|(key, _)| self.release_one(claims, key)) } else { Ok(()) };
        // What could not be unlocked is still held, and tried again.
        let again = if may { released.err().map(|_| FINISHED) } else { Some(UNWRITTEN) };
        [pause, again].into_iter().flatten().min()
    }

    /// Has names go away that stay for a while, once a task takes long: others may want to run what was invalidated
    /// meanwhile, and this process does not learn of that.
    fn poll_deferred(&mut self, claims: &dyn Claims, now: Instant) -> Option<Duration> {
        if !self.deferred || !claims.release_is_deferred() {
            return None;
        }
        // After what is given back, for which others are more likely to wait.
        let due = self.held.running_since()? + 2 * claims.patience();
        if now < due {
            return Some(due.duration_since(now));
        }
        self.deferred = false;
        claims.expedite_releases();
        None
    }

    /// Gives back what is behind a task that takes longer than the claims' patience.
    fn poll_unstarted(&mut self, claims: &dyn Claims, now: Instant) -> Option<Duration> {
        let unstarted = match self.held.overdue(now, claims.patience()) {
            Ok(unstarted) => unstarted,
            Err(pause) => return pause,
        };
        let given_back = self.return_unstarted(claims, &unstarted);
        claims.notify_waiters();
        // What could not be unlocked is still held, and tried again.
        given_back.err().map(|_| claims.patience())
    }

    /// Releases what was not started, for [`Prefetch::given_back`] to tell.
    fn return_unstarted(&mut self, claims: &dyn Claims, unstarted: &[Key]) -> Result<()> {
        for key in unstarted {
            self.release_one(claims, key)?;
            self.given_back.push(*key);
        }
        Ok(())
    }
}

impl Periodic for Prefetch {
    fn poll(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        let pause = state.poll(&*self.claims, now);
        state.watched = pause.is_some();
        pause
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // What cannot be unlocked now is when the process ends.
        let _closed = self.close();
    }
}
