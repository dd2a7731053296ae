//! stdout and stderr of this process: where they go, and what C keeps back of them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;

use nix::libc;
use nix::unistd::{dup2_stderr, dup2_stdout};

use crate::lock::lock;

#[expect(unsafe_code, reason = "the crate does not know this variable of the C library")]
unsafe extern "C" {
    /// The stream of C that is called so.
    static stdout: *mut libc::FILE;
}

/// What C calls a stream that writes each line when it ends.
const LINES: libc::c_int = 1;

/// Somewhere else to which stdout and stderr can be sent, and come back from.
#[derive(Debug)]
pub struct Redirection {
    to: OwnedFd,
    /// Where they went before, while they are sent elsewhere.
    before: Mutex<Option<[Option<OwnedFd>; 2]>>,
}

impl Redirection {
    /// To that one.
    pub fn to(to: OwnedFd) -> Redirection {
        Redirection { to, before: Mutex::default() }
    }

    /// Where they are sent.
    pub fn target(&self) -> BorrowedFd<'_> {
        self.to.as_fd()
    }

    /// Sends both there from now on; nothing, if they are.
    ///
    /// # Errors
    ///
    /// Where no descriptor is left.
    pub fn begin(&self) -> io::Result<()> {
        let mut before = lock(&self.before);
        if before.is_none() {
            let now = [copy(io::stdout().as_fd())?, copy(io::stderr().as_fd())?];
            dup2_stdout(&self.to)?;
            dup2_stderr(&self.to)?;
            *before = Some(now);
        }
        Ok(())
    }

    /// Sends both where they went before; nothing, if they do. One that was closed then goes on as it is.
    ///
    /// # Errors
    ///
    /// Where the system cannot.
    pub fn end(&self) -> io::Result<()> {
        if let Some([out, err]) = lock(&self.before).take() {
            out.map_or(Ok(()), dup2_stdout)?;
            err.map_or(Ok(()), dup2_stderr)?;
        }
        Ok(())
    }
}

/// A copy that programs do not get which this process starts; `None` of what is closed.
fn copy(descriptor: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    match descriptor.try_clone_to_owned() {
        Ok(copy) => Ok(Some(copy)),
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Has C write each line to stdout when it ends, not when there are many.
#[expect(unsafe_code, reason = "there is no safe way to streams of C")]
pub fn write_c_lines_at_once() {
    // SAFETY: the stream is that of the C library, which never goes; without a buffer of ours it goes on with its own.
    let _unchanged = unsafe { libc::setvbuf(stdout, std::ptr::null_mut(), LINES, 0) };
}

/// Writes what C keeps back of stdout. It costs no system call where there is nothing.
#[expect(unsafe_code, reason = "there is no safe way to streams of C")]
pub fn flush_c() {
    // SAFETY: as above. What cannot be written is lost, as it would be at the end of the process.
    let _lost = unsafe { libc::fflush(stdout) };
}

/// How many bytes are in a pipe, whichever end this is.
///
/// # Errors
///
/// Where it is none.
#[expect(unsafe_code, reason = "the crate has this call only by a macro that is as unsafe")]
pub fn unread(pipe: &OwnedFd) -> io::Result<u64> {
    let mut count: libc::c_int = 0;
    // SAFETY: for this request the system writes one such number.
    let result = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut count) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(u64::try_from(count).unwrap_or(0)) }
}
