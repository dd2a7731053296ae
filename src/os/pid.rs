//! The id of this process, without asking the kernel each time.
//!
//! Whatever belongs to one process (locks, threads, files it alone writes) remembers its id and compares,
//! because a forked child gets a copy of it. Asking the kernel costs 0.2 us, a fifth of a claim.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::libc;

/// The id, or 0 if it is not known (any more).
static KNOWN: AtomicU32 = AtomicU32::new(0);

/// The id of this process; another one in a forked child.
pub fn id() -> u32 {
    match KNOWN.load(Ordering::Relaxed) {
        0 => ask(),
        id => id,
    }
}

#[cold]
fn ask() -> u32 {
    static HOOKED: OnceLock<bool> = OnceLock::new();
    let id = std::process::id();
    if *HOOKED.get_or_init(forget_in_children) {
        KNOWN.store(id, Ordering::Relaxed);
    }
    id
}

/// Has the id forgotten in every child that `fork` makes from now on. False if that is not possible.
#[expect(unsafe_code, reason = "no crate offers this hook")]
fn forget_in_children() -> bool {
    // SAFETY: the handler only stores to an atomic, which is allowed between fork and exec, and as a
    // function of this library it lives as long as the process: a library with threads is not unloaded.
    unsafe { libc::pthread_atfork(None, None, Some(forget)) == 0 }
}

extern "C" fn forget() {
    KNOWN.store(0, Ordering::Relaxed);
}
