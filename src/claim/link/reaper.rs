//! Sweeping away what dead workers left: their names among the claims, and their files.
//!
//! Any worker may do it at any time, several at once. Names are removed in generations that have ended only, where nobody
//! can make one that counts ([`super::generations`]); the files of a worker have names that are never used again.

use std::collections::BTreeSet;

use super::Link;
use super::generations::is_absent;
use super::owner::Owner;
use crate::error::IoContext;
use crate::jugdir::Liveness;
use crate::{Key, Result};

impl Link {
    /// Removes what is left of dead workers, but for claims that `stay`; how many claims that were.
    pub(super) fn reap_dead(&self, stay: impl Fn(&str, &Key) -> bool) -> Result<usize> {
        self.releases.remove_leftover();
        let dead = self.jugdir.dead_workers()?;
        for id in &dead {
            self.jugdir.write_tombstone(id)?;
            if self.jugdir.claims_of(id)? > 0 {
                // Its claims may be in the newest generation, where nothing can be removed.
                self.end_generation_of(id)?;
            }
        }
        let swept = self.reap_generations(stay)?;
        for id in &dead {
            if self.jugdir.claims_of(id)? == 0 && (self.jugdir.has_links(id)? || !self.has_copies(id)?) {
                self.jugdir.remove_worker(id)?;
            }
        }
        self.jugdir.remove_stale_tombstones()?;
        Ok(swept)
    }

    /// Whether somebody has to know that this dead worker had claimed this task.
    pub(super) fn is_unsettled(&self, worker: &str, key: &Key) -> bool {
        !self.state().settled.contains(worker) && !self.records.is_settled(key)
    }

    /// The claims of dead workers, and whose they are. Of one that dies while they are listed it is none, not those that
    /// are listed last: what is settled is settled for all claims of a worker at once.
    pub(super) fn claims_of_dead(&self) -> Result<Vec<(Key, String)>> {
        let dead: BTreeSet<String> = self.jugdir.dead_workers()?.into_iter().collect();
        let is_dead = |id: &str| -> Result<bool> {
            Ok(dead.contains(id)
                || self.jugdir.liveness(id)? != Liveness::Alive && self.jugdir.has_left(id)?)
        };
        let mut found = Vec::new();
        for generation in self.generations.list()? {
            for (key, path) in self.generations.claims(generation)? {
                if let Owner::Other(id) = self.verified_owner(&path)?
                    && is_dead(&id)?
                {
                    found.push((key, id));
                }
            }
        }
        Ok(found)
    }

    /// Ends the newest generation if a dead worker has a claim there.
    fn end_generation_of(&self, id: &str) -> Result<()> {
        let Some(newest) = self.generations.list()?.last().copied() else { return Ok(()) };
        for (_, path) in self.generations.claims(newest)? {
            if matches!(self.verified_owner(&path)?, Owner::Other(owner) if owner == id) {
                return self.generations.end(newest);
            }
        }
        Ok(())
    }

    /// Removes the names of dead workers in all generations but the newest, unless they `stay`, and those generations that are empty.
    fn reap_generations(&self, stay: impl Fn(&str, &Key) -> bool) -> Result<usize> {
        let generations = self.generations.list()?;
        let mut swept = 0;
        for generation in generations.iter().take(generations.len().saturating_sub(1)) {
            let mut is_empty = true;
            for (key, path) in self.generations.claims(*generation)? {
                match self.verified_owner(&path)? {
                    Owner::Other(id) if self.jugdir.liveness(&id)? != Liveness::Alive && !stay(&id, &key) => {
                    }
                    Owner::Orphaned => {}
                    Owner::Unclaimed => continue,
                    _ => {
                        is_empty = false;
                        continue;
                    }
                }
                match self.fs().unlink(&path) {
                    Err(error) if is_absent(&error) => {}
                    outcome => {
                        outcome.context("removing", &path)?;
                        swept += 1;
                    }
                }
            }
            if is_empty {
                self.generations.close(*generation);
            }
        }
        Ok(swept)
    }

    /// Whether a worker has claims that are no links to its file, for want of hard links.
    fn has_copies(&self, id: &str) -> Result<bool> {
        for generation in self.generations.list()? {
            for (_, path) in self.generations.claims(generation)? {
                if matches!(self.verified_owner(&path)?, Owner::Other(owner) if owner == id) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
