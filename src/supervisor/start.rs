//! How a worker is started, and what it gets.

use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::path::Path;

/// How a worker is started.
#[derive(Debug)]
pub struct Start<'a> {
    /// The program.
    pub program: &'a OsStr,
    /// Its arguments.
    pub arguments: &'a [OsString],
    /// Its working directory; default that of this process.
    pub cwd: Option<&'a Path>,
    /// What is added to the environment of this process.
    pub environment: &'a [(OsString, OsString)],
    /// What it finds in its mail.
    pub mail: &'a [u8],
    /// The descriptors of this process that it gets besides, under the same numbers.
    pub keep: &'a [RawFd],
    /// Whether it gets the files for what its tasks print.
    pub captures: bool,
}

/// The environment variable in which a worker finds the id of its supervisor's process, its own number, and the descriptors of
/// its slot, of the board, of its mail, for faults, of its leash, of its bell and for notes; then the three of [`super::capture::CaptureFiles`], if it
/// gets these.
pub const VARIABLE: &str = "JUG_SUPERVISED";
