//! The file of an index, as far as it can be read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::format::Section;
use super::page::{self, CHECKSUM};
use crate::Result;
use crate::error::IoContext;
use crate::os::{File, FileSystem};
use crate::store::media_error::or_reason;

/// The file of an index. What is missing or cannot be read of it is made from the pack.
#[derive(Debug)]
pub struct IndexFile {
    path: PathBuf,
    /// `None` if it is missing or cannot be opened.
    file: Option<Arc<dyn File>>,
    /// Why it cannot be read, or a part of it.
    unreadable: OnceLock<&'static str>,
}

impl IndexFile {
    /// Opens it, if it is there.
    ///
    /// # Errors
    ///
    /// Where there is no answer.
    pub fn open(fs: &dyn FileSystem, path: PathBuf) -> Result<IndexFile> {
        let unreadable = OnceLock::new();
        let file = or_reason(fs.open_if_exists(&path))?.unwrap_or_else(|what| {
            let _ = unreadable.set(what);
            None
        });
        Ok(IndexFile { path, file, unreadable })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length; 0 where it is missing.
    ///
    /// # Errors
    ///
    /// Where there is no answer.
    pub fn length(&self) -> Result<u64> {
        self.file.as_ref().map_or(Ok(0), |file| file.length(&self.path))
    }

    /// Why it cannot be read, if that was tried and could not be done.
    pub fn unreadable(&self) -> Option<&'static str> {
        self.unreadable.get().copied()
    }

    /// How many bytes were read; none where it cannot be read.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let Some(file) = &self.file else { return Ok(0) };
        let read = file.read_full_at(bytes, offset).context("reading", &self.path);
        Ok(or_reason(read)?.unwrap_or_else(|what| {
            let _ = self.unreadable.set(what);
            0
        }))
    }

    /// A section; `None` where it is damaged or beyond the end of the file.
    pub(super) fn section(&self, section: Section) -> Result<Option<Vec<u8>>> {
        let length = section.length + CHECKSUM as u64;
        // The head was sound, and still must not make this process ask for more memory than there is file.
        match or_reason(self.length())? {
            Ok(found) if section.start + length <= found => {}
            _ => return Ok(None),
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        let count = self.read(&mut bytes, section.start)?;
        let Some(body) = page::checked(&bytes[..count]).map(<[u8]>::len) else { return Ok(None) };
        bytes.truncate(body);
        Ok((body as u64 == section.length).then_some(bytes))
    }
}
