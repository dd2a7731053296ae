//! Whole files: atomic write, exclusive create, append, read, sync.

use std::fmt::Debug;
pub use std::fs::File;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
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

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).context("opening", path)
}

/// Opens a file for reading; `None` if there is none.
pub fn open_if_exists(path: &Path) -> Result<Option<File>> {
    if_exists(File::open(path)).context("opening", path)
}

/// Opens a file for reading and writing; an empty one if there is none.
pub fn open_or_create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).open(path).context("opening", path)
}

/// The length of the file at `path` in bytes; `None` if there is none.
pub fn length_if_exists(path: &Path) -> Result<Option<u64>> {
    let facts = if_exists(fs::metadata(path)).context("reading", path)?;
    Ok(facts.map(|facts| facts.len()))
}

/// The length of an open file, which errors call `path`, in bytes.
pub fn length(file: &File, path: &Path) -> Result<u64> {
    Ok(file.metadata().context("reading", path)?.len())
}

/// Gives a file another name of the same directory, in place of what had it.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).context("creating", to)
}

/// What the kernel tells of itself in a file; nothing where it does not.
pub fn read_kernel(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// `None` in place of the error that there is no such file.
pub(crate) fn if_exists<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
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
