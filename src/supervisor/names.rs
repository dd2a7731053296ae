//! How many tasks of each name there are, and what became of them: the part of a worker's slot that has no fixed length.
//!
//! A record of a name has how many tasks of it there are, are finished, were executed and have failed, how many nanoseconds
//! those took that were executed, the length of the name, and the name with zeros up to the next multiple of eight.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use crate::os::memory::SharedMemory;

/// How large the file may become; what is not used takes no memory.
pub(super) const LENGTH: usize = 1 << 26;

/// Where it says how many bytes records take, and where they are.
pub(super) const NAMES_LENGTH_AT: usize = 536;
pub(super) const NAMES_AT: usize = 1 << 19;

/// The words of a record before the name.
pub(super) const RECORD: usize = 48;
pub(super) const TOTAL: usize = 0;
pub(super) const FINISHED: usize = 8;
pub(super) const EXECUTED: usize = 16;
pub(super) const FAILED: usize = 24;
pub(super) const SPENT: usize = 32;
pub(super) const NAME_LENGTH: usize = 40;

/// How many tasks of a name there are, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NameCounts {
    /// In the latest load of the jugfile.
    pub total: u64,
    /// Of these, finished, as this worker knows.
    pub finished: u64,
    /// Executed by this worker, in all loads.
    pub executed: u64,
    /// Failed in this worker, in all loads.
    pub failed: u64,
    /// How long those took that were executed, each until the next one began or the worker rested.
    pub spent: Duration,
}

/// What a worker says in its slot of the tasks of each name.
///
/// # Errors
///
/// Where it cannot be read.
pub fn counts(file: &File) -> io::Result<Vec<(String, NameCounts)>> {
    let mut length = [0; 8];
    file.read_exact_at(&mut length, NAMES_LENGTH_AT as u64)?;
    let length = usize::try_from(u64::from_ne_bytes(length)).unwrap_or(0).min(LENGTH - NAMES_AT);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, NAMES_AT as u64)?;
    let mut found = Vec::new();
    let mut left = &bytes[..];
    while let Some((record, rest)) = left.split_at_checked(RECORD) {
        let word = |at: usize| u64::from_ne_bytes(record[at..at + 8].try_into().unwrap_or_default());
        let length = usize::try_from(word(NAME_LENGTH)).unwrap_or(usize::MAX);
        let Some(name) = rest.get(..length) else { break };
        let counts = NameCounts {
            total: word(TOTAL),
            finished: word(FINISHED),
            executed: word(EXECUTED),
            failed: word(FAILED),
            spent: Duration::from_nanos(word(SPENT)),
        };
        found.push((String::from_utf8_lossy(name).into_owned(), counts));
        left = rest.get(length.next_multiple_of(8)..).unwrap_or_default();
    }
    Ok(found)
}

/// The name in the record that is there.
pub(super) fn name_at(memory: &SharedMemory, record: usize) -> String {
    let length = usize::try_from(memory.load(record + NAME_LENGTH)).unwrap_or(0);
    let words = (0..length.div_ceil(8)).map(|word| memory.load(record + RECORD + word * 8));
    let bytes: Vec<u8> = words.flat_map(u64::to_ne_bytes).take(length).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
