//! The engine of a jugdir: its results and its claims, on one background thread.
//!
//! What neither the store nor the claims can promise alone is here, each behind one call:
//!
//! - a claim is released when the record of its task can be seen ([`Engine::release`], [`Engine::close_claims`]);
//! - a result has the epoch of the refresh after its claim ([`Engine::refresh`], [`Engine::save`]);
//! - a crash is forgotten when what became of its task is on disk ([`Engine::settle_crashes`]).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::background::Background;
use crate::claim::{AutoClaims, Claims, Prefetch, WriteProgress};
use crate::codec::Encoded;
use crate::jugdir::Jugdir;
use crate::lock::lock;
use crate::result_store::{ResultStore, RunMetadata, State};
use crate::status_slot::Run;
use crate::store::{Durability, Store};
use crate::{Key, Result};

/// How much finished work a kill may cost. The background thread writes within 5 ms by itself; a task that took longer
/// than a write is written at once, so that it is not run again if this process is killed now.
const UNWRITTEN: Duration = Duration::from_millis(1);

/// The results of a jugdir, and the claims of one worker on its tasks.
pub struct Engine {
    store: Arc<Store>,
    prefetch: Arc<Prefetch>,
    /// The epoch of what is claimed now.
    epoch: AtomicU64,
    written: Mutex<Option<Instant>>,
}

impl Engine {
    /// Opens the store of a jugdir and reads all there is. Nothing is created before something is stored or claimed.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn open(jugdir: Arc<Jugdir>, background: Arc<Background>, durability: Durability) -> Result<Engine> {
        Ok(Engine::of(Arc::new(Store::open_in(jugdir, background, durability)?)))
    }

    /// Claims beside a store that is open, on its background thread.
    pub fn of(store: Arc<Store>) -> Engine {
        let (jugdir, background) = (Arc::clone(store.jugdir()), Arc::clone(store.background()));
        let claims = AutoClaims::new(jugdir, Arc::clone(&background), store.clone());
        let prefetch = Prefetch::new(Arc::new(claims), background);
        let epoch = AtomicU64::new(store.epoch());
        Engine { store, prefetch, epoch, written: Mutex::default() }
    }

    /// The results.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The claims of this worker. To release some of them, call [`Engine::release`].
    pub fn prefetch(&self) -> &Arc<Prefetch> {
        &self.prefetch
    }

    /// How all workers claim.
    ///
    /// # Errors
    ///
    /// In a forked child.
    pub fn claims(&self) -> Result<&Arc<dyn Claims>> {
        self.prefetch.claims()
    }

    /// Reads what others wrote, after claims were made; each key whose state is another now, with that state.
    ///
    /// What is saved from now on counts unless the task is removed after this. [`ResultStore::refresh`] does not change that:
    /// a caller that looks into the store while a task runs may learn that an input of this very task was removed.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn refresh(&self) -> Result<Vec<(Key, State)>> {
        let changes = self.store.refresh()?;
        self.epoch.store(self.store.epoch(), Ordering::Release);
        Ok(changes)
    }

    /// The epoch of what was claimed before the last [`Engine::refresh`], and is claimed now.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Stores the value of a task that was claimed at `epoch`. It counts unless the task was removed since then.
    ///
    /// # Errors
    ///
    /// Where it cannot be written, or an earlier record could not be.
    pub fn save(&self, key: Key, value: &Encoded, facts: &RunMetadata, epoch: u64) -> Result<()> {
        if self.is_to_be_written() {
            self.store.save_at_once(key, value, facts, epoch)
        } else {
            self.store.save_claimed(key, value, facts, epoch)
        }
    }

    /// Whether what is stored now is written at once, because it is long enough since something was.
    fn is_to_be_written(&self) -> bool {
        let now = Instant::now();
        let mut written = lock(&self.written);
        let is_due = written.is_none_or(|written| now.duration_since(written) > UNWRITTEN);
        if is_due {
            *written = Some(now);
        }
        is_due
    }

    /// As [`Prefetch::claim`]. Claims on tasks that have ended are given back first where they take what others need.
    ///
    /// # Errors
    ///
    /// As [`Prefetch::claim`], and where something that was stored cannot be written.
    pub fn claim(&self, keys: &[Key]) -> Result<Vec<bool>> {
        if let Some(first) = keys.first()
            && !self.prefetch.claims()?.has_room(first)
        {
            self.release(&self.prefetch.finished()?)?;
        }
        self.prefetch.claim(keys)
    }

    /// Releases those of these claims that are held here, once others can see what was stored so far.
    ///
    /// # Errors
    ///
    /// Where something that was stored cannot be written: then nothing is released.
    pub fn release(&self, keys: &[Key]) -> Result<()> {
        self.store.flush()?;
        self.prefetch.release(keys)
    }

    /// Releases all claims, once others can see what was stored so far; later claims fail. Nothing happens in a forked
    /// child.
    ///
    /// # Errors
    ///
    /// Where something that was stored cannot be written: then nothing is released.
    pub fn close_claims(&self) -> Result<()> {
        self.store.flush()?;
        self.prefetch.close()
    }

    /// What dead workers ran when they died and there is no result of, until it is settled.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn crashed(&self) -> Result<Vec<Run>> {
        Ok(self.look_for_crashes()?.0)
    }

    /// Forgets the crashes of these workers, and those in tasks that have a result; how many. What became of their tasks
    /// is on disk before.
    ///
    /// # Errors
    ///
    /// Where something that was stored cannot be written: then nothing is forgotten.
    pub fn settle_crashes(&self, mut workers: Vec<String>) -> Result<usize> {
        let (_, finished) = self.look_for_crashes()?;
        workers.extend(finished.into_iter().map(|run| run.worker));
        if workers.is_empty() {
            return Ok(0);
        }
        self.store.sync()?;
        self.store.jugdir().settle_crashes(&workers)
    }

    /// What dead workers ran when they died: without a result, and with one all the same.
    fn look_for_crashes(&self) -> Result<(Vec<Run>, Vec<Run>)> {
        let found = self.store.jugdir().crashed()?;
        let keys: Vec<Key> = found.iter().map(|run| run.key).collect();
        let present = self.store.contains_many(&keys)?;
        let (finished, unfinished): (Vec<_>, Vec<_>) =
            found.into_iter().zip(present).partition(|(_, present)| *present);
        let runs = |list: Vec<(Run, bool)>| list.into_iter().map(|(run, _)| run).collect();
        Ok((runs(unfinished), runs(finished)))
    }
}

/// What claims need to know of a store.
impl WriteProgress for Store {
    fn stored(&self) -> u64 {
        self.progress().0
    }

    fn is_visible(&self) -> bool {
        self.is_written()
    }

    fn durable(&self) -> u64 {
        self.progress().1
    }

    fn publish(&self) -> Result<()> {
        Store::publish(self)
    }

    fn is_settled(&self, key: &Key) -> bool {
        self.contains_many(&[*key]).is_ok_and(|found| found[0])
    }
}
