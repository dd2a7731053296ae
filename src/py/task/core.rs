//! A task: its function, its arguments, its key and its result.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::arguments::{Arguments, Kept};
use super::origin::{CHANGED, Findings, INDEPENDENT, Origin, SHALLOW};
use super::state::State;
use crate::Key;
use crate::hash::Encoder;
use crate::py::snapshot::Snapshot;

/// A deferred call: what it calls, with what, and (once asked for) its key.
///
/// There may be millions, so that each byte here counts.
#[pyclass(subclass, frozen, module = "jug._native")]
pub(in crate::py) struct TaskCore {
    pub(super) f: Py<PyAny>,
    pub(super) args: Arguments,
    /// The key, once the state says that it is known.
    key: [AtomicU64; Key::LEN / size_of::<u64>()],
    pub(super) state: State<Captured>,
    /// What it has in common with the tasks of the same jugfile; see `set_origin`.
    pub(super) origin: Origin,
}

const _: () = assert!(size_of::<TaskCore>() <= 72, "there may be millions of tasks");

/// What was captured of arguments that may change.
pub(super) struct Captured {
    pub(super) snapshot: Snapshot,
    /// The tasks among the arguments; none if the arguments have no encoding.
    pub(super) dependencies: Vec<Py<TaskCore>>,
}

/// How often a task was given a name after it had been made.
static RENAMES: AtomicU64 = AtomicU64::new(0);

/// How often any task was given a name after it had been made: as long as this stays the same, a task without a name of its
/// own has none.
pub(in crate::py) fn renames() -> u64 {
    RENAMES.load(Ordering::Acquire)
}

/// Notes that a task was given a name.
pub(super) fn note_rename() {
    RENAMES.fetch_add(1, Ordering::Release);
}

impl Captured {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.dependencies.iter().try_for_each(|task| visit.call(task))?;
        self.snapshot.traverse(visit)
    }
}

impl TaskCore {
    /// A task that has no key yet.
    pub(super) fn unkeyed(f: Py<PyAny>, args: Arguments, state: State<Captured>, origin: Origin) -> TaskCore {
        TaskCore { f, args, key: Default::default(), state, origin }
    }

    /// The key, if it was computed.
    pub(in crate::py) fn known_key(&self) -> Option<Key> {
        self.state.is_keyed().then(|| self.read_key())
    }

    fn read_key(&self) -> Key {
        let mut bytes = [0; Key::LEN];
        for (part, word) in bytes.chunks_exact_mut(size_of::<u64>()).zip(&self.key) {
            part.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        Key::new(bytes)
    }

    fn write_key(&self, key: Key) {
        let (parts, _) = key.as_bytes().as_chunks();
        for (part, word) in parts.iter().zip(&self.key) {
            word.store(u64::from_ne_bytes(*part), Ordering::Relaxed);
        }
    }

    /// Sets the key unless another thread did so meanwhile; returns the one that holds.
    pub(in crate::py) fn set_key(&self, key: Key) -> Key {
        self.state.set_keyed(|| self.write_key(key));
        let key = self.read_key();
        if let Some(snapshot) = self.snapshot() {
            snapshot.key_is_known();
        }
        key
    }

    /// How the arguments were when the task was made; None if they cannot change.
    pub(in crate::py) fn snapshot(&self) -> Option<&Snapshot> {
        self.state.more()?.captured.as_ref().map(|captured| &captured.snapshot)
    }

    /// The tasks among the arguments, if they were found when it was made.
    pub(in crate::py) fn known_dependencies(&self) -> Option<&[Py<TaskCore>]> {
        let captured = self.state.more()?.captured.as_ref()?;
        (!captured.snapshot.is_refused()).then_some(&captured.dependencies)
    }

    /// Whether an earlier version gave it another key.
    pub(in crate::py) fn is_changed(&self) -> bool {
        self.origin.is(CHANGED)
    }

    /// Notes that an earlier version gave it another key.
    pub(in crate::py) fn set_changed(&self) {
        self.origin.raise(CHANGED);
    }

    /// Whether it is enough to look into plain lists, tuples and dicts among the arguments.
    pub(in crate::py) fn is_shallow(&self) -> bool {
        self.origin.is(SHALLOW)
    }

    pub(in crate::py) fn set_shallow(&self) {
        self.origin.raise(SHALLOW);
    }

    /// Whether it is known that it needs no other task.
    pub(in crate::py) fn is_independent(&self) -> bool {
        self.origin.is(INDEPENDENT)
    }

    pub(in crate::py) fn set_independent(&self) {
        self.origin.raise(INDEPENDENT);
    }

    /// Which of these two are known.
    pub(in crate::py) fn findings(&self) -> Findings {
        self.origin.findings()
    }

    /// Notes what is known of a task with the same arguments.
    pub(in crate::py) fn set_findings(&self, findings: Findings) {
        self.origin.raise_findings(findings);
    }

    /// The positional arguments.
    pub(in crate::py) fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.args.tuple(py)
    }

    /// The positional arguments one by one; None if there are many, or some by keyword, or some that may have changed.
    pub(in crate::py) fn few_args(&self) -> Option<impl ExactSizeIterator<Item = Kept<'_>>> {
        if self.has_only_args() { self.args.few() } else { None }
    }

    /// Whether there are no arguments by keyword, and none that may have changed.
    pub(in crate::py) fn has_only_args(&self) -> bool {
        self.state.more().is_none_or(|it| it.kwargs.is_none() && it.captured.is_none())
    }

    /// The keyword arguments, if there are any.
    pub(in crate::py) fn keywords<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyDict>> {
        self.state.more()?.kwargs.as_ref().map(|kwargs| kwargs.bind(py))
    }

    /// The result, if it is in memory.
    pub(in crate::py) fn loaded_result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.result(py)
    }

    /// Appends the name that is part of the task's identity.
    pub(in crate::py) fn encode_name(&self, py: Python<'_>, encoder: &mut Encoder) -> PyResult<()> {
        let assigned = self.state.names(|it| it.hashed.as_ref().unwrap_or(&it.now).clone_ref(py));
        if let Some(name) = assigned {
            encoder.str(name.bind(py).to_str()?.as_bytes());
            return Ok(());
        }
        let (module, name) = self.function_name(py)?;
        encoder.str_of(&[module.to_str()?.as_bytes(), b".", name.to_str()?.as_bytes()]);
        Ok(())
    }

    /// Module and name of its function, unless another name was assigned.
    pub(in crate::py) fn own_name<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<(Bound<'py, PyString>, Bound<'py, PyString>)>> {
        if self.state.names(|_| ()).is_some() { Ok(None) } else { self.function_name(py).map(Some) }
    }

    /// Whether this is its origin.
    pub(in crate::py) fn is_of(&self, origin: &Bound<'_, PyAny>) -> bool {
        self.origin.with(|its| its.is_some_and(|its| its.is(origin)))
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
        let has_name = self.state.more().is_some() && self.state.names(|_| ()).is_some();
        (!has_name).then_some(self.f.as_ptr() as usize)
    }

    /// The name that users see.
    pub(in crate::py) fn display_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let assigned = self.state.names(|names| names.now.clone_ref(py));
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

    /// Shows the collector all that this refers to.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.f)?;
        self.args.traverse(visit)?;
        self.origin.traverse(visit)?;
        self.state.traverse(visit, Captured::traverse)
    }
}
