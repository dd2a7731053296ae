//! The only module that touches files: atomic write, exclusive create, append, sync, byte-range locks, watching.

pub mod dir;
pub mod file;
pub mod lock;
pub mod watch;
