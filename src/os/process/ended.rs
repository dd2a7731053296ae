//! The end of a process as something to wait for beside other things: a descriptor that can be read from then on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{pipe2, write};

use super::table::id;
use crate::os::stdio::off_standard;

/// A descriptor that can be read when this process has ended. `None` where the kernel has none (before 5.3), or refuses
/// it.
#[expect(unsafe_code, reason = "no crate here offers this call")]
pub(super) fn open(pid: u32) -> io::Result<Option<OwnedFd>> {
    // SAFETY: the call takes two numbers and touches no memory.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match RawFd::try_from(opened) {
        // SAFETY: the descriptor was opened just now, and nobody else knows it.
        Ok(fd) if fd >= 0 => off_standard(unsafe { OwnedFd::from_raw_fd(fd) }).map(Some),
        _ if matches!(Errno::last(), Errno::ENOSYS | Errno::EPERM) => Ok(None),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The same for a child of this process, by a thread that waits for it and does not take its status.
pub(super) fn by_thread(pid: u32) -> io::Result<OwnedFd> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    let (ours, theirs) = (off_standard(ours)?, off_standard(theirs)?);
    std::thread::Builder::new().name("jug-child".to_owned()).stack_size(64 << 10).spawn(move || {
        let _blocked = SigSet::all().thread_block();
        while waitid(Id::Pid(id(pid)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
        // A forked child of this process may have the pipe as well, and keep it open.
        let _written = write(&theirs, &[0]);
    })?;
    Ok(ours)
}

/// Whether this descriptor can be read, now or within so long (`None`: for ever).
pub(super) fn wait(fd: BorrowedFd<'_>, time: Option<Duration>) -> bool {
    let time = time.map_or(PollTimeout::NONE, |time| PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX));
    loop {
        match poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], time) {
            Err(Errno::EINTR) => {}
            Err(_) => return false,
            Ok(ready) => return ready > 0,
        }
    }
}
