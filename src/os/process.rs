//! Processes that end with their parent.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{getpgrp, getppid};

/// Has this process, and all in its process group, killed when the process `parent` ends, which started it.
///
/// A thread of its own waits for that: it needs no interpreter, and it outlives the thread that started this process,
/// with which the kernel's own signal goes. That signal covers the time until the thread waits.
///
/// # Errors
///
/// Where the parent has ended already, or the kernel cannot have it watched.
pub fn end_with(parent: u32) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let watched = open_process(parent)?;
    if u32::try_from(getppid().as_raw()) != Ok(parent) {
        return Err(io::ErrorKind::NotFound.into());
    }
    std::thread::Builder::new().name("jug-parent".to_owned()).spawn(move || {
        while poll(&mut [PollFd::new(watched.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)
            == Err(Errno::EINTR)
        {}
        let _killed = killpg(getpgrp(), Signal::SIGKILL);
    })?;
    // The kernel would kill this process first, and nobody would be left to kill the others.
    Ok(prctl::set_pdeathsig(None)?)
}

/// A descriptor that can be read when the process ends.
#[expect(unsafe_code, reason = "no crate here offers this call")]
fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match RawFd::try_from(opened) {
        // SAFETY: the descriptor was opened just now, and nobody else knows it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
