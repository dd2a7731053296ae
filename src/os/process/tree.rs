//! The end of many processes at a time, none of which may get away meanwhile.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::table::{Process, Table};

/// How long processes may take to end once they were killed. Who takes longer is held up by a disk, and will end.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long they may take to stop.
const STOPPING: Duration = Duration::from_millis(200);

/// How long to sleep before they are looked at again.
pub(super) const MOMENT: Duration = Duration::from_micros(500);

/// Kills what `find` finds until it finds nothing that lives; `last` is held up meanwhile and not killed.
///
/// All are stopped first: who runs may start another process while its children are killed, and who has lost its parent is
/// found no more. For the same reason children are killed before their parents.
pub(super) fn extinguish(find: impl Fn(&Table) -> Vec<Process>, last: Option<u32>) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let mut killed = stop(&find);
        killed.retain(|process| Some(process.pid) != last);
        killed.reverse();
        // What is left after that are processes of other users.
        killed.retain(|process| process.signal(Signal::SIGKILL));
        if killed.is_empty() {
            break;
        }
        while Instant::now() < end && killed.iter().any(Process::is_alive) {
            std::thread::sleep(MOMENT);
        }
    }
}

/// Stops them and what they start until then.
fn stop(find: &impl Fn(&Table) -> Vec<Process>) -> Vec<Process> {
    let end = Instant::now() + STOPPING;
    let mut asked = HashSet::new();
    loop {
        let mut found = find(&Table::read());
        found.retain(|process| !process.is_dead());
        for process in &found {
            if asked.insert((process.pid, process.start)) {
                process.signal(Signal::SIGSTOP);
            }
        }
        if found.iter().all(Process::is_still) || Instant::now() > end {
            return found;
        }
        std::thread::sleep(MOMENT);
    }
}
