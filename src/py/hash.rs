//! Keys of live Python objects.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::keys;

/// The 32-byte key of any value: BLAKE3 over its canonical encoding.
///
/// Raises `TypeError` if the value has none (a lambda, an open file).
#[pyfunction]
#[pyo3(signature = (obj, /))]
fn key<'py>(obj: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(obj.py(), keys::key_of_value(obj)?.as_bytes()))
}

/// The key that a value had by the generation of keys before; None if it was the same, or if it had none.
#[pyfunction]
#[pyo3(signature = (obj, /))]
fn former_key<'py>(obj: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let former = keys::former_key_of_value(obj)?;
    Ok(former.map(|key| PyBytes::new(obj.py(), key.as_bytes())))
}

/// The key of a function, by name where it has one, else (a lambda) by its code, its constants, what it
/// captured and its defaults. The latter kind may differ between versions of Python.
#[pyfunction]
#[pyo3(signature = (f, /))]
fn lambda_key<'py>(f: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(f.py(), keys::lambda_key(f)?.as_bytes()))
}

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(key, m)?)?;
    m.add_function(wrap_pyfunction!(former_key, m)?)?;
    m.add_function(wrap_pyfunction!(lambda_key, m)?)
}
