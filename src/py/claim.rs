//! Claims for Python.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::keys::{KeyBytes, for_chunks, keys_from, to_bytes};
use super::store::PyStore;
use crate::Key;
use crate::claim::{AutoClaims, ClaimId, Prefetch, WriteProgress};
use crate::jugdir::{Counts, Run, WorkerInfo};
use crate::store::Store;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyClaims>()
}

/// Which tasks this worker runs, and which ones others run.
#[pyclass(frozen, name = "Claims", module = "jug._native")]
pub(super) struct PyClaims {
    prefetch: Arc<Prefetch>,
    store: Arc<Store>,
}

/// What a worker runs: its id, and of the task the key, the name, the attempt, and when it began.
type Running<'py> = (String, Bound<'py, PyBytes>, String, u32, f64);

#[pymethods]
impl PyClaims {
    #[new]
    #[pyo3(signature = (store))]
    fn new(store: &Bound<'_, PyStore>) -> PyClaims {
        let store = store.get().core();
        let (jugdir, background) = (Arc::clone(store.jugdir()), store.background());
        let records = Arc::new(Stored(Arc::clone(store)));
        let claims = AutoClaims::new(jugdir, Arc::clone(background), records);
        PyClaims {
            prefetch: Prefetch::new(Arc::new(claims), Arc::clone(background)),
            store: Arc::clone(store),
        }
    }

    fn claim(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.prefetch.claim(&keys))?)
    }

    fn claim_run(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.prefetch.claim_run(&keys))?)
    }

    #[pyo3(signature = (key, ended = None, name = "", attempt = 1))]
    fn start(&self, key: KeyBytes, ended: Option<KeyBytes>, name: &str, attempt: u32) -> PyResult<bool> {
        Ok(self.prefetch.start_as(&key.0, ended.as_ref().map(|ended| &ended.0), name, attempt)?)
    }

    #[pyo3(signature = (done = 0, failed = 0, loaded = 0))]
    fn rest(&self, done: u64, failed: u64, loaded: u64) -> PyResult<()> {
        Ok(self.prefetch.rest(Counts { done, failed, loaded })?)
    }

    fn running<'py>(&self, py: Python<'py>) -> PyResult<Vec<Running<'py>>> {
        let found = py.detach(|| self.store.jugdir().running())?;
        Ok(found.into_iter().map(|run| shown(py, run)).collect())
    }

    fn crashed<'py>(&self, py: Python<'py>) -> PyResult<Vec<Running<'py>>> {
        let (unfinished, _) = py.detach(|| self.look_for_crashes())?;
        Ok(unfinished.into_iter().map(|run| shown(py, run)).collect())
    }

    #[pyo3(signature = (workers = Vec::new()))]
    fn settle_crashes(&self, py: Python<'_>, mut workers: Vec<String>) -> PyResult<usize> {
        Ok(py.detach(|| {
            let (_, finished) = self.look_for_crashes()?;
            workers.extend(finished.into_iter().map(|run| run.worker));
            if workers.is_empty() {
                return Ok(0);
            }
            self.store.sync()?;
            self.store.jugdir().settle_crashes(&workers)
        })?)
    }

    fn given_back<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.prefetch.given_back()?))
    }

    fn release(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.prefetch.release(&keys))?)
    }

    fn is_claimed(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        let claims = self.prefetch.claims()?;
        Ok(py.detach(|| claims.are_claimed(&keys))?)
    }

    fn are_taken(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        let claims = self.prefetch.claims()?;
        Ok(py.detach(|| claims.are_taken(&keys))?)
    }

    fn expedite_releases(&self) -> PyResult<()> {
        self.prefetch.claims()?.expedite_releases();
        Ok(())
    }

    fn held<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.prefetch.held()?))
    }

    fn claimed_ids(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        let claims = self.prefetch.claims()?;
        let live = py.detach(|| claims.live())?;
        Ok(live.iter().map(|claim| claim.id.get()).collect())
    }

    fn holders<'py>(&self, py: Python<'py>, keys: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let claims = self.prefetch.claims()?;
        let live = py.detach(|| claims.live())?;
        let claimants = py.detach(|| self.store.jugdir().claimants())?;
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
        let claims = self.prefetch.claims()?;
        let found = py.detach(|| claims.abandoned())?;
        Ok(found.into_iter().map(|(key, worker)| (PyBytes::new(py, key.as_bytes()), worker)).collect())
    }

    fn suspects<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyBytes>, String)>> {
        let claims = self.prefetch.claims()?;
        let found = py.detach(|| claims.suspects())?;
        Ok(found.into_iter().map(|(key, worker)| (PyBytes::new(py, key.as_bytes()), worker)).collect())
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is what Python gives")]
    fn settle_suspects(&self, workers: Vec<String>) -> PyResult<()> {
        self.prefetch.claims()?.settle_suspects(&workers);
        Ok(())
    }

    fn sweep(&self, py: Python<'_>) -> PyResult<usize> {
        let claims = self.prefetch.claims()?;
        Ok(py.detach(|| claims.sweep())?)
    }

    fn workers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let workers = py.detach(|| self.store.jugdir().list_workers())?;
        workers.iter().map(|worker| describe(py, worker)).collect()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.prefetch.close())?)
    }
}

impl PyClaims {
    /// What dead workers ran when they died: without a result, and with one all the same.
    fn look_for_crashes(&self) -> crate::Result<(Vec<Run>, Vec<Run>)> {
        let found = self.store.jugdir().crashed()?;
        let keys: Vec<Key> = found.iter().map(|run| run.key).collect();
        let present = self.store.contains_many(&keys)?;
        let (finished, unfinished): (Vec<_>, Vec<_>) =
            found.into_iter().zip(present).partition(|(_, present)| *present);
        let runs = |list: Vec<(Run, bool)>| list.into_iter().map(|(run, _)| run).collect();
        Ok((runs(unfinished), runs(finished)))
    }
}

fn shown(py: Python<'_>, run: Run) -> Running<'_> {
    (run.worker, PyBytes::new(py, run.key.as_bytes()), run.name, run.attempt, run.started)
}

/// What claims need to know of the store, which they keep open.
struct Stored(Arc<Store>);

impl WriteProgress for Stored {
    fn stored(&self) -> u64 {
        self.0.progress().0
    }

    fn is_visible(&self) -> bool {
        self.0.is_written()
    }

    fn durable(&self) -> u64 {
        self.0.progress().1
    }

    fn sync(&self) -> crate::Result<()> {
        self.0.publish()
    }

    fn is_settled(&self, key: &Key) -> bool {
        self.0.contains_many(&[*key]).is_ok_and(|found| found[0])
    }
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
