//! stdin, stdout and stderr of this process: where they go, what C keeps back of them, and that no file takes their place.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Mutex;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::libc;
use nix::sys::stat::Mode;
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
    /// Where stderr is sent, if that is elsewhere.
    errors_to: Option<OwnedFd>,
    /// Where they went before, while they are sent elsewhere.
    before: Mutex<Option<[Option<OwnedFd>; 2]>>,
}

impl Redirection {
    /// Both to that one.
    pub fn to(to: OwnedFd) -> Redirection {
        Redirection { to, errors_to: None, before: Mutex::default() }
    }

    /// Each to one of its own.
    pub fn apart(to: OwnedFd, errors_to: OwnedFd) -> Redirection {
        Redirection { to, errors_to: Some(errors_to), before: Mutex::default() }
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
            dup2_stderr(self.errors_to.as_ref().unwrap_or(&self.to))?;
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

/// The lowest number that is not that of stdin, stdout or stderr.
const FIRST: RawFd = 3;

/// What was opened just now, with a number that is no standard descriptor's. It gets one where a task has closed such a
/// descriptor, and what tasks print would then be written into it. In the place of those that are closed /dev/null is open
/// from then on. It costs no system call where none was closed.
///
/// # Errors
///
/// Where no descriptor is left.
pub fn off_standard<F: AsRawFd + From<OwnedFd> + Into<OwnedFd>>(opened: F) -> io::Result<F> {
    if opened.as_raw_fd() >= FIRST {
        return Ok(opened);
    }
    let opened: OwnedFd = opened.into();
    let moved = fcntl(&opened, FcntlArg::F_DUPFD_CLOEXEC(FIRST))?;
    open_nowhere_in_place_of(opened);
    Ok(F::from(owned(moved)))
}

/// Opens /dev/null with the number of this one, and with those of all standard descriptors that are closed. Where there is no
/// /dev/null, they are closed.
fn open_nowhere_in_place_of(taken: OwnedFd) {
    // Programs that this process starts get the standard ones, so these are not closed when a program begins.
    while let Ok(nowhere) = open(c"/dev/null", OFlag::O_RDWR, Mode::empty()) {
        if nowhere.as_raw_fd() >= FIRST {
            replace(taken, &nowhere);
            return;
        }
        // It stays open: its number is the lowest one that was free.
        let _standard = nowhere.into_raw_fd();
    }
}

/// Has a descriptor lead elsewhere, with no moment in which its number is free, and for good.
#[expect(unsafe_code, reason = "the crate has a safe way only for each of the three by name")]
fn replace(taken: OwnedFd, by: &OwnedFd) {
    // SAFETY: the first is owned here, and what it leads to then is nobody's but the process's.
    if unsafe { libc::dup2(by.as_raw_fd(), taken.as_raw_fd()) } >= 0 {
        let _standard = taken.into_raw_fd();
    }
}

/// A descriptor that a call has just returned.
#[expect(unsafe_code, reason = "a number does not say whom it belongs to")]
fn owned(descriptor: RawFd) -> OwnedFd {
    // SAFETY: it was made just now, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
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
