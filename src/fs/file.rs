//! Whole files: atomic write, exclusive create, append, read, sync.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use crate::Result;
use crate::error::IoContext;
use crate::fs::dir;

/// A file that only grows, and only by one writer.
pub trait Append: Send + Sync + Debug {
    /// Writes all of `bytes` at the end. After an error it is unknown how many of them are in the file.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything that was appended is on disk. Fails where the file has lost its name.
    fn sync(&self) -> io::Result<()>;
}

impl Append for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()?;
        if self.metadata()?.nlink() > 0 {
            return Ok(());
        }
        // The bytes are safe in a file that nobody will ever open again.
        Err(io::Error::new(io::ErrorKind::NotFound, "the file was removed while it was written"))
    }
}

/// Where append-only files come from: the seam through which a test lets writes and syncs fail.
pub trait Disk: Send + Sync + Debug {
    /// Creates a file that must not exist yet, and makes its name durable.
    fn create(&self, path: &Path) -> Result<Arc<dyn Append>>;
}

/// The file system of this machine.
#[derive(Debug)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> Result<Arc<dyn Append>> {
        let file = create_new(path)?;
        sync_parent(path)?;
        Ok(Arc::new(file))
    }
}

/// Creates a file that must not exist yet; what is written to it goes to its end.
pub fn create_new(path: &Path) -> Result<File> {
    OpenOptions::new().append(true).create_new(true).open(path).context("creating", path)
}

/// Returns once the names in the directory that holds `path` are on disk.
pub fn sync_parent(path: &Path) -> Result<()> {
    dir::sync(path.parent().unwrap_or(Path::new(".")))
}

/// Writes `parts`, one after the other, to `path` so that it holds all of them, durably, or does not exist.
///
/// The bytes first go to `temporary`, a name of the same directory that nobody else can guess or hold.
pub fn write_whole(path: &Path, temporary: &Path, parts: &[&[u8]]) -> Result<()> {
    let file = create_new(temporary)?;
    let written = parts
        .iter()
        .try_for_each(|part| file.append(part))
        .and_then(|()| file.sync_all())
        .context("writing", temporary)
        .and_then(|()| fs::rename(temporary, path).context("renaming", temporary));
    if written.is_err() {
        // The error that matters is the one above; a leftover temporary file harms nobody.
        let _ = fs::remove_file(temporary);
    }
    written?;
    sync_parent(path)
}

/// Reads bytes from `offset` until `buffer` is full or the file ends; returns how many were read.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
