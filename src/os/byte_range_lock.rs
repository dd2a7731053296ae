//! Byte-range locks: never waiting, and freed by the kernel the moment their process dies.
//!
//! They belong to what `open` made: whatever else this process does with the file, they are held until this descriptor is
//! closed, and in every forked child too (`os::close_on_fork` sees to that). Two openings of one file exclude each other, also
//! in one process. They exclude the locks of earlier builds, which belong to a process, and are excluded by those.
//!
//! Where the system does not have them (`F_OFD_SETLK`; Linux has them since 3.15), locks belong to the process: a second one
//! of the same byte succeeds, and closing *any* descriptor of a file gives up all that the process has on it. So a process that
//! locks a file opens it once per process all the same.

use std::io;
use std::os::fd::AsFd;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Offsets that can be locked are below this: one bit less than an unsigned integer has.
pub const OFFSET_LIMIT: u64 = 1 << 63;

/// Bytes that another process has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockHolder {
    /// The first of them.
    pub offset: u64,
    /// How many: the kernel joins neighbouring locks of one process.
    pub len: u64,
    /// The process that holds it, as seen from this one; 0 where it cannot be seen from here, and where the lock is none
    /// of a process.
    pub pid: u32,
}

/// Locks one byte for writing. False if somebody else has it; true also if this opening had it already.
///
/// The descriptor must be open for writing.
///
/// # Errors
///
/// Where the filesystem has no locks, or no more of them, or the descriptor is not open for writing.
pub fn try_lock(file: impl AsFd, offset: u64) -> io::Result<bool> {
    match set(file, &range(libc::F_WRLCK, offset, offset)) {
        Ok(()) => Ok(true),
        Err(Errno::EACCES | Errno::EAGAIN) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Gives one byte up. Nothing happens if this opening does not hold it.
///
/// # Errors
///
/// Where the filesystem has no locks.
pub fn unlock(file: impl AsFd, offset: u64) -> io::Result<()> {
    Ok(set(file, &range(libc::F_UNLCK, offset, offset))?)
}

/// Gives all bytes up that this opening holds.
///
/// # Errors
///
/// Where the filesystem has no locks.
pub fn unlock_all(file: impl AsFd) -> io::Result<()> {
    Ok(set(file, &range(libc::F_UNLCK, 0, OFFSET_LIMIT - 1))?)
}

/// Whether somebody else holds this byte. Locks of this opening do not show.
///
/// # Errors
///
/// Where the filesystem has no locks.
pub fn holder(file: impl AsFd, offset: u64) -> io::Result<Option<LockHolder>> {
    query(file, offset, offset)
}

/// All locks that others hold, by offset.
///
/// The kernel keeps a file's locks sorted by owner, so its answer for a range is some lock in it and
/// not the first one: each answer splits the range in two that are asked again.
///
/// # Errors
///
/// Where the filesystem has no locks.
pub fn holders(file: impl AsFd) -> io::Result<Vec<LockHolder>> {
    let file = file.as_fd();
    let mut found = Vec::new();
    let mut ranges = vec![(0, OFFSET_LIMIT - 1)];
    while let Some((first, last)) = ranges.pop() {
        let Some(held) = query(file, first, last)? else { continue };
        if held.offset > first {
            ranges.push((first, held.offset - 1));
        }
        let end = held.offset + (held.len - 1);
        if end < last {
            ranges.push((end + 1, last));
        }
        found.push(held);
    }
    found.sort_unstable_by_key(|held| held.offset);
    Ok(found)
}

/// Some lock of somebody else on the bytes `first..=last`, cut to them.
fn query(file: impl AsFd, first: u64, last: u64) -> io::Result<Option<LockHolder>> {
    let mut lock = range(libc::F_WRLCK, first, last);
    ask(file, &mut lock)?;
    if libc::c_int::from(lock.l_type) == libc::F_UNLCK {
        return Ok(None);
    }
    let start = u64::try_from(lock.l_start).unwrap_or(0);
    let len = u64::try_from(lock.l_len).ok().filter(|len| *len > 0).unwrap_or(OFFSET_LIMIT);
    let end = last.min(start.saturating_add(len - 1));
    let offset = start.clamp(first, end);
    Ok(Some(LockHolder { offset, len: end - offset + 1, pid: u32::try_from(lock.l_pid).unwrap_or(0) }))
}

#[cfg(target_os = "linux")]
fn set(file: impl AsFd, lock: &libc::flock) -> nix::Result<()> {
    if !LACKING.load(Ordering::Relaxed) {
        match fcntl(&file, FcntlArg::F_OFD_SETLK(lock)) {
            Err(Errno::EINVAL) => LACKING.store(true, Ordering::Relaxed),
            done => return done.map(|_| ()),
        }
    }
    fcntl(file, FcntlArg::F_SETLK(lock)).map(|_| ())
}

#[cfg(target_os = "linux")]
fn ask(file: impl AsFd, lock: &mut libc::flock) -> nix::Result<()> {
    if !LACKING.load(Ordering::Relaxed) {
        match fcntl(&file, FcntlArg::F_OFD_GETLK(lock)) {
            Err(Errno::EINVAL) => LACKING.store(true, Ordering::Relaxed),
            done => return done.map(|_| ()),
        }
    }
    fcntl(file, FcntlArg::F_GETLK(lock)).map(|_| ())
}

/// Whether the system, an old one or one that is imitated, turned out to have locks of processes only.
#[cfg(target_os = "linux")]
static LACKING: AtomicBool = AtomicBool::new(false);

#[cfg(not(target_os = "linux"))]
fn set(file: impl AsFd, lock: &libc::flock) -> nix::Result<()> {
    fcntl(file, FcntlArg::F_SETLK(lock)).map(|_| ())
}

#[cfg(not(target_os = "linux"))]
fn ask(file: impl AsFd, lock: &mut libc::flock) -> nix::Result<()> {
    fcntl(file, FcntlArg::F_GETLK(lock)).map(|_| ())
}

fn range(kind: libc::c_int, first: u64, last: u64) -> libc::flock {
    // A length of 0 means "to the end of all offsets"; the whole range has no other name.
    let len = if first == 0 && last >= OFFSET_LIMIT - 1 { 0 } else { last - first + 1 };
    libc::flock {
        l_type: short(kind),
        l_whence: short(libc::SEEK_SET),
        l_start: signed(first),
        l_len: signed(len),
        l_pid: 0,
    }
}

/// The system's constants are `int` in its headers and `short` in its structure.
fn short(constant: libc::c_int) -> libc::c_short {
    libc::c_short::try_from(constant).unwrap_or(libc::c_short::MAX)
}

fn signed(offset: u64) -> libc::off_t {
    libc::off_t::try_from(offset).unwrap_or(libc::off_t::MAX)
}
