//! What workers run, and what those ran that died of it or with it.

use std::collections::HashSet;

use super::slot::{self, Run, Said};
use super::{ClaimMode, Jugdir, worker};
use crate::Result;

impl Jugdir {
    /// What each living worker runs now that says so, this process included, by worker. Nothing in link mode.
    pub fn running(&self) -> Result<Vec<Run>> {
        self.runs(true)
    }

    /// What each dead worker ran when it died, by worker, unless that is settled ([`Jugdir::settle_crashes`]). Nothing
    /// in link mode.
    ///
    /// It may have died right after the end of that task: then the store has a result.
    pub fn crashed(&self) -> Result<Vec<Run>> {
        self.runs(false)
    }

    /// Forgets what these dead workers ran; how many of them were remembered. What became of those tasks must be on
    /// disk.
    pub fn settle_crashes(&self, workers: &[String]) -> Result<usize> {
        let workers: HashSet<&String> = workers.iter().collect();
        let mut remembered = self.crashed()?;
        remembered.retain(|run| workers.contains(&run.worker));
        for run in &remembered {
            self.fs.remove_if_exists(&slot::path_of(&self.workers(), &run.worker))?;
        }
        Ok(remembered.len())
    }

    fn runs(&self, alive: bool) -> Result<Vec<Run>> {
        let mut found = Vec::new();
        // Nobody puts a slot on a network filesystem.
        if self.claim_mode()? == ClaimMode::Link {
            return Ok(found);
        }
        let dir = self.workers();
        let names = self.fs.names(&dir)?;
        for id in slot::ids(&names) {
            if worker::is_alive(&*self.fs, &dir, id)? == alive
                && let Said::Runs(run) = slot::read(&*self.fs, &dir, id)
            {
                found.push(run);
            }
        }
        found.sort_unstable_by(|one, other| one.worker.cmp(&other.worker));
        Ok(found)
    }
}
