//! Runs of claimed tasks, one after the other, without a step back to Python between them.
//!
//! What is not plain stays for Python: a task whose class says itself how it runs, or whose arguments have to be looked at,
//! and whatever failed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use pyo3::exceptions::PyBaseException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyType};

use super::claim::PyClaims;
use super::key_sequence::{KeyBytes, key_of};
use super::resolve::resolve_args;
use super::supervisor::PyWorkerSlot;
use super::task::{TaskCore, called};
use super::task_graph::PyGraph;
use crate::Key;
use crate::lock::lock;
use crate::os::{self, Host, machine, pid};
use crate::result_store::RunMetadata;
use crate::sched::Node;

/// How short a task is that cannot have made a file, and how long ago somebody may have looked whether another process
/// made one when such a task was the last to run.
const TOO_SHORT: Duration = Duration::from_micros(2);
const UNLOOKED: Duration = Duration::from_micros(100);

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<FailedRun>()?;
    m.add_class::<TaskRuns>()
}

/// The runs of a worker on the tasks of a graph.
#[pyclass(frozen, name = "TaskRuns", module = "jug._native")]
pub(super) struct TaskRuns {
    graph: Py<PyGraph>,
    claims: Option<Py<PyClaims>>,
    /// The class of the tasks that are run here, and how it calls their functions.
    class: Py<PyType>,
    execute: Py<PyAny>,
    /// What the user wants to happen before and after each task.
    hooks: (Py<PyList>, Py<PyList>),
    /// Where it is said to a supervisor what runs, and what writes what Python keeps back of what is printed.
    supervised: Option<(Py<PyWorkerSlot>, Py<PyAny>)>,
    /// What was run last, or runs: once the next task starts, its claim ends even if that one takes long.
    last: Mutex<Option<Key>>,
    host: Arc<dyn Host>,
}

/// A run after which there is no stored result.
#[pyclass(frozen, get_all, module = "jug._native")]
pub(super) struct FailedRun {
    node: Node,
    /// What the function returned, if it did and that could not be stored.
    value: Option<Py<PyAny>>,
    error: Option<Py<PyBaseException>>,
    returned: bool,
    started: f64,
    began: f64,
    duration: f64,
}

/// A task that is started, and when that was, since 1970 and by the clock of `time.perf_counter`.
struct Run<'a, 'py> {
    node: Node,
    key: Key,
    task: &'a Bound<'py, TaskCore>,
    /// At which it was claimed.
    epoch: u64,
    date: Duration,
    uptime: Duration,
}

#[pymethods]
impl TaskRuns {
    #[new]
    #[pyo3(signature = (graph, claims, class_, execute, hooks, supervised = None))]
    fn new(
        graph: Py<PyGraph>,
        claims: Option<Py<PyClaims>>,
        class_: Py<PyType>,
        execute: Py<PyAny>,
        hooks: (Py<PyList>, Py<PyList>),
        supervised: Option<(Py<PyWorkerSlot>, Py<PyAny>)>,
    ) -> TaskRuns {
        let last = Mutex::default();
        TaskRuns { graph, claims, class: class_, execute, hooks, supervised, last, host: os::local() }
    }

    #[getter]
    fn last<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.latest().map(|key| PyBytes::new(py, key.as_bytes()))
    }

    #[setter]
    fn set_last(&self, key: Option<KeyBytes>) {
        *self.latest() = key.map(|key| key.0);
    }

    #[pyo3(signature = (waiting, finished, *, attempts, stop_files))]
    #[expect(clippy::needless_pass_by_value, reason = "it is what Python gives")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        waiting: &Bound<'py, PyList>,
        finished: &Bound<'py, PyList>,
        attempts: &Bound<'py, PyDict>,
        stop_files: Vec<PathBuf>,
    ) -> PyResult<Option<FailedRun>> {
        let Some(claims) = &self.claims else { return Ok(None) };
        let (graph, claims, own_pid) = (self.graph.get(), claims.get(), pid::id());
        let names = graph.all_names(py)?.get();
        // A task that runs others itself may learn of a removal, which is to count for it, too.
        let epoch = claims.engine().epoch();
        let mut looked: Option<Duration> = None;
        let (before, after) = (self.hooks.0.bind(py), self.hooks.1.bind(py));
        let hooks = before.len();
        while let Some(place) = waiting.len().checked_sub(1) {
            let item = waiting.get_item(place)?;
            let node = item.extract()?;
            let task = graph.task_of(node)?.bind(py);
            // A task may have registered some, or put something in the place of how tasks are called.
            let is_as_before = before.len() == hooks && after.is_empty() && self.is_called_plainly(py)?;
            if !is_as_before || !self.is_plain(task) || self.is_to_stop() {
                return Ok(None);
            }
            let now = self.host.uptime();
            if looked.is_none_or(|looked| now.saturating_sub(looked) >= UNLOOKED) {
                if stop_files.iter().any(|path| machine::is_there(path)) {
                    return Ok(None);
                }
                looked = Some(now);
            }
            // A function in C never looks by itself whether there was a signal.
            py.check_signals()?;
            let name = names.get(node as usize)?.bind(py);
            let (name, key) = (name.to_str()?, key_of(task.as_unbound()));
            let attempt = next_attempt(attempts, &key)?;
            if !claims.engine().prefetch().start_as(&key, self.latest().as_ref(), name, attempt)? {
                return Ok(None);
            }
            *self.latest() = Some(key);
            waiting.del_item(place)?;
            self.say_that_it_starts(py, node, &key, name, attempt)?;
            let run = Run { node, key, task, epoch, date: self.date(), uptime: self.host.uptime() };
            let outcome = run.call();
            let duration = self.host.uptime().saturating_sub(run.uptime);
            looked = looked.filter(|_| duration < TOO_SHORT);
            let value = match outcome {
                Ok(value) if pid::id() == own_pid => value,
                Ok(_) => return Ok(Some(run.failed(None, None, duration))),
                Err(error) => return Ok(Some(run.failed(Some(error.into_value(py)), None, duration))),
            };
            // It asked that what tasks do is looked at, and may have done such a thing itself.
            if !self.is_called_plainly(py)? {
                return Ok(Some(run.failed(None, Some(value), duration)));
            }
            if let Err(error) = run.save(claims, &value, name, duration, attempt) {
                return Ok(Some(run.failed(Some(error.into_value(py)), Some(value), duration)));
            }
            task.get().keep(value)?;
            finished.append(item)?;
            if let Some((slot, _)) = &self.supervised {
                slot.get().slot().executed(node as usize);
            }
        }
        Ok(None)
    }
}

impl TaskRuns {
    /// Whether the supervisor wants no other task to start here.
    fn is_to_stop(&self) -> bool {
        self.supervised.as_ref().is_some_and(|(slot, _)| slot.get().slot().is_to_stop())
    }

    /// Says to the supervisor which task starts.
    fn say_that_it_starts(
        &self,
        py: Python<'_>,
        node: Node,
        key: &Key,
        name: &str,
        attempt: u32,
    ) -> PyResult<()> {
        let Some((slot, flush)) = &self.supervised else { return Ok(()) };
        let is_marked = slot.get().slot().starts(node as usize, key, name, attempt, None);
        if is_marked {
            // What Python keeps back is still of the task before.
            flush.call0(py)?;
            slot.get().slot().goes_on();
        }
        Ok(())
    }

    fn latest(&self) -> MutexGuard<'_, Option<Key>> {
        lock(&self.last)
    }

    /// Since 1970.
    fn date(&self) -> Duration {
        self.host.date().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Whether the class calls functions as it did when it was made.
    fn is_called_plainly(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.class.bind(py).getattr(intern!(py, "_execute"))?.is(&self.execute))
    }

    /// Whether a task is called as it is: it is of exactly that class, and has no argument that has to be looked at
    /// before and after.
    fn is_plain(&self, task: &Bound<'_, TaskCore>) -> bool {
        task.get_type().is(&self.class) && task.get().snapshot().is_none_or(|it| it.check_time().is_none())
    }
}

impl<'py> Run<'_, 'py> {
    /// Calls the function with the arguments, of which tasks are replaced by their results.
    fn call(&self) -> PyResult<Bound<'py, PyAny>> {
        let (args, kwargs) = resolve_args(self.task)?;
        self.task.get().function(self.task.py()).call(args, kwargs.as_ref())
    }

    fn save(
        &self,
        claims: &PyClaims,
        value: &Bound<'py, PyAny>,
        name: &str,
        duration: Duration,
        attempt: u32,
    ) -> PyResult<()> {
        let facts = RunMetadata {
            name: name.to_owned(),
            started: i64::try_from(self.date.as_micros()).unwrap_or(i64::MAX),
            duration: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            attempt,
            code: 0,
        };
        claims.save_result(self.task.py(), self.key, value, facts, Some(&called(self.task)?), self.epoch)
    }

    fn failed(
        &self,
        error: Option<Py<PyBaseException>>,
        value: Option<Bound<'py, PyAny>>,
        duration: Duration,
    ) -> FailedRun {
        FailedRun {
            node: self.node,
            returned: value.is_some(),
            value: value.map(Bound::unbind),
            error,
            started: self.date.as_secs_f64(),
            began: self.uptime.as_secs_f64(),
            duration: duration.as_secs_f64(),
        }
    }
}

fn next_attempt(attempts: &Bound<'_, PyDict>, key: &Key) -> PyResult<u32> {
    if attempts.is_empty() {
        return Ok(1);
    }
    let before = attempts.get_item(PyBytes::new(attempts.py(), key.as_bytes()))?;
    before.map_or(Ok(1), |before| Ok(before.extract::<u32>()?.saturating_add(1)))
}
