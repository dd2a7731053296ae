//! Finding the manifest that counts, and putting the next one in its place.
//!
//! Manifests are found by listing, never by asking for a name. The next number belongs to the process that links it
//! first; the one before stays, so that a listing made meanwhile shows at least one.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::manifest::{self, Manifest, PackEntry};
use super::reader::Pack;
use crate::error::{IoContext, StoreError};
use crate::os::FileSystem;
use crate::store::media_error::or_reason;
use crate::{Error, Result};

/// How often something that has just gone away is looked for again.
pub const TRIES: usize = 8;
/// What is said of a pack that is listed and whose file is gone.
pub const MISSING: &str = "it is missing";
const TEMPORARY: &str = ".MANIFEST-";

/// Whether an error says that a file is gone, as it does where a packer has just replaced it.
pub fn is_gone(error: &Error) -> bool {
    let stale = nix::errno::Errno::ESTALE as i32;
    matches!(error, Error::Io { source, .. }
        if source.kind() == ErrorKind::NotFound || source.raw_os_error() == Some(stale))
}

/// The newest manifest, if its number is above `known`.
///
/// # Errors
///
/// Where the directory cannot be listed, and those of [`read`].
pub fn newest(
    fs: &dyn FileSystem,
    packs: &Path,
    uuid: Option<[u8; 16]>,
    known: u64,
) -> Result<Option<Manifest>> {
    let mut tries = 0;
    loop {
        let names = fs.names(packs)?;
        let numbers = names.iter().filter_map(|name| manifest::number_of(name));
        let Some(number) = numbers.max().filter(|&number| number > known) else { return Ok(None) };
        let path = packs.join(manifest::file_name(number));
        tries += 1;
        match read(fs, &path) {
            Err(error) if is_gone(&error) && tries < TRIES => {}
            Err(error) => return Err(error),
            Ok(found) if uuid.is_some_and(|uuid| uuid != found.uuid) || found.number != number => {
                let what = "it belongs to another jugdir".to_owned();
                return Err(Error::Store(StoreError::Damaged { path, what }));
            }
            Ok(found) => return Ok(Some(found)),
        }
    }
}

/// Reads a manifest. One that cannot be read is damaged.
///
/// # Errors
///
/// [`StoreError::Damaged`] for one that is damaged or cannot be read, [`StoreError::NewerFormat`] for one of a later
/// version.
pub fn read(fs: &dyn FileSystem, path: &Path) -> Result<Manifest> {
    or_reason(try_read(fs, path))?.map_err(|what| {
        let what = format!("it {what}; 'jug fsck --repair' makes a new one");
        Error::Store(StoreError::Damaged { path: path.to_owned(), what })
    })
}

fn try_read(fs: &dyn FileSystem, path: &Path) -> Result<Manifest> {
    let file = fs.open_to_read(path)?;
    if file.length(path)? > manifest::LENGTH_MAX as u64 {
        return Err(Error::Store(StoreError::Damaged {
            path: path.to_owned(),
            what: "it is too long".to_owned(),
        }));
    }
    Manifest::parse(&file.read_whole(manifest::LENGTH_MAX).context("reading", path)?, path)
}

/// Opens the packs that a manifest lists; those among `open` need not be opened again. In the place of a pack whose
/// file is gone is [`MISSING`], and of one that cannot be opened the reason.
///
/// # Errors
///
/// Where a pack is of a later version.
pub fn open_packs(
    fs: &Arc<dyn FileSystem>,
    packs: &Path,
    manifest: &Manifest,
    open: &[Arc<Pack>],
) -> Result<Vec<Result<Arc<Pack>, &'static str>>> {
    let open_one = |listed: &PackEntry| match open.iter().find(|pack| pack.listed() == listed) {
        Some(pack) => Ok(Ok(Arc::clone(pack))),
        None => match Pack::open(fs, packs, Some(manifest.uuid), listed) {
            Err(error) if is_gone(&error) => Ok(Err(MISSING)),
            opened => or_reason(opened.map(Arc::new)),
        },
    };
    manifest.packs.iter().map(open_one).collect()
}

/// Puts a manifest in place, durably; false if another process has already made one with its number.
///
/// `wid` is the worker that does it.
///
/// # Errors
///
/// Where it cannot be written.
pub fn publish(fs: &dyn FileSystem, packs: &Path, wid: &str, manifest: &Manifest) -> Result<bool> {
    let path = packs.join(manifest::file_name(manifest.number));
    let nonce = u128::from_le_bytes(fs.nonce()?);
    let temporary = packs.join(format!("{TEMPORARY}{wid}-{nonce:032x}"));
    if fs.create_once(&path, &temporary, &manifest.to_bytes())? {
        return Ok(true);
    }
    // On a network filesystem a link that was made can look like one that was there before.
    match read(fs, &path) {
        Ok(found) => Ok(found == *manifest),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The worker that a manifest is from which never got its name; `None` for other files.
pub fn maker_of_temporary(file_name: &str) -> Option<&str> {
    Some(file_name.strip_prefix(TEMPORARY)?.rsplit_once('-')?.0)
}
