//! What a task calls: its function, and those that this is given to call.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyFunction, PyTuple};

use super::arguments::Kept;
use super::core::TaskCore;

impl TaskCore {
    /// Calls `look` with each plain function among the arguments, such as what `jug.mapreduce.map` applies.
    pub(in crate::py) fn given_functions<'py>(
        &self,
        py: Python<'py>,
        mut look: impl FnMut(Bound<'py, PyAny>),
    ) -> PyResult<()> {
        let mut look_into = |value: &Bound<'py, PyAny>| -> PyResult<()> {
            if let Some(function) = function_in(value)? {
                look(function);
            }
            Ok(())
        };
        match self.args.few() {
            Some(few) => {
                for each in few {
                    if let Kept::Object(object) = each {
                        look_into(object.bind(py))?;
                    }
                }
            }
            None => self.args.tuple(py)?.iter().try_for_each(|value| look_into(&value))?,
        }
        self.keywords(py)
            .map_or(Ok(()), |keywords| keywords.iter().try_for_each(|(_, value)| look_into(&value)))
    }
}

/// The function of a task; of one that is given others to call, a tuple of all these.
#[pyfunction]
#[pyo3(signature = (task, /))]
pub(in crate::py) fn called<'py>(task: &Bound<'py, TaskCore>) -> PyResult<Bound<'py, PyAny>> {
    let (py, core) = (task.py(), task.get());
    let mut given = Vec::new();
    core.given_functions(py, |function| given.push(function))?;
    if given.is_empty() {
        return Ok(core.function(py));
    }
    given.insert(0, core.function(py));
    Ok(PyTuple::new(py, given)?.into_any())
}

/// A plain function, or that of a `functools.partial`, whose arguments are the task's in any case.
fn function_in<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut value = value.clone();
    while value.get_type().is(partial_type(value.py())?) {
        value = value.getattr("func")?;
    }
    Ok(value.is_exact_instance_of::<PyFunction>().then_some(value))
}

/// `functools.partial`.
pub(super) fn partial_type(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static PARTIAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    PARTIAL.import(py, "functools", "partial")
}
