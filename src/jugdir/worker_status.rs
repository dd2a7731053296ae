//! What a worker runs, in a file of its own that outlives it: `workers/slot-<wid>`, in posix mode.
//!
//! The worker stores it around each task into pages that are the kernel's, without a system call. A process that finds the
//! worker dead reads what it ran; such a file stays until what became of that task is known and on disk.
//!
//! There are two entries, in turns: the one that counts is never the one that is written, so that a process that is
//! killed in the middle leaves the one before.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

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
const SEQUENCE_AT: usize = 64;
/// Where the two entries are, even and odd numbers.
const ENTRIES_AT: [usize; 2] = [128, 320];
const ENTRY: usize = 192;
/// Where the name is in an entry, and its checksum.
const NAME: std::ops::Range<usize> = 80..184;
const CRC_AT: usize = 184;
/// From where on the file is a table of what the worker has claimed, in words of eight bytes; and how many.
const CLAIMS_AT: usize = 512;
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

#[derive(Debug)]
struct Entry([u8; ENTRY]);

impl WorkerStatus {
    /// Creates the status file of the worker `id`, which nobody else has.
    pub(super) fn create(fs: &dyn FileSystem, workers: &Path, id: &str) -> Result<WorkerStatus> {
        let path = path_of(workers, id);
        let origin = (fs.now(), fs.uptime());
        let date = fs.date().duration_since(UNIX_EPOCH).unwrap_or_default();
        let file = fs.open(&path, Open::Update).context("creating", &path)?;
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&nanoseconds(origin.1).to_le_bytes());
        bytes[24..32].copy_from_slice(&nanoseconds(date).to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..32]);
        bytes[32..36].copy_from_slice(&crc.to_le_bytes());
        let entry = Entry::new();
        bytes[ENTRIES_AT[0]..][..ENTRY].copy_from_slice(&entry.0);
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
        if entry.is_running() && entry.0[24..56] == *key.as_bytes() {
            entry.0[20] = 0;
            self.publish(&mut entry);
        }
    }

    /// Says that nothing runs, and what was done so far.
    pub(crate) fn rests(&self, counts: Counts) {
        let mut entry = self.current();
        entry.0[20] = 0;
        for (number, at) in [counts.done, counts.failed, counts.loaded].iter().zip([56, 64, 72]) {
            entry.0[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        self.publish(&mut entry);
    }

    /// Removes the file, of which nothing is left to say.
    pub(super) fn remove(&self, fs: &dyn FileSystem) {
        let _removed = fs.unlink(&self.path);
    }

    fn publish(&self, entry: &mut Entry) {
        let number = entry.number().wrapping_add(1);
        entry.0[..8].copy_from_slice(&number.to_le_bytes());
        let crc = entry.crc();
        entry.0[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        self.memory.store(place_of(number), &entry.0);
        self.memory.store(SEQUENCE_AT, &number.to_le_bytes());
    }

    fn current(&self) -> MutexGuard<'_, Entry> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The first one: nothing runs.
    fn new() -> Entry {
        let mut entry = Entry([0; ENTRY]);
        let crc = entry.crc();
        entry.0[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        entry
    }

    fn number(&self) -> u64 {
        self.word(0)
    }

    fn is_running(&self) -> bool {
        self.0[20] == 1
    }

    fn set_run(&mut self, key: &Key, name: &str, attempt: u32, started: u64) {
        let end = (0..=name.len().min(NAME.len())).rev().find(|at| name.is_char_boundary(*at));
        let name = &name[..end.unwrap_or(0)];
        self.0[8..16].copy_from_slice(&started.to_le_bytes());
        self.0[16..20].copy_from_slice(&attempt.to_le_bytes());
        self.0[20] = 1;
        self.0[21] = u8::try_from(name.len()).unwrap_or(0);
        self.0[24..56].copy_from_slice(key.as_bytes());
        let place = &mut self.0[NAME];
        place.fill(0);
        place[..name.len()].copy_from_slice(name.as_bytes());
    }

    fn crc(&self) -> u32 {
        crc32c::crc32c(&self.0[..CRC_AT])
    }

    fn word(&self, at: usize) -> u64 {
        word(&self.0, at)
    }

    /// What the worker `id` runs; `zero` is what the host's clocks said when it registered.
    fn run(&self, id: &str, zero: (u64, u64)) -> Option<Run> {
        let name = self.0[NAME].get(..usize::from(self.0[21]))?;
        let started = zero.1.saturating_add(self.word(8).saturating_sub(zero.0));
        Some(Run {
            worker: id.to_owned(),
            key: Key::from_slice(&self.0[24..56])?,
            name: String::from_utf8_lossy(name).into_owned(),
            attempt: u32::from_le_bytes(self.0[16..20].try_into().ok()?),
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
    let mut bytes = [0; CLAIMS_AT];
    for _ in 0..TRIES {
        let Ok(count) = file.read_full_at(&mut bytes, 0) else { return Activity::Unknown };
        if count < CLAIMS_AT || bytes[..8] != MAGIC {
            return Activity::Idle;
        }
        if let Some(entry) = entry_in(&bytes) {
            let run = entry.is_running().then(|| entry.run(id, (word(&bytes, 16), word(&bytes, 24))));
            return run.map_or(Activity::Idle, |run| run.map_or(Activity::Unknown, Activity::Running));
        }
    }
    Activity::Unknown
}

/// What the worker `id` has claimed, if it says so: the ids of claims. Some of them it may have given up just now.
pub(super) fn claims(fs: &dyn FileSystem, workers: &Path, id: &str) -> Vec<u64> {
    let read = fs.read_if_exists(&path_of(workers, id));
    let Ok(Some(bytes)) = read else { return Vec::new() };
    if bytes.len() != LENGTH || !is_sound(&bytes) {
        return Vec::new();
    }
    let words = bytes[CLAIMS_AT..].chunks_exact(8).map(|bytes| word(bytes, 0));
    words.filter(|word| word & CLAIMED != 0).map(|word| word & !CLAIMED).collect()
}

/// Whether a file is a status file of this version.
fn is_sound(bytes: &[u8]) -> bool {
    bytes[..8] == MAGIC
        && bytes[8..12] == VERSION.to_le_bytes()
        && bytes[32..36] == crc32c::crc32c(&bytes[..32]).to_le_bytes()
}

/// The entry that counts; `None` if the bytes were read while it was written, or are not of this version.
fn entry_in(bytes: &[u8; CLAIMS_AT]) -> Option<Entry> {
    let number = word(bytes, SEQUENCE_AT);
    let entry = Entry(bytes[place_of(number)..][..ENTRY].try_into().ok()?);
    let is_whole = entry.number() == number && entry.0[CRC_AT..CRC_AT + 4] == entry.crc().to_le_bytes();
    (is_sound(bytes) && is_whole).then_some(entry)
}

/// The workers that have a status file, among the names of their directory.
pub(super) fn ids(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().filter_map(|name| name.strip_prefix(PREFIX))
}

/// The status file of a worker.
pub(super) fn path_of(workers: &Path, id: &str) -> PathBuf {
    workers.join(format!("{PREFIX}{id}"))
}

fn place_of(number: u64) -> usize {
    ENTRIES_AT[usize::from(number % 2 == 1)]
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
