//! Files that are there and cannot be read: a bad sector, a damaged filesystem, something in the place of a file.
//!
//! That is damage of one file, of which others know nothing: it is reported, and everything else goes on. All other
//! errors (a file that is gone, no permission, no memory, too many open files) say something of this process or this
//! moment, and stay errors.
//!
//! What cannot be read now may be readable tomorrow. So nothing is removed because of it, but by `jug fsck --repair`,
//! which keeps the file.

use std::io::ErrorKind;
use std::path::Path;

use nix::errno::Errno;

use crate::{Error, Result};

const PLANTED: &str = "cannot be read: it is not a file of jug's (a symbolic link, a directory, a FIFO)";
const REASONS: &[(Errno, &str)] = &[
    (Errno::EIO, "cannot be read: Input/output error"),
    (Errno::EISDIR, "cannot be read: it is a directory"),
    (Errno::ELOOP, "cannot be read: too many symbolic links"),
    // A socket.
    (Errno::ENXIO, PLANTED),
    // What ext4, XFS and btrfs say of their own checksums.
    (Errno::EBADMSG, "cannot be read: the filesystem is damaged there"),
    #[cfg(target_os = "linux")]
    (Errno::EUCLEAN, "cannot be read: the filesystem is damaged there"),
];

/// Why a file cannot be read, if the error says that it is the file which cannot.
pub fn reason(error: &Error) -> Option<&'static str> {
    let Error::Io { source, .. } = error else { return None };
    let Some(number) = source.raw_os_error() else {
        return (source.kind() == ErrorKind::InvalidData).then_some(PLANTED);
    };
    REASONS.iter().find(|(errno, _)| *errno as i32 == number).map(|(_, what)| *what)
}

/// Whether this is what [`reason`] says of some error.
pub fn is_reason(what: &str) -> bool {
    REASONS.iter().any(|(_, reason)| *reason == what) || what == PLANTED
}

/// Like [`or_reason`], for errors about the file at `path` alone.
///
/// # Errors
///
/// All other errors.
pub fn or_reason_of<T>(path: &Path, outcome: Result<T>) -> Result<Result<T, &'static str>> {
    match outcome {
        Err(Error::Io { path: other, action, source }) if other != path => {
            Err(Error::Io { path: other, action, source })
        }
        outcome => or_reason(outcome),
    }
}

/// The reason in place of the error, if it is one of [`reason`]'s.
///
/// # Errors
///
/// All other errors.
pub fn or_reason<T>(outcome: Result<T>) -> Result<Result<T, &'static str>> {
    match outcome {
        Ok(found) => Ok(Ok(found)),
        Err(error) => reason(&error).map_or(Err(error), |what| Ok(Err(what))),
    }
}
