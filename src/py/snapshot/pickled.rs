//! Pickled arguments, of which each use gets a copy of its own.

use std::sync::Mutex;

use crate::lock::lock;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple, PyType};

/// Arguments for one use.
pub(in crate::py) type CallArguments<'py> = (Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>);

/// Arguments of a call.
pub(in crate::py) struct ArgumentsRef<'py> {
    pub(in crate::py) args: &'py Bound<'py, PyTuple>,
    pub(in crate::py) kwargs: Option<&'py Bound<'py, PyDict>>,
}

/// Which objects are not copied.
pub(in crate::py) struct Sharing {
    /// Whether an object is passed on as it is wherever it stands.
    pub(in crate::py) is_shared: fn(&Bound<'_, PyAny>) -> PyResult<bool>,
    /// The addresses of others.
    pub(in crate::py) others: Vec<usize>,
}

/// A pickle of positional and keyword arguments, and what was not copied into it.
pub(in crate::py) struct PickledArguments {
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
        // Early releases of 3.13 have no `persistent_id` that can be set on objects of the classes themselves.
        let subclass = |name| {
            let bases = (pickle.getattr(name)?,);
            py.get_type::<PyType>().call1((name, bases, PyDict::new(py))).map(Bound::unbind)
        };
        Ok(Tools {
            dumps: named("dumps")?,
            loads: named("loads")?,
            pickler: subclass("Pickler")?,
            unpickler: subclass("Unpickler")?,
            buffer: py.import("io")?.getattr("BytesIO")?.unbind(),
        })
    })
}

impl PickledArguments {
    /// Pickles arguments. Without `sharing` there is nothing among them that is not copied.
    pub(in crate::py) fn new(
        given: &ArgumentsRef<'_>,
        sharing: Option<Sharing>,
    ) -> PyResult<PickledArguments> {
        let py = given.args.py();
        let tools = tools(py)?;
        let both = PyTuple::new(py, [Some(given.args.as_any()), given.kwargs.map(Bound::as_any)])?;
        let Some(sharing) = sharing else {
            let pickle = tools.dumps.bind(py).call1((both, PROTOCOL))?.cast_into()?.unbind();
            return Ok(PickledArguments { pickle, shared: None });
        };
        let buffer = tools.buffer.bind(py).call0()?;
        let pickler = tools.pickler.bind(py).call1((&buffer, PROTOCOL))?;
        let ids = Bound::new(py, PersistentIds { sharing, shared: Mutex::default() })?;
        pickler.setattr(intern!(py, "persistent_id"), &ids)?;
        pickler.call_method1(intern!(py, "dump"), (both,))?;
        let shared = std::mem::take(&mut *ids.get().shared());
        let pickle = buffer.call_method0(intern!(py, "getvalue"))?.cast_into()?.unbind();
        Ok(PickledArguments { pickle, shared: Some(PyList::new(py, shared)?.unbind()) })
    }

    /// A new copy of the arguments.
    pub(in crate::py) fn copy<'py>(&self, py: Python<'py>) -> PyResult<CallArguments<'py>> {
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

/// The `persistent_id` of a pickler: numbers the objects that are not copied, and keeps them.
#[pyclass(frozen)]
struct PersistentIds {
    sharing: Sharing,
    shared: Mutex<Vec<Py<PyAny>>>,
}

impl PersistentIds {
    fn shared(&self) -> std::sync::MutexGuard<'_, Vec<Py<PyAny>>> {
        lock(&self.shared)
    }
}

#[pymethods]
impl PersistentIds {
    fn __call__(&self, object: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        if !(self.sharing.is_shared)(object)? && !self.sharing.others.contains(&(object.as_ptr() as usize)) {
            return Ok(None);
        }
        let mut shared = self.shared();
        shared.push(object.clone().unbind());
        Ok(Some(shared.len() - 1))
    }
}
