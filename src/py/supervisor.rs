//! Supervisors and the slots of their workers, for Python.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nix::sys::signal::Signal;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::error::of_system;
use super::key_sequence::KeyBytes;
use super::printed::{self, PyOutputQueue};
use super::process::copy_of;
use crate::Key;
use crate::lock::lock;
use crate::os::process::End;
use crate::status_slot::Run;
use crate::supervisor::names::NameCounts;
use crate::supervisor::slot::{Phase, WorkerSlot};
use crate::supervisor::{Ended, Event, Limit, Start, Supervisor};

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PySupervisor>()?;
    m.add_class::<PyWorkerSlot>()?;
    m.add_function(wrap_pyfunction!(available_cpus, m)?)
}

/// How many processors this process may use.
#[pyfunction]
fn available_cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Workers as children.
#[pyclass(frozen, name = "Supervisor", module = "jug._native")]
struct PySupervisor {
    supervisor: Mutex<Supervisor>,
    /// Whether what the tasks of its workers print is kept.
    captures: bool,
}

/// The number of a worker, its process, and what it runs: key, name, attempt, and for how long.
type Running<'py> = (u32, u32, Option<(Bound<'py, PyBytes>, String, u32, f64)>);

#[pymethods]
impl PySupervisor {
    #[new]
    #[pyo3(signature = (memory_limit = None, *, takes_signals = true, captures = false, output = None, stop_signal = None))]
    fn new(
        memory_limit: Option<u64>,
        takes_signals: bool,
        captures: bool,
        output: Option<&PyOutputQueue>,
        stop_signal: Option<i32>,
    ) -> PyResult<PySupervisor> {
        let stop_signal = stop_signal.map(Signal::try_from).transpose().map_err(io::Error::from)?;
        let mut supervisor = Supervisor::new(memory_limit, takes_signals, stop_signal)?;
        if let Some(output) = output {
            supervisor.print_to(Arc::clone(&output.0));
        }
        Ok(PySupervisor { supervisor: Mutex::new(supervisor), captures })
    }

    #[pyo3(signature = (worker, program, arguments, environment, mail, keep = Vec::new()))]
    #[expect(clippy::needless_pass_by_value, reason = "what is extracted belongs to the method")]
    fn start(
        &self,
        worker: u32,
        program: OsString,
        arguments: Vec<OsString>,
        environment: Vec<(OsString, OsString)>,
        mail: &[u8],
        keep: Vec<RawFd>,
    ) -> PyResult<u32> {
        let (program, arguments, environment, keep) = (&program, &arguments, &environment, &keep);
        let start = Start { program, arguments, cwd: None, environment, mail, keep, captures: self.captures };
        lock(&self.supervisor).start(worker, &start).map_err(|error| of_system(&error))
    }

    #[expect(clippy::needless_pass_by_value, reason = "what is extracted belongs to the method")]
    fn prepare(
        &self,
        program: OsString,
        arguments: Vec<OsString>,
        environment: Vec<(OsString, OsString)>,
        order: &[u8],
    ) -> PyResult<()> {
        let (program, arguments, environment) = (&program, &arguments, &environment);
        let start =
            Start { program, arguments, cwd: None, environment, mail: order, keep: &[], captures: false };
        Ok(lock(&self.supervisor).prepare(&start)?)
    }

    fn dismiss(&self, py: Python<'_>) {
        py.detach(|| lock(&self.supervisor).dismiss());
    }

    fn workers(&self) -> Vec<u32> {
        lock(&self.supervisor).workers()
    }

    #[pyo3(signature = (seconds = None))]
    fn wait<'py>(&self, py: Python<'py>, seconds: Option<f64>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let patience = seconds.map(duration).transpose()?;
        let events = py.detach(|| lock(&self.supervisor).wait(patience))?;
        events.into_iter().map(|event| shown(py, event)).collect()
    }

    fn stop(&self) {
        lock(&self.supervisor).stop();
    }

    fn is_unsettled(&self, key: KeyBytes) -> bool {
        lock(&self.supervisor).is_unsettled(&key.0)
    }

    fn settle(&self, key: KeyBytes) {
        lock(&self.supervisor).settle(&key.0);
    }

    fn kill(&self, py: Python<'_>) {
        py.detach(|| lock(&self.supervisor).kill());
    }

    fn pause(&self, py: Python<'_>) {
        py.detach(|| lock(&self.supervisor).pause());
    }

    fn running<'py>(&self, py: Python<'py>) -> Vec<Running<'py>> {
        let found = py.detach(|| lock(&self.supervisor).running());
        let run = |(run, time): (Run, Duration)| {
            (PyBytes::new(py, run.key.as_bytes()), run.name, run.attempt, time.as_secs_f64())
        };
        found.into_iter().map(|it| (it.worker, it.pid, it.run.map(run))).collect()
    }

    fn counts(&self, py: Python<'_>) -> Vec<(String, u64, u64, u64, u64, f64)> {
        let counts = py.detach(|| lock(&self.supervisor).counts());
        let facts = |(name, it): (String, NameCounts)| {
            (name, it.total, it.finished, it.executed, it.failed, it.spent.as_secs_f64())
        };
        counts.into_iter().map(facts).collect()
    }

    fn has_more(&self) -> bool {
        lock(&self.supervisor).has_more()
    }

    fn resident(&self, py: Python<'_>) -> Vec<(u32, u64)> {
        py.detach(|| lock(&self.supervisor).resident())
    }
}

fn shown(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
    Ok(match event {
        Event::Signal(number) => ("signal", number).into_pyobject(py)?.into_any(),
        Event::Output { worker, is_error, is_starting, task, text } => {
            let text = PyBytes::new(py, &text);
            ("output", worker, is_error, is_starting, task, text).into_pyobject(py)?.into_any()
        }
        Event::Note { worker, text } => {
            ("note", worker, PyBytes::new(py, &text)).into_pyobject(py)?.into_any()
        }
        Event::Prepared(prepared) => ("prepared", prepared.err()).into_pyobject(py)?.into_any(),
        Event::Ended(ended) => ("ended", facts(py, *ended)?).into_pyobject(py)?.into_any(),
    })
}

fn facts(py: Python<'_>, ended: Ended) -> PyResult<Bound<'_, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("worker", ended.worker)?;
    facts.set_item("pid", ended.pid)?;
    let (kind, number) = match ended.end {
        End::Exit(status) => ("exit", status),
        End::Signal(number) => ("signal", number),
    };
    facts.set_item("kind", kind)?;
    facts.set_item("number", number)?;
    facts.set_item("phase", name_of(ended.phase))?;
    if let Some((run, time)) = ended.run {
        facts.set_item("key", PyBytes::new(py, run.key.as_bytes()))?;
        facts.set_item("name", run.name)?;
        facts.set_item("attempt", run.attempt)?;
        facts.set_item("started", run.started)?;
        facts.set_item("duration", time.as_secs_f64())?;
    }
    match ended.limit {
        Some(Limit::Time(limit)) => facts.set_item("timeout", limit.as_secs_f64())?,
        Some(Limit::Memory(taken)) => facts.set_item("memory", taken)?,
        None => {}
    }
    if let Some(left) = ended.left {
        facts.set_item("left", left)?;
    }
    facts.set_item("memory_ran_out", ended.memory_ran_out)?;
    facts.set_item("mail", PyBytes::new(py, &ended.mail))?;
    facts.set_item("faults", PyBytes::new(py, &ended.faults))?;
    if let Some(printed) = ended.printed {
        facts.set_item("printed", printed::shown(py, &printed))?;
    }
    Ok(facts)
}

/// What a supervised worker says of its work.
#[pyclass(frozen, name = "WorkerSlot", module = "jug._native")]
pub(super) struct PyWorkerSlot {
    slot: Mutex<WorkerSlot>,
}

impl PyWorkerSlot {
    /// The slot, which never calls Python.
    pub(super) fn slot(&self) -> MutexGuard<'_, WorkerSlot> {
        lock(&self.slot)
    }
}

#[pymethods]
impl PyWorkerSlot {
    #[new]
    fn new(slot: i32, board: i32, worker: u32) -> PyResult<PyWorkerSlot> {
        let slot = WorkerSlot::open(&copy_of(slot)?.into(), &copy_of(board)?.into(), worker)?;
        Ok(PyWorkerSlot { slot: Mutex::new(slot) })
    }

    fn set_phase(&self, phase: &str) -> PyResult<()> {
        let known = [Phase::Starting, Phase::Working, Phase::Ended, Phase::Retired, Phase::Interrupted];
        let phase = known.into_iter().find(|it| name_of(*it) == phase);
        lock(&self.slot).set_phase(phase.ok_or_else(|| PyValueError::new_err("no such phase"))?);
        Ok(())
    }

    #[pyo3(signature = (names, tasks = None, shortest_limit = None))]
    fn load(
        &self,
        names: &Bound<'_, PyAny>,
        tasks: Option<Vec<u64>>,
        shortest_limit: Option<f64>,
    ) -> PyResult<()> {
        let shortest = shortest_limit.map(duration).transpose()?;
        let names = names.try_iter()?.map(|name| Ok(name?.cast_into::<PyString>()?));
        let names: Vec<Bound<'_, PyString>> = names.collect::<PyResult<_>>()?;
        names.iter().try_for_each(|name| name.to_str().map(drop))?;
        let mut counts = tasks.map(Vec::into_iter);
        let counted = names.iter().map_while(|name| {
            let count = counts.as_mut().map_or(Some(1), Iterator::next)?;
            Some((name.to_str().unwrap_or_default(), count))
        });
        lock(&self.slot).load(counted, shortest);
        Ok(())
    }

    fn set_limits_memory(&self, limits_memory: bool) {
        lock(&self.slot).set_limits_memory(limits_memory);
    }

    #[pyo3(signature = (limit))]
    fn limit_memory(&self, limit: Option<u64>) {
        lock(&self.slot).limit_memory(limit);
    }

    fn set_more(&self, has_more: bool) {
        lock(&self.slot).set_more(has_more);
    }

    fn is_to_stop(&self) -> bool {
        lock(&self.slot).is_to_stop()
    }

    fn count_begun(&self) -> u64 {
        lock(&self.slot).count_begun()
    }

    #[pyo3(signature = (node, key, name, attempt, limit = None))]
    fn starts(
        &self,
        node: usize,
        key: KeyBytes,
        name: &str,
        attempt: u32,
        limit: Option<f64>,
    ) -> PyResult<bool> {
        let limit = limit.map(duration).transpose()?;
        Ok(lock(&self.slot).starts(node, &key.0, name, attempt, limit))
    }

    fn executed(&self, node: usize) {
        lock(&self.slot).executed(node);
    }

    fn failed(&self, node: usize) {
        lock(&self.slot).failed(node);
    }

    #[expect(clippy::needless_pass_by_value, reason = "what is extracted from a list belongs to the method")]
    fn found(&self, nodes: Vec<usize>) {
        lock(&self.slot).found(&nodes);
    }

    fn rests(&self) {
        lock(&self.slot).rests();
    }

    fn of_others<'py>(&self, py: Python<'py>, keys: Vec<KeyBytes>) -> Vec<Bound<'py, PyBytes>> {
        let keys: Vec<Key> = keys.into_iter().map(|key| key.0).collect();
        let found = lock(&self.slot).of_others(&keys);
        found.iter().map(|key| PyBytes::new(py, key.as_bytes())).collect()
    }

    fn settle(&self, key: KeyBytes) {
        lock(&self.slot).settle(&key.0);
    }

    #[pyo3(signature = (*, tasks))]
    fn mark_output(&self, tasks: bool) {
        lock(&self.slot).mark_output([io::stdout().as_fd(), io::stderr().as_fd()], tasks);
    }

    fn pauses(&self) {
        lock(&self.slot).pauses();
    }

    fn goes_on(&self) {
        lock(&self.slot).goes_on();
    }
}

fn name_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Working => "working",
        Phase::Ended => "ended",
        Phase::Retired => "retired",
        Phase::Interrupted => "interrupted",
    }
}

fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(error.to_string()))
}
