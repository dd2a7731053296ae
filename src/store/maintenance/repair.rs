//! A manifest that cannot be read, or is not there any more, is replaced by one that is made from the packs that are.
//!
//! Nothing is lost: all packs that can have been published count, and all segments but those that these packs hold
//! whole. What may come back is what was removed, where the packer that forgot about it was killed before it could
//! remove the files that its pack replaced.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::quarantine::keep_aside;
use crate::error::StoreError;
use crate::jugdir::{Jugdir, Liveness};
use crate::os::FileSystem;
use crate::store::log::scanned::{Payload, ScanEnd};
use crate::store::log::segment::SegmentHeader;
use crate::store::media_error::reason;
use crate::store::pack::manifest::{self, Manifest, PackEntry};
use crate::store::pack::reader::Pack;
use crate::store::pack::{self, publish};
use crate::{Error, Result};

/// A manifest that should count and cannot be read or is missing, and why; `None` if there is none.
///
/// # Errors
///
/// Where the jugdir cannot be read.
pub fn damaged_manifest(jugdir: &Jugdir) -> Result<Option<(PathBuf, String)>> {
    let found = match publish::newest(&**jugdir.fs(), &jugdir.packs(), jugdir.uuid(), 0) {
        Err(Error::Store(StoreError::Damaged { path, what })) => return Ok(Some((path, what))),
        found => found?,
    };
    let manifest = found.unwrap_or(Manifest::empty(jugdir.uuid().unwrap_or_default()));
    let (lost, _) = unlisted(jugdir, &manifest)?;
    let generations = lost.iter().filter_map(|stem| pack::maker(&format!("{stem}.pack")).map(|made| made.0));
    let Some(number) = generations.max() else { return Ok(None) };
    if publish::newest(&**jugdir.fs(), &jugdir.packs(), jugdir.uuid(), manifest.number)?.is_some() {
        // Somebody packed just now.
        return damaged_manifest(jugdir);
    }
    let what = "it is missing, and there are packs that only it can have listed".to_owned();
    Ok(Some((jugdir.packs().join(manifest::file_name(number)), what)))
}

/// The packs, by their names without the ending, that a later manifest than this one must have listed: their makers
/// are not at work, and of what they hold the segments are gone, which only happens after a manifest was published. And
/// those that may be such, because they cannot be read.
pub(crate) fn unlisted(jugdir: &Jugdir, manifest: &Manifest) -> Result<(Vec<String>, Vec<String>)> {
    let (fs, packs) = (jugdir.fs(), jugdir.packs());
    let (mut lost, mut unreadable) = (Vec::new(), Vec::new());
    let mut kept: Option<BTreeSet<String>> = None;
    for name in fs.names(&packs)? {
        let Some(stem) = name.strip_suffix(".pack") else { continue };
        let Some((generation, wid)) = pack::maker(&name) else { continue };
        if generation <= manifest.number || jugdir.liveness(wid)? == Liveness::Alive {
            continue;
        }
        let found = match open_pack(fs, &packs, manifest.uuid, stem) {
            // Its maker died before it was complete.
            Ok(None) | Err(Error::Store(StoreError::Damaged { .. })) => continue,
            Err(error) if publish::is_gone(&error) => continue,
            Err(error) if reason(&error).is_some() => {
                unreadable.push(stem.to_owned());
                continue;
            }
            found => found?,
        };
        let kept = match &kept {
            Some(kept) => kept,
            None => kept.insert(origins_in_other_packs(jugdir, manifest)?),
        };
        let runs = found.as_ref().map(Pack::runs).transpose()?.unwrap_or_default();
        if found.as_ref().and_then(Pack::substitute).is_some_and(|made| made.is_blind) {
            unreadable.push(stem.to_owned());
        }
        if runs.iter().any(|run| !run.origin.is_empty() && !kept.contains(&run.origin)) {
            lost.push(stem.to_owned());
        }
    }
    Ok((lost, unreadable))
}

/// The segments that are there, or that packs of this manifest hold.
fn origins_in_other_packs(jugdir: &Jugdir, manifest: &Manifest) -> Result<BTreeSet<String>> {
    let fs = jugdir.fs();
    let mut origins: BTreeSet<String> = fs.names(&jugdir.segments())?.into_iter().collect();
    for pack in publish::open_packs(fs, &jugdir.packs(), manifest, &[])?.into_iter().flatten() {
        origins.extend(pack.runs()?.iter().map(|run| run.origin.clone()));
    }
    Ok(origins)
}

/// Puts a manifest of all packs that are there in the place of a damaged one, and keeps that one in the directory
/// `quarantine`; how many packs it lists. `None` if the manifest is not damaged (any more).
///
/// # Errors
///
/// Where a pack cannot be read, or the new manifest cannot be written.
pub fn repair_manifest(jugdir: &Jugdir) -> Result<Option<usize>> {
    let Some((damaged, _)) = damaged_manifest(jugdir)? else { return Ok(None) };
    let wid = jugdir.by_all_means(|| jugdir.worker())?.id().to_owned();
    let (fs, packs) = (jugdir.fs(), jugdir.packs());
    jugdir.by_all_means(|| keep_aside(&**fs, jugdir, std::slice::from_ref(&damaged)))?;
    let next = rebuild(fs, &packs, jugdir.uuid().unwrap_or_default(), &damaged)?;
    let count = next.packs.len();
    // Where somebody else was first, the next look tells whether all is well.
    if jugdir.by_all_means(|| publish::publish(&**fs, &packs, &wid, &next))? {
        Ok(Some(count))
    } else {
        repair_manifest(jugdir)
    }
}

fn rebuild(fs: &Arc<dyn FileSystem>, packs: &Path, uuid: [u8; 16], damaged: &Path) -> Result<Manifest> {
    let name = damaged.file_name().unwrap_or_default().to_string_lossy();
    let number = manifest::number_of(&name).and_then(|number| number.checked_add(1));
    let number = number.ok_or_else(|| {
        Error::Store(StoreError::Damaged {
            path: damaged.to_owned(),
            what: "there is no higher number; move this file away".to_owned(),
        })
    })?;
    let mut next = Manifest { number, nonce: fs.nonce()?, ..Manifest::empty(uuid) };
    let mut replaced = BTreeSet::new();
    for name in fs.names(packs)? {
        let stem = name.strip_suffix(".pack").unwrap_or_default();
        // One with a higher number was never published: what it was made of is there.
        if pack::maker(&name).is_none_or(|(generation, _)| generation >= number) || stem.is_empty() {
            continue;
        }
        let found = match open_pack(fs, packs, uuid, stem) {
            // It may be readable tomorrow, and must not count as one that nobody needs.
            Err(error) if reason(&error).is_some() => {
                let length =
                    |ending: &str| fs.length(&packs.join(format!("{stem}.{ending}"))).unwrap_or(None);
                let (length, index) = (length("pack").unwrap_or(0), length("idx").unwrap_or(0));
                next.packs.push(PackEntry { stem: stem.to_owned(), length, index, results: 0 });
                continue;
            }
            found => found?,
        };
        let Some(found) = found else { continue };
        next.epoch = next.epoch.max(found.epoch()?);
        if is_sound(&found)? {
            replaced.extend(found.runs()?.iter().map(|run| run.origin.clone()).filter(|it| !it.is_empty()));
        }
        next.packs.push(found.listed().clone());
    }
    next.packs.sort_by(|one, other| one.stem.cmp(&other.stem));
    next.replaced = replaced.into_iter().collect();
    Ok(next)
}

/// The pack of this name as it has to be listed; `None` if it is not one of this jugdir's.
fn open_pack(fs: &Arc<dyn FileSystem>, packs: &Path, uuid: [u8; 16], stem: &str) -> Result<Option<Pack>> {
    let length = |ending: &str| fs.length(&packs.join(format!("{stem}.{ending}")));
    let (Some(bytes), index) = (length("pack")?, length("idx")?.unwrap_or(0)) else { return Ok(None) };
    let mut listed = PackEntry { stem: stem.to_owned(), length: bytes, index, results: 0 };
    let found = Pack::open(fs, packs, Some(uuid), &listed)?;
    let mut head = [0; pack::HEAD_LEN];
    found.file().read_full_at(&mut head, 0).map_err(|source| Error::Io {
        action: "reading",
        path: found.path().to_owned(),
        source,
    })?;
    if !matches!(pack::decode_head(&head, found.path())?, SegmentHeader::Good { uuid: its, .. } if its == uuid)
    {
        return Ok(None);
    }
    found.each(&mut |entry| listed.results += u64::from(entry.is_result()))?;
    Pack::open(fs, packs, Some(uuid), &listed).map(Some)
}

/// Whether all records of a pack are what was written.
fn is_sound(pack: &Pack) -> Result<bool> {
    let mut is_whole = true;
    let (_, stop) = pack.scan(&mut |event| is_whole &= !matches!(event.body, Payload::Damaged))?;
    Ok(is_whole && stop == ScanEnd::End)
}
