//! Claims for Python.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::changes::Changes;
use super::convert::run_metadata;
use super::key_sequence::{KeyBytes, for_chunks, keys_from, to_bytes};
use super::result_store::PyResultStore;
use super::store::PyStore;
use crate::Key;
use crate::claim::ClaimId;
use crate::engine::Engine;
use crate::jugdir::WorkerInfo;
use crate::result_store::RunMetadata;
use crate::status_slot::{Counts, Run};

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyClaims>()
}

/// Which tasks this worker runs, and which ones others run.
#[pyclass(frozen, name = "Claims", module = "jug._native")]
pub(super) struct PyClaims {
    engine: Engine,
    store: Py<PyResultStore>,
}

/// What a worker runs: its id, and of the task the key, the name, the attempt, and when it began.
type Running<'py> = (String, Bound<'py, PyBytes>, String, u32, f64);

impl PyClaims {
    /// The engine on which the claims are made.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Stores the value of a task that was claimed at `epoch`.
    pub(super) fn save_result(
        &self,
        py: Python<'_>,
        key: Key,
        value: &Bound<'_, PyAny>,
        facts: RunMetadata,
        function: Option<&Bound<'_, PyAny>>,
        epoch: u64,
    ) -> PyResult<()> {
        self.store.get().save_by(key, value, facts, function, |encoded, facts| {
            Ok(py.detach(|| self.engine.save(key, encoded, facts, epoch))?)
        })
    }
}

#[pymethods]
impl PyClaims {
    #[new]
    #[pyo3(signature = (store))]
    fn new(store: &Bound<'_, PyStore>) -> PyClaims {
        let engine = Engine::of(Arc::clone(store.get().core()));
        PyClaims { engine, store: store.as_super().clone().unbind() }
    }

    fn refresh(&self, py: Python<'_>) -> PyResult<Changes> {
        let changes = py.detach(|| self.engine.refresh())?;
        Ok(self.store.get().changed(py, changes))
    }

    #[pyo3(signature = (key, value, *, name = "", started = 0.0, duration = 0.0, attempt = 1, function = None, epoch = None))]
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
        function: Option<&Bound<'_, PyAny>>,
        epoch: Option<u64>,
    ) -> PyResult<()> {
        let epoch = epoch.unwrap_or_else(|| self.engine.epoch());
        self.save_result(py, key.0, value, run_metadata(name, started, duration, attempt), function, epoch)
    }

    fn epoch(&self) -> u64 {
        self.engine.epoch()
    }

    fn claim(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.engine.claim(&keys))?)
    }

    fn claim_run(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.engine.prefetch().claim_run(&keys))?)
    }

    #[pyo3(signature = (key, ended = None, name = "", attempt = 1))]
    fn start(&self, key: KeyBytes, ended: Option<KeyBytes>, name: &str, attempt: u32) -> PyResult<bool> {
        Ok(self.engine.prefetch().start_as(&key.0, ended.as_ref().map(|ended| &ended.0), name, attempt)?)
    }

    #[pyo3(signature = (done = 0, failed = 0, loaded = 0))]
    fn rest(&self, done: u64, failed: u64, loaded: u64) -> PyResult<()> {
        Ok(self.engine.prefetch().rest(Counts { done, failed, loaded })?)
    }

    fn running<'py>(&self, py: Python<'py>) -> PyResult<Vec<Running<'py>>> {
        let found = py.detach(|| self.engine.store().jugdir().running())?;
        Ok(found.into_iter().map(|run| shown(py, run)).collect())
    }

    fn crashed<'py>(&self, py: Python<'py>) -> PyResult<Vec<Running<'py>>> {
        let unfinished = py.detach(|| self.engine.crashed())?;
        Ok(unfinished.into_iter().map(|run| shown(py, run)).collect())
    }

    #[pyo3(signature = (workers = Vec::new()))]
    fn settle_crashes(&self, py: Python<'_>, workers: Vec<String>) -> PyResult<usize> {
        Ok(py.detach(|| self.engine.settle_crashes(workers))?)
    }

    fn given_back<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.engine.prefetch().given_back()?))
    }

    fn release(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.engine.release(&keys))?)
    }

    fn is_claimed(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        let claims = self.engine.claims()?;
        Ok(py.detach(|| claims.are_claimed(&keys))?)
    }

    fn are_taken(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        let claims = self.engine.claims()?;
        Ok(py.detach(|| claims.are_taken(&keys))?)
    }

    fn expedite_releases(&self) -> PyResult<()> {
        self.engine.claims()?.expedite_releases();
        Ok(())
    }

    fn held<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.engine.prefetch().held()?))
    }

    fn claimed_ids(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        let claims = self.engine.claims()?;
        let live = py.detach(|| claims.live())?;
        Ok(live.iter().map(|claim| claim.id.get()).collect())
    }

    fn holders<'py>(&self, py: Python<'py>, keys: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let claims = self.engine.claims()?;
        let live = py.detach(|| claims.live())?;
        let claimants = py.detach(|| self.engine.store().jugdir().claimants())?;
        let holders: HashMap<ClaimId, (&str, u32)> = live
            .iter()
            .map(|claim| match claimants.get(&claim.id.get()) {
                Some(worker) => (claim.id, (worker.as_str(), 0)),
                None => (claim.id, (&*claim.worker, claim.pid)),
            })
            .collect();
        let found = PyDict::new(py);
        if holders.is_empty() {
            return Ok(found);
        }
        for_chunks(keys, |keys| {
            let mut held = keys.iter().filter_map(|key| Some((key, holders.get(&ClaimId::of(key))?)));
            held.try_for_each(|(key, holder)| found.set_item(PyBytes::new(py, key.as_bytes()), *holder))
        })?;
        Ok(found)
    }

    #[staticmethod]
    fn id_of(key: KeyBytes) -> u64 {
        ClaimId::of(&key.0).get()
    }

    fn abandoned<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyBytes>, String)>> {
        let claims = self.engine.claims()?;
        let found = py.detach(|| claims.abandoned())?;
        Ok(found.into_iter().map(|(key, worker)| (PyBytes::new(py, key.as_bytes()), worker)).collect())
    }

    fn suspects<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyBytes>, String)>> {
        let claims = self.engine.claims()?;
        let found = py.detach(|| claims.suspects())?;
        Ok(found.into_iter().map(|(key, worker)| (PyBytes::new(py, key.as_bytes()), worker)).collect())
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is what Python gives")]
    fn settle_suspects(&self, workers: Vec<String>) -> PyResult<()> {
        self.engine.claims()?.settle_suspects(&workers);
        Ok(())
    }

    fn sweep(&self, py: Python<'_>) -> PyResult<usize> {
        let claims = self.engine.claims()?;
        Ok(py.detach(|| claims.sweep())?)
    }

    fn workers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let workers = py.detach(|| self.engine.store().jugdir().list_workers())?;
        workers.iter().map(|worker| describe(py, worker)).collect()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.engine.close_claims())?)
    }
}

fn shown(py: Python<'_>, run: Run) -> Running<'_> {
    (run.worker, PyBytes::new(py, run.key.as_bytes()), run.name, run.attempt, run.started)
}

fn describe<'py>(py: Python<'py>, worker: &WorkerInfo) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("id", &worker.id)?;
    facts.set_item("alive", worker.alive)?;
    if let Some(identity) = &worker.identity {
        facts.set_item("host", &identity.host)?;
        facts.set_item("boot_id", &identity.boot_id)?;
        facts.set_item("pid", identity.pid)?;
        facts.set_item("pid_start", identity.pid_start)?;
        facts.set_item("started", identity.started)?;
        facts.set_item("nonce", &identity.nonce)?;
        facts.set_item("version", &identity.version)?;
    }
    Ok(facts)
}
