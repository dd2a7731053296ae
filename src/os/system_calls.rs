//! System calls by number: C libraries of the time of `manylinux_2_17` have no functions for them, and a library that names
//! such a function cannot be loaded there.
#![expect(unsafe_code, reason = "the crates in use call them by name")]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::NixPath;
use nix::libc;

/// The attributes of an open file, asked of the server and not of what this host remembers.
pub(super) fn statx(file: &File) -> io::Result<libc::statx> {
    let mut facts = std::mem::MaybeUninit::<libc::statx>::zeroed();
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_FORCE_SYNC;
    // SAFETY: the path is a string ended by zero, and the buffer is a whole statx structure; both live longer
    // than the call. All of its fields are numbers, so zeros are a value of it.
    unsafe {
        let wanted = libc::STATX_BASIC_STATS;
        let path = c"".as_ptr();
        succeeded(libc::syscall(libc::SYS_statx, file.as_raw_fd(), path, flags, wanted, facts.as_mut_ptr()))?;
        Ok(facts.assume_init())
    }
}

/// Gives a file another name, unless something has that.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let done = from.with_nix_path(|from| {
        to.with_nix_path(|to| {
            let (here, flags) = (libc::AT_FDCWD, libc::RENAME_NOREPLACE);
            // SAFETY: both paths are strings ended by zero that live longer than the call.
            unsafe { libc::syscall(libc::SYS_renameat2, here, from.as_ptr(), here, to.as_ptr(), flags) }
        })
    });
    succeeded(done??).map(|_| ())
}

/// A new file of memory.
pub(super) fn memory_file(name: &CStr, flags: libc::c_uint) -> io::Result<File> {
    // SAFETY: the name is a string ended by zero that lives longer than the call, and the descriptor is new and nobody else's.
    unsafe {
        let made = succeeded(libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags))?;
        let descriptor = RawFd::try_from(made).map_err(io::Error::other)?;
        Ok(File::from(OwnedFd::from_raw_fd(descriptor)))
    }
}

fn succeeded(answer: libc::c_long) -> io::Result<libc::c_long> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
