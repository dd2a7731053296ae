//! The Rust half of `jug.Task`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use pyo3::exceptions::{PyAttributeError, PyException, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyFunction, PyString, PyTuple};

use super::snapshot::{Given, Snapshot, is_fixed};
use super::walk;
use crate::Key;
use crate::hash::Encoder;

/// A deferred call: what it calls, with what, and (once asked for) its key.
#[pyclass(subclass, frozen, module = "jug._native")]
pub(super) struct TaskCore {
    f: Py<PyAny>,
    args: Arguments,
    kwargs: Option<Py<PyDict>>,
    /// How arguments that may change were when the task was made. None if none of them can.
    snapshot: Option<Box<Snapshot>>,
    key: OnceLock<Key>,
    /// Whether it had another key in an earlier version, because of a value of a kind that changed.
    changed: AtomicBool,
    /// Whether it is known that nothing is replaced by a result in a container that is no plain list, tuple
    /// or dict.
    shallow: AtomicBool,
    state: Mutex<State>,
    /// What it has in common with the tasks of the same jugfile; see `set_origin`.
    origin: Option<Py<PyAny>>,
}

/// The origin of the tasks that are made from now on.
static ORIGIN: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Sets what each task that is made from now on has as its `_origin`.
#[pyfunction]
fn set_origin(origin: Option<Py<PyAny>>) {
    let before = std::mem::replace(&mut *ORIGIN.lock().unwrap_or_else(PoisonError::into_inner), origin);
    drop(before);
}

fn origin(py: Python<'_>) -> Option<Py<PyAny>> {
    ORIGIN.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|it| it.clone_ref(py))
}

/// Positional arguments. Most tasks have one or two, and a tuple would be a fifth of such a task's memory.
enum Arguments {
    None,
    One(Py<PyAny>),
    Two([Py<PyAny>; 2]),
    Many(Py<PyTuple>),
}

impl Arguments {
    fn new(args: Bound<'_, PyTuple>) -> PyResult<Arguments> {
        Ok(match args.len() {
            0 => Arguments::None,
            1 => Arguments::One(args.get_item(0)?.unbind()),
            2 => Arguments::Two([args.get_item(0)?.unbind(), args.get_item(1)?.unbind()]),
            _ => Arguments::Many(args.unbind()),
        })
    }

    fn tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self {
            Arguments::None => Ok(PyTuple::empty(py)),
            Arguments::One(only) => PyTuple::new(py, [only]),
            Arguments::Two(both) => PyTuple::new(py, both),
            Arguments::Many(args) => Ok(args.bind(py).clone()),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Arguments::None => Ok(()),
            Arguments::One(only) => visit.call(only),
            Arguments::Two(both) => both.iter().try_for_each(|each| visit.call(each)),
            Arguments::Many(args) => visit.call(args),
        }
    }
}

/// Arguments for one use.
pub(super) type Passed<'py> = (Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>);

/// What may change after a task was made.
#[derive(Default)]
struct State {
    /// Boxed, because few tasks have any.
    names: Option<Box<Names>>,
    result: Option<Py<PyAny>>,
}

/// Names that were assigned to a task; without them its function's is used.
struct Names {
    now: Py<PyString>,
    /// The name at the first hash, kept when another one is assigned after it.
    hashed: Option<Py<PyString>>,
}

impl TaskCore {
    /// The key, if it was computed.
    pub(super) fn known_key(&self) -> Option<Key> {
        self.key.get().copied()
    }

    /// Sets the key unless another thread did so meanwhile; returns the one that holds.
    pub(super) fn settle_key(&self, key: Key) -> Key {
        let key = *self.key.get_or_init(|| key);
        if let Some(snapshot) = &self.snapshot {
            snapshot.key_is_known();
        }
        key
    }

    /// How the arguments were when the task was made; None if they cannot change.
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref()
    }

    /// The arguments as they were when the task was made, for one use, which may change them.
    pub(super) fn arguments<'py>(slf: &Bound<'py, TaskCore>) -> PyResult<Passed<'py>> {
        let (py, core) = (slf.py(), slf.get());
        let given = (core.args(py)?, core.keywords(py).cloned());
        match core.snapshot().and_then(|snapshot| snapshot.copy(py)) {
            None => Ok(given),
            Some(Ok(copy)) => Ok(copy),
            // What pickles need not unpickle. Such a thing is handed over as it is, if it is what it was.
            Some(Err(error)) if error.is_instance_of::<PyException>(py) => {
                if walk::key_with(slf, &given.0, given.1.as_ref())? == walk::key_of_task(slf)? {
                    return Ok(given);
                }
                let name = core.display_name(py)?;
                let message = format!(
                    "an argument of task {name} was changed after the task was made, and cannot be copied"
                );
                let changed = PyRuntimeError::new_err(message);
                changed.set_cause(py, Some(error));
                Err(changed)
            }
            Some(Err(error)) => Err(error),
        }
    }

    /// Whether an earlier version gave it another key.
    pub(super) fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Notes that an earlier version gave it another key.
    pub(super) fn set_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether it is enough to look into plain lists, tuples and dicts among the arguments.
    pub(super) fn is_shallow(&self) -> bool {
        self.shallow.load(Ordering::Relaxed)
    }

    pub(super) fn set_shallow(&self) {
        self.shallow.store(true, Ordering::Relaxed);
    }

    /// The positional arguments.
    pub(super) fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.args.tuple(py)
    }

    /// The keyword arguments, if there are any.
    pub(super) fn keywords<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyDict>> {
        self.kwargs.as_ref().map(|kwargs| kwargs.bind(py))
    }

    /// The result, if it is in memory.
    pub(super) fn loaded_result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state().result.as_ref().map(|result| result.clone_ref(py))
    }

    /// Appends the name that is part of the task's identity.
    pub(super) fn encode_name(&self, py: Python<'_>, encoder: &mut Encoder) -> PyResult<()> {
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

    /// The address of the function.
    pub(super) fn function_address(&self) -> usize {
        self.f.as_ptr() as usize
    }

    /// The address of the function, if the task has no other name than that of it.
    pub(super) fn unnamed(&self) -> Option<usize> {
        self.state().names.is_none().then_some(self.f.as_ptr() as usize)
    }

    /// The name that users see.
    pub(super) fn display_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
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

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held, so what it guards is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let (f, args, kwargs) = if f.is_exact_instance_of::<PyFunction>() {
            (f, args, kwargs)
        } else {
            unwrap_partial(f, args, kwargs)?
        };
        check_function(&f)?;
        let py = f.py();
        let kwargs = kwargs.filter(|kwargs| !kwargs.is_empty());
        let snapshot = Snapshot::take(&Given { args: &args, kwargs: kwargs.as_ref() })?;
        Ok(TaskCore {
            f: f.unbind(),
            args: Arguments::new(args)?,
            kwargs: kwargs.map(Bound::unbind),
            snapshot,
            key: OnceLock::new(),
            changed: AtomicBool::new(false),
            shallow: AtomicBool::new(false),
            state: Mutex::default(),
            origin: origin(py),
        })
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
        self.origin.as_ref().map(|it| it.clone_ref(py))
    }

    /// Module and name of the function, unless another name was assigned.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.display_name(py)
    }

    #[setter]
    fn set_name(&self, py: Python<'_>, name: Bound<'_, PyString>) -> PyResult<()> {
        let before = self.display_name(py)?.unbind();
        let mut state = self.state();
        let hashed = state.names.as_mut().and_then(|names| names.hashed.take());
        let hashed = hashed.or_else(|| self.key.get().is_some().then_some(before));
        let replaced = state.names.replace(Box::new(Names { now: name.unbind(), hashed }));
        drop(state);
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
        let replaced = self.state().result.replace(result.unbind());
        drop(replaced);
    }

    /// Keeps a result in memory that any number of uses can share, as it cannot change.
    fn _keep(&self, result: Bound<'_, PyAny>) -> PyResult<()> {
        if is_fixed(&result)? {
            self.set_result(result);
        }
        Ok(())
    }

    #[deleter(_result)]
    fn delete_result(&self) -> PyResult<()> {
        let removed = self.state().result.take();
        removed.map(drop).ok_or_else(|| PyAttributeError::new_err("the result is not loaded"))
    }

    /// Whether the result is in memory.
    fn _has_result(&self) -> bool {
        self.state().result.is_some()
    }

    /// The 32-byte key, computed on first use.
    fn key<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(slf.py(), walk::key_of_task(slf)?.as_bytes()))
    }

    /// The key as 64 hexadecimal digits.
    fn hash<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(slf.py(), walk::key_of_task(slf)?.to_hex().as_bytes()))
    }

    /// The same as `hash`, for code that asks any object for its hash.
    fn __jug_hash__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        TaskCore::hash(slf)
    }

    /// The key and the direct dependencies, found in one walk if the key was not known.
    fn _identify<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, TaskCore>>)> {
        let (key, dependencies) = walk::key_and_dependencies(slf)?;
        Ok((PyBytes::new(slf.py(), key.as_bytes()), dependencies))
    }

    /// The key that the arguments give now: another than `key()` if one was changed of which there is no copy.
    fn _fresh_key<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        let (args, kwargs) = TaskCore::arguments(slf)?;
        Ok(PyBytes::new(slf.py(), walk::key_with(slf, &args, kwargs.as_ref())?.as_bytes()))
    }

    /// How long it takes to see whether an argument was changed, in seconds; None if no argument can be.
    fn _check_takes(&self) -> Option<f64> {
        self.snapshot()?.check_takes().map(|takes| takes.as_secs_f64())
    }

    /// The first argument that is not any more what it was when the task was made: "argument 1".
    fn _changed_argument(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let Some(snapshot) = self.snapshot() else { return Ok(None) };
        Ok(snapshot.changed(py)?.map(ToString::to_string))
    }

    /// Gives the task the key of another one, in whose place it stands. `ValueError` if it has one already.
    fn _set_key(&self, key: &[u8]) -> PyResult<()> {
        let key = Key::from_slice(key).ok_or_else(|| PyValueError::new_err("a key has 32 bytes"))?;
        if self.settle_key(key) == key {
            return Ok(());
        }
        Err(PyValueError::new_err("the task has another key already"))
    }

    /// Tasks among the arguments (through lists, tuples, dicts and tasklets), each once.
    fn direct_dependencies<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, TaskCore>>> {
        walk::dependencies_of(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.f)?;
        self.args.traverse(&visit)?;
        visit.call(&self.kwargs)?;
        visit.call(&self.origin)?;
        if let Some(snapshot) = &self.snapshot {
            snapshot.traverse(&visit)?;
        }
        // The collector must not wait; whoever holds the lock keeps the result alive anyway.
        if let Ok(state) = self.state.try_lock() {
            visit.call(&state.result)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let removed = self.state().result.take();
        drop(removed);
    }
}

type Call<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>);

static PARTIAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// `partial(f, a, k=v)` called with `b` is `f` called with `a, b, k=v`.
fn unwrap_partial<'py>(
    mut f: Bound<'py, PyAny>,
    mut args: Bound<'py, PyTuple>,
    mut kwargs: Option<Bound<'py, PyDict>>,
) -> PyResult<Call<'py>> {
    let py = f.py();
    let partial = PARTIAL.import(py, "functools", "partial")?;
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

/// A task is identified by its function's name, so it must have one that tells it from others.
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
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    // PyO3 looks this type up in Python's module `types` when it is first needed. A jugfile may have that name.
    m.py().get_type::<PyFunction>();
    m.add_class::<TaskCore>()?;
    m.add_function(wrap_pyfunction!(set_origin, m)?)
}
