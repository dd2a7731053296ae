//! Arguments that are kept as they were, so that each use gets a copy of its own.

use std::sync::{Mutex, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyTuple};

use super::Given;
use super::fixed::is_shared;
use crate::py::task::Passed;

/// A pickle of positional and keyword arguments, and what in it was not copied.
pub(super) struct Kept {
    pickle: Py<PyBytes>,
    /// The objects that are passed on as they are. None where there are none.
    shared: Option<Py<PyList>>,
}

static TOOLS: PyOnceLock<Tools> = PyOnceLock::new();

const PROTOCOL: u8 = 5;

/// What the standard library has for pickling.
struct Tools {
    dumps: Py<PyAny>,
    loads: Py<PyAny>,
    pickler: Py<PyAny>,
    unpickler: Py<PyAny>,
    buffer: Py<PyAny>,
}

fn tools(py: Python<'_>) -> PyResult<&Tools> {
    TOOLS.get_or_try_init(py, || {
        let pickle = py.import("pickle")?;
        let named = |name| pickle.getattr(name).map(Bound::unbind);
        Ok(Tools {
            dumps: named("dumps")?,
            loads: named("loads")?,
            pickler: named("Pickler")?,
            unpickler: named("Unpickler")?,
            buffer: py.import("io")?.getattr("BytesIO")?.unbind(),
        })
    })
}

impl Kept {
    /// Keeps arguments, all but those at the addresses in `others`, which are passed on as they are.
    pub(super) fn new(given: &Given<'_>, has_shared: bool, others: Vec<usize>) -> PyResult<Kept> {
        let py = given.args.py();
        let tools = tools(py)?;
        let both = PyTuple::new(py, [Some(given.args.as_any()), given.kwargs.map(Bound::as_any)])?;
        if !has_shared && others.is_empty() {
            let pickle = tools.dumps.bind(py).call1((both, PROTOCOL))?.cast_into()?.unbind();
            return Ok(Kept { pickle, shared: None });
        }
        let buffer = tools.buffer.bind(py).call0()?;
        let pickler = tools.pickler.bind(py).call1((&buffer, PROTOCOL))?;
        let asked = Bound::new(py, Sharer { others, shared: Mutex::default() })?;
        pickler.setattr(intern!(py, "persistent_id"), &asked)?;
        pickler.call_method1(intern!(py, "dump"), (both,))?;
        let shared = std::mem::take(&mut *asked.get().shared());
        let pickle = buffer.call_method0(intern!(py, "getvalue"))?.cast_into()?.unbind();
        Ok(Kept { pickle, shared: Some(PyList::new(py, shared)?.unbind()) })
    }

    /// A new copy of the arguments.
    pub(super) fn copy<'py>(&self, py: Python<'py>) -> PyResult<Passed<'py>> {
        let tools = tools(py)?;
        let copy = match &self.shared {
            None => tools.loads.bind(py).call1((&self.pickle,))?,
            Some(shared) => {
                let buffer = tools.buffer.bind(py).call1((&self.pickle,))?;
                let unpickler = tools.unpickler.bind(py).call1((buffer,))?;
                let load = shared.bind(py).getattr(intern!(py, "__getitem__"))?;
                unpickler.setattr(intern!(py, "persistent_load"), load)?;
                unpickler.call_method0(intern!(py, "load"))?
            }
        };
        copy.extract()
    }

    /// The objects that it holds.
    pub(super) fn shared(&self) -> Option<&Py<PyList>> {
        self.shared.as_ref()
    }
}

/// Says to a pickler what is not to be copied, and remembers it.
#[pyclass(frozen)]
struct Sharer {
    others: Vec<usize>,
    shared: Mutex<Vec<Py<PyAny>>>,
}

impl Sharer {
    fn shared(&self) -> std::sync::MutexGuard<'_, Vec<Py<PyAny>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Sharer {
    fn __call__(&self, object: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        if !is_shared(object)? && !self.others.contains(&(object.as_ptr() as usize)) {
            return Ok(None);
        }
        let mut shared = self.shared();
        shared.push(object.clone().unbind());
        Ok(Some(shared.len() - 1))
    }
}
