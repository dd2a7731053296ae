//! A page of memory in which the holder of a lease says how it is, for a process that works for it.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::os::Memory;
use crate::os::memory::{SharedMemory, memory_file};

/// Where the token is.
const TOKEN_AT: usize = 0;
/// When the lease ends, by the clock that all processes of a host have in common, in nanoseconds; 0: it is not held.
const UNTIL_AT: usize = 8;
const LENGTH: u64 = 16;
/// It does not end by itself.
const NEVER: u64 = u64::MAX;

/// The page.
#[derive(Debug, Clone)]
pub struct Shared(Arc<SharedMemory>);

impl Shared {
    /// A new one, and the file of it for the other process.
    ///
    /// # Errors
    ///
    /// Where the system has no files of memory, or no descriptor is left.
    pub fn create() -> io::Result<(Shared, File)> {
        let file = memory_file(LENGTH)?;
        Ok((Shared::of(&file)?, file))
    }

    /// That of another process.
    ///
    /// # Errors
    ///
    /// Where the file is none of this kind.
    pub fn of(file: &File) -> io::Result<Shared> {
        Ok(Shared(Arc::new(SharedMemory::of(file)?)))
    }

    /// Says that the lease is held with this token until then, or that it is not.
    pub(super) fn write(&self, token: Option<u64>, until: Option<Duration>) {
        let end = until.map_or(NEVER, |until| u64::try_from(until.as_nanos()).unwrap_or(NEVER));
        if let Some(token) = token {
            self.0.store(TOKEN_AT, &token.to_ne_bytes());
        }
        self.0.store(UNTIL_AT, &token.map_or(0, |_| end).to_ne_bytes());
    }

    /// The token and the end, if it is held.
    pub(super) fn read(&self) -> Option<(u64, Option<Duration>)> {
        let end = self.0.load(UNTIL_AT);
        let until = (end != NEVER).then(|| Duration::from_nanos(end));
        (end != 0).then(|| (self.0.load(TOKEN_AT), until))
    }
}
