//! Which task printed what: marks of a worker, each of which says from which byte of its output on a task runs.
//!
//! A supervisor counts the bytes that it reads of each pipe of a worker. What the worker has written at a moment is that and what is in
//! the pipe, which the system knows. So the worker learns where it is without saying anything there, and the one that prints
//! (C code, processes that a task started) need not know of it. A line that lies between two marks is of the task of the first one.
//!
//! Marks are in the file of the worker's slot, words of eight bytes from `AT` on:
//!
//! | offset | word |
//! |---|---|
//! | 0 | twice the bytes of stdout that were read; one more while they are read |
//! | 8 | the same of stderr |
//! | 16 | how many marks there were |
//! | 32 | the latest marks, in a ring |
//!
//! A mark has the bytes of stdout and of stderr before it, and where the record of the task's name is; 0: no task, or nobody knows which.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::names::{self, NAMES_AT};
use crate::os::Memory;
use crate::os::memory::SharedMemory;
use crate::os::stdio::unread;

/// Where marks are in the file, and how many bytes they take.
const AT: usize = 1024;
const LENGTH: usize = 32 + RING * MARK;

/// How many marks are kept. What prints less than eight bytes for each has no name where the pipe was full.
const RING: usize = 8192;
const MARK: usize = 32;

const _: () = assert!(AT + LENGTH <= NAMES_AT);

const READ_AT: [usize; 2] = [AT, AT + 8];
const COUNT_AT: usize = AT + 16;
const RING_AT: usize = AT + 32;
const RECORD: usize = 16;

/// A mark takes two system calls. So a task gets one after so much time without one, or where one of so many before has printed something.
/// Whether a task printed what comes after it that has none, nobody knows.
const PERIOD: Duration = Duration::from_micros(300);
const CREDIT: u32 = 256;

/// How many times it is looked where the output is while the supervisor reads it, how many of these at once, and how long a pause
/// is before each of the others: it may have lost its processor meanwhile.
const TRIES: usize = 256;
const AT_ONCE: usize = 16;
const PAUSE: Duration = Duration::from_micros(100);

/// The worker's side.
#[derive(Debug)]
pub(super) struct Marker {
    memory: Arc<SharedMemory>,
    pipes: [Option<OwnedFd>; 2],
    /// Whether each task gets a mark, or only the end of loading.
    marks_tasks: bool,
    count: usize,
    /// Where the last mark is.
    last: [u64; 2],
    /// The record of the task that runs.
    record: usize,
    /// When the last task got a mark, and how many more get one however short that is ago.
    marked: Option<Instant>,
    credit: u32,
}

impl Marker {
    /// One for what is written to these pipes. A copy of them is kept.
    pub(super) fn new(memory: Arc<SharedMemory>, pipes: [BorrowedFd<'_>; 2], marks_tasks: bool) -> Marker {
        let pipes = pipes.map(|pipe| pipe.try_clone_to_owned().ok());
        Marker { memory, pipes, marks_tasks, count: 0, last: [0, 0], record: 0, marked: None, credit: CREDIT }
    }

    /// A jugfile was loaded, and no task runs.
    pub(super) fn loaded(&mut self) {
        if self.count > 0 {
            self.mark(0);
            return;
        }
        // Where nobody can know how much was written it was as much as was read, at least.
        let place = self.place().unwrap_or_else(|| READ_AT.map(|at| self.memory.load(at) / 2));
        self.push(place, 0);
    }

    /// The task begins now whose name is in this record; whether it is to get a mark by [`Marker::goes_on`], when all is written that was
    /// printed before.
    pub(super) fn starts(&mut self, record: usize, now: Instant) -> bool {
        if !self.marks_tasks || self.count == 0 {
            return false;
        }
        self.record = record;
        let is_due = self.credit > 0 || self.marked.is_none_or(|marked| now - marked >= PERIOD);
        if is_due {
            self.marked = Some(now);
        } else {
            self.store(self.at_last() + RECORD, 0);
        }
        is_due
    }

    /// What is printed from now on is of no task.
    pub(super) fn pauses(&mut self) {
        if self.marks_tasks {
            self.mark(0);
        }
    }

    /// What is printed from now on is of the task that began last.
    pub(super) fn goes_on(&mut self) {
        if self.marks_tasks {
            self.mark(self.record);
        }
    }

    fn mark(&mut self, record: usize) {
        if self.count == 0 {
            // The jugfile is being loaded.
            return;
        }
        match self.place() {
            Some(place) if place != self.last => {
                self.push(place, record);
                self.credit = CREDIT;
            }
            // Nothing was printed since the last one.
            Some(_) => {
                self.store(self.at_last() + RECORD, record as u64);
                self.credit = self.credit.saturating_sub(1);
            }
            // Whose it is that comes after the last one, nobody will know.
            None => self.store(self.at_last() + RECORD, 0),
        }
    }

    fn push(&mut self, place: [u64; 2], record: usize) {
        self.count += 1;
        let at = self.at_last();
        self.store(at, place[0]);
        self.store(at + 8, place[1]);
        self.store(at + RECORD, record as u64);
        self.store(COUNT_AT, self.count as u64);
        self.last = place;
    }

    fn at_last(&self) -> usize {
        RING_AT + (self.count - 1) % RING * MARK
    }

    /// How many bytes were written to each pipe; `None` where that cannot be learned.
    fn place(&self) -> Option<[u64; 2]> {
        Some([self.written(0)?, self.written(1)?])
    }

    fn written(&self, number: usize) -> Option<u64> {
        let pipe = self.pipes[number].as_ref()?;
        for attempt in 0..TRIES {
            let before = self.memory.load(READ_AT[number]);
            if before.is_multiple_of(2) {
                let unread = unread(pipe).ok()?;
                if self.memory.load(READ_AT[number]) == before {
                    return Some(before / 2 + unread);
                }
            }
            if attempt >= AT_ONCE {
                std::thread::sleep(PAUSE);
            }
        }
        None
    }

    fn store(&self, offset: usize, word: u64) {
        Memory::store(&self.memory, offset, &word.to_ne_bytes());
    }
}

/// Whose some output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The worker's, before it had loaded the jugfile.
    Loading,
    /// That of a task whose name is in this record.
    Task(u64),
    /// Nobody's, or nobody knows whose.
    Unknown,
}

/// Whole lines of one origin.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Whether they were printed before the jugfile was loaded.
    pub is_starting: bool,
    /// The name of the task that printed them; empty where that is not certain.
    pub task: String,
    /// The lines.
    pub text: Vec<u8>,
}

/// The supervisor's side.
#[derive(Debug)]
pub struct MarkReader {
    memory: Arc<SharedMemory>,
    /// Of each pipe how many bytes were read, how many of these were given away, and the mark that comes next.
    read: [u64; 2],
    given: [u64; 2],
    next: [u64; 2],
    names: HashMap<u64, String>,
}

impl MarkReader {
    /// For the worker whose slot is in this file.
    ///
    /// # Errors
    ///
    /// Where it cannot be mapped.
    pub fn of(slot: &File) -> io::Result<MarkReader> {
        let memory = Arc::new(SharedMemory::of(slot)?);
        Ok(MarkReader { memory, read: [0; 2], given: [0; 2], next: [0; 2], names: HashMap::new() })
    }

    /// Something is read from the pipe of this number; how many bytes that are, `read` returns beside what else it does.
    pub fn counting<T>(&mut self, number: usize, read: impl FnOnce() -> (T, usize)) -> T {
        self.store_read(number, self.read[number] * 2 + 1);
        let (result, count) = read();
        self.read[number] += count as u64;
        self.store_read(number, self.read[number] * 2);
        result
    }

    fn store_read(&self, number: usize, word: u64) {
        Memory::store(&self.memory, READ_AT[number], &word.to_ne_bytes());
    }

    /// The next lines of that pipe, by where they come from.
    pub fn parts(&mut self, number: usize, text: &[u8]) -> Vec<Part> {
        let mut parts: Vec<(Origin, Vec<u8>)> = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let origin = self.origin(number, line.len() as u64);
            match parts.last_mut() {
                Some((last, text)) if *last == origin => text.extend(line),
                _ => parts.push((origin, line.to_vec())),
            }
        }
        parts
            .into_iter()
            .map(|(origin, text)| Part {
                is_starting: origin == Origin::Loading,
                task: self.name(origin),
                text,
            })
            .collect()
    }

    /// That of the next line, which has so many bytes.
    fn origin(&mut self, number: usize, length: u64) -> Origin {
        let start = self.given[number];
        let end = start + length;
        self.given[number] = end;
        // Who printed this has made its mark before.
        let count = self.memory.load(COUNT_AT);
        let next = &mut self.next[number];
        *next = (*next).max(count.saturating_sub(RING as u64 / 2));
        while *next < count && self.memory.load(place_of(*next) + number * 8) <= start {
            *next += 1;
        }
        let next = *next;
        let is_whole = next == count || self.memory.load(place_of(next) + number * 8) >= end;
        let before = next.checked_sub(1).map(place_of);
        let (place, record) =
            before.map_or((0, 0), |at| (self.memory.load(at + number * 8), self.memory.load(at + RECORD)));
        let is_there = self.memory.load(COUNT_AT) < next.saturating_sub(1) + RING as u64;
        match (is_whole && place <= start && is_there, before, record) {
            (true, None, _) => Origin::Loading,
            (true, Some(_), 1..) => Origin::Task(record),
            _ => Origin::Unknown,
        }
    }

    fn name(&mut self, origin: Origin) -> String {
        let Origin::Task(record) = origin else { return String::new() };
        let read = || names::name_at(&self.memory, usize::try_from(record).unwrap_or(usize::MAX));
        self.names.entry(record).or_insert_with(read).clone()
    }
}

fn place_of(mark: u64) -> usize {
    RING_AT + usize::try_from(mark % RING as u64).unwrap_or(0) * MARK
}
