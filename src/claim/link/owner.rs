//! Whose a claim is that was made by a hard link: the inode tells, or else the contents.

use std::path::Path;

use super::Link;
use super::generations::is_absent;
use crate::Result;
use crate::error::IoContext;
use crate::jugdir::{Liveness, claim_owner};
use crate::os::Open;
use crate::os::ops::SMALL;

/// Whose a claim is.
pub(super) enum Owner {
    Unclaimed,
    This,
    Other(String),
    /// It is not written yet, where there are no hard links.
    Unknown,
    /// It was not written for a whole lease: the process that created it was killed before it could write.
    Orphaned,
}

impl Link {
    /// Whose a claim is, looking twice before it says that somebody dead has it.
    pub(super) fn verified_owner(&self, path: &Path) -> Result<Owner> {
        let known = self.state().owners.get(path).cloned();
        if let Some(id) = known
            && self.jugdir.liveness(&id)? == Liveness::Alive
        {
            return Ok(Owner::Other(id));
        }
        let owner = match self.owner(path)? {
            // Its inode may have been somebody else's before.
            Owner::Other(id) if self.jugdir.liveness(&id)? != Liveness::Alive => {
                self.owner_by_contents(path)?
            }
            owner => owner,
        };
        let owner = if matches!(owner, Owner::Unknown) { self.wait_for_writing(path) } else { owner };
        let mut state = self.state();
        if !matches!(owner, Owner::Unknown | Owner::Orphaned) {
            state.unwritten.remove(path);
        }
        match &owner {
            Owner::Other(id) => _ = state.owners.insert(path.to_owned(), id.clone()),
            _ => _ = state.owners.remove(path),
        }
        Ok(owner)
    }

    /// What an empty claim is, by how long this process has watched it. A process that is only slow to write will find that
    /// it is lost, and that its generation has ended.
    fn wait_for_writing(&self, path: &Path) -> Owner {
        let watched = self.jugdir.observed_for();
        let since = *self.state().unwritten.entry(path.to_owned()).or_insert(watched);
        let is_over = watched.saturating_sub(since) >= self.jugdir.timing().lease;
        if is_over { Owner::Orphaned } else { Owner::Unknown }
    }

    /// Whose a claim is, by its inode if that is known.
    fn owner(&self, path: &Path) -> Result<Owner> {
        let id = match self.fs().stat(path) {
            Err(error) if is_absent(&error) => return Ok(Owner::Unclaimed),
            stat => stat.context("looking at", path)?.id,
        };
        if self.state().worker.as_ref().is_some_and(|worker| worker.file_id() == id) {
            return Ok(Owner::This);
        }
        match self.jugdir.worker_with_file(id) {
            Some(id) => Ok(Owner::Other(id)),
            None => self.owner_by_contents(path),
        }
    }

    /// Whose a claim is, by its contents.
    fn owner_by_contents(&self, path: &Path) -> Result<Owner> {
        let read = self.fs().open(path, Open::Read).and_then(|file| {
            file.fresh_stat()?;
            file.read_whole(SMALL)
        });
        let bytes = match read {
            Err(error) if is_absent(&error) => return Ok(Owner::Unclaimed),
            read => read.context("reading", path)?,
        };
        let Some(id) = claim_owner(&bytes, path) else { return Ok(Owner::Unknown) };
        let is_mine = self.state().worker.as_ref().is_some_and(|worker| worker.id() == id);
        Ok(if is_mine { Owner::This } else { Owner::Other(id) })
    }

    /// Whether a claim is held by a worker that is alive, this one included; if so, by which.
    pub(super) fn held_by(&self, path: &Path) -> Result<Option<String>> {
        Ok(match self.verified_owner(path)? {
            Owner::Unclaimed | Owner::Orphaned => None,
            Owner::Unknown => Some(String::new()),
            Owner::This => self.state().worker.as_ref().map(|worker| worker.id().to_owned()),
            Owner::Other(id) => (self.jugdir.liveness(&id)? == Liveness::Alive).then_some(id),
        })
    }
}
