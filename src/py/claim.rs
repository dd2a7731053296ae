//! Claims for Python.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::keys::{KeyBytes, for_chunks, keys_from, to_bytes};
use super::store::PyStore;
use crate::claim::{Batch, Chosen, ClaimId, Records};
use crate::jugdir::{Jugdir, WorkerInfo};
use crate::store::Store;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyClaims>()
}

/// Which tasks this worker runs, and which ones others run.
#[pyclass(frozen, name = "Claims", module = "jug._native")]
pub(super) struct PyClaims {
    batch: Arc<Batch>,
    jugdir: Arc<Jugdir>,
}

#[pymethods]
impl PyClaims {
    #[new]
    #[pyo3(signature = (store))]
    fn new(store: &Bound<'_, PyStore>) -> PyClaims {
        let store = store.get().core();
        let (jugdir, keeper) = (Arc::clone(store.jugdir()), store.keeper());
        let records = Arc::new(Stored(Arc::clone(store)));
        let claims = Chosen::new(Arc::clone(&jugdir), Arc::clone(keeper), records);
        PyClaims { batch: Batch::new(Arc::new(claims), Arc::clone(keeper)), jugdir }
    }

    fn claim(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.batch.claim(&keys))?)
    }

    fn claim_run(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.batch.claim_run(&keys))?)
    }

    #[pyo3(signature = (key, ended = None))]
    fn start(&self, key: KeyBytes, ended: Option<KeyBytes>) -> PyResult<bool> {
        Ok(self.batch.start(&key.0, ended.as_ref().map(|ended| &ended.0))?)
    }

    fn given_back<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.batch.given_back()?))
    }

    fn release(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.batch.release(&keys))?)
    }

    fn is_claimed(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        let claims = self.batch.claims()?;
        Ok(py.detach(|| claims.are_claimed(&keys))?)
    }

    fn are_taken(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        let claims = self.batch.claims()?;
        Ok(py.detach(|| claims.are_taken(&keys))?)
    }

    fn hurry(&self) -> PyResult<()> {
        self.batch.claims()?.hurry();
        Ok(())
    }

    fn held<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.batch.held()?))
    }

    fn claimed_ids(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        let claims = self.batch.claims()?;
        let live = py.detach(|| claims.live())?;
        Ok(live.iter().map(|claim| claim.id.get()).collect())
    }

    fn holders<'py>(&self, py: Python<'py>, keys: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let claims = self.batch.claims()?;
        let live = py.detach(|| claims.live())?;
        let holders: HashMap<ClaimId, (&str, u32)> =
            live.iter().map(|claim| (claim.id, (&*claim.worker, claim.pid))).collect();
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
        let claims = self.batch.claims()?;
        let found = py.detach(|| claims.abandoned())?;
        Ok(found.into_iter().map(|(key, worker)| (PyBytes::new(py, key.as_bytes()), worker)).collect())
    }

    fn sweep(&self, py: Python<'_>) -> PyResult<usize> {
        let claims = self.batch.claims()?;
        Ok(py.detach(|| claims.sweep())?)
    }

    fn workers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let workers = py.detach(|| self.jugdir.list_workers())?;
        workers.iter().map(|worker| describe(py, worker)).collect()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.batch.close())?)
    }
}

/// What claims need to know of the store, which they keep open.
struct Stored(Arc<Store>);

impl Records for Stored {
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
