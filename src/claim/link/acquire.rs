//! Making a claim by a hard link, and making sure that it counts.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;

use nix::errno::Errno;

use super::generations::{Generation, is_absent};
use super::owner::Owner;
use super::{HeldClaim, Link};
use crate::error::IoContext;
use crate::jugdir::{Liveness, Worker};
use crate::os::Open;
use crate::os::ops::is_unlinkable;
use crate::{Key, Result};

/// How often a claim is tried again that met something which changed meanwhile.
const TRIES: usize = 16;

/// What came of an attempt to make a name.
enum Attempt {
    Acquired,
    Contended,
    Retry,
}

impl Link {
    /// Makes the name that claims `key`, in the newest generation.
    pub(super) fn acquire(&self, key: &Key) -> Result<bool> {
        for _ in 0..TRIES {
            let worker = self.ensure_worker()?;
            let generation = self.generations.newest()?;
            match self.try_name(&worker, generation, key)? {
                Attempt::Acquired => {
                    self.state().held.insert(*key, HeldClaim { generation, is_confirmed: false });
                    return Ok(true);
                }
                Attempt::Contended => return Ok(false),
                Attempt::Retry => {}
            }
        }
        Ok(false)
    }

    fn try_name(&self, worker: &Worker, generation: Generation, key: &Key) -> Result<Attempt> {
        let path = self.generations.path(generation, key);
        let mut made = self.name(worker, &path, false);
        if made.as_ref().is_err_and(is_full) {
            // Released claims are names of the file too.
            self.releases.remove_all()?;
            made = self.name(worker, &path, false);
            if made.as_ref().is_err_and(is_full) && !self.state().held.is_empty() {
                return Ok(Attempt::Contended);
            }
        }
        if made.as_ref().is_err_and(is_unlinkable) {
            made = self.name(worker, &path, true);
        }
        match made {
            Ok(()) => Ok(Attempt::Acquired),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.resolve_conflict(worker, generation, &path)
            }
            Err(error) if is_absent(&error) => {
                // Either the generation was closed, or this worker was taken for dead and swept away.
                if self.generations.list()?.contains(&generation) {
                    worker.expire();
                }
                Ok(Attempt::Retry)
            }
            Err(error) => Err(error).context("creating", path),
        }
    }

    /// Creates a name: a further one of the worker's file, or (`copy`) a file that names the worker.
    fn name(&self, worker: &Worker, path: &Path, copy: bool) -> io::Result<()> {
        if !copy {
            let began = self.fs().now();
            self.fs().link(worker.path(), path)?;
            let took = self.fs().now().saturating_duration_since(began);
            self.releases.name_took(took);
            return Ok(());
        }
        let file = self.fs().open(path, Open::New)?;
        let written = file.append(format!("{}\n", worker.id()).as_bytes()).and_then(|()| file.sync());
        if written.is_err() {
            let _removed = self.fs().unlink(path);
        }
        written
    }

    /// Somebody has the name already.
    fn resolve_conflict(&self, worker: &Worker, generation: Generation, path: &Path) -> Result<Attempt> {
        // The process that had it before may have given it up since: it may be this very name that was made, and the answer lost.
        self.owners.forget(path);
        match self.verified_owner(path)? {
            Owner::This => {
                // The answer to a request was lost, and the request repeated. Or a name is still here that could not
                // be removed before.
                self.releases.keep(path);
                Ok(if worker.is_lost() { Attempt::Retry } else { Attempt::Acquired })
            }
            Owner::Unclaimed => Ok(Attempt::Retry),
            Owner::Unknown => Ok(Attempt::Contended),
            Owner::Other(id) if self.jugdir.liveness(&id)? == Liveness::Alive => Ok(Attempt::Contended),
            owner @ (Owner::Other(_) | Owner::Orphaned) => {
                if let Owner::Other(id) = owner {
                    self.jugdir.write_tombstone(&id)?;
                }
                self.generations.end(generation)?;
                self.reap_soon();
                Ok(Attempt::Retry)
            }
        }
    }

    /// Makes sure that claims made just now count. Those that do not are given up.
    pub(super) fn confirm_all(&self, keys: &[Key]) -> Result<()> {
        for _ in 0..TRIES {
            let generations = self.generations.list()?;
            let Some(newest) = generations.last() else { break };
            let fresh = self.unconfirmed(keys);
            let outdated: Vec<Key> =
                fresh.iter().filter(|(_, generation)| generation != newest).map(|(key, _)| *key).collect();
            if outdated.is_empty() {
                let fresh: BTreeSet<Key> = fresh.into_iter().map(|(key, _)| key).collect();
                for generation in generations.iter().filter(|generation| *generation != newest) {
                    self.yield_to_earlier_generation(*generation, &fresh)?;
                }
                self.mark_confirmed(keys);
                return Ok(());
            }
            for key in outdated {
                self.abandon(&key);
                self.acquire(&key)?;
            }
        }
        self.unconfirmed(keys).iter().for_each(|(key, _)| self.abandon(key));
        Ok(())
    }

    pub(super) fn unconfirmed(&self, keys: &[Key]) -> Vec<(Key, Generation)> {
        let state = self.state();
        let fresh = keys.iter().filter_map(|key| Some((*key, state.held.get(key)?)));
        fresh.filter(|(_, held)| !held.is_confirmed).map(|(key, held)| (key, held.generation)).collect()
    }

    fn mark_confirmed(&self, keys: &[Key]) {
        let mut state = self.state();
        let lost = state.worker.as_ref().is_none_or(|worker| worker.is_lost());
        for key in keys.iter().filter(|_| !lost) {
            if let Some(held) = state.held.get_mut(key) {
                held.is_confirmed = true;
            }
        }
    }

    /// Gives up what a living worker claimed in an older generation.
    fn yield_to_earlier_generation(&self, generation: Generation, fresh: &BTreeSet<Key>) -> Result<()> {
        for (key, path) in self.generations.claims_of_ended(generation)? {
            if !fresh.contains(&key) {
                continue;
            }
            match self.verified_owner(&path)? {
                Owner::Unclaimed | Owner::This | Owner::Orphaned => {}
                Owner::Other(id) if self.jugdir.liveness(&id)? != Liveness::Alive => {}
                Owner::Other(_) | Owner::Unknown => self.abandon(&key),
            }
        }
        Ok(())
    }
}

/// Whether a file has as many names as it can have.
fn is_full(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EMLINK as i32)
}
