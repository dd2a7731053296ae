//! Claims in the mode that a jugdir's FORMAT says, which is known for certain once it exists.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{Claims, Link, LiveClaim, Posix, Start, WriteProgress};
use crate::background::Background;
use crate::held_tasks::PATIENCE;
use crate::jugdir::{ClaimMode, Jugdir};
use crate::status_slot::Counts;
use crate::{Key, Result};

/// Claims in a jugdir, which need not exist before the first one is made.
pub struct AutoClaims {
    jugdir: Arc<Jugdir>,
    background: Arc<Background>,
    records: Arc<dyn WriteProgress>,
    claims: OnceLock<Arc<dyn Claims>>,
}

impl AutoClaims {
    /// Claims in this jugdir; the background thread and the records are for those that need them.
    pub fn new(
        jugdir: Arc<Jugdir>,
        background: Arc<Background>,
        records: Arc<dyn WriteProgress>,
    ) -> AutoClaims {
        AutoClaims { jugdir, background, records, claims: OnceLock::new() }
    }

    /// The claims, if there can be any yet.
    fn existing(&self) -> Result<Option<&Arc<dyn Claims>>> {
        if self.claims.get().is_none() && !self.jugdir.exists() {
            return Ok(None);
        }
        self.choose().map(Some)
    }

    fn choose(&self) -> Result<&Arc<dyn Claims>> {
        if let Some(claims) = self.claims.get() {
            return Ok(claims);
        }
        let (jugdir, background) = (Arc::clone(&self.jugdir), Arc::clone(&self.background));
        let claims: Arc<dyn Claims> = match self.jugdir.claim_mode()? {
            ClaimMode::Posix => Arc::new(Posix::new(jugdir, background)),
            ClaimMode::Link => Link::new(jugdir, background, Arc::clone(&self.records)),
        };
        Ok(self.claims.get_or_init(|| claims))
    }
}

impl Claims for AutoClaims {
    fn try_claim(&self, key: &Key) -> Result<bool> {
        if self.claims.get().is_none() {
            // Creates the jugdir, if nobody has.
            self.jugdir.worker()?;
        }
        self.choose()?.try_claim(key)
    }

    fn has_room(&self, key: &Key) -> bool {
        self.claims.get().is_none_or(|claims| claims.has_room(key))
    }

    fn confirm(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.existing()?.map_or_else(|| Ok(vec![true; keys.len()]), |claims| claims.confirm(keys))
    }

    fn holds(&self, key: &Key) -> bool {
        self.claims.get().is_some_and(|claims| claims.holds(key))
    }

    fn runs(&self, key: &Key, start: Start<'_>) {
        if let Some(claims) = self.claims.get() {
            claims.runs(key, start);
        }
    }

    fn ended(&self, key: &Key) {
        if let Some(claims) = self.claims.get() {
            claims.ended(key);
        }
    }

    fn rests(&self, counts: Counts) {
        if let Some(claims) = self.claims.get() {
            claims.rests(counts);
        }
    }

    fn release(&self, key: &Key) -> Result<()> {
        self.existing()?.map_or(Ok(()), |claims| claims.release(key))
    }

    fn release_all(&self, keys: &[Key], released: &mut dyn FnMut(&Key)) -> Result<()> {
        self.existing()?.map_or(Ok(()), |claims| claims.release_all(keys, released))
    }

    fn may_release(&self) -> bool {
        self.records.is_visible()
    }

    fn release_is_deferred(&self) -> bool {
        self.claims.get().is_some_and(|claims| claims.release_is_deferred())
    }

    fn return_unstarted(&self, key: &Key) -> Result<()> {
        self.existing()?.map_or(Ok(()), |claims| claims.return_unstarted(key))
    }

    fn patience(&self) -> Duration {
        self.claims.get().map_or(PATIENCE, |claims| claims.patience())
    }

    fn is_claimed(&self, key: &Key) -> Result<bool> {
        self.existing()?.map_or(Ok(false), |claims| claims.is_claimed(key))
    }

    fn are_claimed(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.existing()?.map_or_else(|| Ok(vec![false; keys.len()]), |claims| claims.are_claimed(keys))
    }

    fn are_taken(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.existing()?.map_or_else(|| Ok(vec![false; keys.len()]), |claims| claims.are_taken(keys))
    }

    fn expedite_releases(&self) {
        if let Some(claims) = self.claims.get() {
            claims.expedite_releases();
        }
    }

    fn live(&self) -> Result<Vec<LiveClaim>> {
        self.existing()?.map_or_else(|| Ok(Vec::new()), |claims| claims.live())
    }

    fn notify_waiters(&self) {
        if let Some(claims) = self.claims.get() {
            claims.notify_waiters();
        }
    }

    fn drain_releases(&self) -> Result<()> {
        self.claims.get().map_or(Ok(()), |claims| claims.drain_releases())
    }

    fn abandoned(&self) -> Result<Vec<(Key, String)>> {
        self.existing()?.map_or_else(|| Ok(Vec::new()), |claims| claims.abandoned())
    }

    fn suspects(&self) -> Result<Vec<(Key, String)>> {
        self.existing()?.map_or(Ok(Vec::new()), |claims| claims.suspects())
    }

    fn settle_suspects(&self, workers: &[String]) {
        if let Some(claims) = self.claims.get() {
            claims.settle_suspects(workers);
        }
    }

    fn sweep(&self) -> Result<usize> {
        self.existing()?.map_or(Ok(0), |claims| claims.sweep())
    }
}
