//! Claims among the threads of one process.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ClaimId, Claims, LiveClaim};
use crate::os::pid;
use crate::{Key, Result};

/// Claims that no other process sees.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashSet<Key>>);

impl Memory {
    fn held(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claims for Memory {
    fn try_claim(&self, key: &Key) -> Result<bool> {
        Ok(self.held().insert(*key))
    }

    fn release(&self, key: &Key) -> Result<()> {
        self.held().remove(key);
        Ok(())
    }

    fn is_claimed(&self, key: &Key) -> Result<bool> {
        Ok(self.held().contains(key))
    }

    fn live(&self) -> Result<Vec<LiveClaim>> {
        let pid = pid::id();
        let mut live: Vec<_> =
            self.held().iter().map(|key| LiveClaim::by_process(ClaimId::of(key), pid)).collect();
        live.sort_unstable();
        Ok(live)
    }
}
