//! What a worker writes to its supervisor while it works: notes of any bytes, each after its length (4 bytes, little-endian).

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// How much is read at once.
const CHUNK: usize = 1 << 16;

/// How long a note may be. Whatever claims to be longer was not written by a worker.
const LONGEST: usize = 1 << 26;

/// The supervisor's end.
#[derive(Debug)]
pub(super) struct Notes {
    pipe: File,
    /// What was read of a note that is not complete.
    rest: Vec<u8>,
}

impl Notes {
    pub(super) fn of(pipe: OwnedFd) -> io::Result<Notes> {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Notes { pipe: pipe.into(), rest: Vec::new() })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// The notes that have come, and whether more can.
    pub(super) fn read(&mut self) -> (Vec<Vec<u8>>, bool) {
        let before = self.rest.len();
        self.rest.resize(before + CHUNK, 0);
        let count = self.pipe.read(&mut self.rest[before..]);
        self.rest.truncate(before + count.as_ref().map_or(0, |count| *count));
        let is_open = match count {
            Ok(count) => count > 0,
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        };
        let found = self.whole();
        (found, is_open && !self.is_too_long())
    }

    /// Those that are still there, now that the worker has ended.
    pub(super) fn read_to_end(&mut self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        // Where somebody escaped who still has the pipe, this ends when there is nothing to read now.
        loop {
            let before = self.rest.len();
            let (notes, is_open) = self.read();
            let is_empty = notes.is_empty() && self.rest.len() == before;
            found.extend(notes);
            if !is_open || is_empty {
                return found;
            }
        }
    }

    fn is_too_long(&self) -> bool {
        self.rest.first_chunk().is_some_and(|length| u32::from_le_bytes(*length) as usize > LONGEST)
    }

    fn whole(&mut self) -> Vec<Vec<u8>> {
        let (mut found, mut left) = (Vec::new(), &self.rest[..]);
        while let Some((length, after)) = left.split_first_chunk()
            && let Some((note, after)) = after.split_at_checked(u32::from_le_bytes(*length) as usize)
        {
            found.push(note.to_vec());
            left = after;
        }
        self.rest = left.to_vec();
        found
    }
}
