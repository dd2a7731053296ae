//! POSIX byte-range locks: never waiting, and freed by the kernel the moment their process dies.
//!
//! They belong to the process, not to the descriptor: a second lock of the same byte by the same
//! process succeeds, a forked child holds none of its parent's, and closing *any* descriptor of a
//! file gives up every lock the process has on it. Whoever locks a file opens it once per process.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Offsets that can be locked are below this: one bit less than an unsigned integer has.
pub const OFFSET_LIMIT: u64 = 1 << 63;

/// Bytes that another process has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The first of them.
    pub offset: u64,
    /// How many: the kernel joins neighbouring locks of one process.
    pub len: u64,
    /// The process that holds it, as seen from this one; 0 where it cannot be seen from here.
    pub pid: u32,
}

/// Locks one byte for writing. False if another process has it; true also if this one had it already.
///
/// The descriptor must be open for writing.
pub fn try_lock(file: impl AsFd, offset: u64) -> io::Result<bool> {
    match fcntl(file, FcntlArg::F_SETLK(&range(libc::F_WRLCK, offset, offset))) {
        Ok(_) => Ok(true),
        Err(Errno::EACCES | Errno::EAGAIN) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Gives one byte up. Nothing happens if this process does not hold it.
pub fn unlock(file: impl AsFd, offset: u64) -> io::Result<()> {
    fcntl(file, FcntlArg::F_SETLK(&range(libc::F_UNLCK, offset, offset)))?;
    Ok(())
}

/// Whether another process holds this byte. This process's own locks do not show.
pub fn holder(file: impl AsFd, offset: u64) -> io::Result<Option<Held>> {
    query(file, offset, offset)
}

/// All locks that other processes hold, by offset.
///
/// The kernel keeps a file's locks sorted by owner, so its answer for a range is some lock in it and
/// not the first one: each answer splits the range in two that are asked again.
pub fn holders(file: impl AsFd) -> io::Result<Vec<Held>> {
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

/// Some lock of another process on the bytes `first..=last`, cut to them.
fn query(file: impl AsFd, first: u64, last: u64) -> io::Result<Option<Held>> {
    let mut lock = range(libc::F_WRLCK, first, last);
    fcntl(file, FcntlArg::F_GETLK(&mut lock))?;
    if libc::c_int::from(lock.l_type) == libc::F_UNLCK {
        return Ok(None);
    }
    let start = u64::try_from(lock.l_start).unwrap_or(0);
    let len = u64::try_from(lock.l_len).ok().filter(|len| *len > 0).unwrap_or(OFFSET_LIMIT);
    let end = last.min(start.saturating_add(len - 1));
    let offset = start.clamp(first, end);
    Ok(Some(Held { offset, len: end - offset + 1, pid: u32::try_from(lock.l_pid).unwrap_or(0) }))
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
