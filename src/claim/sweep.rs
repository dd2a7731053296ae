//! Sweeping away what dead workers left: their names among the claims, and their files.
//!
//! Any worker may do it at any time, several at once. Names are removed in eras that have ended only, where nobody
//! can make one that counts ([`super::eras`]); the files of a worker have names that are never used again.

use std::io::ErrorKind;

use super::eras::is_absent;
use super::holder::Holder;
use super::link::Link;
use crate::error::IoContext;
use crate::jugdir::Liveness;
use crate::{Key, Result};

impl Link {
    /// Removes what is left of dead workers, but for claims that `stay`; how many claims that were.
    pub(super) fn sweep_dead(&self, stay: impl Fn(&str, &Key) -> bool) -> Result<usize> {
        for path in self.take_leftover() {
            match self.fs().unlink(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => self.try_again_later(path),
                _ => {}
            }
        }
        let dead = self.jugdir.dead_workers()?;
        for id in &dead {
            self.jugdir.write_tombstone(id)?;
            if self.jugdir.claims_of(id)? > 0 {
                // Its claims may be in the newest era, where nothing can be removed.
                self.end_era_of(id)?;
            }
        }
        let swept = self.sweep_eras(stay)?;
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

    /// The claims of dead workers, and whose they are.
    pub(super) fn claims_of_dead(&self) -> Result<Vec<(Key, String)>> {
        let mut found = Vec::new();
        for era in self.eras.list()? {
            for (key, path) in self.eras.claims(era)? {
                match self.living_holder(&path)? {
                    Holder::Other(id) if self.jugdir.liveness(&id)? != Liveness::Alive => {
                        found.push((key, id));
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// Ends the newest era if a dead worker has a claim there.
    fn end_era_of(&self, id: &str) -> Result<()> {
        let Some(newest) = self.eras.list()?.last().copied() else { return Ok(()) };
        for (_, path) in self.eras.claims(newest)? {
            if matches!(self.living_holder(&path)?, Holder::Other(holder) if holder == id) {
                return self.eras.end(newest);
            }
        }
        Ok(())
    }

    /// Removes the names of dead workers in all eras but the newest, unless they `stay`, and those eras that are empty.
    fn sweep_eras(&self, stay: impl Fn(&str, &Key) -> bool) -> Result<usize> {
        let eras = self.eras.list()?;
        let mut swept = 0;
        for era in eras.iter().take(eras.len().saturating_sub(1)) {
            let mut is_empty = true;
            for (key, path) in self.eras.claims(*era)? {
                match self.living_holder(&path)? {
                    Holder::Other(id)
                        if self.jugdir.liveness(&id)? != Liveness::Alive && !stay(&id, &key) => {}
                    Holder::Abandoned => {}
                    Holder::Nobody => continue,
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
                self.eras.close(*era);
            }
        }
        Ok(swept)
    }

    /// Whether a worker has claims that are no links to its file, for want of hard links.
    fn has_copies(&self, id: &str) -> Result<bool> {
        for era in self.eras.list()? {
            for (_, path) in self.eras.claims(era)? {
                if matches!(self.living_holder(&path)?, Holder::Other(holder) if holder == id) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
