//! What Python needs of processes.

use pyo3::prelude::*;

use crate::os::process;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(end_with, m)?)
}

#[pyfunction]
fn end_with(parent: u32) -> PyResult<()> {
    Ok(process::end_with(parent)?)
}
