//! Following the segments of all workers: reading what was appended since the last look.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::Result;
use crate::error::IoContext;
use crate::fs::watch::POLL;
use crate::fs::{File, FileSystem};
use crate::jugdir::{Jugdir, Life, is_gone};
use crate::store::damage::Damage;
use crate::store::index::{Index, Place};
use crate::store::scan::{self, Body, Event, Stop};
use crate::store::{lock, segment};

/// From how many bytes on several segments are read at the same time.
const PARALLEL: u64 = 4 * 1024 * 1024;
/// How many records are taken into the index at a time.
const BATCH: usize = 1024;

/// How far each segment was read.
#[derive(Debug, Default)]
pub struct Tails {
    known: HashMap<String, Tail>,
}

#[derive(Debug)]
struct Tail {
    path: PathBuf,
    /// Where the next record begins; 0 before the file's header was read.
    offset: u64,
    /// The file's length at the last look.
    length: u64,
    /// Nothing will follow: it is sealed, or its writer is dead.
    finished: bool,
    /// Open while its writer lives: only of an open file the length is known for certain.
    file: Option<Arc<dyn File>>,
    /// Its writer counts as dead, but may not know: when to look again, and how often.
    silent: Option<(Instant, u32)>,
}

/// How often the segment of a worker is looked at that counts as dead and may not know.
const SILENT_LOOK: Duration = Duration::from_secs(5);
/// How often it is, in all.
const SILENT_LOOKS: u32 = 60;
/// How often a file is tried to be opened whose name is there and which is said not to exist.
const OPEN_TRIES: u32 = 50;

/// What the reading of segments adds to.
pub struct Sink<'a> {
    /// The directory they are in.
    pub jugdir: &'a Jugdir,
    /// Where records go.
    pub index: &'a Mutex<Index>,
    /// Where everything goes that should have been a record.
    pub damage: &'a Mutex<Damage>,
}

impl Tails {
    /// Reads what was appended to any segment, except those of the workers `own`.
    pub fn refresh(&mut self, own: &[Arc<str>], to: &Sink) -> Result<()> {
        let mut grown = self.grown(own, to)?;
        let bytes: u64 = grown.iter().map(|tail| tail.length - tail.offset.min(tail.length)).sum();
        if bytes < PARALLEL || grown.len() == 1 {
            return grown.into_iter().try_for_each(|tail| tail.read(to));
        }
        // Asked only here: the answer takes a dozen system calls, a refresh without news two.
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(grown.len());
        // A pool of its own, because the global one hangs in a forked child.
        match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) => pool.install(|| grown.par_iter_mut().try_for_each(|tail| tail.read(to))),
            Err(_) => grown.into_iter().try_for_each(|tail| tail.read(to)),
        }
    }

    /// True if a segment grew or appeared since the last refresh.
    pub fn has_news(&self, own: &[Arc<str>], jugdir: &Jugdir) -> Result<bool> {
        let names = segment_names(&**jugdir.fs(), &jugdir.segments(), own)?;
        Ok(names.iter().any(|name| match self.known.get(name) {
            Some(tail) => {
                let stat = tail.file.as_ref().map(|file| file.fresh_stat());
                !tail.finished && matches!(stat, Some(Ok(stat)) if stat.length != tail.length)
            }
            None => true,
        }))
    }

    /// The segments that need reading: new ones, grown ones, and those whose writer died.
    fn grown(&mut self, own: &[Arc<str>], to: &Sink) -> Result<Vec<&mut Tail>> {
        let segments = to.jugdir.segments();
        for name in segment_names(&**to.jugdir.fs(), &segments, own)? {
            let path = segments.join(&name);
            self.known.entry(name).or_insert(Tail {
                path,
                offset: 0,
                length: 0,
                finished: false,
                file: None,
                silent: None,
            });
        }
        let mut grown = Vec::new();
        for (name, tail) in &mut self.known {
            let is_own = || segment::owner(name).is_some_and(|owner| is_among(own, owner));
            if tail.finished || is_own() || !tail.is_due(to)? {
                continue;
            }
            if tail.file.is_none() {
                // How much there is to read, roughly: it is opened when it is read, one after the other.
                tail.length = to.jugdir.fs().length(&tail.path)?.unwrap_or(0);
                grown.push(tail);
                continue;
            }
            match tail.fresh_length(to)? {
                Some(length) if length == tail.length && tail.length > 0 => {
                    // It did not grow, and never will if its writer is dead; only then is it worth a look.
                    if tail.writers_life(to)? != Life::Alive {
                        grown.push(tail);
                    }
                }
                Some(length) => {
                    tail.length = length;
                    grown.push(tail);
                }
                None => tail.finish(),
            }
        }
        Ok(grown)
    }
}

fn is_among(own: &[Arc<str>], owner: &str) -> bool {
    own.iter().any(|wid| **wid == *owner)
}

/// The names of all segments but those of the workers `own`.
fn segment_names(fs: &dyn FileSystem, segments: &Path, own: &[Arc<str>]) -> Result<Vec<String>> {
    let mut names = fs.names(segments)?;
    names.retain(|name| segment::owner(name).is_some_and(|owner| !is_among(own, owner)));
    Ok(names)
}

impl Tail {
    fn writers_life(&self, to: &Sink) -> Result<Life> {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        segment::owner(name).map_or(Ok(Life::Gone), |wid| to.jugdir.life(wid))
    }

    /// Whether it is worth a look now: a segment whose writer is silent is looked at now and then, in case the file
    /// grew after all.
    fn is_due(&mut self, to: &Sink) -> Result<bool> {
        let Some((at, looks)) = &mut self.silent else { return Ok(true) };
        let now = to.jugdir.fs().now();
        if now < *at {
            return Ok(false);
        }
        if *looks == 0 {
            return Ok(true);
        }
        (*at, *looks) = (now + SILENT_LOOK, *looks - 1);
        // What a host remembers of it may be old, and is made up for at the next look.
        Ok(to.jugdir.fs().length(&self.path)? != Some(self.length))
    }

    /// The length of the file now, asked of the server; `None` if it is gone.
    fn fresh_length(&mut self, to: &Sink) -> Result<Option<u64>> {
        if self.file.is_none() {
            self.file = open_listed(&**to.jugdir.fs(), &self.path)?;
        }
        let Some(file) = &self.file else { return Ok(None) };
        match file.fresh_stat() {
            Ok(stat) if stat.links > 0 => Ok(Some(stat.length)),
            Ok(_) => Ok(None),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error).context("reading", &self.path),
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        self.file = None;
    }

    fn read(&mut self, to: &Sink) -> Result<()> {
        if self.file.is_none() {
            let Some(length) = self.fresh_length(to)? else {
                self.finish();
                return Ok(());
            };
            self.length = length;
        }
        if self.scan(self.length, to)? == Stop::Sealed {
            self.finish();
            return Ok(());
        }
        let life = self.writers_life(to)?;
        if life == Life::Alive {
            self.silent = None;
            return Ok(());
        }
        // Whatever the writer wrote before it died is in the file by now.
        self.fresh_length(to)?;
        let stop = self.scan(u64::MAX, to)?;
        if life == Life::Silent && self.silent.is_none_or(|(_, looks)| looks > 0) {
            let looks = self.silent.map_or(SILENT_LOOKS, |(_, looks)| looks);
            self.silent = Some((to.jugdir.fs().now() + SILENT_LOOK, looks));
            self.file = None;
            return Ok(());
        }
        self.finish();
        match stop {
            Stop::Garbage(what) => lock(to.damage).add_file(self.path.clone(), self.offset, what),
            // An empty file is that of a worker which died before it stored anything.
            Stop::Incomplete if self.length > self.offset => {
                lock(to.damage).add_file(self.path.clone(), self.offset, "its last record is incomplete");
            }
            Stop::Incomplete | Stop::End | Stop::Sealed => {}
        }
        Ok(())
    }

    fn scan(&mut self, until: u64, to: &Sink) -> Result<Stop> {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let segment = lock(to.index).segment(name);
        let mut batch = Vec::new();
        let Some(file) = &self.file else { return Ok(Stop::End) };
        let range = (self.offset, until);
        let outcome = scan::scan_open(&**file, &self.path, to.jugdir.uuid(), range, &mut |event| {
            batch.push(event);
            if batch.len() == BATCH {
                take_in(&mut batch, segment, to);
            }
        });
        take_in(&mut batch, segment, to);
        let (offset, stop) = outcome?;
        self.offset = offset;
        self.length = self.length.max(offset);
        Ok(stop)
    }
}

/// Opens a file that was listed; `None` if it is gone by now.
///
/// A client that remembers the absence of a name may say that there is no such file, until it lists the directory.
fn open_listed(fs: &dyn FileSystem, path: &Path) -> Result<Option<Arc<dyn File>>> {
    let folder = path.parent().unwrap_or(Path::new("."));
    for _ in 0..OPEN_TRIES {
        if let Some(file) = fs.open_if_exists(path)? {
            return Ok(Some(file));
        }
        if !fs.names(folder)?.iter().any(|name| path.ends_with(name)) {
            return Ok(None);
        }
        fs.sleep(POLL);
    }
    fs.open_to_read(path).map(Some)
}

fn take_in(batch: &mut Vec<Event>, segment: u32, to: &Sink) {
    let mut damaged = Vec::new();
    let mut index = lock(to.index);
    for event in batch.drain(..) {
        let place = Place { segment, offset: event.offset };
        match &event.body {
            Body::Sound => index.apply(&event.header, place, None),
            Body::Text(text) => index.apply(&event.header, place, Some(text)),
            Body::Damaged => damaged.push((event.header, place)),
        }
    }
    drop(index);
    for (header, place) in damaged {
        lock(to.damage).add_record(&header, place);
    }
}
