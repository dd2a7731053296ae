//! The reduce functions that were registered with `copyreg` for classes of others.

use pyo3::exceptions::PyKeyError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

/// Importing it, as `import distributed` does, registers functions for all exceptions there are.
pub(super) const TRACEBACKS: &str = "tblib.pickling_support";

/// The function that takes objects of a class apart, if there is one that belongs to the class. Those that pickle
/// tracebacks along with exceptions do not: whether they are there is up to what a process has imported, and a
/// traceback says where an exception was raised, not what it is.
pub(super) fn reducer_of<'py>(class: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    static REDUCERS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let py = class.py();
    let Some(reducer) = REDUCERS.import(py, "copyreg", "dispatch_table")?.get_item(class)? else {
        return Ok(None);
    };
    let function = reducer.getattr_opt(intern!(py, "func"))?.unwrap_or_else(|| reducer.clone());
    let module = function.getattr_opt(intern!(py, "__module__"))?;
    let has_tracebacks = module.map_or(Ok(false), |module| module.eq(TRACEBACKS))?;
    Ok((!has_tracebacks).then_some(reducer))
}

/// The same as what a pickler looks up.
#[pyclass(frozen)]
pub(super) struct DispatchTable;

#[pymethods]
impl DispatchTable {
    #[expect(clippy::unused_self, reason = "a pickler asks an object")]
    fn __getitem__<'py>(&self, class: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        reducer_of(&class)?.ok_or_else(|| PyKeyError::new_err(class.unbind()))
    }
}
