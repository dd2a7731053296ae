//! What workers run, and what those ran that died of it or with it.

use std::collections::{HashMap, HashSet};

use super::worker_status;
use super::{ClaimMode, Jugdir, worker};
use crate::Result;
use crate::status_slot::{Activity, Run};

impl Jugdir {
    /// What each living worker runs now that says so, this process included, by worker. Nothing in link mode.
    ///
    /// # Errors
    ///
    /// Where FORMAT or the directory of workers cannot be read.
    pub fn running(&self) -> Result<Vec<Run>> {
        self.runs(true)
    }

    /// What each dead worker ran when it died, by worker, unless that is settled ([`Jugdir::settle_crashes`]). Nothing
    /// in link mode.
    ///
    /// It may have died right after the end of that task: then the store has a result.
    ///
    /// # Errors
    ///
    /// Where FORMAT or the directory of workers cannot be read.
    pub fn crashed(&self) -> Result<Vec<Run>> {
        self.runs(false)
    }

    /// Forgets what these dead workers ran; how many of them were remembered. What became of those tasks must be on
    /// disk.
    ///
    /// # Errors
    ///
    /// Where the directory of workers cannot be read, or a file in it not removed.
    pub fn settle_crashes(&self, workers: &[String]) -> Result<usize> {
        let workers: HashSet<&String> = workers.iter().collect();
        let mut remembered = self.crashed()?;
        remembered.retain(|run| workers.contains(&run.worker));
        for run in &remembered {
            self.fs.remove_if_exists(&worker_status::path_of(&self.workers(), &run.worker))?;
        }
        Ok(remembered.len())
    }

    /// Which living worker has which claim, by the ids of claims, as far as workers say so. Nothing in link mode, where
    /// a claim says it itself.
    ///
    /// # Errors
    ///
    /// Where FORMAT or the directory of workers cannot be read.
    pub fn claimants(&self) -> Result<HashMap<u64, String>> {
        let mut found = HashMap::new();
        for id in self.with_status(true)? {
            let mut claims = worker_status::claims(&*self.fs, &self.workers(), &id);
            if let Activity::Running(run) = worker_status::read(&*self.fs, &self.workers(), &id) {
                claims.push(run.key.prefix() >> 1);
            }
            found.extend(claims.into_iter().map(|claim| (claim, id.clone())));
        }
        Ok(found)
    }

    fn runs(&self, alive: bool) -> Result<Vec<Run>> {
        let running = |id: &String| match worker_status::read(&*self.fs, &self.workers(), id) {
            Activity::Running(run) => Some(run),
            Activity::Idle | Activity::Unknown => None,
        };
        Ok(self.with_status(alive)?.iter().filter_map(running).collect())
    }

    /// The workers that have a status file and live, or do not, in the order of their names.
    fn with_status(&self, alive: bool) -> Result<Vec<String>> {
        // Nobody has one on a network filesystem.
        if self.claim_mode()? == ClaimMode::Link {
            return Ok(Vec::new());
        }
        let dir = self.workers();
        let names = self.fs.names(&dir)?;
        let mut found = Vec::new();
        for id in worker_status::ids(&names) {
            if worker::is_alive(&*self.fs, &dir, id)? == alive {
                found.push(id.to_owned());
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}
