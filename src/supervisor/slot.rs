//! What a supervised worker says of its work: a status slot, and counts by the name of tasks, in a file of memory.
//!
//! Words of eight bytes in the order of this host, as both processes are on it. After the status slot:
//!
//! | offset | word |
//! |---|---|
//! | 512 | phase |
//! | 520 | limit of the time of the task that runs, in nanoseconds; 0: none |
//! | 528 | the shortest such limit of any task, in nanoseconds; 0: none |
//! | 536 | bytes of the records of names |
//! | 544 | how many times the jugfile was loaded |
//! | 552 | whether there will be more tasks than those of the latest load |
//! | 560 | limit of the memory of the task that runs, in bytes; 0: none |
//! | 568 | whether any task has such a limit |
//! | 576 | when the task began whose limits these are, by the clock of all processes, in nanoseconds |
//! | 1024 | which task printed what (see [`super::marks`]) |
//! | 524288 | records of names, one after the other (see [`super::names`]) |

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::board::Board;
use super::marks::Marker;
use super::names::{
    EXECUTED, FAILED, FINISHED, LENGTH, NAME_LENGTH, NAMES_AT, NAMES_LENGTH_AT, RECORD, SPENT, TOTAL,
};
use crate::Key;
use crate::os::memory::{SharedMemory, memory_file};
use crate::os::{Memory, local};
use crate::status_slot::{self, Activity, StatusSlot};

const PHASE_AT: usize = 512;
const TIME_LIMIT_AT: usize = 520;
const SHORTEST_LIMIT_AT: usize = 528;
const LOADS_AT: usize = 544;
const HAS_MORE_AT: usize = 552;
const MEMORY_LIMIT_AT: usize = 560;
const LIMITS_MEMORY_AT: usize = 568;
const LIMITS_OF_AT: usize = 576;
/// How many words there are from the phase on.
const WORDS: usize = (LIMITS_OF_AT - PHASE_AT) / 8 + 1;

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The interpreter starts, or the jugfile is loaded for the first time.
    Starting = 0,
    /// It works.
    Working = 1,
    /// It has done what it could, and ends by itself.
    Ended = 2,
    /// The same, and another one is to take its place.
    Retired = 3,
    /// A signal has asked it to end, and it has given back what it ran.
    Interrupted = 4,
}

/// What a worker said, as its supervisor reads it.
#[derive(Debug)]
pub struct WorkerReport {
    /// How far it is.
    pub phase: Phase,
    /// Whether it has loaded the jugfile.
    pub has_loaded: bool,
    /// Whether there will be more tasks than those of the latest load.
    pub has_more: bool,
    /// What it runs, or ran when it died.
    pub activity: Activity,
    /// How long the task may run that runs.
    pub time_limit: Option<Duration>,
    /// The shortest limit of any of its tasks.
    pub shortest_limit: Option<Duration>,
    /// How many bytes of memory the task may take that runs.
    pub memory_limit: Option<u64>,
    /// Whether any of its tasks has a limit of memory.
    pub limits_memory: bool,
}

/// The slot of this process, which is a supervised worker.
#[derive(Debug)]
pub struct WorkerSlot {
    slot: Arc<StatusSlot>,
    memory: Arc<SharedMemory>,
    marker: Option<Marker>,
    board: Board,
    /// The number of the worker.
    worker: u32,
    /// Where the record of each name is.
    records: HashMap<String, usize>,
    end: usize,
    /// For each node of the graph of the latest load, where the record of its name is, and how many tasks it stands for.
    nodes: Vec<(usize, u64)>,
    /// The task that began last, until its time is counted.
    timed: Option<Timed>,
}

/// A task whose time is to be counted.
#[derive(Debug)]
struct Timed {
    /// The record of its name.
    record: usize,
    began: Instant,
    /// Whether it has a result by now: the time of others does not count.
    has_result: bool,
}

impl WorkerSlot {
    /// A new slot, and the file for it.
    ///
    /// # Errors
    ///
    /// Where the system has no files of memory, or no descriptor is left.
    pub fn create() -> io::Result<File> {
        let file = memory_file(LENGTH as u64)?;
        let host = local();
        let date = host.date().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        file.write_all_at(&StatusSlot::idle((host.now(), host.uptime()), date), 0)?;
        Ok(file)
    }

    /// The slot in `file` of the worker of this number, and the board that all workers share.
    ///
    /// # Errors
    ///
    /// Where they cannot be mapped.
    pub fn open(file: &File, board: &File, worker: u32) -> io::Result<WorkerSlot> {
        let host = local();
        let memory = Arc::new(SharedMemory::of(file)?);
        let slot = StatusSlot::new(Box::new(Arc::clone(&memory)), (host.now(), host.uptime()));
        let board = Board::open(board)?;
        Ok(WorkerSlot {
            slot,
            memory,
            marker: None,
            board,
            worker,
            records: HashMap::new(),
            end: NAMES_AT,
            nodes: Vec::new(),
            timed: None,
        })
    }

    /// Says how far this worker is.
    pub fn set_phase(&self, phase: Phase) {
        self.store(PHASE_AT, phase as u64);
    }

    /// Says whether there will be more tasks than those that are loaded: the jugfile ended at a barrier.
    pub fn set_more(&self, has_more: bool) {
        self.store(HAS_MORE_AT, u64::from(has_more));
    }

    /// Whether its supervisor wants nothing new to start.
    pub fn is_to_stop(&self) -> bool {
        self.board.is_to_stop()
    }

    /// Takes note of a task that begins, and that a limit over all workers counts; which that is, from 0.
    pub fn count_begun(&self) -> u64 {
        self.board.count_begun()
    }

    /// A jugfile was loaded: the name of each node of its graph, and how many tasks it stands for.
    pub fn load<'a>(
        &mut self,
        nodes: impl Iterator<Item = (&'a str, u64)>,
        shortest_limit: Option<Duration>,
    ) {
        let known: Vec<usize> = self.records.values().copied().collect();
        for record in known {
            self.store(record + TOTAL, 0);
            self.store(record + FINISHED, 0);
        }
        self.nodes.clear();
        for (name, tasks) in nodes {
            let record = match self.records.get(name) {
                Some(record) => *record,
                None => self.add_name(name),
            };
            self.add(record + TOTAL, tasks);
            self.nodes.push((record, tasks));
        }
        self.store(SHORTEST_LIMIT_AT, nanoseconds(shortest_limit));
        self.add(LOADS_AT, 1);
        self.marker.iter_mut().for_each(Marker::loaded);
        self.set_phase(Phase::Working);
    }

    /// Says whether any of the tasks has a limit of memory.
    pub fn set_limits_memory(&self, limits_memory: bool) {
        self.store(LIMITS_MEMORY_AT, u64::from(limits_memory));
    }

    /// The task that starts next may take so many bytes of memory.
    pub fn limit_memory(&self, limit: Option<u64>) {
        self.store(LIMITS_OF_AT, 0);
        self.store(MEMORY_LIMIT_AT, limit.unwrap_or(0));
    }

    /// The task `node` starts now. Of a long name the beginning is kept. Whether [`WorkerSlot::goes_on`] is to be called for it.
    pub fn starts(
        &mut self,
        node: usize,
        key: &Key,
        name: &str,
        attempt: u32,
        limit: Option<Duration>,
    ) -> bool {
        debug_assert!(node < self.nodes.len());
        let now = Instant::now();
        self.count_time(now);
        let record = self.nodes.get(node).map(|(record, _)| *record);
        self.timed = record.map(|record| Timed { record, began: now, has_result: false });
        self.store(LIMITS_OF_AT, 0);
        self.store(TIME_LIMIT_AT, nanoseconds(limit));
        // Before the supervisor can see it: a death in between is nobody's.
        self.board.runs(self.worker, Some(key));
        let began = self.slot.runs(key, name, attempt, now);
        self.store(LIMITS_OF_AT, nanoseconds(Some(began)));
        record.zip(self.marker.as_mut()).is_some_and(|(record, marker)| marker.starts(record, now))
    }

    /// The task `node` was executed, and has a result.
    pub fn executed(&mut self, node: usize) {
        if let Some((record, tasks)) = self.nodes.get(node) {
            self.add(record + EXECUTED, 1);
            self.add(record + FINISHED, *tasks);
        }
        // The clock is not asked for it: the next task asks, and is not far.
        if let Some(timed) = &mut self.timed {
            timed.has_result = true;
        }
    }

    /// The task `node` has failed.
    pub fn failed(&self, node: usize) {
        if let Some((record, _)) = self.nodes.get(node) {
            self.add(record + FAILED, 1);
        }
    }

    /// These tasks have results that others stored.
    pub fn found(&self, nodes: &[usize]) {
        for (record, tasks) in nodes.iter().filter_map(|node| self.nodes.get(*node)) {
            self.add(record + FINISHED, *tasks);
        }
    }

    /// Nothing runs.
    pub fn rests(&mut self) {
        self.pauses();
        self.count_time(Instant::now());
        self.slot.rests(status_slot::Counts::default());
        self.board.runs(self.worker, None);
    }

    /// Has the supervisor know what is written to these two, stdout and stderr of this process, before it has loaded a jugfile and,
    /// where `marks_tasks`, by each of its tasks.
    pub fn mark_output(&mut self, pipes: [BorrowedFd<'_>; 2], marks_tasks: bool) {
        self.marker = Some(Marker::new(Arc::clone(&self.memory), pipes, marks_tasks));
    }

    /// What is written from now on is of no task.
    pub fn pauses(&mut self) {
        self.marker.iter_mut().for_each(Marker::pauses);
    }

    /// What is written from now on is of the task that began last.
    pub fn goes_on(&mut self) {
        self.marker.iter_mut().for_each(Marker::goes_on);
    }

    /// Which of these tasks, all of them claimed here, still belong to another worker of the supervisor: it died, and how is
    /// not stored yet.
    pub fn of_others(&self, keys: &[Key]) -> Vec<Key> {
        self.board.of_others(self.worker, keys)
    }

    /// It is stored how the worker died that ran this task before.
    pub fn settle(&self, key: &Key) {
        self.board.settle(key);
    }

    /// Adds the time of the task that began last, if it has a result.
    fn count_time(&mut self, now: Instant) {
        if let Some(Timed { record, began, has_result: true }) = self.timed.take() {
            self.add(record + SPENT, nanoseconds(Some(now.saturating_duration_since(began))));
        }
    }

    fn add_name(&mut self, name: &str) -> usize {
        let padded = name.len().next_multiple_of(8);
        if self.end + RECORD + padded > self.memory.len() {
            // More names than anybody reads: the last one stands for all that are left.
            return self.records.values().copied().max().unwrap_or(NAMES_AT);
        }
        let record = self.end;
        self.end += RECORD + padded;
        self.store(record + NAME_LENGTH, name.len() as u64);
        let mut bytes = name.as_bytes().to_vec();
        bytes.resize(padded, 0);
        Memory::store(&self.memory, record + RECORD, &bytes);
        self.store(NAMES_LENGTH_AT, (self.end - NAMES_AT) as u64);
        self.records.insert(name.to_owned(), record);
        record
    }

    fn store(&self, offset: usize, word: u64) {
        Memory::store(&self.memory, offset, &word.to_ne_bytes());
    }

    /// Only this process changes that word.
    fn add(&self, offset: usize, number: u64) {
        self.store(offset, self.memory.load(offset).saturating_add(number));
    }
}

/// What the worker `id` says in its slot.
///
/// # Errors
///
/// Where it cannot be read.
pub fn report(id: &str, file: &File) -> io::Result<WorkerReport> {
    // Each read is a call of the system, and a supervisor looks at all slots whenever a worker prints something.
    let words = || -> io::Result<[u64; WORDS]> {
        let mut bytes = [0; 8 * WORDS];
        file.read_exact_at(&mut bytes, PHASE_AT as u64)?;
        let (words, _) = bytes.as_chunks();
        Ok(std::array::from_fn(|at| u64::from_ne_bytes(words[at])))
    };
    let before = words()?;
    let activity = status_slot::read(id, |head| file.read_exact_at(head, 0).map(|()| head.len()));
    let after = words()?;
    let word = |offset: usize| after[(offset - PHASE_AT) / 8];
    let limit = |word: u64| (word > 0).then(|| Duration::from_nanos(word));
    // Between two tasks these may be the limits of the next one.
    let began = match &activity {
        Activity::Running(run) => nanoseconds(Some(run.uptime)),
        Activity::Idle | Activity::Unknown => 0,
    };
    let are_the_same = |offset: usize| word(offset) == before[(offset - PHASE_AT) / 8];
    let are_its_own = word(LIMITS_OF_AT) == began
        && [LIMITS_OF_AT, TIME_LIMIT_AT, MEMORY_LIMIT_AT].into_iter().all(are_the_same);
    Ok(WorkerReport {
        phase: match word(PHASE_AT) {
            0 => Phase::Starting,
            2 => Phase::Ended,
            3 => Phase::Retired,
            4 => Phase::Interrupted,
            _ => Phase::Working,
        },
        has_loaded: word(LOADS_AT) > 0,
        has_more: word(HAS_MORE_AT) > 0,
        activity,
        time_limit: limit(word(TIME_LIMIT_AT)).filter(|_| are_its_own),
        shortest_limit: limit(word(SHORTEST_LIMIT_AT)),
        memory_limit: Some(word(MEMORY_LIMIT_AT)).filter(|bytes| *bytes > 0 && are_its_own),
        limits_memory: word(LIMITS_MEMORY_AT) > 0,
    })
}

fn nanoseconds(time: Option<Duration>) -> u64 {
    time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1))
}
