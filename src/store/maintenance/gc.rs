//! Files of blobs that no result refers to; and damaged files that are kept aside.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::IoContext;
use crate::jugdir::{Jugdir, Liveness};
use crate::os::ops::{SMALL, is_unlinkable};
use crate::os::{File, FileSystem};
use crate::store::Store;
use crate::store::blob::BlobRef;
use crate::store::log::record::Kind;
use crate::store::log::scan::RecordAt;
use crate::store::media_error::or_reason;
use crate::store::pack::reader::Pack;
use crate::sync::lock;
use crate::{Key, Result};

/// What a disk can or cannot read as one.
const PAGE: usize = 4096;

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

/// Gives files a second name in the directory `quarantine`, which is returned. A directory in a file's place, which can
/// have no second name, gets that one only. Where there are no hard links the files are copied.
pub(crate) fn keep_aside(fs: &dyn FileSystem, jugdir: &Jugdir, paths: &[PathBuf]) -> Result<PathBuf> {
    let dir = jugdir.root().join("quarantine");
    fs.create_dir(&dir)?;
    fs.sync_parent(&dir)?;
    for path in paths {
        let Some(name) = path.file_name() else { continue };
        let kept = dir.join(name);
        match fs.link(path, &kept) {
            Err(_)
                if matches!(or_reason(fs.is_dir(path))?, Ok(Some(true)))
                    && !fs.is_link(path).unwrap_or(true) =>
            {
                fs.rename(path, &kept).context("moving away", path)?;
            }
            Err(error) if is_unlinkable(&error) => keep_copy(fs, path, &kept)?,
            Err(error) if !matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
                return Err(error).context("keeping", path);
            }
            _ => {}
        }
    }
    // Whoever keeps a file may remove its other name next.
    fs.sync_parent(&dir.join("any"))?;
    Ok(dir)
}

/// Copies a file, unless there is such a copy. What cannot be opened, or of which no byte can be read, is moved: nobody
/// here can make use of it where it is.
fn keep_copy(fs: &dyn FileSystem, path: &Path, kept: &Path) -> Result<()> {
    if fs.is_link(kept).is_ok() {
        return Ok(());
    }
    let is_copied = match or_reason(fs.open_if_exists(path))? {
        Ok(None) => return Ok(()),
        Ok(Some(file)) => copy(fs, &*file, path, kept)?,
        Err(_) => false,
    };
    if is_copied { Ok(()) } else { fs.rename(path, kept).context("moving away", path) }
}

/// Copies an open file; zeros take the place of what cannot be read. False, and no copy, where that is all of it.
fn copy(fs: &dyn FileSystem, file: &dyn File, path: &Path, kept: &Path) -> Result<bool> {
    let Ok(length) = or_reason(file.length(path))? else { return Ok(false) };
    let nonce = u128::from_le_bytes(fs.nonce()?);
    let temporary = kept.with_file_name(format!(".copy-{nonce:032x}"));
    let copied = fs.create_new(&temporary).and_then(|new| {
        let is_copied = copy_bytes(file, path, length, &*new, &temporary)?;
        new.sync().context("writing", &temporary)?;
        Ok(is_copied)
    });
    let placed = match copied {
        Ok(true) => fs.rename(&temporary, kept).context("renaming", &temporary).map(|()| true),
        other => other,
    };
    if !matches!(placed, Ok(true)) {
        // The error that matters is the one above; a leftover temporary file harms nobody.
        let _removed = fs.unlink(&temporary);
    }
    placed
}

/// Whether a byte was read, or there is none.
fn copy_bytes(file: &dyn File, path: &Path, length: u64, new: &dyn File, temporary: &Path) -> Result<bool> {
    let (mut at, mut is_read) = (0, length == 0);
    let mut buffer = vec![0; SMALL];
    while at < length {
        let piece = SMALL.min(usize::try_from(length - at).unwrap_or(SMALL));
        let count = match or_reason(file.read_full_at(&mut buffer[..piece], at).context("reading", path))? {
            // It was cut off meanwhile.
            Ok(0) => break,
            Ok(count) => {
                is_read = true;
                count
            }
            Err(_) => pages(file, path, &mut buffer[..piece], at, &mut is_read)?,
        };
        new.append(&buffer[..count]).context("writing", temporary)?;
        at += count as u64;
    }
    Ok(is_read)
}

/// Reads page by page, and zeros for pages that cannot be read.
fn pages(file: &dyn File, path: &Path, buffer: &mut [u8], at: u64, is_read: &mut bool) -> Result<usize> {
    buffer.fill(0);
    for (number, page) in buffer.chunks_mut(PAGE).enumerate() {
        let offset = at + (number * PAGE) as u64;
        match or_reason(file.read_full_at(page, offset).context("reading", path))? {
            Ok(_) => *is_read = true,
            Err(_) => page.fill(0),
        }
    }
    Ok(buffer.len())
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
