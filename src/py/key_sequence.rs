//! Keys for Python: one is `bytes`, many are a sequence that makes those only when they are asked for.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyType};

use super::recall::{Recall, Recalling, standing_in};
use super::task::TaskCore;
use crate::Key;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<KeyList>()?;
    m.add_class::<Keys>()?;
    m.add_function(wrap_pyfunction!(keys_of, m)?)
}

/// The keys of tasks, which are computed where they are not known.
#[pyfunction]
#[pyo3(signature = (tasks, *, begin = 0, origin = None, recall = None))]
fn keys_of(
    tasks: &Bound<'_, PyList>,
    begin: usize,
    origin: Option<&Bound<'_, PyAny>>,
    recall: Option<&Recall>,
) -> PyResult<Keys> {
    let nothing = Recall::new();
    let mut recalling = Recalling::new(tasks.py(), recall.unwrap_or(&nothing));
    let mut keyed = Vec::with_capacity(tasks.len().saturating_sub(begin));
    for (index, task) in tasks.iter().enumerate().skip(begin) {
        let task = task.cast_into::<TaskCore>()?;
        if origin.is_none_or(|origin| task.get().is_of(origin)) {
            recalling.is_noted(index, &task)?;
            keyed.push(task.unbind());
        }
    }
    Ok(Keys::new(Arc::new(keyed)))
}

/// A key as Python gives it.
#[derive(Clone, Copy)]
pub(super) struct KeyBytes(pub(super) Key);

impl<'py> FromPyObject<'_, 'py> for KeyBytes {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<KeyBytes> {
        let object = object.cast::<PyBytes>()?;
        let bytes = object.as_bytes();
        let wrong = || PyValueError::new_err(format!("a key has {} bytes, not {}", Key::LEN, bytes.len()));
        Key::from_slice(bytes).map(KeyBytes).ok_or_else(wrong)
    }
}

/// The keys of the tasks of a graph. They stay where they are: a list of a hundred thousand `bytes` would take
/// more memory than the graph itself.
#[pyclass(frozen, sequence, module = "jug._native")]
pub(super) struct Keys {
    tasks: Arc<Vec<Py<TaskCore>>>,
}

impl Keys {
    /// The keys of tasks that have them.
    pub(super) fn new(tasks: Arc<Vec<Py<TaskCore>>>) -> Keys {
        Keys { tasks }
    }
}

/// How many keys are copied at a time.
const CHUNK: usize = 64 * 1024;

#[pymethods]
impl Keys {
    fn __len__(&self) -> usize {
        self.tasks.len()
    }

    /// How many of its first tasks stand in a list, in this order, from a place on.
    fn first_of(&self, tasks: &Bound<'_, PyList>, begin: usize) -> usize {
        standing_in(tasks, begin, &self.tasks)
    }

    /// The keys from an index on.
    fn since(&self, py: Python<'_>, begin: usize) -> Keys {
        let tasks = self.tasks.iter().skip(begin).map(|task| task.clone_ref(py)).collect();
        Keys::new(Arc::new(tasks))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyBytes>> {
        let task = self.tasks.get(index).ok_or_else(|| PyIndexError::new_err("no such node"))?;
        Ok(PyBytes::new(py, key_of(task).as_bytes()))
    }

    fn joined<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, self.tasks.len() * Key::LEN, |bytes| {
            for (place, task) in bytes.chunks_exact_mut(Key::LEN).zip(&*self.tasks) {
                place.copy_from_slice(key_of(task).as_bytes());
            }
            Ok(())
        })
    }

    fn of(&self, nodes: Vec<usize>) -> PyResult<KeyList> {
        let key =
            |node| self.tasks.get(node).map(key_of).ok_or_else(|| PyIndexError::new_err("no such node"));
        Ok(KeyList(nodes.into_iter().map(key).collect::<PyResult<_>>()?))
    }

    fn task(&self, py: Python<'_>, index: usize) -> PyResult<Py<TaskCore>> {
        let task = self.tasks.get(index).ok_or_else(|| PyIndexError::new_err("no such task"))?;
        Ok(task.clone_ref(py))
    }

    fn are_all_of(&self, py: Python<'_>, class: &Bound<'_, PyType>) -> bool {
        self.tasks.iter().all(|task| task.bind(py).get_type().is(class))
    }
}

/// Some keys, each of which is made `bytes` only when it is asked for.
#[pyclass(frozen, sequence, module = "jug._native")]
pub(super) struct KeyList(Vec<Key>);

#[pymethods]
impl KeyList {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.get(index).ok_or_else(|| PyIndexError::new_err("no such key"))?;
        Ok(PyBytes::new(py, key.as_bytes()))
    }

    fn __contains__(&self, key: KeyBytes) -> bool {
        self.0.contains(&key.0)
    }
}

/// The key of a task in a graph.
pub(super) fn key_of(task: &Py<TaskCore>) -> Key {
    task.get().known_key().expect("a task gets its key before it gets into a graph")
}

/// Keys from any iterable of `bytes`.
pub(super) fn keys_from(keys: &Bound<'_, PyAny>) -> PyResult<Vec<Key>> {
    let mut all = Vec::new();
    for_chunks(keys, |chunk| {
        all.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(all)
}

/// Calls `f` with the keys of any iterable of `bytes`, some at a time.
pub(super) fn for_chunks(keys: &Bound<'_, PyAny>, mut f: impl FnMut(&[Key]) -> PyResult<()>) -> PyResult<()> {
    if let Ok(keys) = keys.cast_exact::<Keys>() {
        let mut copied = Vec::with_capacity(CHUNK);
        for tasks in keys.get().tasks.chunks(CHUNK) {
            copied.clear();
            copied.extend(tasks.iter().map(key_of));
            f(&copied)?;
        }
        return Ok(());
    }
    if let Ok(keys) = keys.cast_exact::<KeyList>() {
        return f(&keys.get().0);
    }
    let keys: PyResult<Vec<Key>> = keys.try_iter()?.map(|key| Ok(key?.extract::<KeyBytes>()?.0)).collect();
    f(&keys?)
}

/// Keys as a list for Python.
pub(super) fn to_bytes<'py>(py: Python<'py>, keys: &[Key]) -> Vec<Bound<'py, PyBytes>> {
    keys.iter().map(|key| PyBytes::new(py, key.as_bytes())).collect()
}
