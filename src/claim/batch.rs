//! Claiming ahead, and giving back what cannot be started soon.
//!
//! Claims are made in batches, because one look at the store serves a whole batch. When a task then
//! turns out long, what was claimed behind it would wait for it while other workers idle: the
//! background thread gives it back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Claims;
use crate::keeper::{Keeper, Tick};
use crate::{Error, Key, Result, process};

/// How long a task may run before what was claimed behind it is given back, where that costs little.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// What one caller holds of some claims. Dropping it releases everything.
pub struct Batch {
    claims: Arc<dyn Claims>,
    keeper: Arc<Keeper>,
    state: Mutex<State>,
    pid: u32,
}

#[derive(Default)]
struct State {
    /// When each task was started that is.
    held: BTreeMap<Key, Option<Instant>>,
    /// How many of them were not started.
    unstarted: usize,
    last_started: Option<Key>,
    given_back: Vec<Key>,
    /// Whether the keeper knows that it has to call.
    watched: bool,
    closed: bool,
}

impl Batch {
    /// A batch that holds nothing yet. This keeper gives back what waits behind a long task.
    pub fn new(claims: Arc<dyn Claims>, keeper: Arc<Keeper>) -> Arc<Batch> {
        let batch = Arc::new(Batch { claims, keeper, state: Mutex::default(), pid: process::id() });
        let chore: Arc<dyn Tick> = batch.clone();
        batch.keeper.add(&chore);
        batch
    }

    /// Tries to claim each key; true where it is held now and was not before.
    ///
    /// If a claim fails with an error, those before it are released again.
    pub fn claim(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.claim_while(keys, |_| true)
    }

    /// Like [`Batch::claim`], but only up to the first key that others have: what is told is shorter than `keys` then.
    /// Where one claim is others', the next ones may be too, and to try that can be dear.
    pub fn claim_run(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.claim_while(keys, |won| won)
    }

    fn claim_while(&self, keys: &[Key], goes_on: fn(bool) -> bool) -> Result<Vec<bool>> {
        self.check_here()?;
        let mut won = Vec::with_capacity(keys.len());
        for key in keys {
            match self.claim_one(key) {
                Ok(is_mine) => {
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
        self.have_it_watched();
        Ok(won)
    }

    /// To be called before a claimed task is run: false if it is not held any more, and must not run.
    pub fn start(&self, key: &Key) -> Result<bool> {
        self.check_here()?;
        let mut state = self.state();
        if !self.claims.holds(key) {
            state.let_go(&*self.claims, key)?;
            return Ok(false);
        }
        let Some(started) = state.held.get_mut(key) else { return Ok(false) };
        if started.replace(self.keeper.now()).is_none() {
            state.unstarted -= 1;
        }
        state.last_started = Some(*key);
        Ok(true)
    }

    /// What was given back since the last call.
    pub fn given_back(&self) -> Result<Vec<Key>> {
        self.check_here()?;
        Ok(std::mem::take(&mut self.state().given_back))
    }

    /// Releases those of these keys that are held here.
    ///
    /// To be called only after their records are visible to others.
    pub fn release(&self, keys: &[Key]) -> Result<()> {
        self.check_here()?;
        let mut state = self.state();
        keys.iter().try_for_each(|key| state.let_go(&*self.claims, key))
    }

    /// The keys that are held here, in no order.
    pub fn held(&self) -> Result<Vec<Key>> {
        self.check_here()?;
        Ok(self.state().held.keys().copied().collect())
    }

    /// The way in which claims are made.
    pub fn claims(&self) -> Result<&Arc<dyn Claims>> {
        self.check_here()?;
        Ok(&self.claims)
    }

    /// Releases everything; later claims fail. Nothing happens in a forked child.
    pub fn close(&self) -> Result<()> {
        if self.pid != process::id() {
            return Ok(());
        }
        let mut state = self.state();
        state.closed = true;
        let keys: Vec<Key> = state.held.keys().copied().collect();
        keys.iter().try_for_each(|key| state.let_go(&*self.claims, key))?;
        drop(state);
        self.claims.settle()
    }

    fn claim_one(&self, key: &Key) -> Result<bool> {
        let mut state = self.state();
        if state.closed {
            return Err(Error::Closed { what: "the claims" });
        }
        let won = self.claims.try_claim(key)?;
        if won {
            state.held.insert(*key, None);
            state.unstarted += 1;
        }
        Ok(won)
    }

    /// Wakes the keeper if several claims are ahead and it does not watch them yet.
    ///
    /// A single one is about to be started: waking a thread for it would cost more than it may save.
    fn have_it_watched(&self) {
        let mut state = self.state();
        let news = state.unstarted > 1 && !std::mem::replace(&mut state.watched, true);
        drop(state);
        if news {
            self.keeper.nudge();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_here(&self) -> Result<()> {
        if self.pid == process::id() { Ok(()) } else { Err(Error::Forked { what: "the claims" }) }
    }
}

impl State {
    /// Releases a key if it is held.
    fn let_go(&mut self, claims: &dyn Claims, key: &Key) -> Result<()> {
        if !self.held.contains_key(key) {
            return Ok(());
        }
        if self.held.get(key) == Some(&None) {
            claims.give_back(key)?;
            self.unstarted -= 1;
        } else {
            claims.release(key)?;
        }
        self.held.remove(key);
        Ok(())
    }

    /// Since when the last started task has been running; None if it has ended.
    fn running_since(&self) -> Option<Instant> {
        *self.held.get(&self.last_started?)?
    }

    /// Gives back what is behind a task that takes longer than the claims' patience; how long to wait before looking again, if at all.
    fn check(&mut self, claims: &dyn Claims, now: Instant) -> Option<Duration> {
        if self.unstarted == 0 {
            return None;
        }
        let due = self.running_since().unwrap_or(now) + claims.patience();
        if now < due {
            return Some(due.duration_since(now));
        }
        let given_back = self.give_back(claims);
        claims.announce();
        // What could not be unlocked is still held, and tried again.
        given_back.err().map(|_| claims.patience())
    }

    /// Releases what was not started, for [`Batch::given_back`] to tell.
    fn give_back(&mut self, claims: &dyn Claims) -> Result<()> {
        let unstarted = self.held.iter().filter(|(_, started)| started.is_none());
        let unstarted: Vec<Key> = unstarted.map(|(key, _)| *key).collect();
        for key in unstarted {
            self.let_go(claims, &key)?;
            self.given_back.push(key);
        }
        Ok(())
    }
}

impl Tick for Batch {
    fn tick(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        let pause = state.check(&*self.claims, now);
        state.watched = pause.is_some();
        pause
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // What cannot be unlocked now is when the process ends.
        let _closed = self.close();
    }
}
