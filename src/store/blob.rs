//! A value too large for a segment: a file of its own, whole or not there, with its digest in the record.

use std::path::{Path, PathBuf};

use blake3::Hasher;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::IoContext;
use crate::os::FileSystem;
use crate::store::media_error::or_reason;
use crate::{Key, Result};

/// Values of this many bytes and more are hashed on all cores.
const PARALLEL: usize = 4 * 1024 * 1024;
const MISSING: &str = "its file is missing";
const OTHER_CONTENTS: &str = "its file does not match its checksum";
const OTHER_LENGTH: &str = "its file has another length";

/// What is before the suffix in the payload of a `RESULT_BLOB`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    length: U64,
    digest: [u8; blake3::OUT_LEN],
}

/// What a `RESULT_BLOB` record says: which file, how long, with which contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRef {
    /// What follows the key in the file's name, so that no two writers ever mean one file.
    pub suffix: String,
    /// Length of the file in bytes.
    pub length: u64,
    /// BLAKE3 of the file's contents.
    pub digest: [u8; blake3::OUT_LEN],
}

impl BlobRef {
    /// The payload of the record.
    pub fn encode(&self) -> Vec<u8> {
        let head = OnDisk { length: self.length.into(), digest: self.digest };
        [head.as_bytes(), self.suffix.as_bytes()].concat()
    }

    /// Reads the payload of a record; `None` if it is none, or names a file outside its directory.
    pub fn decode(payload: &[u8]) -> Option<BlobRef> {
        let (head, suffix) = OnDisk::ref_from_prefix(payload).ok()?;
        let suffix = std::str::from_utf8(suffix).ok()?;
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if suffix.is_empty() || !suffix.bytes().all(sound) {
            return None;
        }
        Some(BlobRef { suffix: suffix.to_owned(), length: head.length.get(), digest: head.digest })
    }

    /// The file, in the directory of blobs.
    pub fn path(&self, blobs: &Path, key: &Key) -> PathBuf {
        path(blobs, key, &self.suffix)
    }
}

fn path(blobs: &Path, key: &Key, suffix: &str) -> PathBuf {
    let hex = key.to_hex();
    blobs.join(&hex[..2]).join(format!("{}.{suffix}", &hex[2..]))
}

/// Writes `parts`, one after the other, as the blob of `key` with this suffix, durably.
///
/// # Errors
///
/// Where the file cannot be written. Nothing is left of it then.
pub fn write(
    fs: &dyn FileSystem,
    blobs: &Path,
    key: &Key,
    suffix: String,
    parts: &[&[u8]],
) -> Result<BlobRef> {
    let path = path(blobs, key, &suffix);
    let folder = path.parent().unwrap_or(blobs);
    fs.create_dir(folder)?;
    // The process that created it may not have come this far: the file is only safe where its directory is.
    fs.sync_parent(folder)?;
    let nonce = u128::from_le_bytes(fs.nonce()?);
    // The suffix begins with the worker's id: once that worker is dead, a process that finds the file may remove it.
    let temporary = folder.join(format!(".{suffix}-{nonce:032x}"));
    fs.write_whole(&path, &temporary, parts)?;
    let mut hasher = Hasher::new();
    for part in parts {
        feed(&mut hasher, part);
    }
    let length = parts.iter().map(|part| part.len() as u64).sum();
    Ok(BlobRef { suffix, length, digest: hasher.finalize().into() })
}

/// Removes a blob, unless it is gone already.
///
/// # Errors
///
/// Where it cannot be removed.
pub fn remove(fs: &dyn FileSystem, blobs: &Path, key: &Key, blob: &BlobRef) -> Result<()> {
    let path = blob.path(blobs, key);
    fs.refuse_link(path.parent().unwrap_or(blobs))?;
    fs.remove_if_exists(&path)
}

fn feed(hasher: &mut Hasher, bytes: &[u8]) {
    if bytes.len() < PARALLEL {
        hasher.update(bytes);
        return;
    }
    // A pool of its own, because the global one hangs in a forked child.
    match rayon::ThreadPoolBuilder::new().build() {
        Ok(pool) => pool.install(|| _ = hasher.update_rayon(bytes)),
        Err(_) => _ = hasher.update(bytes),
    }
}

/// What became of a blob that was looked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Loaded {
    /// Its contents, as they were written.
    Whole(Vec<u8>),
    /// It is not what its record says, for this reason.
    Damaged(&'static str),
}

/// What is wrong with a blob as far as its file's length tells; `None` if nothing is.
///
/// # Errors
///
/// Where the file cannot be looked at for a reason that is not its own.
pub fn check_length(
    fs: &dyn FileSystem,
    blobs: &Path,
    key: &Key,
    blob: &BlobRef,
) -> Result<Option<&'static str>> {
    let path = blob.path(blobs, key);
    Ok(match or_reason(fs.length(&path))? {
        Ok(Some(length)) => (length != blob.length).then_some(OTHER_LENGTH),
        Ok(None) => Some(MISSING),
        Err(what) => Some(what),
    })
}

/// What is wrong with the blob at `path`, which is read a piece at a time; `None` if nothing is. `read` is given
/// how many bytes each piece has.
///
/// # Errors
///
/// As [`check_length`], and whatever `read` returns.
pub fn check(
    fs: &dyn FileSystem,
    path: &Path,
    blob: &BlobRef,
    read: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Option<&'static str>> {
    Ok(or_reason(try_check(fs, path, blob, read))?.unwrap_or_else(Some))
}

fn try_check(
    fs: &dyn FileSystem,
    path: &Path,
    blob: &BlobRef,
    read: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Option<&'static str>> {
    let Some(file) = fs.open_if_exists(path)? else { return Ok(Some(MISSING)) };
    if file.length(path)? != blob.length {
        return Ok(Some(OTHER_LENGTH));
    }
    let mut hasher = Hasher::new();
    let mut bytes = vec![0; PARALLEL];
    let mut at = 0;
    loop {
        let count = file.read_full_at(&mut bytes, at).context("reading", path)?;
        if count == 0 {
            return Ok((hasher.finalize() != blob.digest).then_some(OTHER_CONTENTS));
        }
        hasher.update(&bytes[..count]);
        at += count as u64;
        read(count as u64)?;
    }
}

/// Reads a blob and checks it against its record.
///
/// # Errors
///
/// As [`check_length`].
pub fn read(fs: &dyn FileSystem, blobs: &Path, key: &Key, blob: &BlobRef) -> Result<Loaded> {
    Ok(or_reason(try_read(fs, blobs, key, blob))?.unwrap_or_else(Loaded::Damaged))
}

fn try_read(fs: &dyn FileSystem, blobs: &Path, key: &Key, blob: &BlobRef) -> Result<Loaded> {
    let path = blob.path(blobs, key);
    let Some(file) = fs.open_if_exists(&path)? else { return Ok(Loaded::Damaged(MISSING)) };
    let length = file.length(&path)?;
    if length != blob.length {
        return Ok(Loaded::Damaged(OTHER_LENGTH));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let count = file.read_full_at(&mut bytes, 0).context("reading", &path)?;
    let mut hasher = Hasher::new();
    feed(&mut hasher, &bytes[..count]);
    if hasher.finalize() != blob.digest {
        return Ok(Loaded::Damaged(OTHER_CONTENTS));
    }
    Ok(Loaded::Whole(bytes))
}
