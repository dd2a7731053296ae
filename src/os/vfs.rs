//! What the core needs of a filesystem, one method a system call.
//!
//! On a network filesystem not every call tells the truth, and each method says whether it does: a client
//! answers many questions from what it remembers, for up to a minute. What it remembers can also be that a
//! name does *not* exist.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::lifeline::{Lifeline, Listener};
use super::{Host, LockHolder, Mount, Watch};
use crate::Result;

/// What a file or directory is, whatever name leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The device, or the filesystem on it.
    pub dev: u64,
    /// The inode. It may be used again once the file has no name and nobody has it open.
    pub ino: u64,
}

/// When a file was last changed, by a clock that may be anybody's: two of these can be the same or not, and
/// nothing else can be asked of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Modified {
    /// Whole seconds.
    pub seconds: i64,
    /// The rest, in nanoseconds.
    pub nanoseconds: u32,
}

/// The attributes of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub id: FileId,
    /// Its length in bytes.
    pub length: u64,
    /// How many names it has.
    pub links: u64,
    /// When it was last changed.
    pub modified: Modified,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Whether it is closed off: see [`File::finish`].
    pub is_finished: bool,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// For reading. Fails with `NotFound` where there is none, which on a network filesystem may have ceased to
    /// be true up to a minute ago.
    Read,
    /// For reading and appending; it must not exist (`O_EXCL`). Tells the truth.
    New,
    /// For reading, writing and locking; an empty one is created where there is none.
    Update,
    /// For reading and writing what several hosts change: nothing is remembered of its contents, and what is written is with the
    /// server when the call returns. It must exist. Not every filesystem can, some not at every offset.
    Shared,
}

/// A filesystem and the host it is used from, as one process sees them.
///
/// # Errors
///
/// Everything fails with the system's error numbers. Methods that change names may, on a network filesystem,
/// have succeeded and still report `EEXIST` or `ENOENT`: the server's answer was lost, and its client asked again.
#[expect(clippy::missing_errors_doc, reason = "the errors are those of all calls, and said once")]
pub trait FileSystem: Host + Send + Sync + Debug {
    /// The names in a directory, in no order. Names that are not text are shown with replacement characters: no
    /// file of ours has one. Tells the truth, also on a network filesystem.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// The attributes of what has this name. On a network filesystem they may be old, and so may their absence.
    fn stat(&self, path: &Path) -> io::Result<Stat>;

    /// Whether this name is a symbolic link, which this package never makes.
    fn is_link(&self, path: &Path) -> io::Result<bool>;

    /// Creates a directory, which must not exist. Tells the truth.
    fn mkdir(&self, dir: &Path) -> io::Result<()>;

    /// Lets the group that may write to the directory above write to this new directory too, whatever the umask.
    fn share(&self, _dir: &Path) {}

    /// Removes a directory, which must be empty.
    fn rmdir(&self, dir: &Path) -> io::Result<()>;

    /// Sets the time of a directory's last change to now, by the server's clock where there is one: other clients
    /// forget what they remember of it, even where something changed in the same tick of that clock.
    fn touch_dir(&self, dir: &Path) -> io::Result<()>;

    /// When names in a directory were last changed, by the server's clock where there is one. Tells the truth.
    fn dir_modified(&self, dir: &Path) -> io::Result<Modified>;

    /// Opens a file. On a network filesystem, what its attributes say afterwards is as fresh as the opening.
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn File>>;

    /// Gives a file a second name, which must not exist: `EEXIST` if it does, `EMLINK` if the file has as many
    /// names as it can have, `EOPNOTSUPP` or `EPERM` where there are no hard links. Tells the truth, but for a
    /// lost answer: whether it was this call that made the name, the inode behind the name tells.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name of the same directory, in place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name of the same directory, unless something has it. Not every filesystem can, and it is
    /// needed only where there are no hard links.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name.
    fn unlink(&self, path: &Path) -> io::Result<()>;

    /// Returns once the names in a directory are on disk.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// What kind of filesystem `path` is on, and what room it has.
    fn mount(&self, path: &Path) -> io::Result<Mount>;

    /// Whether other hosts may use the filesystem that `path` is on. To ask again may be cheaper.
    fn is_shared(&self, path: &Path) -> io::Result<bool> {
        Ok(self.mount(path)?.is_shared)
    }

    /// Has processes of this kernel learn by this new name that this process has ended, or given back what it gets here, in
    /// whatever container they are. Not every filesystem can.
    fn offer_lifeline(&self, _path: &Path) -> io::Result<Listener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// By which to learn that of the process that has offered it: `ConnectionRefused` if none does on this kernel, through
    /// this mount.
    fn hold_lifeline(&self, _path: &Path) -> io::Result<Arc<dyn Lifeline>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Something that wakes when `dir`, which must exist, changes. Changes that other hosts make do not wake it.
    fn watch(&self, dir: &Path) -> Result<Arc<dyn Watch>>;
}

/// An open file. Dropping it closes it, and gives up its locks. In a forked child it is of no use if it can be written
/// to, and has no locks.
///
/// # Errors
///
/// Everything fails with the system's error numbers.
#[expect(clippy::missing_errors_doc, reason = "the errors are those of all calls, and said once")]
pub trait File: Send + Sync + Debug {
    /// Writes all of `bytes` at the end. After an error it is unknown how many of them are in the file.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Writes bytes over those at `offset`, or behind the end. After an error it is unknown how many of them are there.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// The first `length` bytes, all of which must be there, as memory of this process. `Unsupported` where a store to
    /// it could ever fail, or reach others late: on filesystems of networks, and on those that write what was changed
    /// to another place of the disk, which may be full.
    fn map(&self, length: usize) -> io::Result<Box<dyn Memory>>;

    /// Has room for so many bytes set aside for the file, which is as long then. Not every filesystem can.
    fn allocate(&self, length: u64) -> io::Result<()>;

    /// Reads from `offset` into `buffer`; returns how many bytes, 0 only at the end of the file.
    ///
    /// On a network filesystem, what lies within the length last learnt may come from what the client remembers,
    /// which is right for bytes that were written once; nothing beyond that length may be seen.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The attributes. On a network filesystem they may be old.
    fn stat(&self) -> io::Result<Stat>;

    /// The attributes, asked of the server: `ESTALE` if the file is gone. Reads after this see at least its length.
    fn fresh_stat(&self) -> io::Result<Stat>;

    /// Returns once everything that was appended is on disk.
    fn sync(&self) -> io::Result<()>;

    /// Sets the time of its last change to now, by the server's clock where there is one.
    fn touch(&self) -> io::Result<()>;

    /// Closes the file off: takes everybody's permission to write away, for ever, and returns once the server knows.
    /// A process that has it open for writing can go on, and sees by [`File::fresh_stat`] that it is in vain. `EPERM` if the
    /// file is another user's.
    fn finish(&self) -> io::Result<()>;

    /// Locks one byte for writing. False if anybody else has it; true also if this opening of the file had it already.
    /// Where the system has no better locks, the process takes the place of the opening.
    fn try_lock(&self, offset: u64) -> io::Result<bool>;

    /// Gives one byte up. Nothing happens if this opening does not hold it.
    fn unlock(&self, offset: u64) -> io::Result<()>;

    /// Gives up all bytes that this opening holds.
    fn unlock_all(&self) -> io::Result<()>;

    /// Who else holds this byte. Locks of this opening do not show.
    fn holder(&self, offset: u64) -> io::Result<Option<LockHolder>>;

    /// All locks that others hold, by offset.
    fn holders(&self) -> io::Result<Vec<LockHolder>>;
}

/// The beginning of a file that one process writes to as if it were its own memory.
pub trait Memory: Send + Sync + Debug {
    /// Stores bytes from `offset` on, both multiples of eight. A process that reads the file sees all that was stored by
    /// earlier calls, if it sees any of this one.
    fn store(&self, offset: usize, bytes: &[u8]);

    /// Whether to store costs no system call.
    fn is_free(&self) -> bool {
        true
    }
}
