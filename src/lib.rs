//! The engine of jug.
//!
//! Read it from the bottom up: [`key`] names a task, [`hash`] computes that name from a canonical
//! encoding, [`codec`] turns a result into bytes, [`os`] is the only module that touches files.
//! On these stand four siblings that never import one another: [`jugdir`] (the directory, its
//! `FORMAT` and its workers), [`store`] (results), [`claim`] (who runs what) and [`sched`] (the
//! graph and what may run next); [`redis`] is results and claims in a server instead of a directory. The `py` module binds each of them to Python, one thin file per
//! module; only there is `pyo3` named, so that the core compiles and is tested without it.

pub mod background;
pub mod claim;
pub mod codec;
pub mod engine;
pub mod error;
pub mod hash;
pub mod jugdir;
pub mod key;
pub mod os;
#[cfg(feature = "python")]
mod py;
pub mod redis;
pub mod sched;
pub mod store;
mod sync;

pub use error::{Error, Result};
pub use key::Key;
