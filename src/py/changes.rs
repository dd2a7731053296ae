//! What changed in a store, for Python: a sequence that makes its items only when they are asked for.
//!
//! A list of as many tuples would not only take more memory: the garbage collector counts each of them, and looks at all
//! tasks of a graph again and again while another worker finishes them.

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::key_sequence::KeyBytes;
use crate::Key;
use crate::result_store::State;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Changes>()
}

/// Keys and their states now.
#[pyclass(frozen, sequence, module = "jug._native")]
pub(super) struct Changes(pub(super) Vec<(Key, State)>);

#[pymethods]
impl Changes {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: isize,
    ) -> PyResult<(Bound<'py, PyBytes>, &'static str)> {
        let from_start =
            if index < 0 { self.0.len().checked_add_signed(index) } else { usize::try_from(index).ok() };
        let found = from_start.and_then(|index| self.0.get(index));
        let (key, state) = found.ok_or_else(|| PyIndexError::new_err("no such change"))?;
        Ok((PyBytes::new(py, key.as_bytes()), name_of(*state)))
    }

    /// Whether another sequence has the same changes in the same order.
    fn __eq__(slf: &Bound<'_, Changes>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = slf.py();
        let Ok(other) = other.try_iter() else { return Ok(false) };
        let other = other.collect::<PyResult<Vec<_>>>()?;
        slf.try_iter()?
            .collect::<PyResult<Vec<_>>>()
            .and_then(|ours| PyList::new(py, ours)?.eq(PyList::new(py, other)?))
    }

    fn __repr__(slf: &Bound<'_, Changes>) -> PyResult<String> {
        let items = slf.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        Ok(PyList::new(slf.py(), items)?.repr()?.to_string())
    }
}

/// Calls `f` with each change of any iterable of them.
pub(super) fn for_each(changes: &Bound<'_, PyAny>, mut f: impl FnMut(&Key, State)) -> PyResult<()> {
    if let Ok(changes) = changes.cast_exact::<Changes>() {
        changes.get().0.iter().for_each(|(key, state)| f(key, *state));
        return Ok(());
    }
    for change in changes.try_iter()? {
        let (key, state): (KeyBytes, Bound<'_, PyAny>) = change?.extract()?;
        f(&key.0, state_of(&state.extract::<String>()?)?);
    }
    Ok(())
}

fn name_of(state: State) -> &'static str {
    match state {
        State::Absent => "absent",
        State::Result => "result",
        State::Failed => "failed",
    }
}

fn state_of(name: &str) -> PyResult<State> {
    match name {
        "absent" => Ok(State::Absent),
        "result" => Ok(State::Result),
        "failed" => Ok(State::Failed),
        _ => Err(PyValueError::new_err(format!("no state of a task is named {name:?}"))),
    }
}
