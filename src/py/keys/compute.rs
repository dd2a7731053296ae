//! Keys of tasks and of values. Tasks among the arguments are keyed first, with an explicit stack:
//! a chain of any length takes no recursion.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::former_keys::{self, with_current_keys, with_former_keys};
use super::untouched;
use super::walk::{Purpose, Walk};
use crate::Key;
use crate::hash::{Group, Tag};
use crate::py::snapshot::Refusal;
use crate::py::snapshot::{CallArguments, Snapshot};
use crate::py::task::TaskCore;
use crate::py::unkeyable::Fault;

/// A task's key and the tasks whose results it needs directly, each once.
type Identified<'py> = (Key, Vec<Bound<'py, TaskCore>>);

/// Computes the keys of many tasks: what is found out for one is not found out again for the next.
pub(in crate::py) struct Keying<'py>(Walk<'py>);

impl<'py> Keying<'py> {
    pub(in crate::py) fn new(py: Python<'py>) -> Keying<'py> {
        Keying(Walk::new(py))
    }

    /// The key and the direct dependencies of a task, in one walk if the key was not known yet.
    pub(in crate::py) fn identify(&mut self, task: &Bound<'py, TaskCore>) -> PyResult<Identified<'py>> {
        match task.get().known_key() {
            Some(key) => Ok((key, dependencies_in(&mut self.0, task)?)),
            None => compute_key(&mut self.0, task),
        }
    }

    /// The key that a task would get if it had none. None if a task among its arguments has none.
    pub(in crate::py) fn computed(&mut self, task: &Bound<'py, TaskCore>) -> PyResult<Option<Key>> {
        try_key(&mut self.0, task)
    }

    /// The key of a task, computed on first use.
    pub(in crate::py) fn key(&mut self, task: &Bound<'py, TaskCore>) -> PyResult<Key> {
        match former_keys::known_key(task) {
            Some(key) => Ok(key),
            None => Ok(compute_key(&mut self.0, task)?.0),
        }
    }
}

/// The key and the direct dependencies of a task.
pub(in crate::py) fn key_and_dependencies<'py>(task: &Bound<'py, TaskCore>) -> PyResult<Identified<'py>> {
    Keying::new(task.py()).identify(task)
}

/// The key of a task, computed on first use.
pub(in crate::py) fn key_of_task(task: &Bound<'_, TaskCore>) -> PyResult<Key> {
    match former_keys::known_key(task) {
        Some(key) => Ok(key),
        None => Keying::new(task.py()).key(task),
    }
}

/// The former key of each of the tasks, which have keys; None where it is the same, or where there was none.
pub(in crate::py) fn former_keys<'py>(tasks: &[Bound<'py, TaskCore>]) -> PyResult<Vec<Option<Key>>> {
    with_former_keys(|| {
        let former = |task: &Bound<'py, TaskCore>| {
            let key = former_keys::unless_raised(key_of_task(task), task.py())?;
            Ok(key.filter(|key| task.get().known_key() != Some(*key)))
        };
        tasks.iter().map(former).collect()
    })
}

/// The tasks whose results a task needs directly, each once, in the order of its arguments.
pub(in crate::py) fn dependencies_of<'py>(
    task: &Bound<'py, TaskCore>,
) -> PyResult<Vec<Bound<'py, TaskCore>>> {
    dependencies_in(&mut Walk::new(task.py()), task)
}

fn dependencies_in<'py>(
    walk: &mut Walk<'py>,
    task: &Bound<'py, TaskCore>,
) -> PyResult<Vec<Bound<'py, TaskCore>>> {
    if task.get().is_independent() {
        return Ok(Vec::new());
    }
    if let Some(known) = task.get().known_dependencies() {
        return Ok(known.iter().map(|needed| needed.bind(task.py()).clone()).collect());
    }
    walk.clear();
    let describe = |fault: Box<Fault>| fault.into_error(task.py(), "a task's dependencies", "an argument");
    for argument in task.get().args(task.py())? {
        walk.tasks_in(&argument).map_err(describe)?;
    }
    for (_, argument) in task.get().keywords(task.py()).into_iter().flatten() {
        walk.tasks_in(&argument).map_err(describe)?;
    }
    Ok(std::mem::take(&mut walk.dependencies))
}

/// The arguments of a task as they were when it was made, for one use, which may change them.
pub(in crate::py) fn arguments_of<'py>(task: &Bound<'py, TaskCore>) -> PyResult<CallArguments<'py>> {
    let (py, core) = (task.py(), task.get());
    let given = (core.args(py)?, core.keywords(py).cloned());
    match core.snapshot().and_then(|snapshot| snapshot.copy(py)) {
        None => Ok(given),
        Some(Ok(copy)) => Ok(copy),
        // What can be pickled cannot always be unpickled. Such arguments are passed as they are, if they are unchanged.
        Some(Err(error)) if error.is_instance_of::<PyException>(py) => {
            if key_with(task, &given.0, given.1.as_ref())? == key_of_task(task)? {
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

/// The key that a task would have with these arguments.
pub(in crate::py) fn key_with<'py>(
    task: &Bound<'py, TaskCore>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Key> {
    let mut walk = Walk::new(task.py());
    loop {
        let group = begin_identity(&mut walk, task)?;
        let outcome = walk.arguments(args, kwargs, |walk, _, value| walk.value(value));
        if let Some(key) = end_identity(&mut walk, task, group, outcome)? {
            return Ok(key);
        }
        compute_missing_keys(&mut walk)?;
    }
}

/// The key of any value.
pub(in crate::py) fn key_of_value(value: &Bound<'_, PyAny>) -> PyResult<Key> {
    let mut walk = Walk::new(value.py());
    walk.purpose = Purpose::Value;
    complete(walk, value, "a value")
}

/// The former key of any value; None if it is the same, or if there was none.
pub(in crate::py) fn former_key_of_value(value: &Bound<'_, PyAny>) -> PyResult<Option<Key>> {
    let key = key_of_value(value)?;
    let former = with_former_keys(|| former_keys::unless_raised(key_of_value(value), value.py()))?;
    Ok(former.filter(|former| *former != key))
}

/// The key of a function that may be a lambda.
pub(in crate::py) fn lambda_key(function: &Bound<'_, PyAny>) -> PyResult<Key> {
    let mut walk = Walk::new(function.py());
    walk.purpose = Purpose::Lambda;
    complete(walk, function, "a function")
}

fn complete<'py>(mut walk: Walk<'py>, value: &Bound<'py, PyAny>, asked: &str) -> PyResult<Key> {
    loop {
        walk.value(value).map_err(|fault| fault.into_error(value.py(), asked, "it"))?;
        if walk.missing.is_empty() {
            if walk.changed {
                former_keys::note_change();
            }
            return Ok(walk.key());
        }
        compute_missing_keys(&mut walk)?;
        walk.clear();
    }
}

/// Gives a key to every task that the last walk found without one.
fn compute_missing_keys(walk: &mut Walk<'_>) -> PyResult<()> {
    // With a walk of its own: this one may have folded lambdas, which have no place in a task.
    let mut inner = Walk::new(walk.py);
    for task in std::mem::take(&mut walk.missing) {
        if former_keys::known_key(&task).is_none() {
            compute_key(&mut inner, &task)?;
        }
    }
    Ok(())
}

/// Computes the key of a task after those of all tasks it depends on.
fn compute_key<'py>(walk: &mut Walk<'py>, root: &Bound<'py, TaskCore>) -> PyResult<Identified<'py>> {
    let mut stack = vec![root.clone()];
    let mut begun = HashSet::new();
    while let Some(task) = stack.pop() {
        let last = task.is(root);
        if !last && former_keys::known_key(&task).is_some() {
            continue;
        }
        if walk.former && task.get().known_key().is_none() {
            with_current_keys(|| key_of_task(&task))?;
        }
        if let Some(key) = try_key(walk, &task)? {
            if !walk.deep && !walk.former {
                task.get().set_shallow();
            }
            if walk.dependencies.is_empty() && !walk.former {
                task.get().set_independent();
            }
            let key = former_keys::record_key(&task, key, walk.changed);
            begun.remove(&(task.as_ptr() as usize));
            if last {
                return Ok((key, std::mem::take(&mut walk.dependencies)));
            }
            continue;
        }
        begun.insert(task.as_ptr() as usize);
        stack.push(task);
        for needed in std::mem::take(&mut walk.missing).into_iter().rev() {
            if begun.contains(&(needed.as_ptr() as usize)) {
                let name = needed.get().display_name(needed.py())?;
                return Err(PyValueError::new_err(format!("the task {name} is among its own arguments")));
            }
            stack.push(needed);
        }
    }
    Err(PyValueError::new_err("the task is among its own arguments"))
}

/// Encodes a task's identity. None if tasks among its arguments must be keyed first.
fn try_key<'py>(walk: &mut Walk<'py>, task: &Bound<'py, TaskCore>) -> PyResult<Option<Key>> {
    let group = begin_identity(walk, task)?;
    let core = task.get();
    let copied = if core.snapshot().is_none() { untouched::copied(walk.py, core)? } else { None };
    let outcome = match core.snapshot() {
        _ if let Some((args, kwargs)) = copied => {
            walk.arguments(&args, kwargs.as_ref(), |walk, _, value| walk.value(value))
        }
        None if let Some(few) = core.few_args() => walk.few_arguments(few),
        Some(snapshot) if !walk.former => fill_from_snapshot(walk, core, snapshot),
        _ => {
            let (args, kwargs) = arguments_of(task)?;
            walk.arguments(&args, kwargs.as_ref(), |walk, _, value| walk.value(value))
        }
    };
    end_identity(walk, task, group, outcome)
}

/// Begins the encoding of a task's identity.
fn begin_identity<'py>(walk: &mut Walk<'py>, task: &Bound<'py, TaskCore>) -> PyResult<Group> {
    walk.clear();
    let group = walk.encoder.open(Tag::Task, 3);
    walk.name_of(task.get())?;
    Ok(group)
}

/// Ends it, after the arguments. None if tasks among them must be keyed first.
fn end_identity<'py>(
    walk: &mut Walk<'py>,
    task: &Bound<'py, TaskCore>,
    group: Group,
    outcome: Result<(), Refusal>,
) -> PyResult<Option<Key>> {
    outcome.map_err(|(fault, argument)| describe(*fault, task, &argument.to_string()))?;
    walk.encoder.close(group);
    if walk.missing.is_empty()
        && let Some(held) = walk.in_a_set.take()
    {
        warn_of_set(task, &held)?;
    }
    Ok(if walk.missing.is_empty() { Some(walk.key()) } else { None })
}

/// Encodes arguments as they were when their task was made.
fn fill_from_snapshot(walk: &mut Walk<'_>, core: &TaskCore, snapshot: &Snapshot) -> Result<(), Refusal> {
    if let Some(refusal) = snapshot.refusal(walk.py) {
        return Err(refusal);
    }
    let known = core.known_dependencies().unwrap_or_default();
    walk.dependencies = known.iter().map(|task| task.bind(walk.py).clone()).collect();
    snapshot.with_template(|template| walk.fill_template(template)).unwrap_or(Ok(()))
}

/// Warns once that a task in a set stays a task, as it does in jug 2.7.
fn warn_of_set(task: &Bound<'_, TaskCore>, held: &str) -> PyResult<()> {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if WARNED.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let py = task.py();
    let name = task.get().display_name(py)?;
    let message = format!(
        "jug: warning: task {name} has the task {held} in a set among its arguments, where it is neither run \
         before nor replaced by its result; use a list if that is meant"
    );
    let log = py.import("logging")?.call_method1("getLogger", ("jug",))?;
    log.call_method1("warning", ("%s", message)).map(|_| ())
}

fn describe(fault: Fault, task: &Bound<'_, TaskCore>, argument: &str) -> PyErr {
    match task.get().display_name(task.py()) {
        Ok(name) => fault.into_error(task.py(), &format!("task {name}"), argument),
        Err(error) => error,
    }
}
