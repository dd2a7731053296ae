//! The segment that a writer appends to, and what it takes to go on in a new one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::IoContext;
use crate::jugdir::{Jugdir, Worker};
use crate::lock::lock;
use crate::os::{File, FileSystem};
use crate::store::index::{Index, Location};
use crate::store::log::batch::{self, Builder};
use crate::store::log::record::{self, Header, Kind};
use crate::store::log::segment;
use crate::{Error, Result};

/// What a writer needs to know about where it writes.
#[derive(Clone, Debug)]
pub struct SegmentDir {
    /// The directory of the segments.
    pub segments: PathBuf,
    /// The worker whose segments these are.
    pub wid: String,
    /// The store's uuid.
    pub uuid: [u8; 16],
}

/// A run of records: its first byte's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    segment: u32,
    base: u64,
}

impl Position {
    /// The place of what lies `offset` bytes further on.
    pub(super) fn place(self, offset: usize) -> Location {
        Location::in_segment(self.segment, self.base + offset as u64)
    }
}

/// The segments of one worker, of which only the newest is written to.
pub(super) struct Log {
    home: SegmentDir,
    fs: Arc<dyn FileSystem>,
    current: Option<Current>,
    next: u32,
    names: BTreeMap<String, u32>,
    /// The jugdir whose worker writes, where that may become another one.
    jugdir: Option<Arc<Jugdir>>,
    worker: Option<Arc<Worker>>,
    /// The workers whose segments were written here.
    worker_ids: Vec<Arc<str>>,
    /// The file names of all segments so far.
    files: Vec<String>,
    /// The batch at the end of the writer's buffer, to which results are added.
    batch: Option<Builder>,
    /// Whether a small result is in the buffer: the next one begins a batch, which takes more room than a single one.
    has_small: bool,
}

struct Current {
    segment: u32,
    path: PathBuf,
    file: Arc<dyn File>,
    /// Where the next record will begin, counting those that are still in the writer's buffer.
    end: u64,
}

impl Log {
    pub(super) fn new(home: SegmentDir, fs: Arc<dyn FileSystem>) -> Log {
        Log {
            home,
            fs,
            current: None,
            next: 0,
            names: BTreeMap::new(),
            jugdir: None,
            worker: None,
            worker_ids: Vec::new(),
            files: Vec::new(),
            batch: None,
            has_small: false,
        }
    }

    /// From now on each segment belongs to whatever worker of this jugdir the process is.
    pub(super) fn bind_to_worker(&mut self, jugdir: Arc<Jugdir>) {
        self.jugdir = Some(jugdir);
    }

    /// The workers whose segments were written here.
    pub(super) fn worker_ids(&self) -> &[Arc<str>] {
        &self.worker_ids
    }

    /// The file names of all segments so far.
    pub(super) fn files(&self) -> &[String] {
        &self.files
    }

    /// The file name of the current segment.
    pub(super) fn file_name(&self) -> Option<&str> {
        self.current.as_ref()?.path.file_name()?.to_str()
    }

    /// Whether the jugdir is still where it was, and may only have taken a segment away that was packed.
    pub(super) fn has_home(&self) -> bool {
        self.jugdir.as_ref().is_some_and(|jugdir| jugdir.is_in_place())
    }

    /// Whether others may have stopped reading the current segment, because its worker is lost to them.
    pub(super) fn is_lost(&self) -> bool {
        self.current.is_some() && self.worker.as_ref().is_some_and(|worker| worker.is_lost())
    }

    /// The error of a worker that is lost.
    pub(super) fn lost(&self) -> Error {
        let source = io::Error::new(io::ErrorKind::TimedOut, "no heartbeat got through for too long");
        Error::Io { action: "staying in touch with", path: self.home.segments.clone(), source }
    }

    /// The error of a worker whose current segment others have packed.
    pub(super) fn packed(&self) -> Error {
        let path = self.current.as_ref().map(|current| current.path.clone()).unwrap_or_default();
        let source = io::Error::new(io::ErrorKind::PermissionDenied, "it was packed while it was written");
        Error::Io { action: "writing", path, source }
    }

    /// Creates the next segment if there is none to append to.
    pub(super) fn open(&mut self, index: &Mutex<Index>) -> Result<()> {
        if self.current.is_some() {
            return Ok(());
        }
        if let Some(jugdir) = &self.jugdir {
            let worker = jugdir.worker()?;
            worker.id().clone_into(&mut self.home.wid);
            self.worker = Some(worker);
        }
        if self.worker_ids.last().is_none_or(|wid| **wid != *self.home.wid) {
            self.worker_ids.push(self.home.wid.as_str().into());
        }
        let name = segment::file_name(&self.home.wid, self.next);
        let path = self.home.segments.join(&name);
        self.next += 1;
        let file = self.fs.create_new(&path)?;
        self.fs.sync_parent(&path)?;
        let head = segment::encode(self.home.uuid, &self.home.wid);
        if let Err(error) = file.append(&head).context("writing", &path) {
            self.discard(&path);
            return Err(error);
        }
        let segment = lock(index).segment(&name);
        self.files.push(name);
        self.current = Some(Current { segment, path, file, end: head.len() as u64 });
        Ok(())
    }

    /// The id of a task's name, for which a NAME record is appended at its first use; 0 for no name.
    pub(super) fn name_id(&mut self, name: &str, buffer: &mut Vec<u8>, index: &Mutex<Index>) -> u32 {
        if name.is_empty() {
            return 0;
        }
        if let Some(&id) = self.names.get(name) {
            return id;
        }
        let id = u32::try_from(self.names.len() + 1).unwrap_or(0);
        self.names.insert(name.to_owned(), id);
        self.append(buffer, &mut name_header(id), &[name.as_bytes()], index);
        id
    }

    /// Appends a record to the buffer and to the index. The log must be open.
    pub(super) fn append(
        &mut self,
        buffer: &mut Vec<u8>,
        header: &mut Header,
        parts: &[&[u8]],
        index: &Mutex<Index>,
    ) {
        if self.current.is_none() {
            return;
        }
        let base = self.end() - buffer.len() as u64;
        let at = self.put(buffer, header, parts);
        let Some(current) = &mut self.current else { return };
        current.end = base + buffer.len() as u64;
        let place = Location::in_segment(current.segment, base + at as u64);
        lock(index).apply_own(header, place, parts.first().copied());
    }

    /// Adds a small result to a batch, and anything else as a record of its own; where in the buffer it begins.
    fn put(&mut self, buffer: &mut Vec<u8>, header: &mut Header, parts: &[&[u8]]) -> usize {
        if batch::is_small(header, batch::total(parts)) {
            if let Some(batch) = &mut self.batch {
                if let Some(at) = batch.push(buffer, header, parts) {
                    return batch.start() + at;
                }
            } else if self.has_small {
                let mut batch = Builder::begin(buffer, header);
                let start = batch.start();
                if let Some(at) = batch.push(buffer, header, parts) {
                    self.batch = Some(batch);
                    return start + at;
                }
                buffer.truncate(start);
            }
            self.has_small = true;
        }
        self.finish_batch(buffer);
        let at = buffer.len();
        record::append(buffer, header, parts);
        at
    }

    fn finish_batch(&mut self, buffer: &mut Vec<u8>) {
        if let Some(batch) = self.batch.take() {
            batch.finish(buffer);
        }
    }

    /// Completes what is in the buffer, to which nothing more is added.
    pub(super) fn complete(&mut self, buffer: &mut Vec<u8>) {
        let before = buffer.len();
        self.finish_batch(buffer);
        self.has_small = false;
        if let Some(current) = &mut self.current {
            current.end += (buffer.len() - before) as u64;
        }
    }

    /// Appends the record after which nothing follows, if anything was ever appended.
    pub(super) fn seal(&mut self, buffer: &mut Vec<u8>) {
        self.complete(buffer);
        if let Some(current) = &mut self.current {
            let mut header = Header::keyless(Kind::Seal);
            record::append(buffer, &mut header, &[]);
            current.end += header.record_len();
        }
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<()> {
        match &self.current {
            Some(current) => current.file.append(bytes).context("writing", &current.path),
            None => Ok(()),
        }
    }

    pub(super) fn sync(&self) -> Result<()> {
        match &self.current {
            Some(current) => current.file.sync_named().map_err(|error| self.failed_sync(error)),
            None => Ok(()),
        }
    }

    /// The error of a sync of the current segment.
    pub(super) fn failed_sync(&self, source: io::Error) -> Error {
        let path = self.current.as_ref().map(|current| current.path.clone()).unwrap_or_default();
        Error::Io { action: "syncing", path, source }
    }

    /// The current segment, for a sync that does not keep the writer from appending.
    pub(super) fn handle(&self) -> Option<(Arc<dyn File>, u32)> {
        self.current.as_ref().map(|current| (Arc::clone(&current.file), current.segment))
    }

    pub(super) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    pub(super) fn is_current(&self, segment: u32) -> bool {
        self.current.as_ref().is_some_and(|current| current.segment == segment)
    }

    /// Where the next record will begin.
    pub(super) fn end(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.end)
    }

    /// Never writes to the current segment again. Returns where its last `length` bytes begin.
    pub(super) fn detach(&mut self, length: u64) -> Position {
        let old = self.current.take();
        old.map_or(Position { segment: u32::MAX, base: 0 }, |old| Position {
            segment: old.segment,
            base: old.end - length,
        })
    }

    /// Writes records that an earlier segment may have lost into the current one, and syncs them.
    pub(super) fn rewrite(&mut self, records: &[u8], index: &Mutex<Index>) -> Result<Position> {
        let mut bytes = Vec::with_capacity(records.len() + 4096);
        // Name ids hold for one segment: the new one needs all names that the records may refer to.
        let names: Vec<(String, u32)> = self.names.iter().map(|(name, id)| (name.clone(), *id)).collect();
        for (name, id) in names {
            self.append(&mut bytes, &mut name_header(id), &[name.as_bytes()], index);
        }
        bytes.extend_from_slice(records);
        self.write(&bytes)?;
        self.sync()?;
        let Some(current) = &mut self.current else { return Err(Error::Closed { what: "the store" }) };
        let spot = Position { segment: current.segment, base: current.end };
        current.end += records.len() as u64;
        Ok(spot)
    }

    /// Gives the current segment up as if it had never been created.
    pub(super) fn abandon(&mut self) {
        if let Some(current) = self.current.take() {
            self.discard(&current.path);
        }
        self.names.clear();
    }

    /// Goes over to another segment with the next record.
    pub(super) fn rotate(&mut self) {
        self.current = None;
        self.names.clear();
    }

    /// Removes a segment of ours in which nothing was written, or nothing that counts.
    fn discard(&self, path: &Path) {
        // Should this fail, an empty or torn segment stays, which every reader takes for what it is.
        let _ = self.fs.unlink(path);
    }
}

fn name_header(id: u32) -> Header {
    Header { name: id, ..Header::keyless(Kind::Name) }
}
