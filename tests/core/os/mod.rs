//! The operating system of this machine, as the core sees it through its interface.

mod byte_range_lock;
mod file_lock;
mod process;
mod stdio;
mod vfs;
mod watch;
