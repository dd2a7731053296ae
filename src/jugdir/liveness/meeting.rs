//! How a process comes to know the other workers: it reads each one's file, and holds its lifeline.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::FailureDetector;
use super::circle::nearest;
use super::known::Known;
use super::lifelines::Line;
use crate::Result;
use crate::error::IoContext;
use crate::jugdir::identity::{Identity, ids};
use crate::os::ops::{SMALL, is_gone};
use crate::os::{File, Open, Stat};

/// How often a process looks whether there are other workers than before, where that costs no request.
const GLANCE: Duration = Duration::from_secs(1);
/// A worker's file, open, and what it says.
pub(super) struct Found {
    file: Arc<dyn File>,
    pub(super) stat: Stat,
    bytes: Vec<u8>,
}

impl FailureDetector {
    /// Looks whether other workers came or offer their lifelines now, where that costs no request; how long until this can be
    /// asked again. So it is known of a worker in a container soon after it came when it ends.
    pub(in crate::jugdir) fn glance(&self, now: Instant) -> Option<Duration> {
        if *self.is_shared.get_or_init(|| self.fs.is_shared(&self.workers).unwrap_or(true)) {
            return None;
        }
        let mut state = self.state();
        let next = state.glanced.map_or(now, |glanced| glanced + GLANCE);
        if now < next {
            return Some(next.duration_since(now));
        }
        state.glanced = Some(now);
        let modified = self.fs.stat(&self.workers).ok().map(|stat| stat.modified);
        if modified.is_some() && state.modified != modified {
            state.modified = modified;
            drop(state);
            // What cannot be listed now is listed with the next heartbeat.
            let _met = self.fs.names(&self.workers).and_then(|names| self.meet(&names));
        }
        Some(GLANCE)
    }

    /// Reads the files of workers that are not known yet, and holds the lifelines that are offered only now.
    pub(super) fn meet(&self, names: &[String]) -> Result<()> {
        let mut others = Vec::new();
        for id in ids(names).filter(|id| !self.is_own(id)) {
            others.extend(self.known(id)?.map(|known| (id.to_owned(), known)));
        }
        if others.len() > self.most_open {
            others = self.let_go_of_distant(others);
        }
        for (id, known) in others {
            if let Known { identity: Some(worker), line, .. } = known
                && line.is_offered(&id, names)
            {
                let line = self.line(&worker);
                if let Some(known) = self.state().known.get_mut(&id) {
                    known.line = line;
                }
            }
        }
        Ok(())
    }

    /// Closes what is open of other workers than the nearest ones, where there are few descriptors; returns those.
    fn let_go_of_distant(&self, others: Vec<(String, Known)>) -> Vec<(String, Known)> {
        let mut state = self.state();
        let own = state.own.clone().unwrap_or_default();
        let near = nearest(&own, others, |it| it.is_quiet(&self.timing));
        for (id, known) in &mut state.known {
            if near.iter().all(|(it, _)| it != id) {
                known.file = None;
                known.line.let_go();
            }
        }
        near
    }

    /// What a worker's file is now, for its heartbeat.
    pub(super) fn beat(&self, id: &str, known: &Known) -> io::Result<Stat> {
        match &known.file {
            Some(file) => file.fresh_stat(),
            None => self.fs.open(&self.workers.join(id), Open::Read)?.fresh_stat(),
        }
    }

    /// Whether a worker is known of another container on this kernel, or of one where this process is in none.
    pub(in crate::jugdir) fn is_beside_others(&self) -> bool {
        let here = self.space();
        let is_beside = |it: &Identity| here.is_beside((&it.boot_id, &it.pid_namespace));
        !self.timing.treat_as_remote
            && self.state().known.values().filter_map(|it| it.identity.as_deref()).any(is_beside)
    }

    /// A worker with its file opened; `None` if it has none.
    pub(super) fn known(&self, id: &str) -> Result<Option<Known>> {
        if let Some(known) = self.state().known.get(id) {
            return Ok(Some(known.clone()));
        }
        let path = self.workers.join(id);
        let Some(Found { file, stat, bytes }) = self.read(&path)? else { return Ok(None) };
        let identity = Identity::parse(&bytes, &path).ok().map(Arc::new);
        let is_kept = self.state().known.len() < self.most_open;
        let line = match &identity {
            Some(worker) if is_kept => self.line(worker),
            Some(_) => Line::Awaited,
            None => Line::None,
        };
        let file = is_kept.then_some(file);
        let mut state = self.state();
        // What has passed since the last look is counted at the next one, and this worker was not watched then.
        let since = state.watched + self.since_look(&state, self.fs.now());
        let (id_of_file, modified) = (stat.id, stat.modified);
        let known =
            Known { identity, file, id: id_of_file, modified, since, looked: since, has_beaten: false, line };
        state.known.insert(id.to_owned(), known.clone());
        Ok(Some(known))
    }

    fn line(&self, worker: &Identity) -> Line {
        if self.timing.treat_as_remote {
            return Line::None;
        }
        Line::of(&*self.fs, &self.workers, self.space(), worker)
    }

    /// A worker's file; `None` if there is none.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Found>> {
        // A process that has no file counts as dead. So that an open one is gone is believed when it is said twice, and that
        // there is none when a list says so: a client may remember a moment in which it had no name yet.
        for _ in 0..2 {
            let Some(file) = self.fs.open_if_exists(path)? else {
                let names = self.fs.names(&self.workers)?;
                if names.iter().any(|name| path.ends_with(name)) {
                    continue;
                }
                return Ok(None);
            };
            match file.fresh_stat().and_then(|stat| Ok((stat, file.read_whole(SMALL)?))) {
                Err(error) if is_gone(&error) => {}
                read => {
                    let (stat, bytes) = read.context("reading", path)?;
                    return Ok(Some(Found { file, stat, bytes }));
                }
            }
        }
        Ok(None)
    }
}
