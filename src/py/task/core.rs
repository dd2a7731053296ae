//! A task: its function, its arguments, its key and its result.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::arguments::Arguments;
use crate::Key;
use crate::hash::Encoder;
use crate::lock::lock;
use crate::py::snapshot::Snapshot;

/// A deferred call: what it calls, with what, and (once asked for) its key.
#[pyclass(subclass, frozen, module = "jug._native")]
pub(in crate::py) struct TaskCore {
    pub(super) f: Py<PyAny>,
    pub(super) args: Arguments,
    pub(super) kwargs: Option<Py<PyDict>>,
    /// How arguments that may change were when the task was made. None if none of them can.
    pub(super) captured: Option<Box<Captured>>,
    pub(super) key: OnceLock<Key>,
    /// Whether it had another key in an earlier version, because of a value of a kind that changed.
    pub(super) changed: AtomicBool,
    /// Whether it is known that nothing is replaced by a result in a container that is no plain list, tuple
    /// or dict.
    pub(super) shallow: AtomicBool,
    /// Whether it is known that it needs no other task.
    pub(super) independent: AtomicBool,
    pub(super) state: Mutex<State>,
    /// What it has in common with the tasks of the same jugfile; see `set_origin`.
    pub(super) origin: Option<Py<PyAny>>,
}

/// What was captured of arguments that may change.
pub(super) struct Captured {
    pub(super) snapshot: Snapshot,
    /// The tasks among the arguments; none if the arguments have no encoding.
    pub(super) dependencies: Vec<Py<TaskCore>>,
}

impl Captured {
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.dependencies.iter().try_for_each(|task| visit.call(task))?;
        self.snapshot.traverse(visit)
    }
}

/// What may change after a task was made.
#[derive(Default)]
pub(super) struct State {
    /// Boxed, because few tasks have any.
    pub(super) names: Option<Box<Names>>,
    pub(super) result: Option<Py<PyAny>>,
}

/// Names that were assigned to a task; without them its function's is used.
pub(super) struct Names {
    pub(super) now: Py<PyString>,
    /// The name at the first hash, kept when another one is assigned after it.
    pub(super) hashed: Option<Py<PyString>>,
}

impl TaskCore {
    /// The key, if it was computed.
    pub(in crate::py) fn known_key(&self) -> Option<Key> {
        self.key.get().copied()
    }

    /// Sets the key unless another thread did so meanwhile; returns the one that holds.
    pub(in crate::py) fn set_key(&self, key: Key) -> Key {
        let key = *self.key.get_or_init(|| key);
        if let Some(snapshot) = self.snapshot() {
            snapshot.key_is_known();
        }
        key
    }

    /// How the arguments were when the task was made; None if they cannot change.
    pub(in crate::py) fn snapshot(&self) -> Option<&Snapshot> {
        self.captured.as_ref().map(|captured| &captured.snapshot)
    }

    /// The tasks among the arguments, if they were found when it was made.
    pub(in crate::py) fn known_dependencies(&self) -> Option<&[Py<TaskCore>]> {
        let captured = self.captured.as_ref()?;
        (!captured.snapshot.is_refused()).then_some(&captured.dependencies)
    }

    /// Whether an earlier version gave it another key.
    pub(in crate::py) fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Notes that an earlier version gave it another key.
    pub(in crate::py) fn set_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether it is enough to look into plain lists, tuples and dicts among the arguments.
    pub(in crate::py) fn is_shallow(&self) -> bool {
        self.shallow.load(Ordering::Relaxed)
    }

    pub(in crate::py) fn set_shallow(&self) {
        self.shallow.store(true, Ordering::Relaxed);
    }

    /// Whether it is known that it needs no other task.
    pub(in crate::py) fn is_independent(&self) -> bool {
        self.independent.load(Ordering::Relaxed)
    }

    pub(in crate::py) fn set_independent(&self) {
        self.independent.store(true, Ordering::Relaxed);
    }

    /// The positional arguments.
    pub(in crate::py) fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.args.tuple(py)
    }

    /// The keyword arguments, if there are any.
    pub(in crate::py) fn keywords<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyDict>> {
        self.kwargs.as_ref().map(|kwargs| kwargs.bind(py))
    }

    /// The result, if it is in memory.
    pub(in crate::py) fn loaded_result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state().result.as_ref().map(|result| result.clone_ref(py))
    }

    /// Appends the name that is part of the task's identity.
    pub(in crate::py) fn encode_name(&self, py: Python<'_>, encoder: &mut Encoder) -> PyResult<()> {
        let state = self.state();
        let assigned = state.names.as_ref().map(|it| it.hashed.as_ref().unwrap_or(&it.now).clone_ref(py));
        drop(state);
        if let Some(name) = assigned {
            encoder.str(name.bind(py).to_str()?.as_bytes());
            return Ok(());
        }
        let (module, name) = self.function_name(py)?;
        encoder.str_of(&[module.to_str()?.as_bytes(), b".", name.to_str()?.as_bytes()]);
        Ok(())
    }

    /// Whether this is its origin.
    pub(in crate::py) fn is_of(&self, origin: &Bound<'_, PyAny>) -> bool {
        self.origin.as_ref().is_some_and(|its| its.is(origin))
    }

    /// The function.
    pub(in crate::py) fn function<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.f.bind(py).clone()
    }

    /// The address of the function.
    pub(in crate::py) fn function_address(&self) -> usize {
        self.f.as_ptr() as usize
    }

    /// The address of the function, if the task has no other name than that of it.
    pub(in crate::py) fn unnamed(&self) -> Option<usize> {
        self.state().names.is_none().then_some(self.f.as_ptr() as usize)
    }

    /// The name that users see.
    pub(in crate::py) fn display_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let assigned = self.state().names.as_ref().map(|names| names.now.clone_ref(py));
        if let Some(name) = assigned {
            return Ok(name.into_bound(py));
        }
        let (module, name) = self.function_name(py)?;
        Ok(PyString::new(py, &format!("{}.{}", module.to_str()?, name.to_str()?)))
    }

    fn function_name<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyString>, Bound<'py, PyString>)> {
        let f = self.f.bind(py);
        // Methods of builtin objects have the module None; str() makes a name of that, too.
        let module = f.getattr(intern!(py, "__module__"))?;
        let module = module.cast_into::<PyString>().or_else(|other| other.into_inner().str())?;
        let name = f.getattr(intern!(py, "__name__"))?;
        let name = name.cast_into::<PyString>().or_else(|other| other.into_inner().str())?;
        Ok((module, name))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
