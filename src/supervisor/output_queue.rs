//! What is to be printed, in order, until it is written: threads of their own wait for who reads it, and nobody else does.
//!
//! Where nobody reads, what waits grows up to a limit. Then a supervisor reads no more of what its workers print, and these wait.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::SigSet;
use nix::unistd::{dup2_stderr, dup2_stdout};

use crate::lock::lock;

/// How many bytes may wait before no more are to come, and how few are left when more are to come again.
const MOST: usize = 1 << 20;
const FEW: usize = MOST / 2;

/// What is to be printed to stdout and stderr.
#[derive(Debug)]
pub struct OutputQueue {
    /// Where stdout and stderr are written. Where both are one file, so are these: its lines keep their order.
    outlets: [Arc<Outlet>; 2],
    /// It rings when there is room again.
    bell: Arc<EventFd>,
}

/// Where one thread writes.
#[derive(Debug)]
struct Outlet {
    files: Arc<[File; 2]>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What is not begun to be written, and to which of the files.
    waiting: VecDeque<(usize, Vec<u8>)>,
    /// How many bytes are not written.
    left: usize,
    /// Whether somebody waits for room.
    is_awaited: bool,
    is_closed: bool,
}

impl OutputQueue {
    /// One for stdout and stderr of this process, as they are now. What is closed shows nothing.
    ///
    /// # Errors
    ///
    /// Where no descriptor or no thread is left.
    pub fn of_process() -> io::Result<OutputQueue> {
        let copy = |descriptor: BorrowedFd<'_>| descriptor.try_clone_to_owned().or_else(|_| nowhere());
        OutputQueue::to(copy(io::stdout().as_fd())?, copy(io::stderr().as_fd())?)
    }

    /// One for these two.
    ///
    /// # Errors
    ///
    /// As for [`OutputQueue::of_process`].
    pub fn to(out: OwnedFd, err: OwnedFd) -> io::Result<OutputQueue> {
        let files = Arc::new([File::from(out), File::from(err)]);
        let [out, err] = [files[0].metadata()?, files[1].metadata()?];
        let bell = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let first = Outlet::open(&files, &bell)?;
        let is_one = (out.dev(), out.ino()) == (err.dev(), err.ino());
        let second = if is_one { Arc::clone(&first) } else { Outlet::open(&files, &bell)? };
        Ok(OutputQueue { outlets: [first, second], bell })
    }

    /// Adds what is to be printed, to stderr where `is_error`. It never waits.
    pub fn write(&self, data: Vec<u8>, is_error: bool) {
        let outlet = self.outlet(is_error);
        let mut state = lock(&outlet.state);
        state.left += data.len();
        state.waiting.push_back((usize::from(is_error), data));
        outlet.changed.notify_all();
    }

    /// Whether something is not written that was added.
    pub fn is_busy(&self, is_error: bool) -> bool {
        lock(&self.outlet(is_error).state).left > 0
    }

    /// Whether so much waits that no more is to come. The bell rings when that is no longer so.
    pub(super) fn is_full(&self, is_error: bool) -> bool {
        let mut state = lock(&self.outlet(is_error).state);
        state.is_awaited |= state.left >= MOST;
        state.is_awaited
    }

    /// Can be read when there is room again, until [`OutputQueue::hear`] resets it.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    pub(super) fn hear(&self) {
        let _heard = self.bell.read();
    }

    /// Waits until all is written that was added, for so long at most; whether it is.
    pub fn flush(&self, time: Duration) -> bool {
        let left = |outlet: &Arc<Outlet>| {
            let state = lock(&outlet.state);
            let waited = outlet.changed.wait_timeout_while(state, time, |state| state.left > 0);
            waited.unwrap_or_else(PoisonError::into_inner).0.left
        };
        self.outlets.iter().all(|outlet| left(outlet) == 0)
    }

    /// Has this process, of whose stdout and stderr this is one, print to nowhere in the place of where nobody reads.
    ///
    /// # Errors
    ///
    /// Where no descriptor is left.
    pub fn abandon(&self) -> io::Result<()> {
        if self.is_busy(false) {
            dup2_stdout(nowhere()?)?;
        }
        if self.is_busy(true) {
            dup2_stderr(nowhere()?)?;
        }
        Ok(())
    }

    fn outlet(&self, is_error: bool) -> &Outlet {
        &self.outlets[usize::from(is_error)]
    }
}

impl Drop for OutputQueue {
    fn drop(&mut self) {
        for outlet in &self.outlets {
            lock(&outlet.state).is_closed = true;
            outlet.changed.notify_all();
        }
    }
}

impl Outlet {
    fn open(files: &Arc<[File; 2]>, bell: &Arc<EventFd>) -> io::Result<Arc<Outlet>> {
        let (state, changed) = Default::default();
        let outlet = Arc::new(Outlet { files: Arc::clone(files), state, changed });
        let (writer, bell) = (Arc::clone(&outlet), Arc::clone(bell));
        let run = move || {
            let _blocked = SigSet::all().thread_block();
            writer.write_all(&bell);
        };
        std::thread::Builder::new().name("jug-print".to_owned()).spawn(run)?;
        Ok(outlet)
    }

    /// Writes what comes, until nothing more will.
    fn write_all(&self, bell: &EventFd) {
        loop {
            let is_idle = |state: &mut State| state.waiting.is_empty() && !state.is_closed;
            let waited = self.changed.wait_while(lock(&self.state), is_idle);
            let next = waited.unwrap_or_else(PoisonError::into_inner).waiting.pop_front();
            let Some((number, data)) = next else { return };
            write(&self.files[number], &data);
            let mut state = lock(&self.state);
            state.left -= data.len();
            if state.is_awaited && state.left <= FEW {
                state.is_awaited = false;
                let _rung = bell.write(1);
            }
            self.changed.notify_all();
        }
    }
}

/// Who left the other end of a pipe does not want to know.
fn write(mut file: &File, mut data: &[u8]) {
    while !data.is_empty() {
        match file.write(data) {
            Ok(count @ 1..) => data = &data[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Somebody else who has it open has it so.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut watched = [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
                let _ready = poll(&mut watched, PollTimeout::NONE);
            }
            Ok(0) | Err(_) => return,
        }
    }
}

fn nowhere() -> io::Result<OwnedFd> {
    File::options().write(true).open("/dev/null").map(OwnedFd::from)
}
