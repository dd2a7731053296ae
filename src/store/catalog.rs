//! Which keys have a result or a failure, and where: the index, and what keeps it up to date.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::jugdir::Jugdir;
use crate::lock::lock;
use crate::result_store::State;
use crate::store::corruption::{CorruptionLog, Report};
use crate::store::follow::{Follower, ReadInto};
use crate::store::index::Index;
use crate::store::own_writer::OwnWriter;
use crate::store::pack::publish;
use crate::store::pack::reader::Pack;
use crate::{Key, Result};

/// What all workers stored, as of the last look at their segments.
pub(super) struct Catalog {
    jugdir: Arc<Jugdir>,
    own: Arc<OwnWriter>,
    index: Arc<Mutex<Index>>,
    corruption: Mutex<CorruptionLog>,
    follower: Mutex<Follower>,
}

impl Catalog {
    /// A catalog of a jugdir in which nothing was read yet. The writer of this process adds its own records to `index`.
    pub(super) fn new(jugdir: Arc<Jugdir>, own: Arc<OwnWriter>, index: Arc<Mutex<Index>>) -> Catalog {
        Catalog { jugdir, own, index, corruption: Mutex::default(), follower: Mutex::default() }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }

    pub(super) fn corruption(&self) -> MutexGuard<'_, CorruptionLog> {
        lock(&self.corruption)
    }

    pub(super) fn follower(&self) -> MutexGuard<'_, Follower> {
        lock(&self.follower)
    }

    /// The highest epoch seen.
    pub(super) fn epoch(&self) -> u64 {
        self.index().epoch()
    }

    /// Reads what others wrote since the last call; each key whose state is another now, with that state.
    pub(super) fn refresh(&self) -> Result<Vec<(Key, State)>> {
        loop {
            if self.index().take_epoch_raised() {
                self.own.sync()?;
            }
            let before = self.epoch();
            self.poll_segments()?;
            if self.epoch() == before {
                break;
            }
        }
        self.ask(|index| {
            let changing = index.changing();
            index.load_from_packs(&changing)?;
            Ok(index.take_changes())
        })
    }

    /// Reads what was appended to any segment.
    pub(super) fn poll_segments(&self) -> Result<()> {
        let own = self.own.get();
        let writer = own.as_ref().map(|own| &*own.writer);
        let to = ReadInto { jugdir: &self.jugdir, index: &self.index, corruption: &self.corruption, writer };
        self.follower().refresh(&to)
    }

    /// Asks the index something for which packs may have to be read, again where they were replaced meanwhile.
    pub(super) fn ask<T>(&self, question: impl Fn(&mut Index) -> Result<T>) -> Result<T> {
        for _ in 1..publish::TRIES {
            match question(&mut self.index()) {
                Err(error) if publish::is_gone(&error) => {}
                outcome => return outcome,
            }
            self.poll_segments()?;
        }
        question(&mut self.index())
    }

    /// Asks the index about one key.
    pub(super) fn ask_about<T>(&self, key: &Key, question: impl Fn(&Index) -> T) -> Result<T> {
        self.ask(|index| {
            index.load_from_packs(&[*key])?;
            Ok(question(index))
        })
    }

    /// For each key, whether it is in this state.
    pub(super) fn are(&self, state: State, keys: &[Key]) -> Result<Vec<bool>> {
        self.ask(|index| {
            index.load_from_packs(keys)?;
            Ok(keys.iter().map(|key| index.state(key) == state).collect())
        })
    }

    /// What is damaged and was not healed by a later result.
    pub(super) fn damage(&self) -> Result<Report> {
        // Of silent workers too: what follows garbage in their files never counts, whatever they add.
        let silent = self.follower().broken(&self.jugdir)?;
        let keys = self.corruption().keys();
        let mut report = self.ask(|index| {
            index.load_from_packs(&keys)?;
            Ok(self.corruption().report(index))
        })?;
        let known: HashSet<PathBuf> = report.files.iter().map(|file| file.0.clone()).collect();
        let silent = silent.into_iter().filter(|it| !known.contains(&it.path));
        report.files.extend(silent.map(|it| (it.path, it.offset, it.what)));
        Ok(report)
    }

    /// Whether some records could not be read, so that nobody knows what they say.
    pub(super) fn has_unreadable(&self) -> bool {
        let is_blind = |pack: &Arc<Pack>| pack.substitute().is_some_and(|made| made.is_blind);
        self.corruption().has_unreadable() || self.index().packs().any(is_blind)
    }

    /// Whether others stored something that was not read yet. What `own` workers stored is no news.
    pub(super) fn has_unread(&self, own: &[Arc<str>]) -> Result<bool> {
        self.follower().has_unread(own, &self.jugdir)
    }
}
