//! Which processes there are and who started them, as `/proc` tells it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process as it was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The process that started it, or that got it when this one ended; 0 for none that can be seen from here.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// When it began, in clock ticks since boot: with the id, no other process is like it.
    pub start: u64,
    state: u8,
}

impl Process {
    /// The process with this id; `None` if there is none.
    pub fn with_id(pid: u32) -> Option<Process> {
        // The line has 52 fields, nearly all of them numbers that are seldom long.
        let mut line = [0; 2048];
        let length = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
        Process::parse(line.get(..length)?)
    }

    /// Reads the line that is in `/proc/<pid>/stat`.
    ///
    /// The second field is the program's name in parentheses, which may hold any bytes, blanks and parentheses too.
    pub fn parse(line: &[u8]) -> Option<Process> {
        let name =
            line.iter().position(|byte| *byte == b'(')?..line.iter().rposition(|byte| *byte == b')')?;
        let pid = str::from_utf8(&line[..name.start]).ok()?.trim().parse().ok()?;
        let mut fields = str::from_utf8(&line[name.end + 1..]).ok()?.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        // Those of another namespace of ids are in a group that has no number here.
        let group = fields.next()?.parse().unwrap_or(0);
        let start = fields.nth(16)?.parse().ok()?;
        Some(Process { pid, parent, group, start, state })
    }

    /// Whether it has ended, and only waits for its parent to notice.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Whether it does nothing at the moment that could start another process: it is stopped, or sleeps in the kernel and
    /// sees no signal until it has what it waits for.
    pub(super) fn is_still(&self) -> bool {
        self.is_dead() || matches!(self.state, b'T' | b't' | b'D')
    }

    /// Whether it is there still and has not ended.
    pub(super) fn is_alive(&self) -> bool {
        Process::with_id(self.pid).is_some_and(|now| now.start == self.start && !now.is_dead())
    }

    /// Sends it a signal; false if it has ended, or is none of this user's.
    pub(super) fn signal(&self, signal: Signal) -> bool {
        // Looked at just before, so that no other process that has got its number since is meant.
        self.is_alive() && kill(id(self.pid), signal).is_ok()
    }
}

/// An id as the system's calls take it; one of no process if it is too large.
pub(super) fn id(pid: u32) -> Pid {
    // 0 and negative numbers would mean groups.
    Pid::from_raw(i32::try_from(pid).ok().filter(|pid| *pid > 0).unwrap_or(i32::MAX))
}

/// All processes that can be seen from here, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Table {
    processes: Vec<Process>,
    /// Where in it the children of each are.
    children: HashMap<u32, Vec<usize>>,
}

impl Table {
    /// Looks at all. A process that ends meanwhile is in it or not; without `/proc` there is none.
    pub fn read() -> Table {
        let mut table = Table::default();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(process) = pid.and_then(Process::with_id) {
                table.children.entry(process.parent).or_default().push(table.processes.len());
                table.processes.push(process);
            }
        }
        table
    }

    /// Everything below these, parents before their children.
    pub fn below(&self, roots: &[u32]) -> Vec<Process> {
        let mut found: Vec<Process> = Vec::new();
        let mut seen: HashSet<u32> = roots.iter().copied().collect();
        let mut next = 0;
        for root in roots {
            self.add_children(*root, &mut seen, &mut found);
            while let Some(parent) = found.get(next) {
                next += 1;
                self.add_children(parent.pid, &mut seen, &mut found);
            }
        }
        found
    }

    /// A process and everything below it, and what else is in the group that it leads, with everything below that; parents
    /// before their children.
    pub(super) fn family(&self, leader: u32) -> Vec<Process> {
        let mut family: Vec<Process> = self.processes.iter().filter(|it| it.pid == leader).copied().collect();
        family.extend(self.below(&[leader]));
        let known: HashSet<u32> = family.iter().map(|it| it.pid).collect();
        let is_other = |it: &&Process| it.group == leader && !known.contains(&it.pid);
        let others: Vec<Process> = self.processes.iter().filter(is_other).copied().collect();
        let ids: Vec<u32> = others.iter().map(|it| it.pid).collect();
        family.extend(others);
        family.extend(self.below(&ids));
        family
    }

    /// The children of a process.
    pub(super) fn children(&self, parent: u32) -> impl Iterator<Item = &Process> {
        self.children.get(&parent).into_iter().flatten().map(|at| &self.processes[*at])
    }

    fn add_children(&self, parent: u32, seen: &mut HashSet<u32>, found: &mut Vec<Process>) {
        // Who ended while the table was made may have left its number to another one: nobody is met twice.
        found.extend(self.children(parent).filter(|child| seen.insert(child.pid)));
    }
}

/// The ids of all processes below this one, parents before their children; what has ended and was not reaped included.
pub fn descendants(root: u32) -> Vec<u32> {
    Table::read().below(&[root]).iter().map(|process| process.pid).collect()
}
