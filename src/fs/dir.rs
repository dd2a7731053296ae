//! Directories and the names in them: listing, identity, files that are created once and for all.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::Result;
use crate::error::IoContext;
use crate::fs::file::if_exists;

/// What a directory is, whatever path leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DirId {
    dev: u64,
    ino: u64,
}

/// The identity of an existing file or directory; None where there is none.
pub fn identity(path: &Path) -> Result<Option<DirId>> {
    match fs::metadata(path) {
        Ok(facts) => Ok(Some(DirId { dev: facts.dev(), ino: facts.ino() })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("looking at", path),
    }
}

/// The names in a directory, in no order; none where it does not exist. Names that are not text are
/// shown with replacement characters: no file of ours has one.
pub fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("listing", dir),
    };
    entries
        .map(|entry| Ok(entry.context("listing", dir)?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Whether there is a directory at `path`; `None` if there is nothing.
pub fn is_dir_if_exists(path: &Path) -> Result<Option<bool>> {
    let facts = if_exists(fs::metadata(path)).context("opening", path)?;
    Ok(facts.map(|facts| facts.is_dir()))
}

/// Creates a directory; false if it exists already.
pub fn create(dir: &Path) -> Result<bool> {
    match fs::create_dir(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).context("creating", dir),
    }
}

/// Creates a directory and its parents, unless it exists.
pub fn ensure(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).context("creating", dir)
}

/// The whole of a small file; None where it does not exist.
pub fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("reading", path),
    }
}

/// Creates `path` with these contents, complete and on disk, unless it exists: true if this call did.
///
/// The contents are written under `temporary` (a path in the same directory that nobody else uses)
/// and linked into place, so that of any number of processes exactly one succeeds and nobody ever
/// sees a part of the file.
pub fn create_once(path: &Path, temporary: &Path, contents: &[u8]) -> Result<bool> {
    let linked = write_new(temporary, contents).and_then(|()| match fs::hard_link(temporary, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).context("creating", path),
    });
    let removed = remove_if_exists(temporary);
    let won = linked?;
    removed?;
    if let Some(parent) = path.parent() {
        sync(parent)?;
    }
    Ok(won)
}

/// Removes a file, unless it is gone already.
pub fn remove_if_exists(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("removing", path),
        _ => Ok(()),
    }
}

/// Makes the names in a directory durable.
pub fn sync(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).context("syncing", dir)
}

/// Sixteen random bytes, so that two processes never choose the same name, forked ones included.
pub fn nonce() -> Result<[u8; 16]> {
    const SOURCE: &str = "/dev/urandom";
    let mut bytes = [0; 16];
    File::open(SOURCE).and_then(|mut source| source.read_exact(&mut bytes)).context("reading", SOURCE)?;
    Ok(bytes)
}

fn write_new(path: &Path, contents: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut file = File::create_new(path)?;
        file.write_all(contents)?;
        file.sync_all()
    };
    write().context("creating", path)
}
