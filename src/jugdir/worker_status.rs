//! What a worker runs, in a file of its own that outlives it: `workers/slot-<wid>`, in posix mode.
//!
//! The worker stores it around each task into pages that are the kernel's, without a system call. A process that finds the
//! worker dead reads what it ran; such a file stays until what became of that task is known and on disk.
//!
//! There are two entries, in turns: the one that counts is never the one that is written, so that a process that is
//! killed in the middle leaves the one before.

use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::IoContext;
use crate::os::memory::memory_of;
use crate::os::{FileSystem, Memory, Open};
use crate::{Key, Result};

/// The name of a worker's status file begins like this; no worker's id has a hyphen.
const PREFIX: &str = "slot-";
const MAGIC: [u8; 8] = *b"jugslot\n";
const VERSION: u32 = 1;
/// The length of the file.
const LENGTH: usize = 12_288;
/// Where the number of the entry that counts is.
const SEQUENCE_AT: usize = offset_of!(Head, sequence);
/// Where the two entries are, even and odd numbers.
const ENTRIES_AT: [usize; 2] = [offset_of!(Head, even), offset_of!(Head, odd)];
/// From where on the file is a table of what the worker has claimed, in words of eight bytes; and how many.
const CLAIMS_AT: usize = size_of::<Head>();
const CLAIMS: usize = (LENGTH - CLAIMS_AT) / 8;
/// In how many places of the table, in a row, a claim may be.
const PLACES: usize = 512;
/// A word of the table in which there is a claim has this bit; a claim has 63.
const CLAIMED: u64 = 1 << 63;
/// How many times a living worker's entry is read that it writes meanwhile.
const TRIES: usize = 16;

/// A task that a worker runs, or ran when it died.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The worker.
    pub worker: String,
    /// The task.
    pub key: Key,
    /// Its name, or the beginning of a long one; empty where it has none.
    pub name: String,
    /// Attempt number, starting at 1.
    pub attempt: u32,
    /// When it began, in seconds since 1970 by the clock that its host had when the worker registered.
    pub started: f64,
}

/// What a worker has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Tasks that it ran.
    pub done: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// Tasks whose results it found.
    pub loaded: u64,
}

/// The status file of a worker of this process.
#[derive(Debug)]
pub struct WorkerStatus {
    path: PathBuf,
    memory: Box<dyn Memory>,
    /// The same moment by both clocks.
    origin: (Instant, Duration),
    current: Mutex<Entry>,
    /// What the table of claims says.
    claims: Mutex<Vec<u64>>,
}

/// The file before its table of claims, field by field as docs/format.md has it. What separates the parts keeps each in
/// cache lines of its own.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Head {
    magic: [u8; 8],
    version: U32,
    zero: U32,
    /// When the worker registered, by the clock that only goes forward, and since 1970.
    uptime: U64,
    date: U64,
    checksum: U32,
    _after_checksum: [u8; 28],
    sequence: U64,
    _after_sequence: [u8; 56],
    even: Entry,
    odd: Entry,
}

/// An entry, field by field as docs/format.md has it.
#[derive(Debug, Clone, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Entry {
    number: U64,
    started: U64,
    attempt: U32,
    runs: u8,
    name_length: u8,
    _before_key: [u8; 2],
    key: [u8; 32],
    done: U64,
    failed: U64,
    loaded: U64,
    name: [u8; 104],
    checksum: U32,
    zero: U32,
}

impl WorkerStatus {
    /// Creates the status file of the worker `id`, which nobody else has.
    pub(super) fn create(fs: &dyn FileSystem, workers: &Path, id: &str) -> Result<WorkerStatus> {
        let path = path_of(workers, id);
        let origin = (fs.now(), fs.uptime());
        let date = fs.date().duration_since(UNIX_EPOCH).unwrap_or_default();
        let file = fs.open(&path, Open::Update).context("creating", &path)?;
        let entry = Entry::idle();
        let mut head = Head {
            magic: MAGIC,
            version: VERSION.into(),
            uptime: nanoseconds(origin.1).into(),
            date: nanoseconds(date).into(),
            even: entry.clone(),
            ..Head::new_zeroed()
        };
        head.checksum = head.computed_checksum();
        let mut bytes = head.as_bytes().to_vec();
        bytes.resize(LENGTH, 0);
        // All of it, so that the disk has room for all of it: a store to memory cannot say that there is none.
        if let Err(error) = file.write_at(&bytes, 0) {
            let _removed = fs.unlink(&path);
            return Err(error).context("writing", path);
        }
        let claims = Mutex::new(vec![0; CLAIMS]);
        Ok(WorkerStatus {
            path,
            memory: memory_of(&file, LENGTH),
            origin,
            current: Mutex::new(entry),
            claims,
        })
    }

    /// Says that this worker has a claim. Where there is no place for it, nobody learns whose it is.
    pub(crate) fn holds(&self, claim: u64) {
        self.replace(claim, 0, claim | CLAIMED);
    }

    /// Says that this worker has it no more.
    pub(crate) fn gives_up(&self, claim: u64) {
        self.replace(claim, claim | CLAIMED, 0);
    }

    /// Replaces the first such word where a claim may be.
    fn replace(&self, claim: u64, old: u64, new: u64) {
        if !self.memory.is_free() {
            // That would be two calls a task only for those who look what is claimed ahead.
            return;
        }
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        // Claims are bits of digests, and spread by themselves.
        let start = usize::try_from(claim % CLAIMS as u64).unwrap_or(0);
        let mut places = (start..start + PLACES).map(|place| place % CLAIMS);
        if let Some(place) = places.find(|place| claims[*place] == old) {
            claims[place] = new;
            self.memory.store(CLAIMS_AT + 8 * place, &new.to_le_bytes());
        }
    }

    /// Says that a task starts now. Of a long name the beginning is kept.
    pub(crate) fn runs(&self, key: &Key, name: &str, attempt: u32, now: Instant) {
        let started = self.origin.1 + now.saturating_duration_since(self.origin.0);
        let mut entry = self.current();
        entry.set_run(key, name, attempt, nanoseconds(started));
        self.publish(&mut entry);
    }

    /// Says that nothing runs, if nothing but this task did.
    pub(crate) fn ended(&self, key: &Key) {
        let mut entry = self.current();
        if entry.is_running() && entry.key == *key.as_bytes() {
            entry.runs = 0;
            self.publish(&mut entry);
        }
    }

    /// Says that nothing runs, and what was done so far.
    pub(crate) fn rests(&self, counts: Counts) {
        let mut entry = self.current();
        entry.runs = 0;
        entry.done = counts.done.into();
        entry.failed = counts.failed.into();
        entry.loaded = counts.loaded.into();
        self.publish(&mut entry);
    }

    /// Removes the file, of which nothing is left to say.
    pub(super) fn remove(&self, fs: &dyn FileSystem) {
        let _removed = fs.unlink(&self.path);
    }

    fn publish(&self, entry: &mut Entry) {
        let number = entry.number.get().wrapping_add(1);
        entry.number = number.into();
        entry.checksum = entry.computed_checksum();
        self.memory.store(ENTRIES_AT[turn_of(number)], entry.as_bytes());
        self.memory.store(SEQUENCE_AT, &number.to_le_bytes());
    }

    fn current(&self) -> MutexGuard<'_, Entry> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Head {
    /// Whether this is a status file of this version.
    fn is_sound(&self) -> bool {
        self.magic == MAGIC && self.version.get() == VERSION && self.checksum == self.computed_checksum()
    }

    /// What its checksum should be.
    fn computed_checksum(&self) -> U32 {
        crc32c::crc32c(&self.as_bytes()[..offset_of!(Head, checksum)]).into()
    }

    /// `None` if it was read while that was written, or is not of this version.
    fn entry_that_counts(&self) -> Option<&Entry> {
        let number = self.sequence.get();
        let entry = [&self.even, &self.odd][turn_of(number)];
        let is_whole = entry.number.get() == number && entry.checksum == entry.computed_checksum();
        (self.is_sound() && is_whole).then_some(entry)
    }
}

impl Entry {
    /// The first one: nothing runs.
    fn idle() -> Entry {
        let mut entry = Entry::new_zeroed();
        entry.checksum = entry.computed_checksum();
        entry
    }

    fn is_running(&self) -> bool {
        self.runs == 1
    }

    fn set_run(&mut self, key: &Key, name: &str, attempt: u32, started: u64) {
        let end = (0..=name.len().min(self.name.len())).rev().find(|at| name.is_char_boundary(*at));
        let name = &name[..end.unwrap_or(0)];
        self.started = started.into();
        self.attempt = attempt.into();
        self.runs = 1;
        self.name_length = u8::try_from(name.len()).unwrap_or(0);
        self.key = *key.as_bytes();
        self.name.fill(0);
        self.name[..name.len()].copy_from_slice(name.as_bytes());
    }

    /// What its checksum should be.
    fn computed_checksum(&self) -> U32 {
        crc32c::crc32c(&self.as_bytes()[..offset_of!(Entry, checksum)]).into()
    }

    /// What the worker `id` runs, whose file begins with `head`.
    fn run(&self, id: &str, head: &Head) -> Option<Run> {
        let name = self.name.get(..usize::from(self.name_length))?;
        let since = self.started.get().saturating_sub(head.uptime.get());
        let started = head.date.get().saturating_add(since);
        Some(Run {
            worker: id.to_owned(),
            key: Key::new(self.key),
            name: String::from_utf8_lossy(name).into_owned(),
            attempt: self.attempt.get(),
            started: Duration::from_nanos(started).as_secs_f64(),
        })
    }
}

/// What a status file says.
pub(super) enum Activity {
    /// This runs, or ran when the worker died.
    Running(Run),
    /// Nothing runs; also where the worker was killed before it had said anything.
    Idle,
    /// Nothing that can be understood: a living worker writes it all the time, it is damaged, of a later version, or
    /// of somebody who does not let others read it.
    Unknown,
}

/// What the status file of the worker `id` says.
pub(super) fn read(fs: &dyn FileSystem, workers: &Path, id: &str) -> Activity {
    let file = match fs.open_if_exists(&path_of(workers, id)) {
        Ok(Some(file)) => file,
        Ok(None) => return Activity::Idle,
        Err(_) => return Activity::Unknown,
    };
    let mut head = Head::new_zeroed();
    for _ in 0..TRIES {
        let Ok(count) = file.read_full_at(head.as_mut_bytes(), 0) else { return Activity::Unknown };
        if count < size_of::<Head>() || head.magic != MAGIC {
            return Activity::Idle;
        }
        if let Some(entry) = head.entry_that_counts() {
            let run = entry.is_running().then(|| entry.run(id, &head));
            return run.map_or(Activity::Idle, |run| run.map_or(Activity::Unknown, Activity::Running));
        }
    }
    Activity::Unknown
}

/// What the worker `id` has claimed, if it says so: the ids of claims. Some of them it may have given up just now.
pub(super) fn claims(fs: &dyn FileSystem, workers: &Path, id: &str) -> Vec<u64> {
    let read = fs.read_if_exists(&path_of(workers, id));
    let Ok(Some(bytes)) = read else { return Vec::new() };
    match Head::ref_from_prefix(&bytes) {
        Ok((head, _)) if bytes.len() == LENGTH && head.is_sound() => {}
        _ => return Vec::new(),
    }
    let (words, _) = bytes[CLAIMS_AT..].as_chunks();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    words.filter(|word| word & CLAIMED != 0).map(|word| word & !CLAIMED).collect()
}

/// The workers that have a status file, among the names of their directory.
pub(super) fn ids(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().filter_map(|name| name.strip_prefix(PREFIX))
}

/// The status file of a worker.
pub(super) fn path_of(workers: &Path, id: &str) -> PathBuf {
    workers.join(format!("{PREFIX}{id}"))
}

/// Which of the two entries has this number.
fn turn_of(number: u64) -> usize {
    usize::from(number % 2 == 1)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
