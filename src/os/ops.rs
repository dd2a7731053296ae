//! What is made of several calls, and calls whose errors say what was attempted on which path.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::{File, FileId, FileSystem, Open, Stat};
use crate::error::IoContext;
use crate::{Error, Result};

/// More bytes than any file has that is read at once: what is longer is none of ours, and need not be in memory.
pub const SMALL: usize = 1024 * 1024;

/// Longer than a tick of the clock by which servers tell that a directory changed: a client that listed it in the
/// tick of a change may take its listing for complete, until the directory changes again.
pub const TICK: Duration = Duration::from_millis(20);

/// # Errors
///
/// [`Error::Io`], with the path and what was attempted there.
#[expect(clippy::missing_errors_doc, reason = "the errors are those of all calls, and said once")]
impl dyn FileSystem + '_ {
    /// Has those list a directory again that listed it in the tick of its last change, this host included.
    pub fn announce(&self, dir: &Path) -> Result<()> {
        self.sleep(TICK);
        self.touch_dir(dir).context("setting the time of", dir)
    }

    /// The names in a directory, in no order; none where it truly does not exist.
    pub fn names(&self, dir: &Path) -> Result<Vec<String>> {
        match if_exists(self.list(dir)).context("listing", dir)? {
            Some(names) => Ok(names),
            None if self.find(dir)?.is_none() => Ok(Vec::new()),
            None => self.list(dir).context("listing", dir),
        }
    }

    /// The identity of an existing file or directory; `None` where there is none.
    pub fn identity(&self, path: &Path) -> Result<Option<FileId>> {
        let found = if_exists(self.stat(path)).context("looking at", path)?;
        Ok(found.map(|found| found.id))
    }

    /// Whether there is a directory at `path`; `None` if there is nothing.
    pub fn is_dir(&self, path: &Path) -> Result<Option<bool>> {
        let found = if_exists(self.stat(path)).context("opening", path)?;
        Ok(found.map(|found| found.is_dir))
    }

    /// The attributes of what has this name; `None` where there truly is nothing.
    ///
    /// A client of a network filesystem that once looked for a name in vain believes for up to a minute that there is
    /// nothing, whatever other hosts create. When it lists the directory it learns better.
    pub fn find(&self, path: &Path) -> Result<Option<Stat>> {
        let found = if_exists(self.stat(path)).context("looking at", path)?;
        let (Some(dir), Some(name)) = (parent(path), path.file_name()) else { return Ok(found) };
        if found.is_some() || self.is_shared(dir).is_ok_and(|is_shared| !is_shared) {
            return Ok(found);
        }
        let names = match self.list(dir) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => self.names(dir)?,
            listed => listed.context("listing", dir)?,
        };
        if !names.iter().any(|it| name == it.as_str()) {
            return Ok(None);
        }
        if_exists(self.stat(path)).context("looking at", path)
    }

    /// The length of the file at `path` in bytes; `None` if there is none.
    pub fn length(&self, path: &Path) -> Result<Option<u64>> {
        let found = if_exists(patiently(|| self.stat(path))).context("reading", path)?;
        Ok(found.map(|found| found.length))
    }

    /// Creates a directory in a jugdir, for all who may write to its parent; false if it exists already. Fails where there is a symbolic link to one: what is written
    /// there would be somewhere else.
    pub fn create_dir(&self, dir: &Path) -> Result<bool> {
        match self.mkdir(dir) {
            Ok(()) => {
                self.share(dir);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.refuse_link(dir)?;
                Ok(false)
            }
            Err(error) => Err(error).context("creating", dir),
        }
    }

    /// Fails if this name is a symbolic link.
    pub fn refuse_link(&self, path: &Path) -> Result<()> {
        match self.is_link(path) {
            Ok(true) => Err(planted(LINK)).context("opening", path),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("looking at", path),
            Ok(false) | Err(_) => Ok(()),
        }
    }

    /// Creates a directory and its parents, unless it exists. What this call created is on disk afterwards, and so is
    /// all that leads there: the process that created a directory on the way may have died before it was.
    pub fn ensure_dir(&self, dir: &Path) -> Result<()> {
        if matches!(self.stat(dir), Ok(found) if found.is_dir) {
            return Ok(());
        }
        if let Some(above) = parent(dir).filter(|above| *above != dir) {
            self.ensure_dir(above)?;
            // Before anything is created in it: so what is in a directory says that the directory is on disk.
            match self.sync_parent(above) {
                // A process that may not read it has not created anything there either.
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {}
                synced => synced?,
            }
        }
        match self.mkdir(dir) {
            Ok(()) => self.sync_parent(dir),
            Err(_) if matches!(self.find(dir)?, Some(found) if found.is_dir) => Ok(()),
            Err(error) => Err(error).context("creating", dir),
        }
    }

    /// Opens a file for reading.
    pub fn open_to_read(&self, path: &Path) -> Result<Arc<dyn File>> {
        patiently(|| self.open(path, Open::Read)).context("opening", path)
    }

    /// Opens a file for reading; `None` if there is none.
    pub fn open_if_exists(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        if_exists(patiently(|| self.open(path, Open::Read))).context("opening", path)
    }

    /// Opens a file for reading and writing; an empty one if there is none.
    pub fn open_or_create(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.open(path, Open::Update).context("opening", path)
    }

    /// Creates a file that must not exist yet; what is written to it goes to its end.
    pub fn create_new(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.open(path, Open::New).context("creating", path)
    }

    /// The whole of a file of at most [`SMALL`] bytes, and so many of a longer one; `None` where it does not exist.
    pub fn read_if_exists(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let Some(file) = if_exists(self.open(path, Open::Read)).context("reading", path)? else {
            return Ok(None);
        };
        file.read_whole(SMALL).context("reading", path).map(Some)
    }

    /// Creates `path` with these contents, complete and on disk, unless it exists: true if this call did.
    ///
    /// The contents are written under `temporary` (a path in the same directory that nobody else uses)
    /// and linked into place, so that of any number of processes exactly one succeeds and nobody ever
    /// sees a part of the file. Where there are no hard links it is renamed; where that cannot be done without
    /// replacing what others may have created meanwhile, a part of it can be seen for a moment.
    pub fn create_once(&self, path: &Path, temporary: &Path, contents: &[u8]) -> Result<bool> {
        let written = self
            .create_new(temporary)
            .and_then(|file| file.append(contents).and_then(|()| file.sync()).context("creating", temporary));
        let linked = written.and_then(|()| match self.place(temporary, path, contents) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error).context("creating", path),
        });
        // Where this fails, the temporary file is left over, which harms nobody.
        let _removed = self.remove_if_exists(temporary);
        let won = linked?;
        self.sync_parent(path)?;
        Ok(won)
    }

    /// Has `path` hold what `temporary` does, which are these contents, unless it exists.
    fn place(&self, temporary: &Path, path: &Path, contents: &[u8]) -> io::Result<()> {
        match self.link(temporary, path) {
            Err(error) if is_unlinkable(&error) => {}
            linked => return linked,
        }
        match self.rename_new(temporary, path) {
            Err(error) if is_unlinkable(&error) || error.kind() == ErrorKind::InvalidInput => {}
            renamed => return renamed,
        }
        let file = self.open(path, Open::New)?;
        let written = file.append(contents).and_then(|()| file.sync());
        if written.is_err() {
            let _removed = self.unlink(path);
        }
        written
    }

    /// Writes `parts`, one after the other, to `path` so that it holds all of them, durably, or does not exist.
    ///
    /// The bytes first go to `temporary`, a name of the same directory that nobody else can guess or hold.
    pub fn write_whole(&self, path: &Path, temporary: &Path, parts: &[&[u8]]) -> Result<()> {
        self.write_and_name(temporary, &mut |file| {
            parts.iter().try_for_each(|part| file.append(part))?;
            Ok(path.to_owned())
        })
    }

    /// Like `write_whole`, with what `write` appends, and under the name that it returns.
    pub fn write_and_name(
        &self,
        temporary: &Path,
        write: &mut dyn FnMut(&dyn File) -> io::Result<PathBuf>,
    ) -> Result<()> {
        let file = self.create_new(temporary)?;
        let written = write(&*file)
            .and_then(|path| file.sync().map(|()| path))
            .context("writing", temporary)
            .and_then(|path| {
                self.rename(temporary, &path).context("renaming", temporary)?;
                Ok(path)
            });
        if written.is_err() {
            // The error that matters is the one above; a leftover temporary file harms nobody.
            let _removed = self.unlink(temporary);
        }
        self.sync_parent(&written?)
    }

    /// Removes a file, unless it is gone already.
    pub fn remove_if_exists(&self, path: &Path) -> Result<()> {
        if_exists(self.unlink(path)).context("removing", path)?;
        Ok(())
    }

    /// Returns once the names in the directory that holds `path` are on disk.
    pub fn sync_parent(&self, path: &Path) -> Result<()> {
        let dir = parent(path).unwrap_or(path);
        self.sync_dir(dir).context("syncing", dir)
    }
}

/// # Errors
///
/// Those of the calls that are made, with the path where one is given.
#[expect(clippy::missing_errors_doc, reason = "the errors are those of all calls, and said once")]
impl dyn File + '_ {
    /// Reads bytes from `offset` until `buffer` is full or the file ends; returns how many were read.
    pub fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match patiently(|| self.read_at(&mut buffer[filled..], offset + filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// All of a file that has at most `limit` bytes, whatever its attributes say; of a longer one so many.
    pub fn read_whole(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            let end = limit.min(start + 4096.max(start));
            bytes.resize(end, 0);
            let count = self.read_full_at(&mut bytes[start..], start as u64)?;
            bytes.truncate(start + count);
            if bytes.len() < end || end == limit {
                return Ok(bytes);
            }
        }
    }

    /// Its length in bytes, as far as is known here; errors call it `path`.
    pub fn length(&self, path: &Path) -> Result<u64> {
        Ok(patiently(|| self.stat()).context("reading", path)?.length)
    }

    /// Its attributes, asked of the server; errors call it `path`.
    pub fn ask(&self, path: &Path) -> Result<Stat> {
        patiently(|| self.fresh_stat()).context("reading", path)
    }

    /// Like [`File::sync`], and fails where what was written may be of no use, though it is safe: with `NotFound` where
    /// the file has lost its name, so that nobody will ever open it again, and with `PermissionDenied` where it was
    /// closed off ([`File::finish`]). What was written before this call, where it succeeds, was on disk before anybody
    /// closed the file off.
    pub fn sync_named(&self) -> io::Result<()> {
        self.sync()?;
        let now = self.fresh_stat()?;
        if now.links == 0 {
            return Err(io::Error::new(ErrorKind::NotFound, "the file was removed while it was written"));
        }
        if now.is_finished {
            return Err(io::Error::new(
                ErrorKind::PermissionDenied,
                "the file was closed off while it was written",
            ));
        }
        Ok(())
    }
}

/// How often a disk is asked that answers that it failed: what a cable or a server lost is there the next time.
const TRIES: u32 = 3;

fn patiently<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..TRIES {
        match call() {
            Err(error) if error.raw_os_error() == Some(Errno::EIO as i32) => {}
            outcome => return outcome,
        }
    }
    call()
}

/// Why a symbolic link is not opened.
pub(super) const LINK: &str = "it is a symbolic link, which nothing in a jugdir is; it is not followed";

/// What is at a path was not put there by this package.
pub(super) fn planted(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// The directory that holds `path`; `None` for the root.
fn parent(path: &Path) -> Option<&Path> {
    let dir = path.parent()?;
    Some(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })
}

/// Whether an error says that a file cannot have another name here.
pub fn is_unlinkable(error: &io::Error) -> bool {
    if error.kind() == ErrorKind::Unsupported {
        return true;
    }
    let Some(number) = error.raw_os_error() else { return false };
    // Two of these are one number on some systems.
    let without = [Errno::EPERM, Errno::EOPNOTSUPP, Errno::ENOTSUP, Errno::ENOSYS, Errno::EMLINK];
    without.contains(&Errno::from_raw(number))
}

/// `None` in place of the error that there is no such file.
///
/// # Errors
///
/// Any other error.
pub fn if_exists<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an open file turned out to exist no more.
pub fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.kind() == ErrorKind::StaleNetworkFileHandle
}
