//! What dead children leave behind comes to a process that is a subreaper.

use std::collections::HashSet;
use std::io;
use std::time::Instant;

use nix::sys::prctl;
use nix::sys::wait::{WaitPidFlag, waitpid};

use super::table::{Process, Table, id};
use super::tree::{MOMENT, PATIENCE, extinguish};

/// Has every process below this one that loses its parent become a child of this process, and not of the system's first one.
///
/// Never in a process of a user's own: it would have children that it does not know.
///
/// # Errors
///
/// Where the kernel knows nothing of it (before 3.4).
pub fn become_subreaper() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// The children of this process other than those that it knows; what has ended and was not reaped included.
pub fn orphans(known: &[u32]) -> Vec<u32> {
    strangers(&Table::read(), known).iter().map(|process| process.pid).collect()
}

/// Kills these and all below them, and takes the status of each by its id.
///
/// Nobody may start a child meanwhile that is not known.
pub fn kill_orphans(known: &[u32]) {
    let end = Instant::now() + PATIENCE;
    loop {
        extinguish(|table| with_all_below(table, strangers(table, known)), None);
        let left = orphans(known);
        for pid in &left {
            let _taken = waitpid(id(*pid), Some(WaitPidFlag::WNOHANG));
        }
        // What had lost its parent just then comes now.
        if left.is_empty() || Instant::now() > end {
            return;
        }
        std::thread::sleep(MOMENT);
    }
}

fn strangers(table: &Table, known: &[u32]) -> Vec<Process> {
    let known: HashSet<&u32> = known.iter().collect();
    table.children(std::process::id()).filter(|child| !known.contains(&child.pid)).copied().collect()
}

fn with_all_below(table: &Table, mut roots: Vec<Process>) -> Vec<Process> {
    let ids: Vec<u32> = roots.iter().map(|root| root.pid).collect();
    roots.extend(table.below(&ids));
    roots
}
