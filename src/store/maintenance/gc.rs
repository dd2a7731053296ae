//! Files that nobody needs: blobs that no result refers to, and what packs replaced.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::jugdir::{Jugdir, Liveness};
use crate::os::FileSystem;
use crate::store::blob::BlobRef;
use crate::store::catalog::Catalog;
use crate::store::compaction::leftovers::leftovers;
use crate::store::log::fetch::RecordAt;
use crate::store::log::record::Kind;
use crate::store::media_error::or_reason;
use crate::store::read::Reader;
use crate::{Key, Result};

/// A file that counts for nothing, and never will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Finds and removes what nobody needs.
pub(in crate::store) struct Collector<'a> {
    pub(in crate::store) jugdir: &'a Jugdir,
    pub(in crate::store) catalog: &'a Catalog,
    pub(in crate::store) reader: &'a Reader,
}

impl Collector<'_> {
    /// The files of blobs that dead workers left and that no result refers to: of results that were replaced,
    /// removed while they were stored, or never finished.
    pub(in crate::store) fn orphaned_blobs(&self) -> Result<Vec<Orphan>> {
        let fs = &**self.jugdir.fs();
        let blobs = self.jugdir.blobs();
        fs.refuse_link(&blobs)?;
        let mut dead = HashMap::new();
        let mut found = Vec::new();
        for folder in fs.names(&blobs)? {
            let place = blobs.join(&folder);
            // What a symbolic link leads to is not this store's.
            if fs.is_dir(&place)? != Some(true) || fs.refuse_link(&place).is_err() {
                continue;
            }
            for name in fs.names(&blobs.join(&folder))? {
                let Some((key, suffix, wid)) = parse(&folder, &name) else { continue };
                let path = blobs.join(&folder).join(&name);
                let is_dead = match dead.get(&wid) {
                    Some(known) => *known,
                    None => *dead.entry(wid.clone()).or_insert(self.jugdir.liveness(&wid)? == Liveness::Dead),
                };
                if is_dead {
                    found.push((path, key, suffix));
                }
            }
        }
        // Whatever a dead worker stored is seen from here on: it was written before the worker was found dead.
        self.catalog.poll_segments()?;
        let mut orphans = Vec::new();
        for (path, key, suffix) in found {
            let may_be_referred = match key {
                Some(key) => self.may_refer_to(&key, &suffix)?,
                None => false,
            };
            if !may_be_referred && let Ok(Some(bytes)) = or_reason(fs.length(&path))? {
                orphans.push((key.is_some(), Orphan { path, bytes }));
            }
        }
        if self.catalog.has_unreadable() {
            // The records of these may be where nothing can be read now.
            orphans.retain(|(has_key, _)| !has_key);
        }
        Ok(orphans.into_iter().map(|(_, orphan)| orphan).collect())
    }

    /// Whether the result of `key` is the blob with this suffix. Where that cannot be read now, it may be.
    fn may_refer_to(&self, key: &Key, suffix: &str) -> Result<bool> {
        let Some(place) = self.reader.place_of(key)? else { return Ok(false) };
        Ok(match self.reader.record_at(key, place)? {
            RecordAt::Whole(header, payload) if header.kind == Kind::ResultBlob => {
                BlobRef::decode(&payload).is_some_and(|blob| blob.suffix == suffix)
            }
            RecordAt::Whole(..) => false,
            RecordAt::Damaged(_) => true,
        })
    }

    /// Files that count for nothing: packs that were never published or have been replaced, and names that were
    /// given for a moment by processes that are dead.
    pub(in crate::store) fn leftovers(&self) -> Result<Vec<Orphan>> {
        let (fs, jugdir) = (&**self.jugdir.fs(), self.jugdir);
        let (manifest, packs) = leftovers(jugdir)?;
        let mut found: Vec<PathBuf> = packs.iter().map(|name| jugdir.packs().join(name)).collect();
        let listed = fs.names(&jugdir.segments())?;
        let replaced: HashSet<&String> = manifest.replaced.iter().collect();
        let replaced = listed.iter().filter(|name| replaced.contains(name));
        found.extend(replaced.map(|name| jugdir.segments().join(name)));
        for name in fs.names(&jugdir.workers())? {
            // It is locked a moment after it was created, and renamed a moment after that.
            if let Some(wid) = name.strip_prefix('.')
                && !has_process(fs, wid)
                && jugdir.liveness(wid)? == Liveness::Dead
                && jugdir.liveness(&name)? == Liveness::Dead
            {
                found.push(jugdir.workers().join(name));
            }
        }
        let mut orphans = Vec::new();
        for path in found {
            // What cannot be looked at stays.
            if let Ok(Some(bytes)) = or_reason(fs.length(&path))? {
                orphans.push(Orphan { path, bytes });
            }
        }
        Ok(orphans)
    }

    /// Removes all of these; how many files and bytes that were.
    pub(in crate::store) fn sweep(&self) -> Result<(usize, u64)> {
        // Through the network nobody could tell which workers are dead.
        self.jugdir.check_network_mount()?;
        let mut orphans = self.orphaned_blobs()?;
        orphans.extend(self.leftovers()?);
        for orphan in &orphans {
            self.jugdir.fs().remove_if_exists(&orphan.path)?;
        }
        Ok((orphans.len(), orphans.iter().map(|orphan| orphan.bytes).sum()))
    }
}

/// The key (`None` for a file that never got its name), the suffix and the worker of a blob's file.
fn parse(folder: &str, name: &str) -> Option<(Option<Key>, String, String)> {
    if let Some(rest) = name.strip_prefix('.') {
        let (suffix, _nonce) = rest.rsplit_once('-')?;
        let (wid, _number) = suffix.rsplit_once('-')?;
        return Some((None, suffix.to_owned(), wid.to_owned()));
    }
    let (hex, suffix) = name.split_once('.')?;
    let key = Key::from_hex(format!("{folder}{hex}").as_bytes())?;
    let (wid, _number) = suffix.rsplit_once('-')?;
    Some((Some(key), suffix.to_owned(), wid.to_owned()))
}

/// Whether this host has a process with the number that is part of a worker's id.
fn has_process(fs: &dyn FileSystem, wid: &str) -> bool {
    let pid = wid.rsplit('.').nth(1).and_then(|pid| pid.parse().ok());
    pid.is_some_and(|pid| fs.process_start(pid).is_some())
}
