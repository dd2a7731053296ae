//! Generations: the directories in which links are made, one after the other.
//!
//! To remove a name is safe only if nobody else can have taken it in the meantime, and a process may be paused for
//! an hour between looking at a name and removing it. So claims are made in the newest directory of `claims/`, and
//! whenever a worker dies with claims, a newer one is created. From then on nothing that is claimed in an older one
//! counts, but for what living workers held there already; a process that removes a name there, however late, takes nothing
//! from anybody. That a claim counts is found out after it was made, by listing the generations: a process that claims in a newer
//! one looks into the older ones after it, so that of two claims on one task at least one is noticed.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::error::IoContext;
use crate::os::ops::is_gone;
use crate::os::{FileSystem, Modified};
use crate::{Error, Key, Result};

/// The number of a generation.
pub(super) type Generation = u64;

/// The generations of a jugdir, as far as this process knows.
#[derive(Debug)]
pub(super) struct Generations {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    is_shared: OnceLock<bool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<Generation>,
    /// The newest generation of which every process is sure to learn by listing.
    announced: Option<Generation>,
    /// The generations of which all claims are known that count, because they were listed truthfully after they ended.
    settled: BTreeSet<Generation>,
}

impl Generations {
    pub(super) fn new(fs: Arc<dyn FileSystem>, dir: PathBuf) -> Generations {
        Generations { fs, dir, is_shared: OnceLock::new(), state: Mutex::default() }
    }

    /// All generations that there are, oldest first. Tells the truth.
    pub(super) fn list(&self) -> Result<Vec<Generation>> {
        let names = self.fs.names(&self.dir)?;
        let mut generations: Vec<Generation> = names.iter().filter_map(|name| number_of(name)).collect();
        generations.sort_unstable();
        self.state().newest = generations.last().copied();
        Ok(generations)
    }

    /// The generation to claim in, as far as is known; the first one is created.
    pub(super) fn newest(&self) -> Result<Generation> {
        let known = self.state().newest;
        let newest = match known {
            Some(generation) => generation,
            None => match self.list()?.last() {
                Some(generation) => *generation,
                None => self.open(0)?,
            },
        };
        self.announce(newest)?;
        Ok(newest)
    }

    /// Ends a generation, if it is the newest.
    pub(super) fn end(&self, generation: Generation) -> Result<()> {
        if self.list()?.last() == Some(&generation) {
            self.open(generation + 1)?;
        }
        Ok(())
    }

    /// The newest generation, if it is known and other hosts change it too.
    pub(super) fn busiest(&self) -> Option<Generation> {
        let newest = self.state().newest?;
        self.is_shared().then_some(newest)
    }

    /// When anything changed in a generation for the last time. Tells the truth.
    pub(super) fn modified(&self, generation: Generation) -> Result<Modified> {
        let dir = self.dir_of(generation);
        self.fs.dir_modified(&dir).context("looking at", dir)
    }

    /// What this host remembers of that: no request is made for it, as a rule.
    pub(super) fn remembered(&self, generation: Generation) -> Result<Modified> {
        let dir = self.dir_of(generation);
        Ok(self.fs.stat(&dir).context("looking at", dir)?.modified)
    }

    /// The claims that were made in a generation, and their files.
    pub(super) fn claims(&self, generation: Generation) -> Result<Vec<(Key, PathBuf)>> {
        let dir = self.dir_of(generation);
        let names = match self.fs.list(&dir) {
            Err(error) if is_gone(&error) => Vec::new(),
            names => names.context("listing", &dir)?,
        };
        let key = |name: &String| Some((Key::from_hex(name.as_bytes())?, dir.join(name)));
        Ok(names.iter().filter_map(key).collect())
    }

    /// The claims that were made in a generation which has ended: those that count, at least. Tells the truth.
    ///
    /// A process that has claimed there and does not know of its end may have done so in the tick in which it was listed
    /// here. Once is enough: every claim that counts was there before the next generation was announced.
    pub(super) fn claims_of_ended(&self, generation: Generation) -> Result<Vec<(Key, PathBuf)>> {
        if self.is_shared() && !self.state().settled.contains(&generation) {
            match self.fs.announce(&self.dir_of(generation)) {
                Err(Error::Io { source, .. }) if is_absent(&source) => return Ok(Vec::new()),
                listed => listed?,
            }
            let claims = self.claims(generation)?;
            self.state().settled.insert(generation);
            return Ok(claims);
        }
        self.claims(generation)
    }

    /// Where a key is claimed in a generation.
    pub(super) fn path(&self, generation: Generation, key: &Key) -> PathBuf {
        self.dir_of(generation).join(key.to_hex())
    }

    /// Removes a generation that is empty and not the newest.
    pub(super) fn close(&self, generation: Generation) {
        // Another process may have been faster, or a name may have been made there just now.
        let _closed = self.fs.rmdir(&self.dir_of(generation));
    }

    /// Touches the directory, so that other hosts drop the listing that they remember.
    pub(super) fn touch_directory(&self) {
        if let Some(newest) = self.state().newest {
            // They see it a little later where this is not possible.
            let _rung = self.fs.touch_dir(&self.dir_of(newest));
        }
    }

    fn open(&self, generation: Generation) -> Result<Generation> {
        self.fs.create_dir(&self.dir_of(generation))?;
        // A newer one may be there already.
        Ok(self.list()?.last().copied().unwrap_or(generation))
    }

    /// Returns once a process that lists the generations learns of this one.
    fn announce(&self, generation: Generation) -> Result<()> {
        if self.state().announced >= Some(generation) {
            return Ok(());
        }
        self.fs.refuse_link(&self.dir_of(generation))?;
        if self.is_shared() {
            self.fs.announce(&self.dir)?;
        }
        self.state().announced = Some(generation);
        Ok(())
    }

    fn is_shared(&self) -> bool {
        *self.is_shared.get_or_init(|| self.fs.is_shared(&self.dir).unwrap_or(true))
    }

    fn dir_of(&self, generation: Generation) -> PathBuf {
        self.dir.join(generation.to_string())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The generation that a directory of this name is; the last number is none, so that each generation has a next one.
fn number_of(name: &str) -> Option<Generation> {
    let generation: Generation = name.parse().ok()?;
    (generation < Generation::MAX && generation.to_string() == name).then_some(generation)
}

/// Whether an error says that there is no such name, or not any more.
pub(super) fn is_absent(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || is_gone(error)
}
