//! Damaged files that are kept aside, for later inspection.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::IoContext;
use crate::jugdir::Jugdir;
use crate::os::ops::{SMALL, is_unlinkable};
use crate::os::{File, FileSystem};
use crate::store::media_error::or_reason;

/// What a disk can or cannot read as one.
const PAGE: usize = 4096;

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
    // A process that keeps a file may remove its other name next.
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
