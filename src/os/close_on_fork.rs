//! Files that belong to one process: in a forked child their descriptors lead nowhere.
//!
//! A lock belongs to what `open` made, which a forked child shares: as long as one of the two has it, the lock is held. A
//! child that outlives its parent would keep a dead worker's claims. So every child closes what its parent opened for
//! writing, before anything else runs in it. What was made by `vfork` or `posix_spawn` closes it when it executes a program.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use nix::libc;

/// The descriptors of this process's own files. Held while one of them is opened or closed, and during a fork: so a child
/// knows all of them.
static OWN: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

thread_local! {
    /// The list, from before a fork until after it.
    static FORKING: RefCell<Option<MutexGuard<'static, Vec<RawFd>>>> = const { RefCell::new(None) };
}

fn own() -> MutexGuard<'static, Vec<RawFd>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open file of this process alone.
#[derive(Debug)]
pub(super) struct ClosedInChildren(Option<File>);

impl ClosedInChildren {
    /// Opens a file.
    pub(super) fn open(open: impl FnOnce() -> io::Result<File>) -> io::Result<ClosedInChildren> {
        static HOOKED: OnceLock<bool> = OnceLock::new();
        if !*HOOKED.get_or_init(close_in_children) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let mut own = own();
        let file = open()?;
        own.push(file.as_raw_fd());
        Ok(ClosedInChildren(Some(file)))
    }
}

impl Borrow<File> for ClosedInChildren {
    fn borrow(&self) -> &File {
        self.0.as_ref().expect("it is closed when it is dropped")
    }
}

impl Drop for ClosedInChildren {
    fn drop(&mut self) {
        let Some(file) = self.0.take() else { return };
        let mut own = own();
        match own.iter().rposition(|descriptor| *descriptor == file.as_raw_fd()) {
            Some(at) => {
                own.swap_remove(at);
                // While no child can be made that has it still.
                drop(file);
            }
            // This is a forked child: the number may be that of another file by now.
            None => _ = file.into_raw_fd(),
        }
    }
}

/// Has own files closed in every child that `fork` makes from now on. False if that is not possible.
#[expect(unsafe_code, reason = "no crate offers this hook")]
fn close_in_children() -> bool {
    // SAFETY: as functions of this library the handlers live as long as the process. The one in the child takes no lock,
    // since its thread has it from before, and makes only calls that are allowed between fork and exec.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) == 0 }
}

extern "C" fn before_fork() {
    let _known = FORKING.try_with(|forking| *forking.borrow_mut() = Some(own()));
}

extern "C" fn after_fork() {
    let _known = FORKING.try_with(RefCell::take);
}

extern "C" fn in_child() {
    let held = FORKING.try_with(RefCell::take).ok().flatten();
    if let Some(mut own) = held {
        lead_nowhere(&own);
        own.clear();
    }
}

/// Has these descriptors lead to a directory that can be neither read nor written: their numbers stay taken, and a process that
/// uses one by mistake gets an error and nobody else's file.
#[expect(unsafe_code, reason = "what the standard library offers may allocate")]
fn lead_nowhere(descriptors: &[RawFd]) {
    // SAFETY: the path is a string ended by zero. These descriptors are this process's, and in this process nothing
    // relies on what they lead to.
    unsafe {
        let nowhere = libc::open(c"/".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC);
        for descriptor in descriptors {
            if nowhere < 0 || libc::dup2(nowhere, *descriptor) < 0 {
                libc::close(*descriptor);
            } else {
                libc::fcntl(*descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
        if nowhere >= 0 {
            libc::close(nowhere);
        }
    }
}
