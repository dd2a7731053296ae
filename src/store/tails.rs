//! Following the segments of all workers: reading what was appended since the last look.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;

use crate::Result;
use crate::fs::FileSystem;
use crate::jugdir::Jugdir;
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
}

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
    /// Reads what was appended to any segment, except those of the worker `own`.
    pub fn refresh(&mut self, own: Option<&str>, to: &Sink) -> Result<()> {
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
    pub fn has_news(&self, own: Option<&str>, jugdir: &Jugdir) -> Result<bool> {
        let fs = &**jugdir.fs();
        let names = segment_names(fs, &jugdir.segments(), own)?;
        Ok(names.iter().any(|name| match self.known.get(name) {
            Some(tail) => {
                !tail.finished && matches!(fs.length(&tail.path), Ok(Some(length)) if length != tail.length)
            }
            None => true,
        }))
    }

    /// The segments that need reading: new ones, grown ones, and those whose writer died.
    fn grown(&mut self, own: Option<&str>, to: &Sink) -> Result<Vec<&mut Tail>> {
        let segments = to.jugdir.segments();
        for name in segment_names(&**to.jugdir.fs(), &segments, own)? {
            let path = segments.join(&name);
            self.known.entry(name).or_insert(Tail { path, offset: 0, length: 0, finished: false });
        }
        let mut grown = Vec::new();
        for (name, tail) in &mut self.known {
            if tail.finished || own.is_some() && segment::owner(name) == own {
                continue;
            }
            match to.jugdir.fs().length(&tail.path)? {
                Some(length) if length == tail.length && tail.length > 0 => {
                    // It did not grow, and never will if its writer is dead; only then is it worth a look.
                    if !tail.writer_lives(to)? {
                        grown.push(tail);
                    }
                }
                Some(length) => {
                    tail.length = length;
                    grown.push(tail);
                }
                None => tail.finished = true,
            }
        }
        Ok(grown)
    }
}

/// The names of all segments but those of the worker `own`.
fn segment_names(fs: &dyn FileSystem, segments: &Path, own: Option<&str>) -> Result<Vec<String>> {
    let mut names = fs.names(segments)?;
    names.retain(|name| segment::owner(name).is_some_and(|owner| Some(owner) != own));
    Ok(names)
}

impl Tail {
    fn writer_lives(&self, to: &Sink) -> Result<bool> {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        segment::owner(name).map_or(Ok(false), |wid| to.jugdir.is_alive(wid))
    }

    fn read(&mut self, to: &Sink) -> Result<()> {
        if self.scan(self.length, to)? == Stop::Sealed {
            self.finished = true;
            return Ok(());
        }
        if self.writer_lives(to)? {
            return Ok(());
        }
        // Whatever the writer wrote before it died is in the file by now.
        let stop = self.scan(u64::MAX, to)?;
        self.finished = true;
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
        let fs = &**to.jugdir.fs();
        let outcome = scan::scan(fs, &self.path, to.jugdir.uuid(), (self.offset, until), &mut |event| {
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
