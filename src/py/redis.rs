//! The store in a redis server for Python.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::codec;
use super::convert::{self, Changes, StoredRun, facts_dict, redis_state_name, run_times, seconds};
use super::input_cache::InputCache;
use super::key_sequence::{KeyBytes, for_chunks, keys_from, to_bytes};
use super::sched::PyScheduler;
use crate::redis::client::url::Address;
use crate::redis::record::{self, RunMetadata};
use crate::redis::{Caller, Redis};
use crate::sync::lock;
use crate::{Error, Key, Result};

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(redis_url, m)?)?;
    m.add_class::<PyRedis>()
}

/// The server that a URL names, without user and password.
#[pyfunction]
fn redis_url(url: &str) -> PyResult<String> {
    Ok(Address::parse(url)?.to_string())
}

/// Results and claims in a redis server.
#[pyclass(frozen, name = "Redis", module = "jug._native")]
pub(super) struct PyRedis(Arc<Redis>, InputCache);

/// A Python thread that waits: Ctrl-C ends the waiting, and what takes long is logged.
#[derive(Default)]
struct Waiting(Mutex<Option<PyErr>>);

impl Caller for Waiting {
    fn warn(&self, message: &str) {
        Python::attach(|py| {
            let logger = py.import("logging").and_then(|it| it.call_method1("getLogger", ("jug",)));
            // A warning that cannot be logged must not end the wait.
            let _logged = logger.and_then(|it| it.call_method1("warning", ("jug: warning: %s", message)));
        });
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method has too narrow a lifetime")]
    fn keeps_waiting(&self) -> bool {
        let Err(error) = Python::attach(|py| py.check_signals()) else { return true };
        *lock(&self.0) = Some(error);
        false
    }
}

/// Calls `f` without the interpreter.
fn waiting<T: Send>(py: Python<'_>, f: impl FnOnce(&Waiting) -> Result<T> + Send) -> PyResult<T> {
    let caller = Waiting::default();
    match py.detach(|| f(&caller)) {
        Err(Error::Interrupted) => {
            let raised = caller.0.into_inner().unwrap_or_else(PoisonError::into_inner);
            Err(raised.unwrap_or_else(|| PyKeyboardInterrupt::new_err(())))
        }
        other => Ok(other?),
    }
}

type Pairs<'py> = Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>;

fn to_pairs<'py>(py: Python<'py>, pairs: &[(Key, Vec<u8>)]) -> Pairs<'py> {
    pairs.iter().map(|(key, value)| (PyBytes::new(py, key.as_bytes()), PyBytes::new(py, value))).collect()
}

#[pymethods]
impl PyRedis {
    #[new]
    fn new(py: Python<'_>, url: &str, worker: &str) -> PyResult<PyRedis> {
        let address = Address::parse(url)?;
        Ok(PyRedis(waiting(py, |caller| Redis::open(caller, address, worker))?, InputCache::default()))
    }

    #[getter]
    fn url(&self) -> String {
        self.0.address().to_string()
    }

    #[getter]
    fn round_trips(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.0.round_trips())
    }

    #[getter]
    fn eviction(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(waiting(py, |caller| self.0.server_info(caller))?.eviction)
    }

    fn is_foreign(&self, py: Python<'_>) -> PyResult<bool> {
        waiting(py, |caller| self.0.is_foreign(caller))
    }

    fn refresh<'py>(&self, py: Python<'py>) -> PyResult<Changes<'py>> {
        let changes = waiting(py, |caller| self.0.refresh(caller))?;
        Ok(convert::changes(py, &self.1, changes, redis_state_name))
    }

    fn news<'py>(&self, py: Python<'py>) -> PyResult<Option<Changes<'py>>> {
        Ok(self.0.news()?.map(|news| convert::changes(py, &self.1, news, redis_state_name)))
    }

    fn contains(&self, py: Python<'_>, key: KeyBytes) -> PyResult<bool> {
        Ok(waiting(py, |caller| self.0.contains_many(caller, &[key.0]))?[0])
    }

    fn contains_many(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let mut found = Vec::new();
        for_chunks(keys, |keys| {
            found.extend(waiting(py, |caller| self.0.contains_many(caller, keys))?);
            Ok(())
        })?;
        Ok(found)
    }

    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &waiting(py, |caller| self.0.keys(caller))?))
    }

    fn load<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Bound<'py, PyAny>> {
        convert::loaded(py, &key.0, waiting(py, |caller| self.0.load(caller, &key.0))?)
    }

    fn load_input<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Bound<'py, PyAny>> {
        let load = || waiting(py, |caller| self.0.load(caller, &key.0));
        convert::found(py, &key.0, self.1.copy(py, key.0, load)?)
    }

    fn load_base<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.1.base(py, key.0, || waiting(py, |caller| self.0.load(caller, &key.0)))
    }

    fn forget_inputs(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        self.1.forget(py, keys_from(keys)?);
        Ok(())
    }

    #[pyo3(signature = (scheduler))]
    fn expect(&self, scheduler: Option<Py<PyScheduler>>) {
        self.1.expect(scheduler);
    }

    fn has_inputs(&self) -> bool {
        !self.1.is_empty()
    }

    #[pyo3(signature = (key, value, *, name = "", started = 0.0, duration = 0.0, attempt = 1, claimed = false))]
    #[expect(clippy::too_many_arguments, reason = "the facts of a result are keyword arguments")]
    fn save(
        &self,
        py: Python<'_>,
        key: KeyBytes,
        value: &Bound<'_, PyAny>,
        name: &str,
        started: f64,
        duration: f64,
        attempt: u32,
        claimed: bool,
    ) -> PyResult<()> {
        let prepared = codec::prepare_result(value, name, duration)?;
        let encoded = prepared.encoded()?;
        let (started, duration) = run_times(started, duration);
        let worker = self.0.worker_id().to_owned();
        let facts = RunMetadata { name: name.to_owned(), worker, started, duration, attempt };
        waiting(py, |caller| self.0.save(caller, key.0, record::encode(&facts, &encoded), claimed))?;
        self.1.stored(key.0, value, &prepared)
    }

    fn remove(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        self.1.forget(py, keys.iter().copied());
        waiting(py, |caller| self.0.remove(caller, &keys))
    }

    fn alias(&self, py: Python<'_>, key: KeyBytes, name: &[u8]) -> PyResult<()> {
        waiting(py, |caller| self.0.alias(caller, &key.0, name))
    }

    fn aliases<'py>(&self, py: Python<'py>) -> PyResult<Pairs<'py>> {
        Ok(to_pairs(py, &waiting(py, |caller| self.0.aliases(caller))?))
    }

    fn facts<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(found) = waiting(py, |caller| self.0.describe(caller, &key.0))? else { return Ok(None) };
        let RunMetadata { name, worker, started, duration, attempt } = &found.facts;
        let (started, duration, attempt) = (*started, *duration, *attempt);
        facts_dict(py, &StoredRun { name, started, duration, attempt, worker, size: found.size }).map(Some)
    }

    fn durations(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<Option<f64>>> {
        let keys = keys_from(keys)?;
        let found = waiting(py, |caller| self.0.durations(caller, &keys))?;
        Ok(found.into_iter().map(|took| took.map(|took| seconds(i128::from(took)))).collect())
    }

    fn save_failure(
        &self,
        py: Python<'_>,
        key: KeyBytes,
        report: &[u8],
        kept: bool,
        claimed: bool,
    ) -> PyResult<()> {
        waiting(py, |caller| self.0.save_failure(caller, &key.0, report, kept, claimed))
    }

    fn failures<'py>(&self, py: Python<'py>) -> PyResult<Pairs<'py>> {
        Ok(to_pairs(py, &waiting(py, |caller| self.0.failures(caller))?))
    }

    fn suspects<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.0.suspects()?))
    }

    fn kept_failures<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.0.kept_failures()?))
    }

    fn clear_failures(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<usize> {
        let keys = keys_from(keys)?;
        waiting(py, |caller| self.0.clear_failures(caller, &keys))
    }

    fn claim(
        &self,
        py: Python<'_>,
        keys: &Bound<'_, PyAny>,
        facts: &str,
    ) -> PyResult<(Vec<bool>, Vec<String>)> {
        let keys = keys_from(keys)?;
        let reply = waiting(py, |caller| self.0.claim(caller, &keys, facts))?;
        Ok((reply.acquired, reply.owners))
    }

    fn start(&self, key: KeyBytes) -> PyResult<bool> {
        Ok(self.0.start(&key.0)?)
    }

    fn release(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        let keys = keys_from(keys)?;
        waiting(py, |caller| self.0.release(caller, &keys))
    }

    fn held<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.0.held()?))
    }

    #[expect(clippy::type_complexity, reason = "it is what Python gets")]
    #[pyo3(signature = (keys = None))]
    fn claimed<'py>(
        &self,
        py: Python<'py>,
        keys: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<(Bound<'py, PyBytes>, String)>, Vec<(String, bool, Bound<'py, PyBytes>)>)> {
        let keys = keys.map_or(Ok(Vec::new()), keys_from)?;
        let found = waiting(py, |caller| self.0.claimed(caller, &keys))?;
        let claims = found.claims.into_iter().map(|(key, owner)| (PyBytes::new(py, key.as_bytes()), owner));
        let registered =
            |(worker, is_alive, facts): (String, bool, Vec<u8>)| (worker, is_alive, PyBytes::new(py, &facts));
        let workers = found.workers.into_iter().map(registered);
        Ok((claims.collect(), workers.collect()))
    }

    fn others_claims(&self) -> PyResult<usize> {
        Ok(self.0.others_claims()?)
    }

    #[expect(clippy::needless_pass_by_value, reason = "Python gives a list of its own")]
    fn reap(&self, py: Python<'_>, workers: Vec<String>) -> PyResult<usize> {
        waiting(py, |caller| self.0.reap(caller, &workers))
    }

    fn delete_all(&self, py: Python<'_>) -> PyResult<()> {
        waiting(py, |caller| self.0.delete_all(caller))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        waiting(py, |caller| self.0.flush(caller))
    }

    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let timeout = convert::timeout(timeout);
        let woken = waiting(py, |caller| self.0.wait(caller, timeout))?;
        py.check_signals()?;
        Ok(woken)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        waiting(py, |caller| self.0.close(caller))
    }
}
