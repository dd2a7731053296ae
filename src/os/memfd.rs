//! Bytes in a sealed memfd, which any number of uses map copy-on-write.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::resource::{UsageWho, getrusage};

/// How many bytes are taken in at a time: so many stay in the processor's cache on their way.
#[cfg(target_os = "linux")]
const PIECE: usize = 256 * 1024;

/// Bytes in a memfd that is sealed: nobody can change them any more.
#[derive(Debug)]
pub struct SealedMemory {
    file: File,
    length: NonZeroUsize,
    spare: Arc<Spare>,
}

/// A copy-on-write mapping of such bytes: only pages that were written to take memory of their own.
#[derive(Debug)]
pub struct PrivateMapping {
    /// There until it is dropped.
    pages: Option<Pages>,
    spare: Weak<Spare>,
    /// How many page faults this process had had when the use began.
    faults: Option<i64>,
}

/// Pages that one use has left as they were, for the next one: to map and to unmap 20 MB takes several times as long as to
/// read them, and most tasks only read.
type Spare = Mutex<Option<Pages>>;

/// Mapped memory.
#[derive(Debug)]
struct Pages {
    start: NonNull<c_void>,
    length: NonZeroUsize,
}

impl SealedMemory {
    /// Puts bytes, of which there must be some, into a file of memory and seals it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` without bytes; `Unsupported` where the system has no memfd; or there is no memory, or no descriptor.
    pub fn new(bytes: &[u8]) -> io::Result<SealedMemory> {
        let mut rest = bytes;
        SealedMemory::filled(bytes.len(), &mut |piece| {
            let (now, after) = rest.split_at(piece.len());
            piece.copy_from_slice(now);
            rest = after;
            true
        })
    }

    /// Whether this system has memfds.
    pub const IS_KNOWN: bool = cfg!(target_os = "linux");

    /// The same with bytes that `fill` puts into each piece, or for want of which it returns false.
    ///
    /// # Errors
    ///
    /// As for [`SealedMemory::new`], and `UnexpectedEof` for want of bytes.
    pub fn filled(length: usize, fill: &mut dyn FnMut(&mut [u8]) -> bool) -> io::Result<SealedMemory> {
        let bytes = NonZeroUsize::new(length).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(SealedMemory { file: sealed_file(length, fill)?, length: bytes, spare: Arc::default() })
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.length.get()
    }

    /// Never, as there are some.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The bytes for one use, which may change them.
    ///
    /// # Errors
    ///
    /// Where there is no room for it among the addresses of this process.
    pub fn map(&self) -> io::Result<PrivateMapping> {
        let spare = lock(&self.spare).take();
        let pages = spare.map_or_else(|| self.new_pages(), Ok)?;
        Ok(PrivateMapping { pages: Some(pages), spare: Arc::downgrade(&self.spare), faults: faults() })
    }

    #[expect(unsafe_code, reason = "the kernel knows no safe way")]
    fn new_pages(&self) -> io::Result<Pages> {
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses addresses that nothing else uses, and the file can neither shrink nor change.
        let start = unsafe { mmap(None, self.length, access, MapFlags::MAP_PRIVATE, &self.file, 0) }?;
        Ok(Pages { start, length: self.length })
    }
}

fn lock(spare: &Spare) -> MutexGuard<'_, Option<Pages>> {
    // Nothing panics while the lock is held, so what it guards is whole.
    spare.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(target_os = "linux")]
fn sealed_file(length: usize, fill: &mut dyn FnMut(&mut [u8]) -> bool) -> io::Result<File> {
    use std::io::Write;

    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::libc::{MFD_ALLOW_SEALING, MFD_CLOEXEC};

    use super::stdio::off_standard;
    use super::system_calls;

    let mut memory = off_standard(system_calls::memory_file(c"jug", MFD_CLOEXEC | MFD_ALLOW_SEALING)?)?;
    let mut piece = vec![0; PIECE.min(length)];
    let mut left = length;
    while left > 0 {
        piece.truncate(left);
        if !fill(&mut piece) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        memory.write_all(&piece)?;
        left -= piece.len();
    }
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals | SealFlag::F_SEAL_SEAL))?;
    Ok(memory)
}

#[cfg(not(target_os = "linux"))]
fn sealed_file(_: usize, _: &mut dyn FnMut(&mut [u8]) -> bool) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

// SAFETY: the pages belong to this value alone, and go where it goes.
#[expect(unsafe_code, reason = "a pointer does not say whom its target belongs to")]
unsafe impl Send for Pages {}
// SAFETY: without a reference that may change them, they can only be asked where they are.
#[expect(unsafe_code, reason = "a pointer does not say whom its target belongs to")]
unsafe impl Sync for Pages {}

impl PrivateMapping {
    /// Where they are.
    pub fn start(&self) -> *mut u8 {
        self.pages.as_ref().map_or(std::ptr::null_mut(), |pages| pages.start.as_ptr().cast())
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.pages.as_ref().map_or(0, |pages| pages.length.get())
    }

    /// Never, as there are some.
    pub fn is_empty(&self) -> bool {
        false
    }
}

impl Drop for PrivateMapping {
    fn drop(&mut self) {
        if let (Some(pages), Some(spare)) = (self.pages.take(), self.spare.upgrade())
            // The first write to a page is a fault, and to count faults takes a thousandth of looking at the pages.
            && (self.faults.is_some() && self.faults == faults() || pages.are_untouched().unwrap_or(false))
        {
            lock(&spare).get_or_insert(pages);
        }
    }
}

/// How many page faults this process has had, those of its threads included.
fn faults() -> Option<i64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    Some(usage.minor_page_faults() + usage.major_page_faults())
}

/// Bits of an entry of `/proc/self/pagemap`: the page is in memory, or swapped out; it is one of a file.
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const OF_FILE: u64 = 1 << 61;

const ENTRY: usize = size_of::<u64>();

/// How many entries are read at a time.
const SOME: usize = 2048;

impl Pages {
    /// Whether no page was written to: then each is still a page of the file, where it was looked at. An error where the
    /// system does not tell.
    fn are_untouched(&self) -> io::Result<bool> {
        let page = usize::try_from(nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?.unwrap_or(4096))
            .map_err(io::Error::other)?;
        // Opened each time, as it goes on showing the memory of its opener in a forked child.
        let pagemap = File::open("/proc/self/pagemap")?;
        let mut left = self.length.get().div_ceil(page);
        let mut offset = (self.start.as_ptr() as usize / page * ENTRY) as u64;
        let mut buffer = [0; SOME * ENTRY];
        while left > 0 {
            let some = &mut buffer[..left.min(SOME) * ENTRY];
            pagemap.read_exact_at(some, offset)?;
            let is_own = |entry: u64| entry & (PRESENT | SWAPPED) != 0 && entry & OF_FILE == 0;
            if some.as_chunks().0.iter().any(|entry| is_own(u64::from_ne_bytes(*entry))) {
                return Ok(false);
            }
            left -= some.len() / ENTRY;
            offset += some.len() as u64;
        }
        Ok(true)
    }
}

impl Drop for Pages {
    #[expect(unsafe_code, reason = "the kernel gave an address")]
    fn drop(&mut self) {
        // SAFETY: the pages are those that were mapped, and a process that uses them keeps this value.
        let _unmapped = unsafe { munmap(self.start, self.length.get()) };
    }
}
