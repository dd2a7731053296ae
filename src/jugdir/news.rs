//! News: a file whose time says that somebody stored something or gave claims up, and which says of which tasks.
//!
//! In link mode no system tells a worker what happens on other hosts, and to look at everything costs requests for each
//! worker that there is. So each worker writes to its place in one file ([`slot`]) what it did, and those that wait ask for the time
//! of that file alone, and read it where it has changed ([`listener`]). Nothing depends on it: news that are missed are found at a look
//! that comes later.

mod listener;
mod slot;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::detect::FORMAT;
use super::identity::ids;
use super::{Jugdir, Others};
use crate::Result;
use crate::lock::lock;
use crate::os::{File, FileSystem, Open, Stat, pid};
pub(crate) use listener::{Answer, Listener};
pub(crate) use slot::{Event, Mark};
use slot::{MOST, SIZE, Slot};

/// The file in the jugdir.
const NAME: &str = "news";
/// How often one process gives news at most, unless it is about to sleep or to end.
const GAP: Duration = Duration::from_millis(750);
/// How long after it took a place in the file a worker looks whether another one took the same at that time.
const SETTLED: Duration = Duration::from_secs(2);
/// How many places it chooses from, and how many more for each worker that there is.
const CHOICE: usize = 8;
const CHOICE_EACH: usize = 2;

/// What this process has done that others may wait for.
#[derive(Debug)]
pub struct News {
    fs: Arc<dyn FileSystem>,
    path: PathBuf,
    workers: PathBuf,
    /// Whether anybody stores something here: beside leases nobody waits for news.
    is_wanted: AtomicBool,
    /// Whether this process gives any.
    is_given: AtomicBool,
    state: Mutex<State>,
    pid: u32,
}

#[derive(Debug, Default)]
struct State {
    file: Option<Arc<dyn File>>,
    place: Option<Place>,
    pending: bool,
    given: Option<Instant>,
}

/// Where in the file this process writes.
#[derive(Debug)]
struct Place {
    number: usize,
    slot: Slot,
    /// When to look whether it is still this process's.
    check_at: Option<Instant>,
}

impl News {
    /// News in a jugdir, which need not exist. Nothing is created.
    pub(super) fn new(fs: Arc<dyn FileSystem>, root: &Path, workers: &Path) -> Arc<News> {
        Arc::new(News {
            fs,
            path: root.join(NAME),
            workers: workers.to_owned(),
            is_wanted: AtomicBool::new(false),
            is_given: AtomicBool::new(false),
            state: Mutex::default(),
            pid: pid::id(),
        })
    }

    /// Has workers of this jugdir that register from now on give news.
    pub(crate) fn want(&self) {
        self.is_wanted.store(true, Ordering::Release);
    }

    /// Whether this process gives news, so that it matters what they are.
    pub(crate) fn is_given(&self) -> bool {
        self.is_given.load(Ordering::Acquire)
    }

    /// Prepares to give news, with a file of its own where there is none; whether that is possible.
    pub(super) fn begin(&self) -> bool {
        if !self.is_wanted.load(Ordering::Acquire) {
            return false;
        }
        let mut state = lock(&self.state);
        state.file = self.open().ok();
        self.is_given.store(state.file.is_some(), Ordering::Release);
        state.file.is_some()
    }

    /// Takes a place in the file for the worker that this process is now, if there is one. Without, its news have no contents.
    pub(super) fn take_place(&self, id: &str) {
        let mut state = lock(&self.state);
        if state.file.is_none() {
            return;
        }
        let number = match state.place.take() {
            Some(place) => Some(place.number),
            None => self.free_place(&state),
        };
        let Some(number) = number else { return };
        state.place = Some(Place { number, slot: Slot::new(id), check_at: Some(self.fs.now() + SETTLED) });
        state.pending |= !self.write(&mut state);
    }

    /// A place that belongs to no worker which has a file; by chance, because others may choose at the same time.
    fn free_place(&self, state: &State) -> Option<usize> {
        let names = self.fs.names(&self.workers).ok()?;
        let known: BTreeSet<&str> = ids(&names).collect();
        let mut bytes = vec![0; MOST * SIZE];
        let read = listener::read_all(&**state.file.as_ref()?, &mut bytes)?;
        let is_free = |number: &usize| {
            let slot = bytes[..read].chunks_exact(SIZE).nth(*number).map(Slot::parse);
            !matches!(slot, Some(Ok(Some(slot))) if known.contains(slot.owner.as_str()))
        };
        let free: Vec<usize> = (0..MOST).filter(is_free).take(CHOICE + CHOICE_EACH * known.len()).collect();
        let chance = self.fs.nonce().ok()?;
        let at = usize::from(u16::from_le_bytes([chance[0], chance[1]])).checked_rem(free.len())?;
        Some(free[at])
    }

    /// Takes note of something that others may wait for and can find now; whether it is the first since the last time
    /// that news were given.
    pub(crate) fn note(&self, events: impl IntoIterator<Item = Event>) -> bool {
        if self.forked() {
            return false;
        }
        let mut state = lock(&self.state);
        if let Some(place) = &mut state.place {
            events.into_iter().for_each(|event| place.slot.add(event));
        }
        state.file.is_some() && !std::mem::replace(&mut state.pending, true)
    }

    /// Whether there are any that were not given yet.
    pub(crate) fn is_pending(&self) -> bool {
        !self.forked() && lock(&self.state).pending
    }

    /// Gives news if there are any and it is time to; after how long to try again, if need be.
    pub(super) fn give(&self, now: Instant) -> Option<Duration> {
        if self.forked() {
            return None;
        }
        let mut state = lock(&self.state);
        self.check_place(&mut state, now);
        if !state.pending {
            return None;
        }
        let due = state.given.map_or(now, |given| given + GAP);
        if now < due {
            return Some(due.duration_since(now));
        }
        state.given = Some(now);
        state.pending = !self.write(&mut state);
        state.pending.then_some(GAP)
    }

    /// Gives news if there are any.
    pub(crate) fn give_now(&self) {
        if self.forked() {
            return;
        }
        let mut state = lock(&self.state);
        let now = self.fs.now();
        self.check_place(&mut state, now);
        if state.pending {
            state.given = Some(now);
            state.pending = !self.write(&mut state);
        }
    }

    /// Takes another place where the one of this process was taken by another worker at the same time.
    fn check_place(&self, state: &mut State, now: Instant) {
        let Some(place) = &mut state.place else { return };
        if place.check_at.is_none_or(|at| now < at) {
            return;
        }
        place.check_at = None;
        let Some(file) = &state.file else { return };
        let mut bytes = [0; SIZE];
        let is_read = file.read_at(&mut bytes, (place.number * SIZE) as u64).is_ok_and(|read| read == SIZE);
        if is_read && matches!(Slot::parse(&bytes), Ok(Some(slot)) if slot.owner != place.slot.owner) {
            // What was in it nobody may have read.
            place.slot.add(Event::Other);
            let slot = place.slot.clone();
            let number = self.free_place(state);
            state.place = number.map(|number| Place { number, slot, check_at: Some(now + SETTLED) });
            state.pending = true;
        }
    }

    /// Writes to the file, which is another one where somebody removed it; whether that worked.
    fn write(&self, state: &mut State) -> bool {
        let State { file, place, .. } = state;
        let give = |file: &Arc<dyn File>| {
            let slot = place.as_ref().and_then(|place| Some((place.slot.to_bytes()?, place.number * SIZE)));
            match slot {
                Some((bytes, offset)) => file.write_at(&bytes, offset as u64),
                None => file.touch(),
            }
        };
        let is_there = |file: &Arc<dyn File>| matches!(file.stat(), Ok(Stat { links: 1.., .. }));
        if file.as_ref().is_some_and(|file| give(file).is_ok() && is_there(file)) {
            return true;
        }
        // There may be another directory in the place of the jugdir.
        if self.fs.stat(&self.path.with_file_name(FORMAT)).is_err() {
            return false;
        }
        let Ok(new) = self.open() else { return false };
        if give(&new).is_ok() {
            *file = Some(new);
            return true;
        }
        // It could be shared for reading only.
        let Ok(plain) = self.fs.open(&self.path, Open::Update) else { return false };
        let is_given = give(&plain).is_ok();
        *file = Some(plain);
        is_given
    }

    /// Opens the file, which is created where there is none.
    fn open(&self) -> io::Result<Arc<dyn File>> {
        let file = self.fs.open(&self.path, Open::Update)?;
        // Where it cannot be shared in that way, hosts learn of what others write as soon by locks of the filesystem, or later.
        let shared = self.fs.open(&self.path, Open::Shared);
        let is_fit = |shared: &Arc<dyn File>| shared.read_at(&mut [0; SIZE], 0).is_ok();
        Ok(shared.ok().filter(is_fit).unwrap_or(file))
    }

    /// Nothing of this belongs to a child, and a lock may be held for ever there.
    fn forked(&self) -> bool {
        self.pid != pid::id()
    }
}

impl Jugdir {
    /// Link mode: what this process does that others may wait for.
    pub fn news(&self) -> &Arc<News> {
        &self.news
    }

    /// Link mode: which others live, as of the last look at all workers, if this process looks at them.
    pub(crate) fn others(&self) -> Option<Others> {
        self.registered().filter(|worker| !worker.is_lost()).map(|_| self.detector.others())
    }

    /// Link mode: the same for a process that is no worker, which looks who there is as often as workers do.
    pub(crate) fn others_at_a_glance(&self) -> Result<Option<Others>> {
        if self.registered().is_some() {
            return Ok(self.others());
        }
        if self.detector.due(self.fs.now()).is_none() {
            self.poll_workers()?;
        }
        Ok(Some(self.detector.others()))
    }

    /// Link mode: this process waits for others that give news, and looks at fewer workers at a time.
    pub(crate) fn asks_little(&self) {
        self.detector.mark_waiting();
    }

    /// Link mode: whether this process waits for others that give news.
    pub(crate) fn is_waiting(&self) -> bool {
        self.detector.is_waiting()
    }
}
