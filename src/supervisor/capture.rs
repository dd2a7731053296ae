//! What tasks print, kept for each of them: a pipe, and a file of memory into which it is emptied.
//!
//! The kernel moves what was printed from the pipe to the end of the file in one call, and the length of the file says how much
//! that is: so wherever a worker dies, all that it printed is in one of the two, and its supervisor, which has both as well, finds it.
//! Of what is too long the middle is given back to the system, and the file has a hole there.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, FcntlArg, OFlag, SpliceFFlags, fallocate, fcntl, splice};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::unistd::pipe2;

use crate::lock::lock;
use crate::os::memory::memory_file;
use crate::os::stdio::Redirection;

/// How much is kept of the beginning and of the end.
pub const HEAD: usize = 512 << 10;
/// See [`HEAD`].
pub const TAIL: usize = 512 << 10;

/// How much is moved at once: more than a pipe holds, so that one call empties it.
const CHUNK: usize = 1 << 20;

const PAGE: u64 = 4096;

/// What a task printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The beginning; all of it, if nothing was left out.
    pub head: Vec<u8>,
    /// How many bytes were left out between the two.
    pub left_out: u64,
    /// The end.
    pub tail: Vec<u8>,
}

/// The pipe and the file of one worker, as the supervisor makes them.
#[derive(Debug)]
pub struct CaptureFiles {
    /// Where what was printed is read.
    pub pipe: OwnedFd,
    /// Where it is written.
    pub printed_to: OwnedFd,
    /// Where it is kept.
    pub file: File,
}

impl CaptureFiles {
    /// New ones. They are closed in programs that this process starts, but for those that are to have them.
    ///
    /// # Errors
    ///
    /// Where the system has none, or no descriptor is left.
    pub fn create() -> io::Result<CaptureFiles> {
        let (pipe, printed_to) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(CaptureFiles { pipe, printed_to, file: memory_file(0)? })
    }
}

/// What is printed to a pipe, and was not taken yet.
#[derive(Debug)]
pub struct Collector {
    pipe: File,
    file: File,
    /// How long the file is.
    length: i64,
    /// Up to where the file has its hole.
    freed: u64,
    /// How much there was no room for.
    lost: u64,
}

impl Collector {
    /// What there is in a pipe and a file, for the one process that reads them now.
    ///
    /// # Errors
    ///
    /// Where they are none.
    pub fn of(pipe: OwnedFd, file: File) -> io::Result<Collector> {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
        Ok(Collector { pipe: pipe.into(), file, length, freed: 0, lost: 0 })
    }

    /// Moves what is in the pipe to where it is kept.
    pub fn collect(&mut self) {
        loop {
            let (pipe, length) = (&self.pipe, Some(&mut self.length));
            let moved = splice(pipe, None, &self.file, length, CHUNK, SpliceFFlags::SPLICE_F_NONBLOCK);
            match moved {
                // Less than a pipe holds was all that there was.
                Ok(moved) if moved < CHUNK => return self.free_middle(),
                Ok(_) => self.free_middle(),
                Err(Errno::EAGAIN) => return,
                Err(Errno::EINTR) => {}
                // Where a file may not grow any more (`ulimit -f`), who prints must not wait for ever.
                Err(_) => return self.throw_away(),
            }
        }
    }

    fn free_middle(&mut self) {
        let from = self.freed.max(HEAD as u64);
        let to = self.length.unsigned_abs().saturating_sub(TAIL as u64) / PAGE * PAGE;
        // Not for each line that is printed.
        if to.saturating_sub(from) < TAIL as u64 {
            return;
        }
        let (start, length) = (i64::try_from(from), i64::try_from(to - from));
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        if let (Ok(start), Ok(length)) = (start, length) {
            let _kept = fallocate(&self.file, hole, start, length);
        }
        self.freed = to;
    }

    fn throw_away(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = self.pipe.read(&mut buffer) {
            self.lost += count as u64;
        }
    }

    /// What was printed since the last call, if anything was.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn take(&mut self) -> io::Result<Option<Printed>> {
        self.collect();
        if self.length == 0 {
            return Ok(None);
        }
        let length = self.length.unsigned_abs();
        let left_out = length.saturating_sub((HEAD + TAIL) as u64);
        let (from_head, from_tail) =
            if left_out == 0 { (usize::try_from(length).unwrap_or(0), 0) } else { (HEAD, TAIL) };
        let (mut head, mut tail) = (vec![0; from_head], vec![0; from_tail]);
        self.file.read_exact_at(&mut head, 0)?;
        if !tail.is_empty() {
            self.file.read_exact_at(&mut tail, length - TAIL as u64)?;
        }
        self.file.set_len(0)?;
        let left_out = left_out + std::mem::take(&mut self.lost);
        (self.length, self.freed) = (0, 0);
        Ok(Some(Printed { head, left_out, tail }))
    }
}

/// What this worker's tasks print, at the level of descriptors: a thread of its own collects it, without the interpreter.
#[derive(Debug)]
pub struct Capture {
    collector: Arc<Mutex<Collector>>,
    redirection: Redirection,
}

impl Capture {
    /// Begins to collect what is printed to `files`.
    ///
    /// # Errors
    ///
    /// Where they are none, or no thread can be started.
    pub fn begin(files: CaptureFiles) -> io::Result<Capture> {
        let watched = files.pipe.try_clone()?;
        let collector = Arc::new(Mutex::new(Collector::of(files.pipe, files.file)?));
        let shared = Arc::clone(&collector);
        let run = move || {
            let _blocked = SigSet::all().thread_block();
            while is_readable(watched.as_fd()) {
                lock(&shared).collect();
            }
        };
        std::thread::Builder::new().name("jug-output".to_owned()).spawn(run)?;
        Ok(Capture { collector, redirection: Redirection::to(files.printed_to) })
    }

    /// Where stdout and stderr of this process can be sent.
    pub fn redirection(&self) -> &Redirection {
        &self.redirection
    }

    /// What was printed since the last call, if anything was. It does not wait for the thread.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn take(&self) -> io::Result<Option<Printed>> {
        lock(&self.collector).take()
    }
}

/// Sleeps until there is something to read; false where there never will be.
fn is_readable(pipe: BorrowedFd<'_>) -> bool {
    loop {
        let mut watched = [PollFd::new(pipe, PollFlags::POLLIN)];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => return watched[0].revents().is_some_and(|it| it.contains(PollFlags::POLLIN)),
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}
