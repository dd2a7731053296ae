//! What of several segments and packs counts, and which segments cannot be packed yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::StoreError;
use crate::os::FileSystem;
use crate::store::index::{Index, Location, Version};
use crate::store::log::fetch;
use crate::store::log::record::{Header, Kind};
use crate::store::log::scan;
use crate::store::log::scanned::{Payload, ScanEnd, ScannedRecord};
use crate::store::pack::publish;
use crate::store::pack::reader::Pack;
use crate::{Error, Key, Result};

/// What a pack is made of.
#[derive(Clone, Debug)]
pub enum Input {
    /// A segment to which nothing will be added.
    Segment {
        /// Its file name.
        name: String,
        /// How it has to end.
        end: End,
    },
    /// A pack that the new one replaces.
    Pack(Arc<Pack>),
}

/// Which ends of a segment say that nothing will be added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Any: its writer is gone, or it was closed off.
    Any,
    /// Only a SEAL: its writer may live.
    Sealed,
    /// A SEAL, or the damage that is to be repaired.
    SealedOrBroken,
}

/// What stands against packing a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Its worker runs, and may add to it.
    Open,
    /// Its worker is on another host and not known to be dead.
    Remote,
    /// Its worker is lost, and it cannot be closed off: it is another user's.
    Foreign,
    /// It holds damage that no later result has healed, and the evidence is kept.
    Damaged,
    /// It holds records that a later version wrote.
    Unknown,
    /// It was removed meanwhile.
    Gone,
    /// It cannot be read now.
    Unreadable,
    /// There is no room for the pack that it would be in.
    NoRoom,
}

/// The file name of a segment that cannot be packed, and why.
pub type Left = (String, SkipReason);

/// What was read of the inputs: which records count.
pub struct Merge<'a> {
    pub(super) fs: &'a dyn FileSystem,
    pub(super) segments: &'a Path,
    pub(super) uuid: [u8; 16],
    pub(super) index: Index,
    /// Inputs that cannot be read as a whole and are packed all the same, and where the reading of each ended.
    tolerated: BTreeMap<PathBuf, u64>,
    summaries: BTreeMap<PathBuf, ReadSummary>,
    /// Whether what is damaged is left out.
    pub(super) leaves_out: bool,
    /// Whether that is something in a pack.
    pub(super) mends_packs: bool,
}

/// How the reading of a segment went: where it ended and why, and how many sound records there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadSummary {
    pub(super) end: u64,
    pub(super) stop: ScanEnd,
    pub(super) sound: u64,
}

/// What is said of a pack that is left as it is.
pub(super) const EVIDENCE: &str = "holds corruption, which is evidence";
/// What is said of a file that reads otherwise than a moment ago.
pub const DIFFERENT: &str = "cannot be read: it is not the same each time";

/// What was found in one segment.
#[derive(Default)]
struct SegmentFindings {
    damaged: Vec<(Key, u64)>,
    sound: u64,
    unknown: bool,
    epoch: u64,
    /// Why a record cannot be read.
    unreadable: Option<&'static str>,
}

impl<'a> Merge<'a> {
    /// A merge that has read nothing yet.
    pub fn new(fs: &'a dyn FileSystem, segments: &'a Path, uuid: [u8; 16]) -> Merge<'a> {
        let (tolerated, summaries) = (BTreeMap::new(), BTreeMap::new());
        let (index, leaves_out, mends_packs) = (Index::default(), false, false);
        Merge { fs, segments, uuid, index, tolerated, summaries, leaves_out, mends_packs }
    }

    /// Reads all inputs; those that can be packed, and the segments that cannot with the reason.
    ///
    /// With `damaged`, damage is no reason: what is damaged will be left out.
    ///
    /// # Errors
    ///
    /// Without `damaged`, [`StoreError::Unreadable`] at the first input that cannot be read as a whole: it has to stay,
    /// and then nothing that it is better than may be left out.
    pub fn read_inputs(&mut self, inputs: Vec<Input>, damaged: bool) -> Result<(Vec<Input>, Vec<Left>)> {
        self.leaves_out = damaged;
        let (mut kept, mut damaged_in, mut left) = (Vec::new(), Vec::new(), Vec::new());
        for input in inputs {
            match &input {
                Input::Pack(pack) => self.read_pack(pack, damaged)?,
                Input::Segment { name, end } => match self.read_segment(name, damaged) {
                    Ok((stop, found)) => match obstacle(stop, &found, *end, damaged) {
                        Some(obstacle) => {
                            left.push((name.clone(), obstacle));
                            continue;
                        }
                        None => damaged_in.push((kept.len(), found.damaged)),
                    },
                    Err(error) if publish::is_gone(&error) => {
                        left.push((name.clone(), SkipReason::Gone));
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            }
            kept.push(input);
        }
        // Only now is it known what was healed.
        let hurt = |(_, damaged): &&(usize, Vec<(Key, u64)>)| {
            damaged.iter().any(|(key, epoch)| {
                let summary = self.index.summary(key);
                summary.removed <= *epoch
                    && summary.result.is_none_or(|result| result.epoch < summary.removed)
            })
        };
        let hurt: Vec<usize> =
            if damaged { vec![] } else { damaged_in.iter().filter(hurt).map(|(at, _)| *at).collect() };
        for at in hurt.into_iter().rev() {
            if let Input::Segment { name, .. } = kept.remove(at) {
                left.push((name, SkipReason::Damaged));
            }
        }
        Ok((kept, left))
    }

    fn read_pack(&mut self, pack: &Arc<Pack>, damaged: bool) -> Result<()> {
        if damaged {
            let mut unreadable = None;
            let mut is_whole = true;
            let (end, stop) = pack.scan(&mut |event| {
                is_whole &= event.is_sound();
                unreadable = unreadable.or(event.unreadable());
            })?;
            self.mends_packs |= !is_whole || stop != ScanEnd::End;
            if unreadable.or(stop.unreadable()).is_some() {
                self.tolerated.insert(pack.path().to_owned(), end);
            }
        }
        let runs = pack.runs()?.to_vec();
        let numbers: Vec<u32> = runs.iter().map(|run| self.index.segment(&run.origin)).collect();
        let index = &mut self.index;
        pack.each(&mut |entry| {
            let run = runs.partition_point(|run| run.offset <= entry.offset).saturating_sub(1);
            let segment = numbers.get(run).copied().unwrap_or(0);
            let header = Header::new(entry.kind, entry.key, entry.epoch);
            // Names are read when they are copied.
            if entry.kind != Kind::Alias {
                index.apply(&header, Location::in_segment(segment, entry.offset), None);
            }
        })?;
        for entry in pack.specials()?.iter().filter(|entry| entry.kind == Kind::Alias) {
            if let fetch::RecordAt::Whole(header, text) =
                fetch::record_at(&**pack.file(), pack.path(), entry.offset)?
            {
                self.index.apply(&header, Location::in_segment(0, entry.offset), Some(&text));
            }
        }
        self.index.see_epoch(pack.epoch()?);
        if pack.has_headless() && !damaged {
            return Err(Error::Store(StoreError::Unreadable {
                path: pack.path().to_owned(),
                what: EVIDENCE,
            }));
        }
        match pack.substitute() {
            Some(made) if made.is_blind && !damaged => {
                let what = made.broken.map_or("has records that cannot be read", |(_, what)| what);
                Err(Error::Store(StoreError::Unreadable { path: pack.path().to_owned(), what }))
            }
            _ => Ok(()),
        }
    }

    fn read_segment(&mut self, name: &str, damaged: bool) -> Result<(ScanEnd, SegmentFindings)> {
        let segment = self.index.segment(name);
        let mut found = SegmentFindings::default();
        let index = &mut self.index;
        let path = self.segments.join(name);
        let (end, stop) =
            scan::scan(self.fs, &path, Some(self.uuid), (0, u64::MAX), &mut |event: ScannedRecord| {
                let place = Location::in_segment(segment, event.offset);
                found.unknown |= !event.header.is_known();
                found.epoch = found.epoch.max(event.header.epoch);
                found.sound += u64::from(event.is_sound());
                match &event.body {
                    Payload::Sound => index.apply(&event.header, place, None),
                    Payload::Text(text) => index.apply(&event.header, place, Some(text)),
                    Payload::Damaged | Payload::Unreadable(_) if event.header.kind == Kind::Name => {}
                    Payload::Damaged | Payload::Unreadable(_) => {
                        found.damaged.push((event.header.key, event.header.epoch));
                    }
                }
                found.unreadable = found.unreadable.or(event.unreadable());
            })?;
        self.summaries.insert(path.clone(), ReadSummary { end, stop, sound: found.sound });
        match found.unreadable.or(stop.unreadable()) {
            Some(what) if !damaged => return Err(Error::Store(StoreError::Unreadable { path, what })),
            Some(_) => _ = self.tolerated.insert(path, end),
            None => {}
        }
        Ok((stop, found))
    }

    /// The inputs that cannot be read as a whole: they have to be kept somewhere.
    pub fn tolerated(&self) -> Vec<PathBuf> {
        self.tolerated.keys().cloned().collect()
    }

    /// Fails where an input that was copied is not what was read before.
    ///
    /// `unreadable` says why the copying of a record failed or where it stopped, and `end` where that was.
    pub(super) fn check_tolerated(
        &self,
        path: &Path,
        unreadable: Option<&'static str>,
        end: Option<u64>,
    ) -> Result<()> {
        let Some(what) = unreadable else { return Ok(()) };
        let known = self.tolerated.get(path);
        if known.is_some_and(|known| end.is_none_or(|end| end == *known)) {
            return Ok(());
        }
        Err(Error::Store(StoreError::Unreadable { path: path.to_owned(), what }))
    }

    /// Fails where a segment that was copied is not what was read before: then something in between is not to be
    /// trusted, and the segment has to stay.
    pub(super) fn check_unchanged(&self, path: &Path, copied: ReadSummary) -> Result<()> {
        self.check_tolerated(path, copied.stop.unreadable(), Some(copied.end))?;
        if self.tolerated.contains_key(path) || self.summaries.get(path) == Some(&copied) {
            return Ok(());
        }
        Err(Error::Store(StoreError::Unreadable { path: path.to_owned(), what: DIFFERENT }))
    }

    /// Up to where a segment was read, if it was.
    pub fn read_to(&self, path: &Path) -> Option<u64> {
        self.summaries.get(path).map(|read| read.end)
    }

    /// Whether it is known that this input cannot be read as a whole.
    pub fn tolerates(&self, path: &Path) -> bool {
        self.tolerated.contains_key(path)
    }

    /// The highest epoch that was read.
    pub fn epoch(&self) -> u64 {
        self.index.epoch()
    }

    /// Whether a record is to be copied.
    pub(super) fn keeps(&self, header: &Header, place: Location, text: Option<&[u8]>) -> bool {
        let summary = self.index.summary(&header.key);
        let is_here = |best: Option<Version>| best.is_some_and(|best| best.place == place);
        match header.kind {
            Kind::Result | Kind::ResultBlob => is_here(summary.result) && header.epoch >= summary.removed,
            Kind::Failed => {
                is_here(summary.failure)
                    && header.epoch >= summary.cleared
                    && summary.result.is_none_or(|result| result.epoch < header.epoch)
            }
            Kind::Alias => self.index.aliases().get(&header.key).map(|it| &**it) == text,
            _ => false,
        }
    }
}

fn obstacle(stop: ScanEnd, found: &SegmentFindings, end: End, damaged: bool) -> Option<SkipReason> {
    match stop {
        _ if found.unknown => Some(SkipReason::Unknown),
        ScanEnd::End if end != End::Any => Some(SkipReason::Open),
        ScanEnd::Incomplete | ScanEnd::Garbage(_) | ScanEnd::Unreadable(_) if end == End::Sealed => {
            Some(SkipReason::Open)
        }
        ScanEnd::Garbage(_) if !damaged => Some(SkipReason::Damaged),
        _ => None,
    }
}
