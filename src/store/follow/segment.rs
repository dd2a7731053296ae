//! One segment that is followed: how far it was read, and whether anything more is to be expected.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::read_into::ReadInto;
use crate::error::IoContext;
use crate::jugdir::Liveness;
use crate::lock::lock;
use crate::os::watch::POLL;
use crate::os::{File, FileSystem};
use crate::store::corruption::BAD_RECORD;
use crate::store::index::Location;
use crate::store::log::scan::{self, ScanRequest};
use crate::store::log::scanned::{Payload, ScanEnd, ScannedRecord};
use crate::store::log::segment;
use crate::store::media_error::{or_reason, or_reason_of};
use crate::store::pack::publish;
use crate::{Key, Result};

/// What is said of a dead worker's segment that ends in the middle of a record.
pub const INCOMPLETE: &str = "its last record is incomplete";
/// How many records are taken into the index at a time.
const BATCH: usize = 1024;
/// How long to leave a file alone that cannot be read: so many times as long as trying took. Some disks take seconds.
pub(super) const LEFT_ALONE: u32 = 10;
/// How long a record of a living writer may look damaged before it counts as that: a client of a network filesystem
/// sends what was written in any order, and what is in between reads as zeros.
const DOUBT: Duration = Duration::from_secs(10);

/// How often the segment of a worker is looked at that counts as dead and may not know.
const SILENT_LOOK: Duration = Duration::from_secs(5);
/// How often it is, in all.
const SILENT_LOOKS: u32 = 60;
/// How often a file is tried to be opened whose name is there and which is said not to exist.
const OPEN_TRIES: u32 = 50;

/// How far a segment was read.
#[derive(Debug)]
pub(super) struct SegmentReader {
    pub(super) path: PathBuf,
    /// Where the next record begins; 0 before the file's header was read.
    pub(super) offset: u64,
    /// The file's length at the last look.
    pub(super) length: u64,
    /// Nothing will follow: it is sealed, or its writer is dead.
    pub(super) finished: bool,
    /// Open while its writer lives, where there are descriptors to spare: only of an open file the length is known for certain.
    pub(super) file: Option<Arc<dyn File>>,
    /// Its writer counts as dead, but may not know: when to look again, and how often.
    pub(super) silent: Option<(Instant, u32)>,
    /// Why the last reading stopped, where its writer is silent.
    pub(super) stop: Option<ScanEnd>,
    /// The first record whose payload is not what it should be, and since when: it may not be all there yet.
    doubted: Option<(u64, Instant)>,
    /// It could not be read on the last time: when to try again.
    unreadable: Option<Instant>,
}

impl SegmentReader {
    /// A segment that was not read yet.
    pub(super) fn new(path: PathBuf) -> SegmentReader {
        SegmentReader {
            path,
            offset: 0,
            length: 0,
            finished: false,
            file: None,
            silent: None,
            stop: None,
            doubted: None,
            unreadable: None,
        }
    }

    fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    pub(super) fn writers_liveness(&self, to: &ReadInto) -> Result<Liveness> {
        segment::owner(self.name()).map_or(Ok(Liveness::Dead), |wid| to.jugdir.liveness(wid))
    }

    /// Whether it is worth a look now: a segment whose writer is silent is looked at now and then, in case the file
    /// grew after all.
    pub(super) fn is_due(&mut self, to: &ReadInto) -> Result<bool> {
        let now = to.jugdir.fs().now();
        if self.unreadable.is_some() {
            return Ok(self.unreadable.is_none_or(|at| at <= now));
        }
        let Some((at, looks)) = &mut self.silent else { return Ok(true) };
        if now < *at {
            return Ok(false);
        }
        if *looks == 0 {
            return Ok(true);
        }
        (*at, *looks) = (now + SILENT_LOOK, *looks - 1);
        // What a host remembers of it may be old, and is made up for at the next look.
        Ok(or_reason(to.jugdir.fs().length(&self.path))?.is_ok_and(|length| length != Some(self.length)))
    }

    /// The length of the file now, asked of the server; `None` if it is gone.
    pub(super) fn fresh_length(&mut self, to: &ReadInto) -> Result<Option<u64>> {
        if self.file.is_none() {
            self.file = open_listed(&**to.jugdir.fs(), &self.path)?;
        }
        let Some(file) = &self.file else { return Ok(None) };
        match file.ask(&self.path) {
            Ok(stat) if stat.links > 0 => Ok(Some(stat.length)),
            Ok(_) => Ok(None),
            Err(error) if publish::is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it is longer than at the last look, where its writer is not silent.
    pub(super) fn has_grown(&self, fs: &dyn FileSystem) -> bool {
        if self.finished || self.silent.is_some() || self.unreadable.is_some() {
            return false;
        }
        let file = self.file.clone().or_else(|| fs.open_if_exists(&self.path).ok().flatten());
        let stat = file.map(|file| file.fresh_stat());
        matches!(stat, Some(Ok(stat)) if stat.length != self.length)
    }

    pub(super) fn finish(&mut self) {
        self.finished = true;
        self.file = None;
    }

    /// Fails where the file is gone, unless this is the last try.
    pub(super) fn read(&mut self, to: &ReadInto, last: bool) -> Result<()> {
        let begun = to.jugdir.fs().now();
        let read = self.read_on(to, last);
        let stop = or_reason_of(&self.path, read)?.map(|()| self.stop);
        let (Err(what) | Ok(Some(ScanEnd::Unreadable(what)))) = stop else {
            if self.unreadable.take().is_some() {
                lock(to.corruption).resolve_file(&self.path);
            }
            return Ok(());
        };
        let now = to.jugdir.fs().now();
        self.unreadable = Some(now + (now - begun) * LEFT_ALONE);
        (self.file, self.stop) = (None, Some(ScanEnd::Unreadable(what)));
        let mut corruption = lock(to.corruption);
        corruption.resolve_file(&self.path);
        corruption.add_file(self.path.clone(), self.offset, what);
        Ok(())
    }

    fn read_on(&mut self, to: &ReadInto, last: bool) -> Result<()> {
        if self.file.is_none() {
            match self.fresh_length(to)? {
                Some(length) => self.length = length,
                None if last => {
                    self.finish();
                    return Ok(());
                }
                None => return Err(ErrorKind::NotFound).context("reading", &self.path),
            }
        }
        let (stop, damaged) = self.scan(self.length, to)?;
        self.stop = None;
        match stop {
            ScanEnd::Sealed => {
                self.finish();
                return Ok(());
            }
            ScanEnd::Unreadable(_) => {
                self.stop = Some(stop);
                return Ok(());
            }
            ScanEnd::End | ScanEnd::Incomplete | ScanEnd::Garbage(_) => {}
        }
        let life = self.writers_liveness(to)?;
        if life == Liveness::Alive {
            self.silent = None;
            self.recheck_from(damaged, to);
            return Ok(());
        }
        // Whatever the writer wrote before it died is in the file by now.
        self.fresh_length(to)?;
        let (stop, _) = self.scan(u64::MAX, to)?;
        if let ScanEnd::Unreadable(_) = stop {
            self.stop = Some(stop);
            return Ok(());
        }
        if life == Liveness::Suspected && self.silent.is_none_or(|(_, looks)| looks > 0) {
            let looks = self.silent.map_or(SILENT_LOOKS, |(_, looks)| looks);
            self.silent = Some((to.jugdir.fs().now() + SILENT_LOOK, looks));
            (self.file, self.stop) = (None, Some(stop));
            return Ok(());
        }
        self.finish();
        if let Some(what) = self.bad_end(stop) {
            lock(to.corruption).add_file(self.path.clone(), self.offset, what);
        }
        Ok(())
    }

    /// What is wrong with where the reading stopped, if nothing is ever added.
    pub(super) fn bad_end(&self, stop: ScanEnd) -> Option<&'static str> {
        match stop {
            ScanEnd::Garbage(what) | ScanEnd::Unreadable(what) => Some(what),
            // An empty file is that of a worker which died before it stored anything.
            ScanEnd::Incomplete => (self.length > self.offset).then_some(INCOMPLETE),
            ScanEnd::End | ScanEnd::Sealed => None,
        }
    }

    /// Has the next poll begin at a record that is damaged, if that is not known yet.
    fn recheck_from(&mut self, damaged: Option<u64>, to: &ReadInto) {
        let now = to.jugdir.fs().now();
        self.doubted = damaged.map(|at| match self.doubted {
            Some(known) if known.0 == at => known,
            _ => (at, now),
        });
        if let Some((at, since)) = self.doubted
            && now < since + DOUBT
        {
            self.offset = at;
            let segment = lock(to.index).segment(self.name());
            lock(to.corruption).retract_from(segment, at);
        }
    }

    /// Reads records; why it stopped, and where the first damaged one is.
    fn scan(&mut self, until: u64, to: &ReadInto) -> Result<(ScanEnd, Option<u64>)> {
        let segment = lock(to.index).segment(self.name());
        let mut batch = Vec::new();
        let (mut applied, mut damaged) = (Ok(()), None);
        let Some(file) = &self.file else { return Ok((ScanEnd::End, None)) };
        let (path, uuid, from) = (&*self.path, to.jugdir.uuid(), self.offset);
        let (mut is_sized, length) = (false, self.length);
        let request = ScanRequest { file: &**file, path, uuid, from, until };
        let outcome = scan::scan_open(&request, &mut |event| {
            if let Payload::Damaged | Payload::Unreadable(_) = event.body {
                damaged.get_or_insert(event.record);
            }
            batch.push(event);
            if batch.len() == BATCH && applied.is_ok() {
                if let (false, Some(last)) = (is_sized, batch.last()) {
                    // Else the index is arranged anew whenever it has doubled.
                    let (read, left) = (last.offset - from, length.saturating_sub(last.offset));
                    let expected = left.saturating_mul(BATCH as u64) / read.max(1);
                    lock(to.index).make_room(usize::try_from(expected).unwrap_or(usize::MAX));
                    is_sized = true;
                }
                applied = apply(&mut batch, segment, to);
            }
        });
        applied?;
        apply(&mut batch, segment, to)?;
        let (offset, stop) = outcome?;
        self.offset = offset;
        self.length = self.length.max(offset);
        Ok((stop, damaged))
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

fn apply(batch: &mut Vec<ScannedRecord>, segment: u32, to: &ReadInto) -> Result<()> {
    let (mut damaged, mut sound) = (Vec::new(), Vec::new());
    let mut index = lock(to.index);
    // What changes follows from what was known before.
    let keys: Vec<Key> = batch.iter().map(|event| event.header.key).collect();
    index.load_from_packs(&keys)?;
    for event in batch.drain(..) {
        let place = Location::in_segment(segment, event.offset);
        match &event.body {
            Payload::Sound => index.apply(&event.header, place, None),
            Payload::Text(text) => index.apply(&event.header, place, Some(text)),
            Payload::Damaged => damaged.push((event.header, place, BAD_RECORD)),
            Payload::Unreadable(what) => damaged.push((event.header, place, *what)),
        }
        if let Payload::Sound | Payload::Text(_) = event.body {
            sound.push(place);
        }
    }
    drop(index);
    let mut corruption = lock(to.corruption);
    for place in sound {
        corruption.resolve(place);
    }
    for (header, place, what) in damaged {
        corruption.add_record(&header, place, what);
    }
    Ok(())
}
