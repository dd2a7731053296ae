//! What Python needs of processes.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::jugdir::Identity;
use crate::os::{PidSpace, local, process};

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(end_with, m)?)?;
    m.add_function(wrap_pyfunction!(new_worker_id, m)?)?;
    m.add_function(wrap_pyfunction!(process_identity, m)?)?;
    m.add_function(wrap_pyfunction!(is_process_running, m)?)
}

#[pyfunction]
fn end_with(parent: u32) -> PyResult<()> {
    Ok(process::end_with(parent)?)
}

#[pyfunction]
fn new_worker_id() -> PyResult<String> {
    let host = local();
    let nonce = host.nonce()?;
    Ok(Identity::here(&*host, &nonce).id())
}

#[pyfunction]
fn process_identity(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let host = local();
    let (space, pid) = (PidSpace::of(&*host), host.process().pid);
    let found = PyDict::new(py);
    found.set_item("host", host.name())?;
    found.set_item("boot_id", space.boot_id)?;
    found.set_item("pid_ns", space.namespace)?;
    found.set_item("pid", pid)?;
    found.set_item("pid_start", host.process_start(pid).unwrap_or(0))?;
    Ok(found)
}

#[pyfunction]
fn is_process_running(boot_id: &str, pid_ns: &str, pid: u32, pid_start: u64) -> Option<bool> {
    let host = local();
    PidSpace::of(&*host).is_running(&*host, (boot_id, pid_ns), pid, pid_start)
}
