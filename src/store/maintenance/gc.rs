//! Files of blobs that no result refers to.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::jugdir::Liveness;
use crate::store::Store;
use crate::store::blob::BlobRef;
use crate::store::log::record::Kind;
use crate::store::log::scan::RecordAt;
use crate::store::media_error::or_reason;
use crate::store::pack::reader::Pack;
use crate::sync::lock;
use crate::{Key, Result};

/// A file of a blob that no result refers to, and that none will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Store {
    /// The files of blobs that dead workers left and that no result refers to: of results that were replaced,
    /// removed while they were stored, or never finished.
    pub fn orphaned_blobs(&self) -> Result<Vec<Orphan>> {
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
        self.poll_segments()?;
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
        if self.has_unreadable() {
            // The records of these may be where nothing can be read now.
            orphans.retain(|(has_key, _)| !has_key);
        }
        Ok(orphans.into_iter().map(|(_, orphan)| orphan).collect())
    }

    /// Whether some records could not be read, so that nobody knows what they say.
    fn has_unreadable(&self) -> bool {
        let is_blind = |pack: &Arc<Pack>| pack.substitute().is_some_and(|made| made.is_blind);
        lock(&self.corruption).has_unreadable() || lock(&self.index).packs().any(is_blind)
    }

    /// Whether the result of `key` is the blob with this suffix. Where that cannot be read now, it may be.
    fn may_refer_to(&self, key: &Key, suffix: &str) -> Result<bool> {
        let Some(place) = self.place_of(key)? else { return Ok(false) };
        Ok(match self.record_at(key, place)? {
            RecordAt::Whole(header, payload) if header.kind == Kind::ResultBlob => {
                BlobRef::decode(&payload).is_some_and(|blob| blob.suffix == suffix)
            }
            RecordAt::Whole(..) => false,
            RecordAt::Damaged(_) => true,
        })
    }

    /// Removes them, and [`Store::leftovers`]; how many files and bytes that were.
    pub fn sweep(&self) -> Result<(usize, u64)> {
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
