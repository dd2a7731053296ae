//! Files in memory: what a process stores there is the kernel's at once, and outlives it.

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
#[expect(unsafe_code, reason = "the kernel knows no safe way")]
pub(super) fn map(file: &File, length: usize) -> io::Result<Box<dyn Memory>> {
    if !mount::writes_in_place(file)? || usize::try_from(file.metadata()?.len()).unwrap_or(0) < length {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let length = NonZeroUsize::new(length).ok_or(io::ErrorKind::InvalidInput)?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: the kernel chooses addresses that nothing else uses.
    let start = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, file, 0) }?;
    Ok(Box::new(Mapped { start, length }))
}

impl Memory for Mapped {
    #[expect(unsafe_code, reason = "the kernel gave an address")]
    fn store(&self, offset: usize, bytes: &[u8]) {
        assert!(offset.is_multiple_of(WORD) && bytes.len().is_multiple_of(WORD));
        assert!(offset + bytes.len() <= self.length.get());
        fence(Ordering::Release);
        let (words, _) = bytes.as_chunks::<WORD>();
        for (number, word) in words.iter().enumerate() {
            // SAFETY: the word lies within the pages, which are aligned and stay mapped; in this process nothing
            // accesses them in another way.
            let place =
                unsafe { AtomicU64::from_ptr(self.start.as_ptr().byte_add(offset + number * WORD).cast()) };
            place.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
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
