//! A value too large for a segment: a file of its own, whole or not there, with its checksums in the record.

mod source;
mod sum;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use self::source::Contents;
use self::sum::{Expected, Sums};
use crate::codec::receive::{PIECE, Source};
use crate::lock::lock;
use crate::os::FileSystem;
use crate::store::media_error::or_reason;
use crate::{Key, Result};

/// What is in a suffix before the digits of the fast checksum.
const XXH3: &str = "xxh";
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
    /// What follows the key in the file's name, so that no two writers ever mean one file. It ends with the file's fast
    /// checksum, unless a build wrote it that knew of none.
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

    /// XXH3 (128 bits) of the file's contents, if the suffix has it.
    pub fn xxh3(&self) -> Option<u128> {
        let (_, last) = self.suffix.rsplit_once('.')?;
        let digits = last.strip_prefix(XXH3)?;
        let are_digits = digits.len() == 32 && digits.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        if are_digits { u128::from_str_radix(digits, 16).ok() } else { None }
    }

    fn expected(&self) -> Expected {
        Expected { length: self.length, blake3: self.digest, xxh3: self.xxh3() }
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

/// Directories of blobs whose names this process knows to be on disk.
#[derive(Default)]
pub struct Folders(Mutex<HashSet<PathBuf>>);

impl Folders {
    /// Has a directory be there, and be on disk.
    fn ensure(&self, fs: &dyn FileSystem, folder: &Path) -> Result<()> {
        let is_new = fs.create_dir(folder)?;
        // The process that created it may not have come this far: the file is only safe where its directory is.
        if is_new || !lock(&self.0).contains(folder) {
            fs.sync_parent(folder)?;
            lock(&self.0).insert(folder.to_owned());
        }
        Ok(())
    }
}

/// Writes `parts`, one after the other, durably as a blob of `key` whose suffix begins with `name`.
///
/// # Errors
///
/// Where the file cannot be written. Nothing is left of it then.
pub fn write(
    (fs, folders): (&dyn FileSystem, &Folders),
    blobs: &Path,
    key: &Key,
    name: &str,
    parts: &[&[u8]],
) -> Result<BlobRef> {
    let folder = path(blobs, key, name).parent().unwrap_or(blobs).to_owned();
    folders.ensure(fs, &folder)?;
    let nonce = u128::from_le_bytes(fs.nonce()?);
    // The name begins with the worker's id: once that worker is dead, a process that finds the file may remove it.
    let temporary = folder.join(format!(".{name}-{nonce:032x}"));
    let mut sums = Sums::both();
    let mut piece = Vec::with_capacity(PIECE);
    fs.write_and_name(&temporary, &mut |file| {
        for part in parts {
            let mut rest = *part;
            while !rest.is_empty() {
                let (some, after) = rest.split_at(rest.len().min(PIECE - piece.len()));
                // The checksums are those of the copy, so that they hold even if the caller's bytes change meanwhile.
                piece.extend_from_slice(some);
                rest = after;
                if piece.len() == PIECE {
                    sums.add(&piece);
                    file.append(&piece)?;
                    piece.clear();
                }
            }
        }
        if !piece.is_empty() {
            sums.add(&piece);
            file.append(&piece)?;
        }
        Ok(path(blobs, key, &suffix(name, &sums)))
    })?;
    let length = parts.iter().map(|part| part.len() as u64).sum();
    let digest = sums.blake3().unwrap_or_default();
    Ok(BlobRef { suffix: suffix(name, &sums), length, digest })
}

fn suffix(name: &str, sums: &Sums) -> String {
    format!("{name}.{XXH3}{:032x}", sums.xxh3().unwrap_or_default())
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

/// What became of a blob that was to be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// All of it was read, and it is what was written.
    Whole,
    /// It was not read to its end, or cannot be.
    Not,
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
    let mut contents = Contents::new(&*file, path, blob.expected(), Sums::both());
    let mut bytes = vec![0; PIECE];
    while contents.left() > 0 {
        let count = bytes.len().min(usize::try_from(contents.left()).unwrap_or(usize::MAX));
        if !contents.read(&mut bytes[..count]) {
            return contents.failure().map_or(Ok(Some(OTHER_LENGTH)), Err);
        }
        read(count as u64)?;
    }
    Ok((!contents.are_right()).then_some(OTHER_CONTENTS))
}

/// Has `take` read a blob, and checks what it has read against the record. `take` returns whether that was all of it.
///
/// # Errors
///
/// As [`check_length`].
pub fn read(
    fs: &dyn FileSystem,
    blobs: &Path,
    key: &Key,
    blob: &BlobRef,
    take: &mut dyn FnMut(&mut dyn Source) -> bool,
) -> Result<Taken> {
    Ok(or_reason(try_read(fs, blobs, key, blob, take))?.unwrap_or_else(Taken::Damaged))
}

fn try_read(
    fs: &dyn FileSystem,
    blobs: &Path,
    key: &Key,
    blob: &BlobRef,
    take: &mut dyn FnMut(&mut dyn Source) -> bool,
) -> Result<Taken> {
    let path = blob.path(blobs, key);
    let Some(file) = fs.open_if_exists(&path)? else { return Ok(Taken::Damaged(MISSING)) };
    if file.length(&path)? != blob.length {
        return Ok(Taken::Damaged(OTHER_LENGTH));
    }
    let expected = blob.expected();
    let sums = Sums::one(&expected);
    let mut contents = Contents::new(&*file, &path, expected, sums);
    let is_taken = take(&mut contents);
    match contents.failure() {
        Some(error) => Err(error),
        None if contents.is_short() => Ok(Taken::Damaged(OTHER_LENGTH)),
        None if !is_taken || contents.left() > 0 => Ok(Taken::Not),
        None if contents.are_right() => Ok(Taken::Whole),
        None => Ok(Taken::Damaged(OTHER_CONTENTS)),
    }
}
