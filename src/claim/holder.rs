//! Whose a claim is that was made by a hard link: the inode tells, or else the contents.

use std::path::Path;

use super::eras::is_absent;
use super::link::Link;
use crate::Result;
use crate::error::IoContext;
use crate::jugdir::{Liveness, claim_owner};
use crate::os::Open;
use crate::os::ops::SMALL;

/// Whose a claim is.
pub(super) enum Holder {
    Nobody,
    Me,
    Other(String),
    /// It is not written yet, where there are no hard links.
    Unknown,
    /// It was not written for a whole lease: whoever created it was killed before it could write.
    Abandoned,
}

impl Link {
    /// Whose a claim is, looking twice before it says that somebody dead has it.
    pub(super) fn living_holder(&self, path: &Path) -> Result<Holder> {
        let known = self.state().holders.get(path).cloned();
        if let Some(id) = known
            && self.jugdir.liveness(&id)? == Liveness::Alive
        {
            return Ok(Holder::Other(id));
        }
        let holder = match self.holder(path)? {
            // Its inode may have been somebody else's before.
            Holder::Other(id) if self.jugdir.liveness(&id)? != Liveness::Alive => self.holder_inside(path)?,
            holder => holder,
        };
        let holder = if matches!(holder, Holder::Unknown) { self.wait_for_writing(path) } else { holder };
        let mut state = self.state();
        if !matches!(holder, Holder::Unknown | Holder::Abandoned) {
            state.unwritten.remove(path);
        }
        match &holder {
            Holder::Other(id) => _ = state.holders.insert(path.to_owned(), id.clone()),
            _ => _ = state.holders.remove(path),
        }
        Ok(holder)
    }

    /// What an empty claim is, by how long this process has watched it. Whoever is only slow to write will find that
    /// it is lost, and that its era has ended.
    fn wait_for_writing(&self, path: &Path) -> Holder {
        let watched = self.jugdir.observed_for();
        let since = *self.state().unwritten.entry(path.to_owned()).or_insert(watched);
        let is_over = watched.saturating_sub(since) >= self.jugdir.timing().lease;
        if is_over { Holder::Abandoned } else { Holder::Unknown }
    }

    /// Whose a claim is, by its inode if that is known.
    fn holder(&self, path: &Path) -> Result<Holder> {
        let id = match self.fs().stat(path) {
            Err(error) if is_absent(&error) => return Ok(Holder::Nobody),
            stat => stat.context("looking at", path)?.id,
        };
        if self.state().worker.as_ref().is_some_and(|worker| worker.file_id() == id) {
            return Ok(Holder::Me);
        }
        match self.jugdir.worker_with_file(id) {
            Some(id) => Ok(Holder::Other(id)),
            None => self.holder_inside(path),
        }
    }

    /// Whose a claim is, by its contents.
    fn holder_inside(&self, path: &Path) -> Result<Holder> {
        let read = self.fs().open(path, Open::Read).and_then(|file| {
            file.fresh_stat()?;
            file.read_whole(SMALL)
        });
        let bytes = match read {
            Err(error) if is_absent(&error) => return Ok(Holder::Nobody),
            read => read.context("reading", path)?,
        };
        let Some(id) = claim_owner(&bytes, path) else { return Ok(Holder::Unknown) };
        let is_mine = self.state().worker.as_ref().is_some_and(|worker| worker.id() == id);
        Ok(if is_mine { Holder::Me } else { Holder::Other(id) })
    }

    /// Whether a claim is held by a worker that is alive, this one included; if so, by which.
    pub(super) fn held_by(&self, path: &Path) -> Result<Option<String>> {
        Ok(match self.living_holder(path)? {
            Holder::Nobody | Holder::Abandoned => None,
            Holder::Unknown => Some(String::new()),
            Holder::Me => self.state().worker.as_ref().map(|worker| worker.id().to_owned()),
            Holder::Other(id) => (self.jugdir.liveness(&id)? == Liveness::Alive).then_some(id),
        })
    }
}
