//! Bytes in a file of memory that nobody can change any more: any number of uses map it, each as if it were its own.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// Bytes that stay as they are.
#[derive(Debug)]
pub struct Sealed {
    file: File,
    length: NonZeroUsize,
}

/// A copy of such bytes, of which only those pages take memory that were written to.
#[derive(Debug)]
pub struct Private {
    start: NonNull<c_void>,
    length: NonZeroUsize,
}

impl Sealed {
    /// Puts bytes, of which there must be some, into a file of memory and seals it.
    pub fn new(bytes: &[u8]) -> io::Result<Sealed> {
        let length = NonZeroUsize::new(bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Sealed { file: sealed_file(bytes)?, length })
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
    #[expect(unsafe_code, reason = "the kernel knows no safe way")]
    pub fn map(&self) -> io::Result<Private> {
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses addresses that nothing else uses, and the file can neither shrink nor change.
        let start = unsafe { mmap(None, self.length, access, MapFlags::MAP_PRIVATE, &self.file, 0) }?;
        Ok(Private { start, length: self.length })
    }
}

#[cfg(target_os = "linux")]
fn sealed_file(bytes: &[u8]) -> io::Result<File> {
    use std::io::Write;

    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};

    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create(c"jug", flags)?);
    file.write_all(bytes)?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals | SealFlag::F_SEAL_SEAL))?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
fn sealed_file(_bytes: &[u8]) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

// SAFETY: the pages belong to this value alone, and go where it goes.
#[expect(unsafe_code, reason = "a pointer does not say whom its target belongs to")]
unsafe impl Send for Private {}
// SAFETY: without a reference that may change them, they can only be asked where they are.
#[expect(unsafe_code, reason = "a pointer does not say whom its target belongs to")]
unsafe impl Sync for Private {}

impl Private {
    /// Where they are.
    pub fn start(&self) -> *mut u8 {
        self.start.as_ptr().cast()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.length.get()
    }

    /// Never, as there are some.
    pub fn is_empty(&self) -> bool {
        false
    }
}

impl Drop for Private {
    #[expect(unsafe_code, reason = "the kernel gave an address")]
    fn drop(&mut self) {
        // SAFETY: the pages are those that were mapped, and whoever uses them keeps this value.
        let _unmapped = unsafe { munmap(self.start, self.length.get()) };
    }
}
