//! Files in memory: what a process stores there is the kernel's at once, and outlives it.
//!
//! Either the file is on a disk, or it is one of memory, which goes when the last process that has it open ends.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use nix::libc::c_void;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::mount;
use super::vfs::{self, Memory};

/// How many bytes are stored at once, and what offsets are multiples of.
const WORD: usize = 8;

/// The first `length` bytes of a file, all of which must be there: mapped where a store can never fail, else written
/// with a call each time, and then what cannot be written is not there.
pub fn memory_of(file: &Arc<dyn vfs::File>, length: usize) -> Box<dyn Memory> {
    file.map(length).unwrap_or_else(|_| Box::new(Rewritten(Arc::clone(file))))
}

/// A file that is written to with calls.
#[derive(Debug)]
struct Rewritten(Arc<dyn vfs::File>);

impl Memory for Rewritten {
    fn store(&self, offset: usize, bytes: &[u8]) {
        let _written = self.0.write_at(bytes, offset as u64);
    }

    fn is_free(&self) -> bool {
        false
    }
}

/// Pages of a file.
#[derive(Debug)]
struct Mapped {
    start: NonNull<c_void>,
    length: NonZeroUsize,
}

// SAFETY: the pages are only ever accessed as atomics, and stay mapped as long as this exists.
#[expect(unsafe_code, reason = "a pointer does not say what it points to")]
unsafe impl Send for Mapped {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "a pointer does not say what it points to")]
unsafe impl Sync for Mapped {}

/// Maps the beginning of a file, which must be open for writing.
///
/// A store to a page for which the disk has no room is the end of the process (SIGBUS). So only filesystems will do that
/// write changed bytes to where they were.
pub(super) fn map(file: &File, length: usize) -> io::Result<Box<dyn Memory>> {
    if !mount::writes_in_place(file)? || usize::try_from(file.metadata()?.len()).unwrap_or(0) < length {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(Box::new(Mapped::new(file, length)?))
}

/// A file of memory that several processes map: words that each of them loads and stores, at no system call.
///
/// It is created of a size that is never reached: only pages that are used take memory.
#[derive(Debug)]
pub struct SharedMemory(Mapped);

impl SharedMemory {
    /// Maps `file`, all of it: what [`memory_file`] made, here or in another process.
    ///
    /// # Errors
    ///
    /// Where it is empty, or there is no room for it among the addresses of this process.
    pub fn of(file: &File) -> io::Result<SharedMemory> {
        let length = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(SharedMemory(Mapped::new(file, length)?))
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.length.get()
    }

    /// Never, as there are some.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The word at `offset`, a multiple of eight.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn load(&self, offset: usize) -> u64 {
        self.0.word(offset).load(Ordering::Acquire)
    }

    /// Adds to that word; what it was before. No two processes get the same.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn add(&self, offset: usize, number: u64) -> u64 {
        self.0.word(offset).fetch_add(number, Ordering::AcqRel)
    }
}

impl Memory for Arc<SharedMemory> {
    fn store(&self, offset: usize, bytes: &[u8]) {
        self.0.store(offset, bytes);
    }
}

/// A new file of memory of so many bytes, all of them zero. It is closed in programs that this process starts, but for those that
/// are to have it.
///
/// # Errors
///
/// Where the system has none, or no descriptor is left.
pub fn memory_file(length: u64) -> io::Result<File> {
    let file = super::system_calls::memory_file(c"jug", nix::libc::MFD_CLOEXEC)?;
    file.set_len(length)?;
    Ok(file)
}

impl Mapped {
    #[expect(unsafe_code, reason = "the kernel knows no safe way")]
    fn new(file: &File, length: usize) -> io::Result<Mapped> {
        let length = NonZeroUsize::new(length).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses addresses that nothing else uses.
        let start = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, file, 0) }?;
        Ok(Mapped { start, length })
    }

    #[expect(unsafe_code, reason = "the kernel gave an address")]
    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(WORD) && offset + WORD <= self.length.get());
        // SAFETY: the word lies within the pages, which are aligned and stay mapped as long as this exists; nothing
        // accesses them in another way.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().byte_add(offset).cast()) }
    }
}

impl Memory for Mapped {
    fn store(&self, offset: usize, bytes: &[u8]) {
        assert!(bytes.len().is_multiple_of(WORD));
        fence(Ordering::Release);
        let (words, _) = bytes.as_chunks::<WORD>();
        for (number, word) in words.iter().enumerate() {
            self.word(offset + number * WORD).store(u64::from_ne_bytes(*word), Ordering::Relaxed);
        }
    }
}

impl Drop for Mapped {
    #[expect(unsafe_code, reason = "the kernel gave an address")]
    fn drop(&mut self) {
        // SAFETY: the pages are those that were mapped, and nobody has a reference to them.
        let _unmapped = unsafe { munmap(self.start, self.length.get()) };
    }
}
