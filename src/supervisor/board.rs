//! What all workers of a supervisor share: whether they are to stop, and which task each of them is in, or died in.
//!
//! A task whose worker died is claimed by nobody any more, and another worker may claim it before the supervisor has said how
//! it died, or before that is stored. So who has claimed a task asks here whether it still belongs to another worker of the
//! same supervisor: it is in the row of that one, which outlives it, and from the moment on in which the supervisor takes note
//! of the death it is among the deaths, until that is stored.
//!
//! Words of eight bytes in the order of this host:
//!
//! | offset | word |
//! |---|---|
//! | 0 | whether nothing new is to start |
//! | 8 | how many tasks have begun that a limit over all workers counts |
//! | 16 | the highest number of a worker |
//! | 24 | how many entries of deaths were ever used |
//! | 64 | deaths: an entry of five words each, 1 and the task's key; 0 where it is free |
//! | 32768 | rows, by the number of the worker: five words each, a sequence number and the key of the task that runs, or zeros |
//!
//! A row whose sequence number is odd is being written: its worker has no task yet, and has stored what it ran before.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::Key;
use crate::os::Memory;
use crate::os::memory::{SharedMemory, memory_file};

const STOP_AT: usize = 0;
const BEGUN_AT: usize = 8;
const HIGHEST_AT: usize = 16;
const DEATHS_AT: usize = 24;
const FIRST_DEATH_AT: usize = 64;
const FIRST_ROW_AT: usize = 32768;
/// The words of an entry and of a row, in bytes.
const ENTRY: usize = 40;
/// How many deaths there is room for. Of more than these, another worker may try the task before they are stored.
const MOST_DEATHS: usize = (FIRST_ROW_AT - FIRST_DEATH_AT) / ENTRY;
/// How many workers have rows.
const MOST_ROWS: u32 = 1 << 16;
const NOTHING: [u8; 32] = [0; 32];

/// The board of a supervisor, in its own process or in a worker.
#[derive(Debug)]
pub struct Board {
    memory: Arc<SharedMemory>,
}

impl Board {
    /// The file of a new board.
    ///
    /// # Errors
    ///
    /// Where the system has no files of memory, or no descriptor is left.
    pub fn create() -> io::Result<File> {
        memory_file((FIRST_ROW_AT + MOST_ROWS as usize * ENTRY) as u64)
    }

    /// The board in `file`.
    ///
    /// # Errors
    ///
    /// Where it cannot be mapped.
    pub fn open(file: &File) -> io::Result<Board> {
        Ok(Board { memory: Arc::new(SharedMemory::of(file)?) })
    }

    // --- what a supervisor says ---

    /// Tells all workers to start nothing new.
    pub fn stop_all(&self) {
        self.store(STOP_AT, 1);
    }

    /// A worker of this number is about to start.
    pub fn add_worker(&self, worker: u32) {
        self.store(HIGHEST_AT, self.memory.load(HIGHEST_AT).max(u64::from(worker)));
    }

    /// A worker has died, in the middle of that task if there was one, and has no row any more.
    pub fn add_death(&self, worker: u32, key: Option<&Key>) {
        if let Some(key) = key {
            let used = self.deaths();
            let free = (0..used).find(|entry| self.memory.load(death(*entry)) == 0).unwrap_or(used);
            if free < MOST_DEATHS {
                Memory::store(&self.memory, death(free) + 8, key.as_bytes());
                Memory::store(&self.memory, death(free), &1_u64.to_ne_bytes());
                self.store(DEATHS_AT, used.max(free + 1) as u64);
            }
        }
        self.set_row(worker, &NOTHING);
    }

    // --- what a worker says ---

    /// A worker begins with this task, or with none.
    pub fn runs(&self, worker: u32, key: Option<&Key>) {
        self.set_row(worker, key.map_or(&NOTHING, Key::as_bytes));
    }

    /// Takes note of a task that begins, and that a limit over all workers counts; which that is, from 0.
    pub fn count_begun(&self) -> u64 {
        self.memory.add(BEGUN_AT, 1)
    }

    // --- what both ask ---

    /// Whether nothing new is to start.
    pub fn is_to_stop(&self) -> bool {
        self.memory.load(STOP_AT) != 0
    }

    /// Whether it is not stored yet how a task died.
    pub fn is_unsettled(&self, key: &Key) -> bool {
        self.deaths_of(key).next().is_some()
    }

    /// It is stored how a task died, or nobody will store it.
    pub fn settle(&self, key: &Key) {
        for entry in self.deaths_of(key) {
            self.store(death(entry), 0);
        }
    }

    /// Which of these tasks, all of them claimed by `worker`, still belong to another worker.
    pub fn of_others(&self, worker: u32, keys: &[Key]) -> Vec<Key> {
        let rows = (1..=self.rows()).filter(|row| *row != worker).filter_map(|row| self.row(row));
        let others: HashSet<[u8; 32]> =
            rows.chain((0..self.deaths()).filter_map(|entry| self.death(entry))).collect();
        if others.is_empty() {
            return Vec::new();
        }
        keys.iter().filter(|key| others.contains(key.as_bytes())).copied().collect()
    }

    fn deaths_of(&self, key: &Key) -> impl Iterator<Item = usize> {
        (0..self.deaths()).filter(|entry| self.death(*entry).as_ref() == Some(key.as_bytes()))
    }

    fn death(&self, entry: usize) -> Option<[u8; 32]> {
        (self.memory.load(death(entry)) == 1).then(|| self.key_at(death(entry) + 8))
    }

    /// The task in a row; `None` where there is none.
    fn row(&self, worker: u32) -> Option<[u8; 32]> {
        let at = row(worker)?;
        let before = self.memory.load(at);
        let key = self.key_at(at + 8);
        (before.is_multiple_of(2) && self.memory.load(at) == before && key != NOTHING).then_some(key)
    }

    fn set_row(&self, worker: u32, key: &[u8; 32]) {
        let Some(at) = row(worker) else { return };
        // Who was killed in the middle has left an odd number.
        let before = self.memory.load(at) & !1;
        self.store(at, before + 1);
        Memory::store(&self.memory, at + 8, key);
        self.store(at, before + 2);
    }

    fn key_at(&self, offset: usize) -> [u8; 32] {
        let mut key = NOTHING;
        let (words, _) = key.as_chunks_mut::<8>();
        for (number, word) in words.iter_mut().enumerate() {
            *word = self.memory.load(offset + number * 8).to_ne_bytes();
        }
        key
    }

    fn deaths(&self) -> usize {
        usize::try_from(self.memory.load(DEATHS_AT)).unwrap_or(0).min(MOST_DEATHS)
    }

    fn rows(&self) -> u32 {
        u32::try_from(self.memory.load(HIGHEST_AT)).unwrap_or(u32::MAX).min(MOST_ROWS)
    }

    fn store(&self, offset: usize, word: u64) {
        Memory::store(&self.memory, offset, &word.to_ne_bytes());
    }
}

fn death(entry: usize) -> usize {
    FIRST_DEATH_AT + entry * ENTRY
}

/// Where the row of a worker is, if it has one.
fn row(worker: u32) -> Option<usize> {
    let number = worker.checked_sub(1).filter(|number| *number < MOST_ROWS)?;
    Some(FIRST_ROW_AT + number as usize * ENTRY)
}
