//! The bindings: one thin file per module of the core.

mod call_scope;
mod changes;
mod claim;
mod codec;
mod containers;
mod convert;
mod error;
mod hash;
mod immutable;
mod input_cache;
mod key_sequence;
mod keys;
mod lease;
mod printed;
mod process;
mod recall;
mod redis;
mod reducers;
mod resolve;
mod result_store;
mod scalar;
mod sched;
mod snapshot;
mod store;
mod stored_with;
mod subscript;
mod supervisor;
mod task;
mod task_graph;
mod task_names;
mod task_runs;
mod unkeyable;
mod waiting;

use std::panic;

use pyo3::prelude::*;

/// Reports the place of a panic in one line; the caller gets a Python exception.
fn report_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |fault| {
        let place = fault.location().map_or_else(String::new, |it| format!(" ({}:{})", it.file(), it.line()));
        let payload = fault.payload();
        let owned = || payload.downcast_ref::<String>().map(String::as_str);
        let what = payload.downcast_ref::<&str>().copied().or_else(owned).unwrap_or("unknown");
        eprintln!("jug: error: this is a fault in jug itself, please report it: {what}{place}");
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            before(fault);
        }
    }));
}

/// The native engine of jug.
#[pymodule(gil_used = true)]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    report_panics();
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("IS_OPTIMIZED", !cfg!(debug_assertions))?;
    changes::register(m)?;
    claim::register(m)?;
    containers::register(m)?;
    error::register(m)?;
    hash::register(m)?;
    key_sequence::register(m)?;
    lease::register(m)?;
    printed::register(m)?;
    process::register(m)?;
    recall::register(m)?;
    redis::register(m)?;
    resolve::register(m)?;
    result_store::register(m)?;
    sched::register(m)?;
    store::register(m)?;
    subscript::register(m)?;
    supervisor::register(m)?;
    task::register(m)?;
    task_names::register(m)?;
    task_runs::register(m)
}
