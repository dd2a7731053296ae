//! What is going to be packed: the segments to which nothing will be added that counts, and small packs.
//!
//! Of a worker that has ended for certain these are all of its segments, of one that runs those that end with a SEAL.
//! A worker that is only taken for dead may come back and write on. Its segments are closed off first
//! ([`crate::os::File::finish`]): a writer asks after each sync whether that was done, and what was not confirmed
//! as safe by then it writes again, to another segment. So all that was ever confirmed as safe is in the file when the
//! packer reads it, whatever any clock says.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CompactOptions, Compactor};
use crate::Result;
use crate::error::IoContext;
use crate::jugdir::{ClaimMode, Liveness};
use crate::os::FileSystem;
use crate::os::ops::is_gone;
use crate::store::compaction::merge::{End, Input, Left, SkipReason};
use crate::store::log::record::{HEADER_LEN, Header, Kind, TRAILER_LEN};
use crate::store::log::segment;
use crate::store::maintenance::quarantine::keep_aside;
use crate::store::media_error::or_reason;
use crate::store::pack::manifest::{Manifest, PackEntry};
use crate::store::pack::publish;
use crate::store::pack::reader::Pack;

/// What is going to be packed.
pub(super) struct Plan {
    pub(super) current: Manifest,
    pub(super) listed: Vec<String>,
    pub(super) inputs: Vec<Input>,
    /// The packs that are listed, do not exist or cannot be read, and are to be listed no more.
    pub(super) missing: HashSet<String>,
    /// Whether nothing can appear any more that was removed.
    pub(super) alone: bool,
    pub(super) left: Vec<(String, SkipReason)>,
    /// How many bytes the largest of those has for which there is no room.
    pub(super) needed: u64,
}

impl Compactor<'_> {
    pub(super) fn plan(
        &self,
        what: CompactOptions,
        wid: &str,
        uuid: [u8; 16],
        unreadable: &HashSet<PathBuf>,
        most: u64,
    ) -> Result<Plan> {
        let fs = self.jugdir.fs();
        // First the workers, then the segments: a process that is not there yet knows all that was removed so far.
        let others = self.has_others(wid)?;
        let mut listed = fs.names(&self.jugdir.segments())?;
        listed.retain(|name| segment::owner(name).is_some());
        listed.sort_unstable();
        let packs = self.jugdir.packs();
        let current = publish::newest(&**fs, &packs, Some(uuid), 0)?.unwrap_or(Manifest::empty(uuid));
        let replaced: HashSet<&str> = current.replaced.iter().map(String::as_str).collect();
        let broken = if what.damaged { self.broken_segments()? } else { HashSet::new() };
        let (mut inputs, mut left, mut bytes) = (Vec::new(), Vec::new(), 0);
        for name in listed.iter().filter(|name| !replaced.contains(name.as_str())) {
            let path = self.jugdir.segments().join(name);
            if unreadable.contains(&path) {
                left.push((name.clone(), SkipReason::Unreadable));
                continue;
            }
            match self.end_of(name, &broken)? {
                Ok(end) => {
                    let length = or_reason(fs.length(&path))?.unwrap_or(None).unwrap_or(0);
                    bytes += length;
                    inputs.push((length, Input::Segment { name: name.clone(), end }));
                }
                Err(obstacle) => left.push((name.clone(), obstacle)),
            }
        }
        let open: Vec<Arc<Pack>> = self.catalog.index().packs().cloned().collect();
        let mut found = publish::open_packs(fs, &packs, &current, &open)?;
        let is_complete = found.iter().all(Result::is_ok);
        let missing = if what.damaged { self.missing(&current, &found)? } else { HashSet::new() };
        found.sort_by_key(|pack| pack.as_ref().map_or(0, |pack| pack.listed().length));
        let mut merged = 0;
        for pack in found.iter().flatten().filter(|pack| !unreadable.contains(pack.path())) {
            // Each record is copied as often as the packs double. Where room is short, what is packed already stays.
            if most < u64::MAX {
                break;
            }
            if what.all || pack.listed().length < bytes.saturating_mul(2) {
                bytes = bytes.saturating_add(pack.listed().length);
                merged += 1;
                inputs.insert(0, (pack.listed().length, Input::Pack(Arc::clone(pack))));
            }
        }
        let is_unread = |pack: &&Arc<Pack>| unreadable.contains(pack.path());
        for pack in found.iter().flatten().filter(is_unread) {
            left.push((format!("{}.pack", pack.listed().stem), SkipReason::Unreadable));
        }
        let (inputs, too_large, needed) = what_fits(inputs, most);
        let alone = !others && is_complete && merged == found.len() && too_large.is_empty();
        left.extend(too_large);
        Ok(Plan { current, listed, inputs, missing, alone, left, needed })
    }

    /// Whether there is a worker beside `wid` that may store a result which was removed meanwhile.
    fn has_others(&self, wid: &str) -> Result<bool> {
        for worker in self.jugdir.list_workers()? {
            if worker.id != wid && self.jugdir.liveness(&worker.id)? != Liveness::Dead {
                return Ok(true);
            }
        }
        Ok(self.jugdir.claim_mode()? == ClaimMode::Link && self.jugdir.had_unconfirmed_dead()?)
    }

    /// How a segment has to end to be packed, or why it cannot be.
    fn end_of(&self, name: &str, broken: &HashSet<PathBuf>) -> Result<Result<End, SkipReason>> {
        let fs = &**self.jugdir.fs();
        let (path, owner) = (self.jugdir.segments().join(name), segment::owner(name).unwrap_or_default());
        let obstacle = match self.jugdir.liveness(owner)? {
            Liveness::Dead => return Ok(Ok(End::Any)),
            Liveness::Suspected => match fence(fs, &path)? {
                Ok(()) => return Ok(Ok(End::Any)),
                Err(_) if broken.contains(&path) => return Ok(Ok(End::SealedOrBroken)),
                Err(obstacle) => obstacle,
            },
            Liveness::Alive if self.jugdir.is_process_running(owner)? => SkipReason::Open,
            Liveness::Alive => SkipReason::Remote,
        };
        Ok(if is_sealed(fs, &path)? { Ok(End::Sealed) } else { Err(obstacle) })
    }

    /// The segments that nobody can read on, whichever process may add to them.
    fn broken_segments(&self) -> Result<HashSet<PathBuf>> {
        self.catalog.poll_segments()?;
        let broken = self.catalog.follower().broken(self.jugdir)?;
        Ok(broken.into_iter().map(|it| it.path).collect())
    }

    /// Those packs of a manifest that could not be opened, and that a listing does not show either: a client may
    /// remember a moment in which one had no name yet. And those that cannot be read, which are kept aside.
    fn missing(
        &self,
        current: &Manifest,
        found: &[Result<Arc<Pack>, &'static str>],
    ) -> Result<HashSet<String>> {
        let unopened =
            current.packs.iter().zip(found).filter_map(|(it, pack)| Some((it, pack.as_ref().err()?)));
        let unopened: Vec<(&PackEntry, &&str)> = unopened.collect();
        if unopened.is_empty() {
            return Ok(HashSet::new());
        }
        let (fs, packs) = (&**self.jugdir.fs(), self.jugdir.packs());
        let names: HashSet<String> = fs.names(&packs)?.into_iter().collect();
        let mut missing = HashSet::new();
        for (PackEntry { stem, .. }, what) in unopened {
            let file = format!("{stem}.pack");
            if *what != publish::MISSING {
                keep_aside(fs, self.jugdir, &[packs.join(&file), packs.join(format!("{stem}.idx"))])?;
                missing.insert(stem.clone());
            } else if !names.contains(&file) {
                missing.insert(stem.clone());
            }
        }
        Ok(missing)
    }
}

/// The smallest inputs that have `most` bytes together, in the order of all; the others, and the length of the largest.
fn what_fits(inputs: Vec<(u64, Input)>, most: u64) -> (Vec<Input>, Vec<Left>, u64) {
    let mut by_length: Vec<(u64, usize)> =
        inputs.iter().enumerate().map(|(at, (length, _))| (*length, at)).collect();
    by_length.sort_unstable();
    let mut sum = 0_u64;
    let fitting = by_length.iter().take_while(|(length, _)| {
        sum = sum.saturating_add(*length);
        sum <= most
    });
    let chosen: HashSet<usize> = fitting.map(|(_, at)| *at).collect();
    let (mut fit, mut left, mut needed) = (Vec::new(), Vec::new(), 0);
    for (at, (length, input)) in inputs.into_iter().enumerate() {
        if chosen.contains(&at) {
            fit.push(input);
            continue;
        }
        needed = needed.max(length);
        let name = match input {
            Input::Segment { name, .. } => name,
            Input::Pack(pack) => format!("{}.pack", pack.listed().stem),
        };
        left.push((name, SkipReason::NoRoom));
    }
    (fit, left, needed)
}

/// Closes a segment off: what its writer adds from now on never counts as stored. Or says why that cannot be done.
fn fence(fs: &dyn FileSystem, path: &Path) -> Result<Result<(), SkipReason>> {
    let file = match or_reason(fs.open_if_exists(path))? {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Err(SkipReason::Gone)),
        Err(_) => return Ok(Err(SkipReason::Unreadable)),
    };
    let closed = match file.finish().and_then(|()| file.fresh_stat()) {
        Ok(now) if now.is_finished => return Ok(Ok(())),
        // Some filesystems keep no permissions, and do not say so.
        Ok(_) => return Ok(Err(SkipReason::Foreign)),
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => {
            return Ok(Err(SkipReason::Foreign));
        }
        Err(error) if is_gone(&error) => return Ok(Err(SkipReason::Gone)),
        Err(error) => Err(error).context("closing off", path),
    };
    Ok(or_reason(closed)?.map_err(|_| SkipReason::Unreadable))
}

/// Whether the last record of a segment is a SEAL.
fn is_sealed(fs: &dyn FileSystem, path: &Path) -> Result<bool> {
    const SEAL: usize = HEADER_LEN + TRAILER_LEN;
    let Ok(Some(file)) = or_reason(fs.open_if_exists(path))? else { return Ok(false) };
    let Ok(length) = or_reason(file.length(path))? else { return Ok(false) };
    let mut bytes = [0; SEAL];
    let Some(at) = length.checked_sub(SEAL as u64) else { return Ok(false) };
    match file.read_full_at(&mut bytes, at) {
        Ok(SEAL) => Ok(Header::decode(&bytes).is_some_and(|header| header.kind == Kind::Seal)),
        _ => Ok(false),
    }
}
