//! Following the segments of all workers: reading what was appended since the last look.
//!
//! A `SegmentReader` reads one of them.

mod read_into;
mod segment;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

pub use read_into::ReadInto;
pub use segment::INCOMPLETE;
use segment::{LEFT_ALONE, SegmentReader};

use crate::Result;
use crate::jugdir::{Jugdir, Liveness};
use crate::lock::lock;
use crate::os::{FileSystem, share_of_descriptors};
use crate::store::log::scanned::ScanEnd;
use crate::store::log::segment::owner;
use crate::store::log::writer::Writer;
use crate::store::media_error::{self, or_reason, or_reason_of};
use crate::store::pack::manifest::{self, Manifest};
use crate::store::pack::publish;
use crate::store::pack::reader::Pack;

/// What is said of a pack that has no room for what the manifest says is in it.
const OVERSTATED: &str = "the manifest says that it holds more results than it has room for";
/// Into how many parts descriptors go, of which one is for segments.
const SHARES: usize = 4;
/// From how many bytes on several segments are read at the same time.
const PARALLEL: u64 = 4 * 1024 * 1024;
/// How long to leave a pack alone that cannot be read, at least, because all packs are looked at again then.
const PACK_LEFT_ALONE: Duration = Duration::from_secs(1);

/// How far each segment was read.
#[derive(Debug, Default)]
pub struct Follower {
    known: BTreeMap<String, SegmentReader>,
    /// The number of the manifest that the index goes by; 0 before the first one.
    manifest: u64,
    /// The segments that packs have replaced, according to that manifest.
    replaced: HashSet<String>,
    /// When to try again to open packs of that manifest that cannot be read.
    unopened: Option<Instant>,
}

/// A segment to which nothing will ever be added that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSegment {
    /// Its file name.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
}

/// A segment that cannot be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorruptSegment {
    /// The file.
    pub path: PathBuf,
    /// From where on.
    pub offset: u64,
    /// Why.
    pub what: &'static str,
}

impl Follower {
    /// Reads what was appended to any segment, except this process's own.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read, or a later version wrote something that matters.
    pub fn refresh(&mut self, to: &ReadInto) -> Result<()> {
        // A negative lookup costs a round trip on a network filesystem: once is enough, and not for each of its parts.
        if to.jugdir.is_absent()? {
            return Ok(());
        }
        for _ in 1..publish::TRIES {
            match self.refresh_once(to, false) {
                Ok(true) => return Ok(()),
                // A segment went away between two looks: packs have taken its place, and the next look shows them.
                Ok(false) => {}
                Err(error) if publish::is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        self.refresh_once(to, true).map(|_| ())
    }

    /// False if something went away meanwhile, unless this is the last try.
    fn refresh_once(&mut self, to: &ReadInto, last: bool) -> Result<bool> {
        let fs = &**to.jugdir.fs();
        // What this process creates from here on need not be listed.
        let written = to.writer.map(Writer::files).unwrap_or_default();
        // First the segments, then the manifest: a segment that is not listed any more was replaced by packs of
        // this manifest or of an earlier one.
        let mut names = fs.names(&to.jugdir.segments())?;
        names.retain(|name| owner(name).is_some());
        let begun = fs.now();
        let again = u64::from(self.unopened.is_some_and(|at| at <= begun));
        let newest = publish::newest(fs, &to.jugdir.packs(), to.jugdir.uuid(), self.manifest - again)?;
        if let Some(manifest) = newest
            && !self.switch_manifest(&manifest, &names, &written, to, last)?
        {
            return Ok(false);
        }
        let own = &*to.writer.map(Writer::worker_ids).unwrap_or_default();
        names.retain(|name| !is_own(own, name) && !self.replaced.contains(name));
        let is_cramped = self.is_cramped(&names, fs);
        let Some(mut grown) = self.grown(names, own, to, last)? else { return Ok(false) };
        let read = |segment: &mut SegmentReader| {
            segment.read(to, last)?;
            if is_cramped {
                segment.file = None;
            }
            Ok(())
        };
        let bytes: u64 =
            grown.iter().map(|segment| segment.length - segment.offset.min(segment.length)).sum();
        if bytes < PARALLEL || grown.len() == 1 {
            grown.into_iter().try_for_each(read)?;
            return Ok(true);
        }
        // Asked only here: the answer takes a dozen system calls, a refresh without news three.
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(grown.len());
        // A pool of its own, because the global one hangs in a forked child.
        match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) => pool.install(|| grown.par_iter_mut().try_for_each(|segment| read(segment))),
            Err(_) => grown.into_iter().try_for_each(read),
        }?;
        Ok(true)
    }

    /// Whether the segments that are followed are more than this process has descriptors for: then each is closed when it was
    /// read.
    fn is_cramped(&mut self, names: &[String], fs: &dyn FileSystem) -> bool {
        let is_followed = |name: &&String| self.known.get(*name).is_none_or(|segment| !segment.finished);
        let is_cramped = names.iter().filter(is_followed).count() > share_of_descriptors(fs, SHARES);
        if is_cramped {
            self.known.values_mut().for_each(|segment| segment.file = None);
        }
        is_cramped
    }

    /// Goes over to the packs of a newer manifest. False if one of them has been replaced already.
    fn switch_manifest(
        &mut self,
        manifest: &Manifest,
        listed: &[String],
        written: &[String],
        to: &ReadInto,
        last: bool,
    ) -> Result<bool> {
        let packs = to.jugdir.packs();
        let replaced: HashSet<String> = manifest.replaced.iter().cloned().collect();
        let listed: HashSet<&str> = listed.iter().map(String::as_str).collect();
        let known = &self.known;
        let gone = |name: &str| {
            let was_there = || known.contains_key(name) || written.iter().any(|it| it == name);
            replaced.contains(name) || !listed.contains(name) && was_there()
        };
        if let Some(writer) = to.writer {
            // Others took this worker for dead, and packed what it was still writing.
            writer.leave(&gone)?;
        }
        let own = &*to.writer.map(Writer::worker_ids).unwrap_or_default();
        let mut index = lock(to.index);
        let open: Vec<_> = index.packs().cloned().collect();
        let begun = to.jugdir.fs().now();
        let found = publish::open_packs(to.jugdir.fs(), &packs, manifest, &open)?;
        if found.iter().any(|pack| matches!(pack, Err(publish::MISSING))) && !last {
            return Ok(false);
        }
        self.unopened = note_unopened(&found, manifest, begun, to);
        let found: Vec<_> = found.into_iter().flatten().collect();
        let was_read = |name: &str| {
            is_own(own, name)
                || self.known.get(name).is_some_and(|segment| segment.finished)
                || self.replaced.contains(name)
        };
        index.switch_manifest(&found, manifest.epoch, &gone, &|name| !name.is_empty() && !was_read(name))?;
        drop(index);
        for pack in &found {
            if pack.is_overstated() {
                lock(to.corruption).add_file(pack.path().to_owned(), 0, OVERSTATED);
            }
            if let Some(broken) = pack.substitute().and_then(|made| made.broken) {
                lock(to.corruption).add_file(pack.path().to_owned(), broken.0, broken.1);
            }
        }
        let over: HashSet<String> = self.known.keys().filter(|name| gone(name)).cloned().collect();
        for (_, segment) in self.known.iter_mut().filter(|(name, _)| over.contains(*name)) {
            segment.finish();
            lock(to.corruption).resolve_file(&segment.path);
        }
        self.manifest = manifest.number;
        self.replaced = replaced;
        Ok(true)
    }

    /// True if a segment grew or appeared since the last refresh, or packs have replaced some.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn has_unread(&self, own: &[Arc<str>], jugdir: &Jugdir) -> Result<bool> {
        if jugdir.is_absent()? {
            return Ok(false);
        }
        let fs = &**jugdir.fs();
        let names = segment_names(fs, &jugdir.segments(), own)?;
        let grown = names.iter().any(|name| match self.known.get(name) {
            Some(segment) => segment.has_grown(fs),
            None => !self.replaced.contains(name),
        });
        let newest = |name: &String| manifest::number_of(name).is_some_and(|number| number > self.manifest);
        Ok(grown || fs.names(&jugdir.packs())?.iter().any(newest))
    }

    /// The segments that need reading: new ones, grown ones, and those whose writer died. `None` if one of
    /// `names` is gone.
    fn grown(
        &mut self,
        names: Vec<String>,
        own: &[Arc<str>],
        to: &ReadInto,
        last: bool,
    ) -> Result<Option<Vec<&mut SegmentReader>>> {
        let segments = to.jugdir.segments();
        let listed: HashSet<String> = names.iter().cloned().collect();
        for name in names {
            let path = segments.join(&name);
            self.known.entry(name).or_insert_with(|| SegmentReader::new(path));
        }
        let mut grown = Vec::new();
        for (name, segment) in &mut self.known {
            if segment.finished || is_own(own, name) || !segment.is_due(to)? {
                continue;
            }
            if !listed.contains(name) {
                // It was removed, and no pack has what was in it.
                segment.finish();
                lock(to.corruption).resolve_file(&segment.path);
                continue;
            }
            if segment.file.is_none() {
                // How much there is to read, roughly: it is opened when it is read, one after the other.
                segment.length =
                    or_reason(to.jugdir.fs().length(&segment.path))?.unwrap_or(None).unwrap_or(0);
                grown.push(segment);
                continue;
            }
            let length = segment.fresh_length(to);
            match or_reason_of(&segment.path, length)?.unwrap_or(Some(segment.length)) {
                Some(length)
                    if length == segment.length && segment.length > 0 && segment.offset >= length =>
                {
                    // It did not grow, and never will if its writer is dead; only then is it worth a look.
                    if segment.writers_liveness(to)? != Liveness::Alive {
                        grown.push(segment);
                    }
                }
                Some(length) => {
                    segment.length = length;
                    grown.push(segment);
                }
                None if last => segment.finish(),
                None => return Ok(None),
            }
        }
        Ok(Some(grown))
    }

    /// Up to where a segment was read.
    pub fn read_to(&self, name: &str) -> u64 {
        self.known.get(name).map_or(0, |segment| segment.offset)
    }

    /// The segments that were read to their ends, to which nothing will be added that counts: also those of silent
    /// workers, because a process that packs them closes them off.
    pub fn finished(&self) -> Vec<SealedSegment> {
        let is_over = |segment: &SegmentReader| segment.finished || segment.silent.is_some();
        let finished =
            self.known.iter().filter(|(name, segment)| is_over(segment) && !self.replaced.contains(*name));
        finished.map(|(name, segment)| SealedSegment { name: name.clone(), length: segment.length }).collect()
    }

    /// Where the segments of silent writers cannot be read on, and why. That nothing more will come is certain only
    /// of what follows garbage; a record that is not all there counts once its writer has left.
    ///
    /// # Errors
    ///
    /// Where it cannot be found out who is silent.
    pub fn broken(&self, jugdir: &Jugdir) -> Result<Vec<CorruptSegment>> {
        let mut broken = Vec::new();
        for (name, segment) in self.known.iter().filter(|(_, segment)| !segment.finished) {
            let Some(stop) = segment.stop else { continue };
            let Some(what) = segment.bad_end(stop) else { continue };
            let owner = owner(name).unwrap_or_default();
            if matches!(stop, ScanEnd::Garbage(_)) || jugdir.has_left(owner)? {
                broken.push(CorruptSegment { path: segment.path.clone(), offset: segment.offset, what });
            }
        }
        Ok(broken)
    }

    /// The number of the manifest that the index goes by; 0 before the first one.
    pub fn manifest(&self) -> u64 {
        self.manifest
    }
}

/// Takes note of packs that cannot be opened; when to try again, if that can help.
fn note_unopened(
    found: &[Result<Arc<Pack>, &'static str>],
    manifest: &Manifest,
    begun: Instant,
    to: &ReadInto,
) -> Option<Instant> {
    let mut again = None;
    for (pack, listed) in found.iter().zip(&manifest.packs) {
        let path = to.jugdir.packs().join(format!("{}.pack", listed.stem));
        lock(to.corruption).resolve_file(&path);
        if let Err(what) = pack {
            lock(to.corruption).add_file(path, 0, what);
            if media_error::is_reason(what) {
                let now = to.jugdir.fs().now();
                again = Some(now + PACK_LEFT_ALONE.max((now - begun) * LEFT_ALONE));
            }
        }
    }
    again
}

/// Whether a segment is one of these workers'.
fn is_own(own: &[Arc<str>], name: &str) -> bool {
    owner(name).is_some_and(|owner| is_among(own, owner))
}

fn is_among(own: &[Arc<str>], owner: &str) -> bool {
    own.iter().any(|wid| **wid == *owner)
}

/// The names of all segments but those of the workers `own`.
fn segment_names(fs: &dyn FileSystem, segments: &Path, own: &[Arc<str>]) -> Result<Vec<String>> {
    let mut names = fs.names(segments)?;
    names.retain(|name| owner(name).is_some_and(|owner| !is_among(own, owner)));
    Ok(names)
}
