//! Packing: many segments become one pack, while others read and write.
//!
//! Only what nobody will add to is packed (`plan`). The new pack is
//! complete and on disk before the manifest names it, and only then the segments are removed. A process that
//! is killed in between leaves files behind that do not count, and that the next packing removes.

pub mod build;
mod copy;
mod draft;
pub(crate) mod leftovers;
pub mod merge;
mod plan;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::StoreError;
use crate::jugdir::Jugdir;
use crate::os::ops::is_gone;
use crate::store::catalog::Catalog;
use crate::store::log::record::Kind;
use crate::store::maintenance::quarantine::keep_aside;
use crate::store::maintenance::repair::damaged_manifest;
use crate::store::media_error::or_reason;
use crate::store::pack::manifest::PackEntry;
use crate::store::pack::{self, publish};
use crate::{Error, Result};
use build::Built;
use merge::{DIFFERENT, Input, Merge, SkipReason};

/// From how many finished segments on a worker packs them when it ends. Opening a store takes 4 us for each of them
/// (measured), which is nothing on a local filesystem, but three round trips on a network one.
pub const MANY_SEGMENTS: usize = 64;
/// From how many bytes of finished segments on: reading them takes 0.03 s where values are large and 0.1 to 0.5 s where
/// they are tiny (measured), each time a store is opened.
pub const MANY_BYTES: u64 = 64 * 1024 * 1024;

/// How many packs this process has begun, so that no two of its files have one name.
static BEGUN: AtomicU32 = AtomicU32::new(0);

/// How much to pack.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompactOptions {
    /// Whether all packs become one, however large they are; otherwise only the small ones do.
    pub all: bool,
    /// Whether segments with damage are packed too, and lose what is damaged; and packs that are listed and do not
    /// exist are listed no more. Files that cannot be read are kept in `quarantine` then.
    pub damaged: bool,
    /// Whether nothing is done that would take more room on the disk, as long as opening is fast as it is.
    pub smaller: bool,
}

/// What packing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// How many results are in packs now.
    pub results: u64,
    /// How many of them were not before.
    pub fresh: u64,
    /// How many segments were replaced.
    pub segments: usize,
    /// How many packs were replaced.
    pub packs: usize,
    /// How many packs were listed that do not exist or cannot be read, and are no more.
    pub missing: usize,
    /// Files and bytes of segments and packs before.
    pub before: DiskUsage,
    /// The same afterwards.
    pub after: DiskUsage,
    /// Segments that were left, and packs that could not be read, and why.
    pub left: Vec<(String, SkipReason)>,
    /// Whether another process packed at the same time and was first.
    pub beaten: bool,
    /// How many bytes of room it takes to pack the largest file that was left because there is none; 0 if none was.
    pub needed: u64,
    /// How many bytes more the pack would take than what it is made of, if nothing was done because of that.
    pub larger: u64,
}

/// What files take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// How many there are.
    pub files: u64,
    /// Their length in bytes.
    pub bytes: u64,
}

/// Turns segments into packs.
pub(super) struct Compactor<'a> {
    pub(super) jugdir: &'a Jugdir,
    pub(super) catalog: &'a Catalog,
}

impl CompactReport {
    /// Of a packer that another one has been faster than.
    fn beaten() -> CompactReport {
        CompactReport { beaten: true, ..CompactReport::default() }
    }
}

impl Compactor<'_> {
    /// Packs what nobody will add to any more. What this process stored must be written.
    pub(super) fn compact(&self, what: CompactOptions) -> Result<CompactReport> {
        if let Some((path, what)) = damaged_manifest(self.jugdir)? {
            // Another manifest of that number would make garbage of what only the damaged one lists.
            return Err(Error::Store(StoreError::Damaged {
                path,
                what: format!("{what}; run 'jug fsck --repair' first"),
            }));
        }
        let wid = self.jugdir.by_all_means(|| self.jugdir.worker())?.id().to_owned();
        let before = disk_usage(self.jugdir)?;
        let mut packed = self.pack_what_fits(what, &wid, before.bytes)?;
        self.catalog.poll_segments()?;
        (packed.before, packed.after) = (before, disk_usage(self.jugdir)?);
        self.jugdir.restore_reserve();
        Ok(packed)
    }

    /// Packs all at once, or what there is room for, one part after the other.
    fn pack_what_fits(&self, what: CompactOptions, wid: &str, bytes: u64) -> Result<CompactReport> {
        // What cannot be read as a whole stays as it is: tomorrow it may be readable.
        let mut unreadable = HashSet::new();
        let (mut most, mut so_far) = (u64::MAX, CompactReport::default());
        loop {
            match self.pack_once(what, wid, &unreadable, most) {
                Err(Error::Store(StoreError::Unreadable { path, .. })) if !unreadable.contains(&path) => {
                    unreadable.insert(path);
                }
                Err(error) if error.is_full() && most > 0 => {
                    // What this process gives back may be enough. Nobody knows what a quota leaves: that is tried.
                    if !self.jugdir.give_back_reserve()? {
                        most = most.min(bytes) / 2;
                    }
                }
                outcome => {
                    let done = outcome?;
                    let is_over = most == u64::MAX || done.beaten || done.segments + done.packs == 0;
                    so_far = CompactReport {
                        fresh: so_far.fresh + done.fresh,
                        segments: so_far.segments + done.segments,
                        packs: so_far.packs + done.packs,
                        missing: so_far.missing + done.missing,
                        ..done
                    };
                    if is_over {
                        return Ok(so_far);
                    }
                }
            }
        }
    }

    /// Whether to pack is worth the time: there are many finished segments, and nobody else is at it.
    pub(super) fn is_worthwhile(&self) -> Result<bool> {
        let finished = self.catalog.follower().finished();
        let bytes: u64 = finished.iter().map(|segment| segment.length).sum();
        if finished.len() <= MANY_SEGMENTS && bytes <= MANY_BYTES || self.is_being_packed()? {
            return Ok(false);
        }
        Ok(damaged_manifest(self.jugdir)?.is_none())
    }

    fn is_being_packed(&self) -> Result<bool> {
        let manifest = self.catalog.follower().manifest();
        for name in self.jugdir.fs().names(&self.jugdir.packs())? {
            if let Some((generation, wid)) = pack::maker(&name)
                && generation > manifest
                && self.jugdir.is_alive(wid)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn pack_once(
        &self,
        what: CompactOptions,
        wid: &str,
        unreadable: &HashSet<PathBuf>,
        most: u64,
    ) -> Result<CompactReport> {
        let (fs, packs) = (&**self.jugdir.fs(), self.jugdir.packs());
        let uuid = self.jugdir.uuid().unwrap_or_default();
        let mut plan = self.plan(what, wid, uuid, unreadable, most)?;
        let segments = self.jugdir.segments();
        let mut merge = Merge::new(fs, &segments, uuid);
        let (inputs, left) = merge.read_inputs(std::mem::take(&mut plan.inputs), what.damaged)?;
        plan.left.extend(left);
        self.check_not_less_than_followed(&merge, &inputs)?;
        let gone = |(_, obstacle): &(String, SkipReason)| *obstacle == SkipReason::Gone;
        if plan.left.iter().any(gone) {
            return Ok(CompactReport::beaten());
        }
        if !merge.tolerated().is_empty() {
            keep_aside(fs, self.jugdir, &merge.tolerated())?;
        }
        let forget = plan.alone && plan.left.is_empty();
        let results = plan.current.results();
        let mut report =
            CompactReport { results, left: plan.left, needed: plan.needed, ..CompactReport::default() };
        if plan.missing.is_empty() && !merge.mends_packs && !is_worth_it(&inputs, forget)? {
            leftovers::sweep(self.jugdir)?;
            return Ok(report);
        }
        let number = plan.current.number + 1;
        let stem = pack::stem(number, wid, BEGUN.fetch_add(1, Ordering::Relaxed));
        let new = match build::build(&merge, &inputs, &packs, &stem, forget) {
            // Another process has packed it, and removed it or what this one was writing.
            Err(error) if self.is_gone(&error, &stem) => {
                self.discard(&stem)?;
                return Ok(CompactReport::beaten());
            }
            built => built?,
        };
        report.larger = if what.smaller { self.surplus(&inputs, new.as_ref())? } else { 0 };
        if report.larger > 0 {
            self.discard(&stem)?;
            return Ok(report);
        }
        let (segments, merged) = names_of(&inputs);
        (report.segments, report.packs) = (segments.len(), merged.len());
        report.missing = plan.missing.len();
        report.fresh = new.as_ref().map_or(0, |new| new.fresh);
        let mut next = plan.current;
        (next.number, next.nonce) = (number, fs.nonce()?);
        next.epoch = next.epoch.max(merge.epoch());
        next.packs.retain(|pack| !merged.contains(&pack.stem) && !plan.missing.contains(&pack.stem));
        next.packs.extend(new.map(|new| new.listed));
        // What is not listed any more is gone for good once that is on disk.
        fs.sync_parent(&self.jugdir.segments().join("any"))?;
        next.replaced.retain(|name| plan.listed.contains(name));
        next.replaced.extend(segments);
        if !publish::publish(fs, &packs, wid, &next)? {
            self.discard(&stem)?;
            return Ok(CompactReport { results, ..CompactReport::beaten() });
        }
        // What cannot be removed now does not count all the same, and is removed by a process that packs next.
        let _ = leftovers::sweep(self.jugdir);
        report.results = next.results();
        Ok(report)
    }

    /// Whether an error says that a segment is gone, or a file of the new pack.
    fn is_gone(&self, error: &Error, stem: &str) -> bool {
        let Error::Io { path, source, .. } = error else { return false };
        let is_ours = || path.file_stem().is_some_and(|name| name == stem);
        is_gone(source) && (path.starts_with(self.jugdir.segments()) || is_ours())
    }

    /// Removes a pack that was never listed.
    fn discard(&self, stem: &str) -> Result<()> {
        for ending in ["pack", "idx"] {
            self.jugdir.fs().remove_if_exists(&self.jugdir.packs().join(format!("{stem}.{ending}")))?;
        }
        Ok(())
    }

    /// How much more room a new pack takes than what it is made of; 0 where that is so much that it takes time to open.
    fn surplus(&self, inputs: &[Input], new: Option<&Built>) -> Result<u64> {
        let Some(new) = new else { return Ok(0) };
        let (mut before, mut lengths) = (0, Vec::new());
        for input in inputs {
            match input {
                Input::Segment { name, .. } => {
                    lengths.push(self.jugdir.fs().length(&self.jugdir.segments().join(name))?.unwrap_or(0));
                }
                Input::Pack(pack) => before += on_disk(pack.listed()),
            }
        }
        if lengths.len() > MANY_SEGMENTS || lengths.iter().sum::<u64>() > MANY_BYTES {
            return Ok(0);
        }
        before += lengths.into_iter().map(blocks).sum::<u64>();
        Ok(on_disk(&new.listed).saturating_sub(before))
    }

    /// Fails where less of a segment was read than this process has read of it before.
    fn check_not_less_than_followed(&self, merge: &Merge, inputs: &[Input]) -> Result<()> {
        let follower = self.catalog.follower();
        for input in inputs {
            let Input::Segment { name, .. } = input else { continue };
            let path = self.jugdir.segments().join(name);
            let is_less = merge.read_to(&path).is_some_and(|end| end < follower.read_to(name));
            if is_less && !merge.tolerates(&path) {
                return Err(Error::Store(StoreError::Unreadable { path, what: DIFFERENT }));
            }
        }
        Ok(())
    }
}

/// What segments and packs take.
pub(super) fn disk_usage(jugdir: &Jugdir) -> Result<DiskUsage> {
    let fs = &**jugdir.fs();
    let mut usage = DiskUsage::default();
    for dir in [jugdir.segments(), jugdir.packs()] {
        for name in fs.names(&dir)? {
            if let Some(length) = or_reason(fs.length(&dir.join(name)))?.unwrap_or(Some(0)) {
                usage.files += 1;
                usage.bytes += length;
            }
        }
    }
    Ok(usage)
}

/// What a file of this length takes on most disks.
fn blocks(length: u64) -> u64 {
    length.next_multiple_of(4096)
}

/// What a pack and its index take.
fn on_disk(pack: &PackEntry) -> u64 {
    blocks(pack.length) + blocks(pack.index)
}

/// Whether the pack of these would be better than what there is.
fn is_worth_it(inputs: &[Input], forget: bool) -> Result<bool> {
    let mut packs = Vec::new();
    for input in inputs {
        match input {
            Input::Segment { .. } => return Ok(true),
            Input::Pack(pack) => packs.push(pack),
        }
    }
    if packs.len() > 1 || packs.iter().any(|pack| pack.substitute().is_some()) {
        return Ok(true);
    }
    for pack in &packs {
        // Most packs of earlier versions become smaller.
        if pack.is_of_earlier_version()? {
            return Ok(true);
        }
    }
    for pack in packs.iter().filter(|_| forget) {
        if pack.specials()?.iter().any(|entry| matches!(entry.kind, Kind::Removed | Kind::Cleared)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The file names of the segments, and the names of the packs.
fn names_of(inputs: &[Input]) -> (Vec<String>, HashSet<String>) {
    let (mut segments, mut packs) = (Vec::new(), HashSet::new());
    for input in inputs {
        match input {
            Input::Segment { name, .. } => segments.push(name.clone()),
            Input::Pack(pack) => _ = packs.insert(pack.listed().stem.clone()),
        }
    }
    (segments, packs)
}
