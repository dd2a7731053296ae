//! Whose a claim is that was made by a hard link: the inode tells, or else the contents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::generations::is_absent;
use crate::Result;
use crate::error::IoContext;
use crate::jugdir::{Jugdir, Liveness, Worker, claim_owner};
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

/// Whose the claims are that this process has looked at.
pub(super) struct Owners {
    jugdir: Arc<Jugdir>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whose the claims of others are, as of the last look at each.
    known: BTreeMap<PathBuf, String>,
    /// Claims without contents, and how long this process had watched when it first met each.
    unwritten: BTreeMap<PathBuf, Duration>,
}

impl Owners {
    /// Owners of claims in this jugdir, of which none is known yet.
    pub(super) fn new(jugdir: Arc<Jugdir>) -> Owners {
        Owners { jugdir, state: Mutex::default() }
    }

    /// Whose a claim is, looking twice before it says that somebody dead has it. `this` is this process as a worker.
    pub(super) fn verified(&self, path: &Path, this: Option<&Worker>) -> Result<Owner> {
        let known = self.state().known.get(path).cloned();
        if let Some(id) = known
            && self.jugdir.liveness(&id)? == Liveness::Alive
        {
            return Ok(Owner::Other(id));
        }
        let owner = match self.by_inode(path, this)? {
            // Its inode may have been somebody else's before.
            Owner::Other(id) if self.jugdir.liveness(&id)? != Liveness::Alive => {
                self.by_contents(path, this)?
            }
            owner => owner,
        };
        let owner = if matches!(owner, Owner::Unknown) { self.wait_for_writing(path) } else { owner };
        let mut state = self.state();
        if !matches!(owner, Owner::Unknown | Owner::Orphaned) {
            state.unwritten.remove(path);
        }
        match &owner {
            Owner::Other(id) => _ = state.known.insert(path.to_owned(), id.clone()),
            _ => _ = state.known.remove(path),
        }
        Ok(owner)
    }

    /// Which living worker holds a claim, this one included; `None` if none does.
    pub(super) fn holder(&self, path: &Path, this: Option<&Worker>) -> Result<Option<String>> {
        Ok(match self.verified(path, this)? {
            Owner::Unclaimed | Owner::Orphaned => None,
            Owner::Unknown => Some(String::new()),
            Owner::This => this.map(|worker| worker.id().to_owned()),
            Owner::Other(id) => (self.jugdir.liveness(&id)? == Liveness::Alive).then_some(id),
        })
    }

    /// Has the next look at a claim not go by the last one.
    pub(super) fn forget(&self, path: &Path) {
        self.state().known.remove(path);
    }

    /// Forgets all claims but these, which are all that there are.
    pub(super) fn retain(&self, existing: &BTreeSet<PathBuf>) {
        let mut state = self.state();
        state.known.retain(|path, _| existing.contains(path));
        state.unwritten.retain(|path, _| existing.contains(path));
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
    fn by_inode(&self, path: &Path, this: Option<&Worker>) -> Result<Owner> {
        let id = match self.jugdir.fs().stat(path) {
            Err(error) if is_absent(&error) => return Ok(Owner::Unclaimed),
            stat => stat.context("looking at", path)?.id,
        };
        if this.is_some_and(|worker| worker.file_id() == id) {
            return Ok(Owner::This);
        }
        match self.jugdir.worker_with_file(id) {
            Some(id) => Ok(Owner::Other(id)),
            None => self.by_contents(path, this),
        }
    }

    /// Whose a claim is, by its contents.
    fn by_contents(&self, path: &Path, this: Option<&Worker>) -> Result<Owner> {
        let read = self.jugdir.fs().open(path, Open::Read).and_then(|file| {
            file.fresh_stat()?;
            file.read_whole(SMALL)
        });
        let bytes = match read {
            Err(error) if is_absent(&error) => return Ok(Owner::Unclaimed),
            read => read.context("reading", path)?,
        };
        let Some(id) = claim_owner(&bytes, path) else { return Ok(Owner::Unknown) };
        let is_this = this.is_some_and(|worker| worker.id() == id);
        Ok(if is_this { Owner::This } else { Owner::Other(id) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
