//! Making a claim by a hard link, and making sure that it counts.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::PoisonError;

use nix::errno::Errno;

use super::eras::{Era, is_absent};
use super::holder::Holder;
use super::link::{Held, Link};
use crate::error::IoContext;
use crate::jugdir::{Liveness, Worker};
use crate::os::Open;
use crate::os::ops::is_unlinkable;
use crate::{Key, Result};

/// How often a claim is tried again that met something which changed meanwhile.
const TRIES: usize = 16;

/// What came of an attempt to make a name.
enum Made {
    Won,
    Lost,
    Again,
}

impl Link {
    /// Makes the name that claims `key`, in the newest era.
    pub(super) fn make(&self, key: &Key) -> Result<bool> {
        for _ in 0..TRIES {
            let worker = self.join()?;
            let era = self.eras.newest()?;
            match self.try_name(&worker, era, key)? {
                Made::Won => {
                    self.state().held.insert(*key, Held { era, is_confirmed: false });
                    return Ok(true);
                }
                Made::Lost => return Ok(false),
                Made::Again => {}
            }
        }
        Ok(false)
    }

    fn try_name(&self, worker: &Worker, era: Era, key: &Key) -> Result<Made> {
        let path = self.eras.path(era, key);
        let mut made = self.name(worker, &path, false);
        if made.as_ref().is_err_and(is_full) {
            // Released claims are names of the file too.
            self.let_go()?;
            made = self.name(worker, &path, false);
            if made.as_ref().is_err_and(is_full) && !self.state().held.is_empty() {
                return Ok(Made::Lost);
            }
        }
        if made.as_ref().is_err_and(is_unlinkable) {
            made = self.name(worker, &path, true);
        }
        match made {
            Ok(()) => Ok(Made::Won),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.meet(worker, era, &path),
            Err(error) if is_absent(&error) => {
                // Either the era was closed, or this worker was taken for dead and swept away.
                if self.eras.list()?.contains(&era) {
                    worker.expire();
                }
                Ok(Made::Again)
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
            self.quiet.lock().unwrap_or_else(PoisonError::into_inner).made(took);
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
    fn meet(&self, worker: &Worker, era: Era, path: &Path) -> Result<Made> {
        // Whoever had it before may have given it up since: it may be this very name that was made, and the answer lost.
        self.state().holders.remove(path);
        match self.living_holder(path)? {
            Holder::Me => {
                // The answer to a request was lost, and the request repeated. Or a name is still here that could not
                // be removed before.
                self.state().leftover.remove(path);
                Ok(if worker.is_lost() { Made::Again } else { Made::Won })
            }
            Holder::Nobody => Ok(Made::Again),
            Holder::Unknown => Ok(Made::Lost),
            Holder::Other(id) if self.jugdir.liveness(&id)? == Liveness::Alive => Ok(Made::Lost),
            holder @ (Holder::Other(_) | Holder::Abandoned) => {
                if let Holder::Other(id) = holder {
                    self.jugdir.write_tombstone(&id)?;
                }
                self.eras.end(era)?;
                self.sweep_soon();
                Ok(Made::Again)
            }
        }
    }

    /// Makes sure that claims made just now count. Those that do not are given up.
    pub(super) fn confirm_all(&self, keys: &[Key]) -> Result<()> {
        for _ in 0..TRIES {
            let eras = self.eras.list()?;
            let Some(newest) = eras.last() else { break };
            let fresh = self.unconfirmed(keys);
            let outdated: Vec<Key> =
                fresh.iter().filter(|(_, era)| era != newest).map(|(key, _)| *key).collect();
            if outdated.is_empty() {
                let fresh: BTreeSet<Key> = fresh.into_iter().map(|(key, _)| key).collect();
                for era in eras.iter().filter(|era| *era != newest) {
                    self.yield_to_older(*era, &fresh)?;
                }
                self.mark_confirmed(keys);
                return Ok(());
            }
            for key in outdated {
                self.give_up(&key);
                self.make(&key)?;
            }
        }
        self.unconfirmed(keys).iter().for_each(|(key, _)| self.give_up(key));
        Ok(())
    }

    pub(super) fn unconfirmed(&self, keys: &[Key]) -> Vec<(Key, Era)> {
        let state = self.state();
        let fresh = keys.iter().filter_map(|key| Some((*key, state.held.get(key)?)));
        fresh.filter(|(_, held)| !held.is_confirmed).map(|(key, held)| (key, held.era)).collect()
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

    /// Gives up what a living worker claimed in an older era.
    fn yield_to_older(&self, era: Era, fresh: &BTreeSet<Key>) -> Result<()> {
        for (key, path) in self.eras.claims_of_ended(era)? {
            if !fresh.contains(&key) {
                continue;
            }
            match self.living_holder(&path)? {
                Holder::Nobody | Holder::Me | Holder::Abandoned => {}
                Holder::Other(id) if self.jugdir.liveness(&id)? != Liveness::Alive => {}
                Holder::Other(_) | Holder::Unknown => self.give_up(&key),
            }
        }
        Ok(())
    }
}

/// Whether a file has as many names as it can have.
fn is_full(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EMLINK as i32)
}
