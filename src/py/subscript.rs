//! Subscripts of results. A task to which one is given gets a copy of that part, and not one of the whole.

use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySlice, PyTuple};

use super::call_scope::{
    copied_for_this_call, copy_for_this_call, is_for_a_call, loaded_for_this_call, result_of,
};
use super::immutable::is_immutable;
use super::keys;
use super::resolve::resolve;
use super::task::TaskCore;

/// Whether `[]` of a value finds a part of it and does nothing else.
pub(super) fn has_plain_parts(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyList>()
        || value.is_exact_instance_of::<PyTuple>()
        || value.is_exact_instance_of::<PyDict>()
}

/// What a path of indexes finds in the result of a task.
#[pyfunction]
#[pyo3(signature = (task, path, /))]
fn part<'py>(task: &Bound<'py, TaskCore>, path: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>> {
    if let Some(part) = part_alone(task, path)? {
        return resolve(&part);
    }
    path.iter().try_fold(result_of(task)?, |whole, index| resolve(&whole)?.get_item(index))
}

/// A part for a call, of a result that is kept for such uses. None if there is no call, or no such result.
fn part_alone<'py>(
    task: &Bound<'py, TaskCore>,
    path: &Bound<'py, PyList>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = task.py();
    if !is_for_a_call() || loaded_for_this_call(py, &keys::key_of_task(task)?).is_some() {
        return Ok(None);
    }
    for index in path {
        if !index.is_instance_of::<PySlice>() && !is_immutable(&index)? {
            return Ok(None);
        }
    }
    if let Some(result) = task.get().loaded_result(py)
        && is_immutable(result.bind(py))?
    {
        return Ok(None);
    }
    let base = task.call_method0(intern!(py, "_base"))?;
    if base.is_none() {
        return Ok(None);
    }
    match copy_of_part(base, path) {
        Ok(part) => Ok(Some(part)),
        // A part need not have a pickle of its own, though the whole has; a wrong index is reported by the whole.
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

fn copy_of_part<'py>(base: Bound<'py, PyAny>, path: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>> {
    let mut part = base;
    let mut is_own = false;
    for index in path {
        if !is_own && !has_plain_parts(&part) {
            (part, is_own) = (copy_for_this_call(part)?, true);
        }
        part = part.get_item(index)?;
        if !is_own && let Some(copy) = copied_for_this_call(&part) {
            (part, is_own) = (copy, true);
        }
    }
    if is_own || is_immutable(&part)? { Ok(part) } else { copy_for_this_call(part) }
}

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(part, m)?)
}
