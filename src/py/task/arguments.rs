//! Positional arguments in little memory.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Positional arguments. Most tasks have one or two, and a tuple would be a fifth of such a task's memory.
pub(super) enum Arguments {
    None,
    One(Py<PyAny>),
    Two([Py<PyAny>; 2]),
    Many(Py<PyTuple>),
}

impl Arguments {
    pub(super) fn new(args: Bound<'_, PyTuple>) -> PyResult<Arguments> {
        Ok(match args.len() {
            0 => Arguments::None,
            1 => Arguments::One(args.get_item(0)?.unbind()),
            2 => Arguments::Two([args.get_item(0)?.unbind(), args.get_item(1)?.unbind()]),
            _ => Arguments::Many(args.unbind()),
        })
    }

    pub(super) fn tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self {
            Arguments::None => Ok(PyTuple::empty(py)),
            Arguments::One(only) => PyTuple::new(py, [only]),
            Arguments::Two(both) => PyTuple::new(py, both),
            Arguments::Many(args) => Ok(args.bind(py).clone()),
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Arguments::None => Ok(()),
            Arguments::One(only) => visit.call(only),
            Arguments::Two(both) => both.iter().try_for_each(|each| visit.call(each)),
            Arguments::Many(args) => visit.call(args),
        }
    }
}
