//! Processes that end with their parent.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, sigaction};
use nix::unistd::{getpgrp, getpid, getppid, gettid};

use super::ended;
use super::tree::extinguish;

/// How often a parent is looked at that the kernel cannot have watched.
const POLL: Duration = Duration::from_millis(100);

/// Has this process end when the process `parent` does, which started it, and with it everything below this process and all in
/// its process group.
///
/// A thread of its own waits for that: it needs no interpreter, and it outlives the thread that started this process,
/// with which the kernel's own signal goes. That signal covers the time until the thread waits.
///
/// # Errors
///
/// Where the parent has ended already, or the kernel cannot have it watched.
pub fn end_with(parent: u32) -> io::Result<()> {
    match ended::open(parent)? {
        Some(watched) => end_after(parent, move || {
            ended::wait(watched.as_fd(), None);
            // What runs here may have closed the descriptor, or have a file of its own under its number.
            poll_for_its_end(parent);
        }),
        None => end_with_by_polling(parent),
    }
}

/// The same with a leash: a pipe to which the parent has the only other end. It ends the process by closing it, and so does the
/// parent's own end. `farewell` is called first.
///
/// # Errors
///
/// Where the parent has ended already.
pub fn end_on_leash(parent: u32, leash: OwnedFd, farewell: impl FnOnce() + Send + 'static) -> io::Result<()> {
    end_after(parent, move || {
        let _closed = ended::wait(leash.as_fd(), None);
        farewell();
    })
}

/// The same where the kernel has no descriptors of processes: the parent is looked at ten times a second.
///
/// # Errors
///
/// Where the parent has ended already.
pub fn end_with_by_polling(parent: u32) -> io::Result<()> {
    end_after(parent, move || poll_for_its_end(parent))
}

/// Sleeps until this process has another parent, as it has before the descriptor of the former one can be read.
fn poll_for_its_end(parent: u32) {
    while is_child_of(parent) {
        std::thread::sleep(POLL);
    }
}

fn is_child_of(parent: u32) -> bool {
    u32::try_from(getppid().as_raw()) == Ok(parent)
}

fn end_after(parent: u32, wait: impl FnOnce() + Send + 'static) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let started = start(parent, wait);
    // The kernel would kill this process first, and nobody would be left to kill the others.
    prctl::set_pdeathsig(None)?;
    started
}

fn start(parent: u32, wait: impl FnOnce() + Send + 'static) -> io::Result<()> {
    if !is_child_of(parent) {
        return Err(Errno::ESRCH.into());
    }
    let run = move || {
        let _blocked = SigSet::all().thread_block();
        wait();
        end();
    };
    std::thread::Builder::new().name("jug-parent".to_owned()).spawn(run)?;
    Ok(())
}

/// Kills all below this process, and its group with itself.
fn end() {
    hold_threads();
    let here = std::process::id();
    extinguish(|table| table.below(&[here]), None);
    let _killed = killpg(getpgrp(), Signal::SIGKILL);
}

/// For how long the other threads are held up. One of them may have what this thread needs, such as the lock of the
/// allocator: so it is not for ever.
static HOLD: libc::timespec = libc::timespec { tv_sec: 1, tv_nsec: 500_000_000 };

/// Holds up the other threads of this process: while they run they may start more processes than can be killed.
#[expect(
    unsafe_code,
    reason = "signals to threads and their handlers are nothing that a crate can make safe"
)]
fn hold_threads() {
    let action = SigAction::new(SigHandler::Handler(hold), SaFlags::SA_RESTART, SigSet::all());
    // SAFETY: the handler makes one call, which is allowed in one. This process ends in a moment, and nobody handles
    // this signal, which is for calls that a filter makes the kernel refuse, any other way until then.
    if unsafe { sigaction(Signal::SIGSYS, &action) }.is_err() {
        return;
    }
    for entry in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let thread = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(thread) = thread.filter(|thread: &libc::pid_t| *thread != gettid().as_raw()) {
            // SAFETY: the call takes three numbers and touches no memory.
            unsafe {
                libc::syscall(libc::SYS_tgkill, getpid().as_raw(), thread, Signal::SIGSYS as libc::c_int)
            };
        }
    }
}

#[expect(unsafe_code, reason = "what the standard library offers may do more than is allowed in a handler")]
extern "C" fn hold(_signal: libc::c_int) {
    // SAFETY: the time is a constant, and no rest of it is asked for.
    unsafe { libc::nanosleep(&raw const HOLD, std::ptr::null_mut()) };
}
