//! The place of a jugdir: whether a directory is one, or may become one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::format::Format;
use super::{Jugdir, PARTS};
use crate::error::{ClaimError, IoContext, StoreError};
use crate::os::FileSystem;
use crate::os::ops::TICK;
use crate::{Error, Result};

pub(super) const FORMAT: &str = "FORMAT";
/// Temporary names of FORMAT begin like this; they may be left behind by a process that was killed.
const FORMAT_TEMPORARY: &str = ".FORMAT-";

/// How many times an empty FORMAT is looked at again, at intervals of [`TICK`].
const EMPTY_LOOKS: u32 = 50;

impl Jugdir {
    pub(super) fn read_format(&self) -> Result<Option<Format>> {
        if let Some(format) = self.format.get() {
            return Ok(Some(*format));
        }
        let found = self.reread_format()?;
        Ok(found.map(|format| *self.format.get_or_init(|| format)))
    }

    /// What FORMAT says now.
    pub(super) fn reread_format(&self) -> Result<Option<Format>> {
        let path = self.root.join(FORMAT);
        let Some(mut bytes) = self.read_named(&path)? else { return Ok(None) };
        for _ in 0..EMPTY_LOOKS {
            if !bytes.is_empty() {
                break;
            }
            // Where files can be neither linked nor renamed into place, its creator has it empty for a moment.
            self.fs.sleep(TICK);
            bytes = self.read_named(&path)?.unwrap_or_default();
        }
        Format::parse(&bytes, &path).map(Some)
    }

    /// A name for a FORMAT that is being written.
    pub(super) fn temporary_format(&self) -> Result<PathBuf> {
        let nonce = u128::from_le_bytes(self.fs.nonce()?);
        Ok(self.root.join(format!("{FORMAT_TEMPORARY}{nonce:032x}")))
    }

    /// Whether this very jugdir is still there: somebody may have removed it, or put another one in its place.
    pub(crate) fn is_in_place(&self) -> bool {
        let path = self.root.join(FORMAT);
        let known = self.format.get().map(|format| format.uuid);
        let found = self.read_named(&path).ok().flatten().and_then(|bytes| Format::parse(&bytes, &path).ok());
        known.is_some() && found.map(|format| format.uuid) == known
    }

    /// A file that may have been created by another host a moment ago: a client that remembers its absence believes
    /// that for up to a minute, until it lists the directory.
    fn read_named(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.fs.read_if_exists(path)? {
            return Ok(Some(bytes));
        }
        if self.fs.find(path)?.is_some() { self.fs.read_if_exists(path) } else { Ok(None) }
    }

    /// Errors where there is a jugdir with another mode than was asked for.
    pub(super) fn check_mode(&self) -> Result<()> {
        match (self.wanted, self.read_format()?) {
            (Some(wanted), Some(Format { mode, .. })) if wanted != mode => {
                Err(Error::Claim(ClaimError::OtherClaimMode {
                    path: self.root.clone(),
                    found: mode.name(),
                    wanted: wanted.name(),
                }))
            }
            _ => Ok(()),
        }
    }

    /// Errors unless the path is free for a jugdir or has one.
    pub(super) fn check_path(&self) -> Result<()> {
        match self.fs.find(&self.root)?.map(|found| found.is_dir) {
            Some(true) => {}
            Some(false) => return Err(Error::Store(StoreError::NotADirectory { path: self.root.clone() })),
            None => return Ok(()),
        }
        if self.read_format()?.is_some() {
            return Ok(());
        }
        let mut names = self.fs.names(&self.root)?;
        names.retain(|name| !name.starts_with(FORMAT_TEMPORARY));
        // Between the two looks another process may have created the jugdir.
        if names.is_empty() || self.read_format()?.is_some() {
            return Ok(());
        }
        // Whatever else is there: no other program has these three.
        let is_there = |part: &str| names.iter().any(|name| name == part);
        if is_there("workers") && is_there("segments") && is_there("claims") {
            return Err(Error::Store(StoreError::NoFormat { path: self.root.clone() }));
        }
        let what = if is_jug_2(&*self.fs, &self.root, &names)? {
            "was written by jug 2.x"
        } else {
            "holds other files"
        };
        Err(Error::Store(StoreError::ForeignDirectory { path: self.root.clone(), what }))
    }

    pub(super) fn create(&self) -> Result<()> {
        self.fs.ensure_dir(&self.root)?;
        // Since it was opened, somebody may have put other files there.
        self.check_path()?;
        if self.read_format()?.is_none() {
            let format = Format { uuid: self.fs.nonce()?, mode: self.claim_mode()? };
            let temporary = self.temporary_format()?;
            self.fs.create_once(&self.root.join(FORMAT), &temporary, format.to_text().as_bytes())?;
            self.check_mode()?;
        } else if self.fs.is_dir(&self.claims())? != Some(true) {
            // Its creator is at work, or was killed: a jugdir never has parts on disk, and no FORMAT.
            self.fs.sync_dir(&self.root).context("syncing", &self.root)?;
        }
        for part in PARTS {
            self.fs.create_dir(&self.root.join(part))?;
        }
        // The process that created them may not have come this far: what is stored is only safe where its directory is.
        self.fs.sync_dir(&self.root).context("syncing", &self.root)?;
        match self.fs.sync_parent(&self.root) {
            // In a directory that may not be read nothing can be done about it.
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        }
    }
}

/// Whether a directory looks like what jug 2.x writes: results named by 40 hexadecimal digits, the first
/// two of which are a directory, and directories for packs, locks and unfinished files.
fn is_jug_2(fs: &dyn FileSystem, root: &Path, names: &[String]) -> Result<bool> {
    let is_hex = |name: &str, len| name.len() == len && name.bytes().all(|it| it.is_ascii_hexdigit());
    for name in names {
        if fs.stat(&root.join(name).join("jugpack")).is_ok() {
            return Ok(true);
        }
        if is_hex(name, 2) && fs.is_dir(&root.join(name))? == Some(true) {
            let results = fs.names(&root.join(name))?;
            if results.is_empty() || results.iter().any(|result| is_hex(result, 38)) {
                return Ok(true);
            }
        }
    }
    let parts = ["locks", "tempfiles", "packs"];
    Ok(names.iter().all(|name| parts.contains(&name.as_str())))
}
