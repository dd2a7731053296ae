//! How deep a walk may go: as deep as the stack of its thread allows.

use std::cell::Cell;
use std::fs;

use nix::sys::resource::{Resource, getrlimit};

/// So many containers and objects may stand inside one another where nothing says how large the stack is: a level takes
/// below a kilobyte of it in an optimised build, and secondary threads have as little as half a megabyte.
const LEVELS: usize = 400;

/// So many may in any thread, however deep it is in its stack already.
const FEW: usize = 16;

/// What is left for whatever is called at the deepest level; of a small stack a quarter.
const RESERVE: usize = 512 * 1024;

/// Of a stack without a limit so much is used.
const ENOUGH: u64 = 256 * 1024 * 1024;

/// Stands for the end of a stack that nothing is known of.
const UNKNOWN: usize = usize::MAX;

thread_local! {
    /// The lowest address down to which this thread may use its stack, once it is asked for.
    static FLOOR: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Whether one more level fits inside `levels` others.
pub(in crate::py) fn can_nest(levels: usize) -> bool {
    levels < FEW
        || match FLOOR.get().unwrap_or_else(find_floor) {
            UNKNOWN => levels < LEVELS,
            floor => here() > floor,
        }
}

/// About where the stack ends now.
fn here() -> usize {
    let local = 0_u8;
    (&raw const local).addr()
}

fn find_floor() -> usize {
    let floor = end_of_the_stack().unwrap_or(UNKNOWN);
    FLOOR.set(Some(floor));
    floor
}

fn end_of_the_stack() -> Option<usize> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let (line, lowest, top) = maps.lines().find_map(mapping_here)?;
    let size = if line.ends_with("[stack]") {
        // What is mapped of the main thread's stack grows with it.
        let (limit, _) = getrlimit(Resource::RLIMIT_STACK).ok()?;
        usize::try_from(limit.min(ENOUGH)).ok()?
    } else {
        // Below that of another thread is a page without access.
        top - lowest
    };
    top.checked_sub(size)?.checked_add(RESERVE.min(size / 4))
}

/// A line about a mapping with its first address and the first behind it, if this thread's stack is in there.
fn mapping_here(line: &str) -> Option<(&str, usize, usize)> {
    let (low, top) = line.split_whitespace().next()?.split_once('-')?;
    let (low, top) = (usize::from_str_radix(low, 16).ok()?, usize::from_str_radix(top, 16).ok()?);
    (low..top).contains(&here()).then_some((line, low, top))
}
