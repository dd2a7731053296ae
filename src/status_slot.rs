//! A status slot: bytes in which a worker says what it runs, and which outlive it.
//!
//! The worker stores it around each task into pages that are the kernel's, without a system call. Who finds the worker
//! dead, or looks on, reads it. In a jugdir on a local filesystem it is a file (`jugdir/worker_status`), under a supervisor
//! a file of memory (`supervisor/slot`).
//!
//! There are two entries, in turns: the one that counts is never the one that is written, so that a process that is
//! killed in the middle leaves the one before.

use std::mem::offset_of;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Key;
use crate::os::Memory;

/// How many bytes it has.
pub(crate) const LENGTH: usize = size_of::<Head>();

const MAGIC: [u8; 8] = *b"jugslot\n";
const VERSION: u32 = 1;
/// Where the number of the entry that counts is.
const SEQUENCE_AT: usize = offset_of!(Head, sequence);
/// Where the two entries are, even and odd numbers.
const ENTRIES_AT: [usize; 2] = [offset_of!(Head, even), offset_of!(Head, odd)];
/// How many times a living worker's entry is read that it writes meanwhile.
const TRIES: usize = 16;
/// For how many milliseconds a slot is tried that somebody holds.
const PATIENCE_MS: usize = 50;

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
    /// The same by the clock of that host that only goes forward.
    pub uptime: Duration,
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

/// What a slot says.
#[derive(Debug, PartialEq)]
pub enum Activity {
    /// This runs, or ran when the worker died.
    Running(Run),
    /// Nothing runs; also where the worker was killed before it had said anything.
    Idle,
    /// Nothing that can be understood: a living worker writes it all the time, it is damaged, of a later version, or
    /// of somebody who does not let others read it.
    Unknown,
}

/// The slot of a worker of this process.
#[derive(Debug)]
pub(crate) struct StatusSlot {
    memory: Box<dyn Memory>,
    origin: Origin,
    current: Mutex<Entry>,
}

/// The slots of this process, and whether what they say is final.
static OWN: Mutex<Own> = Mutex::new(Own { slots: Vec::new() });
static IS_FINAL: AtomicBool = AtomicBool::new(false);

struct Own {
    slots: Vec<Weak<StatusSlot>>,
}

/// Has all slots of this process say for good that nothing runs: it is killed because somebody asked for that, and not because of
/// a task. It may be called while other threads are in the middle of anything.
pub fn excuse_all() {
    IS_FINAL.store(true, Ordering::SeqCst);
    let Some(own) = patiently(&OWN) else { return };
    for slot in own.slots.iter().filter_map(Weak::upgrade) {
        if let Some(mut entry) = patiently(&slot.current) {
            entry.runs = 0;
            slot.write(&mut entry);
        }
    }
}

/// The lock, unless somebody has it all the time, such as a thread that is held up.
fn patiently<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..PATIENCE_MS {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    None
}

/// The same moment by two clocks: the one of this process, and the one that all processes of the host share.
pub(crate) type Origin = (Instant, Duration);

/// All of it, field by field as docs/format.md has it. What separates the parts keeps each in cache lines of its own.
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

impl StatusSlot {
    /// The bytes of a slot that says that nothing runs, of a worker that registered at that moment: `date` since 1970.
    pub(crate) fn idle(origin: Origin, date: Duration) -> [u8; LENGTH] {
        let mut head = Head {
            magic: MAGIC,
            version: VERSION.into(),
            uptime: nanoseconds(origin.1).into(),
            date: nanoseconds(date).into(),
            even: Entry::idle(),
            ..Head::new_zeroed()
        };
        head.checksum = head.computed_checksum();
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(head.as_bytes());
        bytes
    }

    /// The slot in `memory`, which begins with what [`StatusSlot::idle`] made.
    pub(crate) fn new(memory: Box<dyn Memory>, origin: Origin) -> Arc<StatusSlot> {
        let slot = Arc::new(StatusSlot { memory, origin, current: Mutex::new(Entry::idle()) });
        let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        own.slots.retain(|slot| slot.strong_count() > 0);
        own.slots.push(Arc::downgrade(&slot));
        slot
    }

    /// The memory that it is in, whose first [`LENGTH`] bytes are the slot's.
    pub(crate) fn memory(&self) -> &dyn Memory {
        &*self.memory
    }

    /// Says that a task starts now, which is `now` by the clock of all processes too. Of a long name the beginning is kept.
    pub(crate) fn runs(&self, key: &Key, name: &str, attempt: u32, now: Instant) -> Duration {
        let started = self.origin.1 + now.saturating_duration_since(self.origin.0);
        let mut entry = self.current();
        entry.set_run(key, name, attempt, nanoseconds(started));
        self.publish(&mut entry);
        started
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

    fn publish(&self, entry: &mut Entry) {
        if !IS_FINAL.load(Ordering::Relaxed) {
            self.write(entry);
        }
    }

    fn write(&self, entry: &mut Entry) {
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

/// What the slot of the worker `id` says; `read` reads the beginning of it, and says how many bytes there were.
pub(crate) fn read(id: &str, mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>) -> Activity {
    let mut head = Head::new_zeroed();
    for _ in 0..TRIES {
        let Ok(count) = read(head.as_mut_bytes()) else { return Activity::Unknown };
        if count < LENGTH || head.magic != MAGIC {
            return Activity::Idle;
        }
        if let Some(entry) = head.entry_that_counts() {
            let run = entry.is_running().then(|| entry.run(id, &head));
            return run.map_or(Activity::Idle, |run| run.map_or(Activity::Unknown, Activity::Running));
        }
    }
    Activity::Unknown
}

/// Whether these bytes begin with a slot of this version.
pub(crate) fn is_sound(bytes: &[u8]) -> bool {
    Head::ref_from_prefix(bytes).is_ok_and(|(head, _)| head.is_sound())
}

impl Head {
    /// Whether this is a slot of this version.
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

    /// What the worker `id` runs, whose slot begins with `head`.
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
            uptime: Duration::from_nanos(self.started.get()),
        })
    }
}

/// Which of the two entries has this number.
fn turn_of(number: u64) -> usize {
    usize::from(number % 2 == 1)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
