//! What a supervisor waits for.

use std::time::Duration;

use super::capture::Printed;
use super::slot::Phase;
use crate::os::process::End;
use crate::status_slot::Run;

/// Why a supervisor killed a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The task ran longer than this.
    Time(Duration),
    /// The worker, with all below it, had so many bytes of memory.
    Memory(u64),
}

/// What a supervisor waits for.
#[derive(Debug)]
pub enum Event {
    /// A worker printed whole lines, or what was left of one when it ended.
    Output {
        /// The worker's number; 0: the server that forks workers.
        worker: u32,
        /// Whether to stderr.
        is_error: bool,
        /// Whether it had not loaded the jugfile by then.
        is_starting: bool,
        /// The name of the task that printed it; empty where that is not certain.
        task: String,
        /// The lines.
        text: Vec<u8>,
    },
    /// A worker wrote a note.
    Note {
        /// The worker's number.
        worker: u32,
        /// What it says.
        text: Vec<u8>,
    },
    /// A worker ended, and nothing is left of it.
    Ended(Box<Ended>),
    /// A signal came.
    Signal(i32),
    /// Workers are forked from now on, or why they are not.
    Prepared(Result<(), String>),
}

/// How a worker ended.
#[derive(Debug)]
pub struct Ended {
    /// Its number.
    pub worker: u32,
    /// Its process.
    pub pid: u32,
    /// How its process ended.
    pub end: End,
    /// How far it was.
    pub phase: Phase,
    /// The task that ran, and for how long it had.
    pub run: Option<(Run, Duration)>,
    /// Why it was killed, if it was for what that task did.
    pub limit: Option<Limit>,
    /// How many bytes of memory its tasks had left for which it was replaced, if it was.
    pub left: Option<u64>,
    /// Whether the system has killed something for want of memory while it lived.
    pub memory_ran_out: bool,
    /// What it wrote into its mail and about faults.
    pub mail: Vec<u8>,
    /// See `mail`.
    pub faults: Vec<u8>,
    /// What the task printed, if that is kept, or whoever printed last.
    pub printed: Option<Printed>,
}

/// What a worker does that lives.
#[derive(Debug)]
pub struct Running {
    /// Its number.
    pub worker: u32,
    /// Its process.
    pub pid: u32,
    /// The task that runs, and for how long it has.
    pub run: Option<(Run, Duration)>,
}
