//! The bindings: one thin file per module of the core.

mod claim;
mod codec;
mod error;
mod graph;
mod hash;
mod keys;
mod redis;
mod sched;
mod snapshot;
mod store;
mod task;
mod told;
mod value;
mod walk;

use pyo3::prelude::*;

/// The native engine of jug.
#[pymodule(gil_used = true)]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    claim::register(m)?;
    hash::register(m)?;
    keys::register(m)?;
    redis::register(m)?;
    sched::register(m)?;
    store::register(m)?;
    task::register(m)?;
    value::register(m)
}
