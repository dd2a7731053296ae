//! The interface to the operating system: the only module that touches files, asks the clock, or asks about processes.
//!
//! [`FileSystem`] and [`File`] are what the core needs of a filesystem, call by call, and [`Host`] is what it
//! needs of the machine. [`mod@local`] and [`machine`] are the ones that this runs on; tests have some of their own, which
//! lose, delay and fail. [`ops`] is what is made of several calls: atomic write, creation once and for all.

pub mod byte_range_lock;
pub mod cgroup;
pub mod clock;
mod close_on_fork;
pub mod file_lock;
pub mod host;
pub mod lifeline;
pub mod local;
pub mod machine;
pub mod memfd;
pub mod memory;
pub mod mount;
pub mod ops;
pub mod pid;
mod pid_space;
pub mod process;
pub mod stdio;
#[cfg(target_os = "linux")]
mod system_calls;
pub mod vfs;
pub mod watch;

pub use byte_range_lock::LockHolder;
pub use clock::boottime;
pub use file_lock::FileLock;
pub use host::{Host, ProcessId, share_of_descriptors};
pub use lifeline::{Lifeline, Listener};
pub use local::local;
pub use memfd::{PrivateMapping, SealedMemory};
pub use mount::Mount;
pub use pid_space::PidSpace;
pub use vfs::{File, FileId, FileSystem, Memory, Modified, Open, Stat};
pub use watch::Watch;
