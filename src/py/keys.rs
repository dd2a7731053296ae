//! Keys for Python: one is `bytes`, many are a sequence that makes those only when they are asked for.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::Key;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Keys>()
}

/// A key as Python gives it.
#[derive(Clone, Copy)]
pub(super) struct KeyBytes(pub(super) Key);

impl<'py> FromPyObject<'_, 'py> for KeyBytes {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<KeyBytes> {
        let object = object.cast::<PyBytes>()?;
        let bytes = object.as_bytes();
        let wrong = || PyValueError::new_err(format!("a key has {} bytes, not {}", Key::LEN, bytes.len()));
        Key::from_slice(bytes).map(KeyBytes).ok_or_else(wrong)
    }
}

/// The keys of a graph. A list of a hundred thousand `bytes` would take more memory than the graph itself.
#[pyclass(frozen, sequence, module = "jug._native")]
pub(super) struct Keys(pub(super) Arc<Vec<Key>>);

#[pymethods]
impl Keys {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.get(index).ok_or_else(|| PyIndexError::new_err("no such node"))?;
        Ok(PyBytes::new(py, key.as_bytes()))
    }
}

/// Keys from any iterable of `bytes`.
pub(super) fn keys_from(keys: &Bound<'_, PyAny>) -> PyResult<Arc<Vec<Key>>> {
    if let Ok(keys) = keys.cast_exact::<Keys>() {
        return Ok(Arc::clone(&keys.get().0));
    }
    let keys: PyResult<Vec<Key>> = keys.try_iter()?.map(|key| Ok(key?.extract::<KeyBytes>()?.0)).collect();
    Ok(Arc::new(keys?))
}

/// Keys as a list for Python.
pub(super) fn to_bytes<'py>(py: Python<'py>, keys: &[Key]) -> Vec<Bound<'py, PyBytes>> {
    keys.iter().map(|key| PyBytes::new(py, key.as_bytes())).collect()
}
