//! How tasks are made: by calling a task generator, which notes each of them.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::core::TaskCore;

/// Notes a task in the list of all tasks, of the module whose names its class has as `_names`, if it has any.
pub(super) fn note(task: &Bound<'_, TaskCore>) -> PyResult<()> {
    let py = task.py();
    let Some(names) = task.get_type().getattr_opt(intern!(py, "_names"))? else { return Ok(()) };
    let all = names.get_item(intern!(py, "alltasks"))?;
    match all.cast_exact::<PyList>() {
        Ok(all) => all.append(task),
        Err(_) => all.call_method1(intern!(py, "append"), (task,)).map(drop),
    }
}

/// What calling makes a task of the function `f` that it has.
#[pyclass(subclass, frozen, module = "jug._native")]
pub(super) struct GeneratorCore;

#[pymethods]
impl GeneratorCore {
    #[new]
    fn new() -> GeneratorCore {
        GeneratorCore
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        // Somebody may have put another class in its place.
        let class = slf.getattr(intern!(py, "_names"))?.get_item(intern!(py, "Task"))?;
        let function = slf.getattr(intern!(py, "f"))?;
        let args = PyTuple::new(py, [function])?.add(args)?.cast_into()?;
        class.call(args, kwargs)
    }
}

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<GeneratorCore>()
}
