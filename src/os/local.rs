//! The filesystem of this machine, whatever is mounted there.

use std::borrow::Borrow;
use std::fmt::Debug;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use nix::libc;
use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;
use nix::unistd::geteuid;

use super::close_on_fork::ClosedInChildren;
use super::ops::{LINK, planted};
use super::stdio::off_standard;
use super::watch::LocalWatch;
use super::{
    File, FileId, FileSystem, Lifeline, Listener, LockHolder, Memory, Modified, Mount, Open, Stat, Watch,
    byte_range_lock, lifeline, memory, mount, system_calls,
};
use crate::Result;

/// The permissions of files and directories, of which the umask takes away more. Others may never write: a process that writes
/// to a jugdir can run programs as those who read it.
const FILE_MODE: u32 = 0o664;
const DIR_MODE: u32 = 0o775;
/// Everybody's permission to write.
const WRITABLE: u32 = 0o222;
/// What the group of a directory may do to the files there, if it may create some.
const GROUP: u32 = 0o060;
/// The permission of others to read.
const READABLE: u32 = 0o004;
/// What its owner may do to a file or directory, whatever the umask: a segment that nobody may write counts as closed off.
const OWNER: u32 = 0o600;
const READABLE_BY_OWNER: u32 = 0o400;

/// The filesystem of this machine.
#[derive(Debug)]
pub struct Local;

/// The filesystem of this machine, as all objects that are given no other one share it.
pub fn local() -> Arc<dyn FileSystem> {
    static LOCAL: LazyLock<Arc<dyn FileSystem>> = LazyLock::new(|| Arc::new(Local));
    Arc::clone(&LOCAL)
}

impl FileSystem for Local {
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        fs::metadata(path).map(|facts| stat_from(&facts))
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        fs::symlink_metadata(path).map(|facts| facts.is_symlink())
    }

    fn mkdir(&self, dir: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(DIR_MODE).create(dir)?;
        let mode = fs::symlink_metadata(dir)?.mode() & 0o7777;
        if mode & (OWNER | 0o100) != OWNER | 0o100 {
            fs::set_permissions(dir, fs::Permissions::from_mode(mode | OWNER | 0o100))?;
        }
        Ok(())
    }

    fn share(&self, dir: &Path) {
        if let Ok(file) = open_dir(dir) {
            share(&file, dir, GROUP | 0o010);
        }
    }

    fn rmdir(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir(dir)
    }

    fn touch_dir(&self, dir: &Path) -> io::Result<()> {
        touch(&open_dir(dir)?)
    }

    fn dir_modified(&self, dir: &Path) -> io::Result<Modified> {
        // Opening it asks the server; what is known then is fresh.
        Ok(stat_from(&open_dir(dir)?.metadata()?).modified)
    }

    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn File>> {
        let mut options = OpenOptions::new();
        // Without waiting: somebody may have put a FIFO in the place of a file, and its other end may never be opened.
        options.read(true).mode(FILE_MODE);
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        options.custom_flags(flags);
        match how {
            Open::Read => &mut options,
            Open::New => options.append(true).create_new(true),
            Open::Update => options.write(true).create(true).truncate(false),
            Open::Shared => options.write(true).custom_flags(flags | shared_flags(path)),
        };
        let opened = if how == Open::Read {
            options
                .open(path)
                .and_then(off_standard)
                .and_then(|file| Ok(Arc::new(LocalFile::checked(file, path, how)?) as Arc<dyn File>))
        } else {
            let opened = ClosedInChildren::open(|| options.open(path).and_then(off_standard));
            opened.and_then(|file| Ok(Arc::new(LocalFile::checked(file, path, how)?) as Arc<dyn File>))
        };
        match opened {
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => Err(planted(LINK)),
            opened => opened,
        }
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        rename_new(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        match open_dir(dir)?.sync_all() {
            // Some filesystems (FUSE, SMB) have no such call for directories, and cannot promise more than they do.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }

    fn mount(&self, path: &Path) -> io::Result<Mount> {
        mount::find(path)
    }

    fn is_shared(&self, path: &Path) -> io::Result<bool> {
        mount::is_shared(path)
    }

    fn offer_lifeline(&self, path: &Path) -> io::Result<Listener> {
        lifeline::offer(&open_dir(path.parent().unwrap_or(path))?, path)
    }

    fn hold_lifeline(&self, path: &Path) -> io::Result<Arc<dyn Lifeline>> {
        lifeline::hold(&open_dir(path.parent().unwrap_or(path))?, path)
    }

    fn watch(&self, dir: &Path) -> Result<Arc<dyn Watch>> {
        Ok(Arc::new(LocalWatch::new(dir)?))
    }
}

#[cfg(target_os = "linux")]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    system_calls::rename_new(from, to)
}

#[cfg(not(target_os = "linux"))]
fn rename_new(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// An open file.
#[derive(Debug)]
struct LocalFile<F>(F);

impl<F: Borrow<fs::File>> LocalFile<F> {
    /// What was opened at `path`, if it is a file.
    fn checked(file: F, path: &Path, how: Open) -> io::Result<LocalFile<F>> {
        let facts = file.borrow().metadata()?;
        if !facts.is_file() {
            return Err(planted("it is not a file; a user who may write there put it in a file's place"));
        }
        // One that was there and can be read was closed off.
        let lacks = if how == Open::New { OWNER } else { READABLE_BY_OWNER };
        if how != Open::Read && facts.mode() & lacks != lacks {
            // It may belong to somebody else, whose matter that is.
            let _own =
                file.borrow().set_permissions(fs::Permissions::from_mode(facts.mode() & 0o7777 | OWNER));
        }
        // What is only read by others need not be looked at where all may read it.
        if how == Open::Update || how == Open::New && facts.mode() & READABLE == 0 {
            share(file.borrow(), path, GROUP);
        }
        Ok(LocalFile(file))
    }

    fn file(&self) -> &fs::File {
        self.0.borrow()
    }
}

impl<F: Borrow<fs::File> + Send + Sync + Debug> File for LocalFile<F> {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file().write_all(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file().write_all_at(bytes, offset)
    }

    fn map(&self, length: usize) -> io::Result<Box<dyn Memory>> {
        memory::map(self.file(), length)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        // Where this fails, the number of the error is that of an earlier one: posix_fallocate(3) sets none.
        fs2::FileExt::allocate(self.file(), length)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file().read_at(buffer, offset)
    }

    fn stat(&self) -> io::Result<Stat> {
        self.file().metadata().map(|facts| stat_from(&facts))
    }

    fn fresh_stat(&self) -> io::Result<Stat> {
        fresh(self.file())
    }

    fn sync(&self) -> io::Result<()> {
        self.file().sync_data()
    }

    fn touch(&self) -> io::Result<()> {
        touch(self.file())
    }

    fn finish(&self) -> io::Result<()> {
        let mode = self.file().metadata()?.mode() & 0o7777;
        if mode & WRITABLE == 0 {
            return Ok(());
        }
        self.file().set_permissions(fs::Permissions::from_mode(mode & !WRITABLE))
    }

    fn try_lock(&self, offset: u64) -> io::Result<bool> {
        byte_range_lock::try_lock(self.file(), offset)
    }

    fn unlock(&self, offset: u64) -> io::Result<()> {
        byte_range_lock::unlock(self.file(), offset)
    }

    fn unlock_all(&self) -> io::Result<()> {
        byte_range_lock::unlock_all(self.file())
    }

    fn holder(&self, offset: u64) -> io::Result<Option<LockHolder>> {
        byte_range_lock::holder(self.file(), offset)
    }

    fn holders(&self) -> io::Result<Vec<LockHolder>> {
        byte_range_lock::holders(self.file())
    }
}

/// How to open a file of which a client must not remember anything. Where no other host is, there is nothing to forget.
#[cfg(target_os = "linux")]
fn shared_flags(path: &Path) -> i32 {
    if mount::is_shared(path).unwrap_or(true) { libc::O_DIRECT | libc::O_DSYNC } else { 0 }
}

#[cfg(not(target_os = "linux"))]
fn shared_flags(_: &Path) -> i32 {
    libc::O_SYNC
}

fn touch(file: &fs::File) -> io::Result<()> {
    // "Now" is then the server's, and permission to write is enough.
    Ok(futimens(file, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW)?)
}

/// Has a file or directory of this process's user belong to the group that may write to the directory which holds it,
/// with these permissions, whatever the umask: else nobody else of that group could claim or store anything. Where the
/// group may not write there, nothing changes.
fn share(file: &fs::File, path: &Path, mode: u32) {
    let Some(dir) = path.parent() else { return };
    let (Ok(above), Ok(facts)) = (fs::metadata(dir), file.metadata()) else { return };
    let is_as_it_should = facts.mode() & mode == mode && facts.gid() == above.gid();
    if above.mode() & WRITABLE & GROUP == 0 || is_as_it_should || facts.uid() != geteuid().as_raw() {
        return;
    }
    // A process that is not in that group cannot give it anything; what others lack is said where they need it.
    if fchown(file, None, Some(above.gid())).is_ok() {
        let _shared = file.set_permissions(fs::Permissions::from_mode(facts.mode() & 0o7777 | mode));
    }
}

/// A directory, and nothing else: to open a FIFO would wait for its other end.
fn open_dir(dir: &Path) -> io::Result<fs::File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(dir).and_then(off_standard)
}

fn stat_from(facts: &fs::Metadata) -> Stat {
    let nanoseconds = u32::try_from(facts.mtime_nsec()).unwrap_or(0);
    Stat {
        id: FileId { dev: facts.dev(), ino: facts.ino() },
        length: facts.len(),
        links: facts.nlink(),
        modified: Modified { seconds: facts.mtime(), nanoseconds },
        is_dir: facts.is_dir(),
        is_finished: facts.mode() & WRITABLE == 0,
    }
}

/// Asks the server, not what this host remembers.
#[cfg(target_os = "linux")]
fn fresh(file: &fs::File) -> io::Result<Stat> {
    let facts = match system_calls::statx(file) {
        Ok(facts) => facts,
        // Kernels before 4.11 do not have it, and some sandboxes forbid it.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            return fresh_by_opening(file);
        }
        Err(error) => return Err(error),
    };
    Ok(Stat {
        id: FileId { dev: libc::makedev(facts.stx_dev_major, facts.stx_dev_minor), ino: facts.stx_ino },
        length: facts.stx_size,
        links: u64::from(facts.stx_nlink),
        modified: Modified { seconds: facts.stx_mtime.tv_sec, nanoseconds: facts.stx_mtime.tv_nsec },
        is_dir: u32::from(facts.stx_mode) & libc::S_IFMT == libc::S_IFDIR,
        is_finished: u32::from(facts.stx_mode) & WRITABLE == 0,
    })
}

/// The same where the system cannot be asked for it: that a file is opened asks the server, too.
#[cfg(target_os = "linux")]
fn fresh_by_opening(file: &fs::File) -> io::Result<Stat> {
    use std::os::fd::AsRawFd;

    let again = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()));
    match again {
        Err(error) if error.raw_os_error() == Some(libc::ESTALE) => Err(error),
        // Who may write it and not read it, or has no /proc, has what this host remembers.
        again => again.as_ref().unwrap_or(file).metadata().map(|facts| stat_from(&facts)),
    }
}

#[cfg(not(target_os = "linux"))]
fn fresh(file: &fs::File) -> io::Result<Stat> {
    file.metadata().map(|facts| stat_from(&facts))
}
