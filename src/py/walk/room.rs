//! How deep a walk may go: as deep as the stack of its thread is known to allow.

use std::cell::Cell;
use std::fs;

use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{getpid, gettid};

/// So many containers and objects may stand inside one another in any thread: a level takes below a kilobyte of stack in
/// an optimised build, and secondary threads have as little as half a megabyte.
const LEVELS: usize = 400;

/// What is left for whatever is called at the deepest level.
const RESERVE: usize = 512 * 1024;

/// Of a stack without a limit so much is used.
const ENOUGH: u64 = 256 * 1024 * 1024;

thread_local! {
    /// The lowest address down to which this thread may use its stack. None if not asked yet, the highest if unknown.
    static FLOOR: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Whether one more level fits inside `levels` others.
pub(in crate::py) fn is_room_below(levels: usize) -> bool {
    levels < LEVELS || here() > FLOOR.get().unwrap_or_else(find_floor)
}

/// About where the stack ends at the moment.
fn here() -> usize {
    let local = 0_u8;
    (&raw const local).addr()
}

fn find_floor() -> usize {
    let floor = floor_of_the_main_thread().unwrap_or(usize::MAX);
    FLOOR.set(Some(floor));
    floor
}

/// None in other threads: nothing says how large their stacks are.
fn floor_of_the_main_thread() -> Option<usize> {
    if gettid() != getpid() {
        return None;
    }
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let stack = maps.lines().find(|line| line.ends_with("[stack]"))?;
    let (_, top) = stack.split_whitespace().next()?.split_once('-')?;
    let top = usize::from_str_radix(top, 16).ok()?;
    let (limit, _) = getrlimit(Resource::RLIMIT_STACK).ok()?;
    let size = usize::try_from(limit.min(ENOUGH)).ok()?;
    top.checked_sub(size)?.checked_add(RESERVE)
}
