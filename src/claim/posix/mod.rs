//! Claims by byte-range locks: for a jugdir that one host uses.
//!
//! A claim costs a microsecond and no file, and the kernel frees it the moment its process dies. A
//! forked child inherits none.

mod stripes;

use std::sync::{Arc, OnceLock};

use super::{ClaimId, Claims, LiveClaim, Start};
use crate::background::{Background, Periodic};
use crate::error::StoreError;
use crate::jugdir::{Jugdir, Worker, WorkerStatus};
use crate::os::pid;
use crate::status_slot::Counts;
use crate::{Error, Key, Result};
use stripes::Stripes;

/// Claims in a jugdir, which need not exist before the first one is made.
pub struct Posix {
    jugdir: Arc<Jugdir>,
    stripes: OnceLock<Arc<Stripes>>,
    /// Held while claims are, because the lifetime lock of a worker must cover its claims.
    worker: OnceLock<Arc<Worker>>,
    background: Arc<Background>,
    pid: u32,
}

impl Posix {
    /// Claims in this jugdir. Nothing is created before the first claim; from then on the background thread beats the
    /// worker's heart.
    pub fn new(jugdir: Arc<Jugdir>, background: Arc<Background>) -> Posix {
        Posix { jugdir, stripes: OnceLock::new(), worker: OnceLock::new(), background, pid: pid::id() }
    }

    /// The stripes, if there are any yet.
    fn existing(&self) -> Result<Option<&Arc<Stripes>>> {
        if self.pid != pid::id() {
            return Err(Error::Forked { what: "the claims" });
        }
        if let Some(stripes) = self.stripes.get() {
            return Ok(Some(stripes));
        }
        let found = Stripes::of(self.jugdir.fs(), &self.jugdir.claims())?;
        Ok(found.map(|stripes| self.stripes.get_or_init(|| stripes)))
    }

    /// Where this process says what it runs.
    fn status(&self) -> Option<&WorkerStatus> {
        self.worker.get()?.status()
    }

    /// The stripes, with this process registered as a worker and the jugdir created if need be.
    fn ensure_worker(&self) -> Result<&Arc<Stripes>> {
        if self.worker.get().is_none() {
            let worker = self.jugdir.worker()?;
            let job: Arc<dyn Periodic> = worker.clone();
            if self.worker.set(worker).is_ok() {
                self.background.add(&job);
                self.background.wake();
            }
        }
        self.existing()?.ok_or_else(|| {
            Error::Store(StoreError::Damaged {
                path: self.jugdir.claims(),
                what: "the directory was removed".to_owned(),
            })
        })
    }
}

impl Claims for Posix {
    fn try_claim(&self, key: &Key) -> Result<bool> {
        let won = self.ensure_worker()?.try_claim(key)?;
        if won && let Some(status) = self.status() {
            status.holds(ClaimId::of(key).get());
        }
        Ok(won)
    }

    fn has_room(&self, key: &Key) -> bool {
        self.stripes.get().is_none_or(|stripes| stripes.has_room(key))
    }

    fn runs(&self, key: &Key, start: Start<'_>) {
        if let Some(status) = self.status() {
            status.runs(key, start.name, start.attempt, start.now);
        }
    }

    fn ended(&self, key: &Key) {
        if let Some(status) = self.status() {
            status.ended(key);
        }
    }

    fn rests(&self, counts: Counts) {
        if let Some(status) = self.status() {
            status.rests(counts);
        }
    }

    fn release(&self, key: &Key) -> Result<()> {
        let Some(stripes) = self.existing()? else { return Ok(()) };
        if let Some(status) = self.status() {
            status.gives_up(ClaimId::of(key).get());
        }
        stripes.release(key)
    }

    fn release_all(&self, keys: &[Key], released: &mut dyn FnMut(&Key)) -> Result<()> {
        let Some(stripes) = self.existing()? else { return Ok(()) };
        if let Some(status) = self.status() {
            for key in keys {
                status.gives_up(ClaimId::of(key).get());
            }
        }
        stripes.release_all(keys, released)
    }

    /// What was settled is forgotten; how many claims dead workers had that ran something when they died.
    fn sweep(&self) -> Result<usize> {
        let crashed = self.jugdir.crashed()?;
        self.jugdir.settle_crashes(&crashed.into_iter().map(|run| run.worker).collect::<Vec<String>>())
    }

    fn is_claimed(&self, key: &Key) -> Result<bool> {
        self.existing()?.map_or(Ok(false), |stripes| stripes.is_claimed(key))
    }

    fn live(&self) -> Result<Vec<LiveClaim>> {
        self.existing()?.map_or_else(|| Ok(Vec::new()), |stripes| stripes.live())
    }

    fn notify_waiters(&self) {
        if let Some(stripes) = self.stripes.get() {
            stripes.notify_waiters();
        }
    }
}
