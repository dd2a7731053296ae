//! Who is registered in a jugdir.

use super::{ClaimMode, Identity, Jugdir, own_workers, worker};
use crate::Result;

/// A registered worker, as others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerInfo {
    /// Its name.
    pub id: String,
    /// Who it is; None where its file is damaged or was written by a later version.
    pub identity: Option<Identity>,
    /// Whether its process runs.
    pub alive: bool,
}

impl Jugdir {
    /// All registered workers, dead ones included, in the order of their names.
    ///
    /// # Errors
    ///
    /// Where FORMAT or the directory of workers cannot be read.
    pub fn list_workers(&self) -> Result<Vec<WorkerInfo>> {
        let workers = self.workers();
        let ids = worker::ids(&*self.fs, &workers)?;
        ids.into_iter().filter_map(|id| self.describe(id).transpose()).collect()
    }

    /// None if its file has just gone away.
    fn describe(&self, id: String) -> Result<Option<WorkerInfo>> {
        // Where locks belong to processes, closing its own file would give its lifetime lock up.
        if let Some(identity) = own_workers::identity_of(&*self.fs, &id) {
            return Ok(Some(WorkerInfo { id, identity: Some(identity), alive: true }));
        }
        let alive = self.is_alive(&id)?;
        if self.claim_mode()? == ClaimMode::Link {
            let identity = self.detector.identity(&id)?.map(|identity| (*identity).clone());
            return Ok(Some(WorkerInfo { id, identity, alive }));
        }
        let path = self.workers().join(&id);
        let Some(bytes) = self.fs.read_if_exists(&path)? else { return Ok(None) };
        Ok(Some(WorkerInfo { id, identity: Identity::parse(&bytes, &path).ok(), alive }))
    }
}
