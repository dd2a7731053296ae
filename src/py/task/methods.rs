//! The methods of tasks for Python.

use std::sync::Mutex;

use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFunction, PyString, PyTuple};

use super::arguments::Arguments;
use super::capture::{self, capture, changed_argument};
use super::core::{TaskCore, note_rename};
use super::given::{self, partial_type};
use super::making;
use super::origin::Origin;
use super::state::{Names, State};
use crate::Key;
use crate::lock::lock;
use crate::py::immutable::is_immutable;
use crate::py::keys;
use crate::py::snapshot::{ArgumentsRef, CallArguments};

/// The origin of the tasks that are made from now on.
static ORIGIN: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Sets what each task that is made from now on has as its `_origin`.
#[pyfunction]
fn set_origin(origin: Option<Py<PyAny>>) {
    let before = std::mem::replace(&mut *lock(&ORIGIN), origin);
    drop(before);
}

fn origin(py: Python<'_>) -> Option<Py<PyAny>> {
    lock(&ORIGIN).as_ref().map(|it| it.clone_ref(py))
}

#[pymethods]
impl TaskCore {
    #[new]
    #[pyo3(signature = (f, /, *args, **kwargs))]
    fn new<'py>(
        f: Bound<'py, PyAny>,
        args: Bound<'py, PyTuple>,
        kwargs: Option<Bound<'py, PyDict>>,
    ) -> PyResult<TaskCore> {
        let (f, args, kwargs, name): NamedCall<'py> = if f.is_exact_instance_of::<PyFunction>() {
            (f, args, kwargs, None)
        } else {
            let (f, args, kwargs) = unwrap_partial(f, args, kwargs)?;
            match f.get_type().getattr_opt(intern!(f.py(), "__jug_call__"))? {
                Some(method) => method.call1((f, args, kwargs))?.extract()?,
                None => (f, args, kwargs, None),
            }
        };
        check_function(&f)?;
        let py = f.py();
        let kwargs = kwargs.filter(|kwargs| !kwargs.is_empty());
        let captured = capture(&ArgumentsRef { args: &args, kwargs: kwargs.as_ref() })?;
        let names = name.map(|name| Box::new(Names { now: name.unbind(), hashed: None }));
        let state = State::new(kwargs.map(Bound::unbind), captured, names);
        Ok(TaskCore::unkeyed(f.unbind(), Arguments::new(args)?, state, Origin::new(origin(py))))
    }

    /// Notes a task in `alltasks`, unless its class overrides it.
    #[pyo3(signature = (*_args, **_kwargs))]
    fn __init__<'py>(
        slf: &Bound<'py, Self>,
        _args: &Bound<'py, PyTuple>,
        _kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<()> {
        making::note(slf)
    }

    /// The function.
    #[getter]
    fn f(&self, py: Python<'_>) -> Py<PyAny> {
        self.f.clone_ref(py)
    }

    /// The positional arguments.
    #[getter(args)]
    fn py_args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.args(py)
    }

    /// The keyword arguments.
    #[getter]
    fn kwargs<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        self.keywords(py).map_or_else(|| PyDict::new(py), Clone::clone)
    }

    /// What was set by `set_origin` when the task was made.
    #[getter]
    fn _origin(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.origin.with(|origin| origin.map(|it| it.clone_ref(py)))
    }

    /// Module and name of the function, unless another name was assigned.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.display_name(py)
    }

    #[setter]
    fn set_name(&self, py: Python<'_>, name: Bound<'_, PyString>) -> PyResult<()> {
        let before = self.display_name(py)?.unbind();
        let is_keyed = self.state.is_keyed();
        let replaced = self.state.change_names(|names| {
            let hashed = names.and_then(|names| names.hashed.take());
            Names { now: name.unbind(), hashed: hashed.or_else(|| is_keyed.then_some(before)) }
        });
        note_rename();
        drop(replaced);
        Ok(())
    }

    /// The result in memory; `AttributeError` if it is not loaded.
    #[getter(_result)]
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.loaded_result(py).ok_or_else(|| PyAttributeError::new_err("the result is not loaded"))
    }

    #[setter(_result)]
    fn set_result(&self, result: Bound<'_, PyAny>) {
        let replaced = self.state.replace_result(Some(result.unbind()));
        drop(replaced);
    }

    /// Keeps a result in memory that any number of uses can share, as it cannot change.
    fn _keep(&self, result: Bound<'_, PyAny>) -> PyResult<()> {
        self.keep(result)
    }

    #[deleter(_result)]
    fn delete_result(&self) -> PyResult<()> {
        let removed = self.state.replace_result(None);
        removed.map(drop).ok_or_else(|| PyAttributeError::new_err("the result is not loaded"))
    }

    /// Removes the result from memory; the stored one stays.
    #[pyo3(name = "unload")]
    fn py_unload(&self) {
        self.unload();
    }

    /// Whether the result is in memory.
    fn _has_result(&self) -> bool {
        self.state.has_result()
    }

    /// The 32-byte key, computed on first use.
    fn key<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(slf.py(), keys::key_of_task(slf)?.as_bytes()))
    }

    /// The key as 64 hexadecimal digits.
    fn hash<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(slf.py(), keys::key_of_task(slf)?.to_hex().as_bytes()))
    }

    /// The same as `hash`, the protocol by which any object gives its hash.
    fn __jug_hash__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        TaskCore::hash(slf)
    }

    /// The key and the direct dependencies, found in one walk if the key was not known.
    fn _identify<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, TaskCore>>)> {
        let (key, dependencies) = keys::key_and_dependencies(slf)?;
        Ok((PyBytes::new(slf.py(), key.as_bytes()), dependencies))
    }

    /// The key that the arguments give now: another than `key()` if one was changed of which there is no copy.
    fn _fresh_key<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        let (args, kwargs) = keys::arguments_of(slf)?;
        Ok(PyBytes::new(slf.py(), keys::key_with(slf, &args, kwargs.as_ref())?.as_bytes()))
    }

    /// The arguments as they were when the task was made, for one use, with the tasks among them.
    fn _given_arguments<'py>(slf: &Bound<'py, Self>) -> PyResult<CallArguments<'py>> {
        keys::arguments_of(slf)
    }

    /// How long it takes to check whether an argument was changed, in seconds; None if no argument can be.
    fn _check_takes(&self) -> Option<f64> {
        self.snapshot()?.check_time().map(|takes| takes.as_secs_f64())
    }

    /// The first argument that is not any more what it was when the task was made: "argument 1".
    fn _changed_argument(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let Some(snapshot) = self.snapshot() else { return Ok(None) };
        Ok(changed_argument(py, snapshot)?.map(ToString::to_string))
    }

    /// Gives the task the key of another one, in whose place it stands. `ValueError` if it has one already.
    fn _set_key(&self, key: &[u8]) -> PyResult<()> {
        let key = Key::from_slice(key).ok_or_else(|| PyValueError::new_err("a key has 32 bytes"))?;
        if self.set_key(key) == key {
            return Ok(());
        }
        Err(PyValueError::new_err("the task has another key already"))
    }

    /// Tasks among the arguments (through lists, tuples, dicts and tasklets), each once.
    fn direct_dependencies<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, TaskCore>>> {
        keys::dependencies_of(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.traverse(&visit)
    }

    fn __clear__(&self) {
        let removed = self.state.replace_result(None);
        drop(removed);
    }
}

impl TaskCore {
    /// Removes the result from memory.
    pub(in crate::py) fn unload(&self) {
        // What that drops may run code that asks for the state.
        let removed = self.state.replace_result(None);
        drop(removed);
    }

    /// Keeps a result in memory that any number of uses can share, as it cannot change.
    pub(in crate::py) fn keep(&self, result: Bound<'_, PyAny>) -> PyResult<()> {
        if is_immutable(&result)? {
            self.set_result(result);
        }
        Ok(())
    }
}

type Call<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>);

/// What the class of a function says by `__jug_call__` is to be called in its place, and by which name the task is known then.
type NamedCall<'py> =
    (Bound<'py, PyAny>, Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>, Option<Bound<'py, PyString>>);

/// `partial(f, a, k=v)` called with `b` is `f` called with `a, b, k=v`.
fn unwrap_partial<'py>(
    mut f: Bound<'py, PyAny>,
    mut args: Bound<'py, PyTuple>,
    mut kwargs: Option<Bound<'py, PyDict>>,
) -> PyResult<Call<'py>> {
    let py = f.py();
    let partial = partial_type(py)?;
    while f.is_instance(partial)? {
        args = f.getattr("args")?.cast::<PyTuple>()?.add(args)?.cast_into()?;
        let merged = f.getattr("keywords")?.cast::<PyDict>()?.copy()?;
        if let Some(kwargs) = &kwargs {
            merged.update(kwargs.as_mapping())?;
        }
        kwargs = Some(merged);
        f = f.getattr("func")?;
    }
    Ok((f, args, kwargs))
}

/// A task is identified by its function's name, so it must have one that distinguishes it from others.
fn check_function(f: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = f.py();
    let Some(name) = f.getattr_opt(intern!(py, "__name__"))? else {
        let advice = if f.getattr_opt("_jug_is_task_generator")?.is_some() {
            "is a TaskGenerator: call it to make a task, or pass its function, which is its attribute f"
        } else if f.is_callable() {
            "has no name: wrap it in a function defined with def at module level"
        } else {
            "is not a function"
        };
        return Err(PyTypeError::new_err(format!("cannot make a task of {}: it {advice}", f.repr()?)));
    };
    if name.eq(intern!(py, "<lambda>"))? {
        return Err(PyValueError::new_err(
            "cannot make a task of a lambda, which has no name to be known by; define it with def at module level, \
             or use Tasklet(task, lambda result: ...) on the result of a task",
        ));
    }
    Ok(())
}

/// Adds this module's names to `jug._native`.
pub(in crate::py) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    // PyO3 looks this type up in Python's module `types` when it is first needed. A jugfile may have that name.
    m.py().get_type::<PyFunction>();
    m.add_class::<TaskCore>()?;
    m.add_function(wrap_pyfunction!(set_origin, m)?)?;
    m.add_function(wrap_pyfunction!(given::called, m)?)?;
    making::register(m)?;
    capture::register(m)
}
