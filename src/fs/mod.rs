//! The only module that touches files, asks the clock, or asks the system about processes.
//!
//! [`FileSystem`] and [`File`] are what the core needs of a filesystem, call by call, and [`Host`] is what it
//! needs of the machine. [`mod@local`] is this machine's; tests have one of their own, which loses, delays and
//! fails. [`steps`] is what is made of several calls: atomic write, creation once and for all.

pub mod host;
pub mod local;
pub mod lock;
pub mod memory;
pub mod mount;
mod own;
pub mod sealed;
pub mod steps;
pub mod system;
pub mod watch;

pub use host::{Host, ProcessId};
pub use local::local;
pub use lock::Held;
pub use memory::Memory;
pub use mount::Mount;
pub use sealed::{Private, Sealed};
pub use system::{File, FileId, FileSystem, Modified, Open, Stat};
pub use watch::Watch;
