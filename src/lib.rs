//! The engine of jug.
//!
//! Read it from the bottom up; each floor uses those below it.
//!
//! - [`key`] names a task, [`error`] is what can go wrong.
//! - [`os`] is the interface to the operating system: the only module that touches files, asks the clock, or asks about
//!   processes. [`codec`] turns a result into bytes, [`hash`] computes a key from a canonical encoding. [`background`] is
//!   the one background thread.
//! - [`result_store`] is what every store of results does, [`held_tasks`] which tasks a worker has claimed.
//! - [`jugdir`] is the directory that workers share: its `FORMAT`, its workers, and which of them are alive.
//! - [`store`] (results), [`claim`] (who runs what) and [`sched`] (the graph and what may run next) are siblings that never
//!   import one another. [`redis`] is results and claims in a server instead of a directory.
//! - [`lease`] is a named right that one holder has at a time, kept by claims on a directory or by a server.
//! - [`engine`] composes store and claims: what neither can promise alone is there.
//!
//! The `py` module binds each of them to Python, one thin file per module; only there is `pyo3` named, so that the core
//! compiles and is tested without it.

pub mod background;
pub mod claim;
pub mod codec;
pub mod engine;
pub mod error;
pub mod hash;
pub mod held_tasks;
pub mod jugdir;
pub mod key;
pub mod lease;
mod lock;
pub mod os;
#[cfg(feature = "python")]
mod py;
pub mod redis;
pub mod result_store;
pub mod sched;
pub mod status_slot;
pub mod store;
pub mod supervisor;

pub use error::{ClaimError, Error, Result, ServerError, StoreError};
pub use key::Key;
