//! What can go wrong, in three families: what is stored, who works on what, the server. Each error names the act, the
//! path or server, and the cause.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Key;

/// The result of every fallible function of the core.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything the core can fail with. Messages read well after "failed: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something stored, or where it should be.
    #[error(transparent)]
    Store(StoreError),
    /// Who may work in a jugdir.
    #[error(transparent)]
    Claim(ClaimError),
    /// A redis server.
    #[error(transparent)]
    Server(ServerError),
    /// A system call on a file failed.
    #[error("{action} {path}: {source}", path = path.display())]
    Io {
        /// What was attempted, as a gerund: "creating", "reading".
        action: &'static str,
        /// The file or directory it was attempted on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The object belongs to the process that forked this one.
    #[error("{what} was opened before this process was forked; open it again here")]
    Forked {
        /// The object's noun: "the store", "the claims".
        what: &'static str,
    },
    /// The wait was cancelled by the caller, as by Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The object was closed.
    #[error("{what} is closed")]
    Closed {
        /// The object's noun.
        what: &'static str,
    },
}

/// What is wrong with a directory, a file of it or a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The path exists and is not a directory.
    #[error("{path} is not a directory; choose another --jugdir", path = path.display())]
    NotADirectory {
        /// The path the user named.
        path: PathBuf,
    },
    /// The directory holds files and none of them is ours.
    #[error("{path} {what}; it was left untouched. Choose another --jugdir", path = path.display())]
    ForeignDirectory {
        /// The path the user named.
        path: PathBuf,
        /// What was seen there, as a predicate: "was written by jug 2.x".
        what: &'static str,
    },
    /// A jugdir without its FORMAT.
    #[error("{path} is a jugdir whose file FORMAT is missing: it was removed, or the directory was not copied as a whole. Its results are read again once FORMAT is back: take it from where the directory was copied from, or from a backup. It was left untouched", path = path.display())]
    NoFormat {
        /// The path the user named.
        path: PathBuf,
    },
    /// The jugdir was written by a later version of this package.
    #[error("{path} has format version {found}, this version reads up to {supported}; upgrade jug-rs", path = path.display())]
    NewerFormat {
        /// The file that carries the version.
        path: PathBuf,
        /// The version found there.
        found: u32,
        /// The highest version this build understands.
        supported: u32,
    },
    /// The jugdir uses something that this build does not know.
    #[error("{path} asks for {what}, which this version does not know; upgrade jug-rs", path = path.display())]
    UnsupportedFormat {
        /// The file that asks for it.
        path: PathBuf,
        /// What it asks for.
        what: String,
    },
    /// A record that only a later version of this package understands and that must not be skipped.
    #[error("{path} holds a record of version {version} and type {kind} that this version cannot read; upgrade jug-rs", path = path.display())]
    NewerRecord {
        /// The segment with the record.
        path: PathBuf,
        /// The record's version.
        version: u8,
        /// The record's type.
        kind: u8,
    },
    /// A file of ours whose bytes make no sense.
    #[error("{path} is damaged: {what}", path = path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file of ours that is there and cannot be read.
    #[error("{path} {what}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not, as a predicate: "cannot be read: Input/output error".
        what: &'static str,
    },
    /// A stored result that no longer matches its checksum or cannot be decoded.
    #[error(
        "the stored result {key}{} is damaged ({what}, in {place}); it does not count any more, and its task can run again",
        of(name)
    )]
    DamagedResult {
        /// The result's key.
        key: Key,
        /// The name of the task it is of; empty where that is not known.
        name: String,
        /// The file or the server that it is in.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// A value that has no stored form.
    #[error("{key} cannot be stored: {what}")]
    Unstorable {
        /// The key under which it should have been stored.
        key: Key,
        /// What is in the way.
        what: String,
    },
}

/// Why this process must not work in a jugdir, or not change how tasks are claimed there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Claims were asked for in another mode than the jugdir has.
    #[error("{path} has claims in mode {found}, not {wanted}: the mode is chosen once, when a jugdir is created; leave the option out, or choose another --jugdir", path = path.display())]
    OtherClaimMode {
        /// The jugdir.
        path: PathBuf,
        /// The mode it has.
        found: &'static str,
        /// The mode that was asked for.
        wanted: &'static str,
    },
    /// Workers of other hosts are to be let into a jugdir in which somebody works.
    #[error("{path} is in use by worker {worker}: the claim mode can be changed only while no worker runs there; try again when it has ended", path = path.display())]
    JugdirInUse {
        /// The jugdir.
        path: PathBuf,
        /// The worker.
        worker: String,
    },
    /// The claim mode was changed while this process had the jugdir open.
    #[error("the claim mode of {path} was changed to link after it was opened; nothing was run: start again", path = path.display())]
    ModeChanged {
        /// The jugdir.
        path: PathBuf,
    },
    /// A lease among hosts was asked for with another time to live than the one that it has.
    #[error("the lease in {path} lives for {} s without a heartbeat, as it was created, and not for {} s: ask for that, or remove the directory while nobody uses it", granted.as_secs_f64(), wanted.as_secs_f64(), path = path.display())]
    OtherTimeToLive {
        /// The directory of the lease.
        path: PathBuf,
        /// How long it lives.
        granted: Duration,
        /// How long it was to live.
        wanted: Duration,
    },
    /// A jugdir for one host, seen through a network filesystem.
    #[error("{path} was made for workers on one host (claims in mode posix) and is on a network filesystem here ({kind}), where workers on several hosts would run the same tasks twice. 'jug init-store --claims=link --jugdir {path}' opens it to them, while no worker runs there; if all workers are on this host, add --claims=posix", path = path.display())]
    PosixModeOnNetwork {
        /// The jugdir.
        path: PathBuf,
        /// The type of the filesystem.
        kind: String,
    },
}

/// What is wrong with a redis server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The text does not name a server.
    #[error("{url} does not name a redis server: {what}; write redis://[:PASSWORD@]HOST[:PORT][/DATABASE]")]
    InvalidUrl {
        /// What the user wrote, without the password.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// A server cannot be reached, or refuses to do what it should.
    #[error("the redis server {url} {what}")]
    Unavailable {
        /// The server and its database.
        url: String,
        /// What is the matter, as a predicate: "cannot be reached".
        what: String,
    },
}

impl Error {
    /// Whether the disk is full, or all that this user may have of it.
    pub fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Error::Io { source, .. } if full.contains(&source.kind()))
    }
}

/// ` of NAME`, for messages; nothing without a name.
fn of(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" of {name}") }
}

/// Adds the act and the path to an [`io::Error`].
pub trait IoContext<T> {
    /// Wraps the error as [`Error::Io`].
    ///
    /// # Errors
    ///
    /// That error.
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Into<io::Error>> IoContext<T> for std::result::Result<T, E> {
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::Io { action, path: path.as_ref().to_owned(), source: source.into() })
    }
}
