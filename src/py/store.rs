//! The store of a jugdir for Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::convert::{self, described, packed};
use super::key_sequence::{keys_from, to_bytes};
use super::result_store::{Core, PyResultStore};
use crate::Error;
use crate::background::Background;
use crate::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use crate::os::local;
use crate::store::{self, CompactOptions, Durability, Store};

/// The longest wait between two checks for Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(damaged_manifest, m)?)?;
    m.add_function(wrap_pyfunction!(repair_manifest, m)?)?;
    m.add_function(wrap_pyfunction!(share_jugdir, m)?)?;
    m.add_class::<PyStore>()
}

#[pyfunction]
fn damaged_manifest(py: Python<'_>, path: &str) -> PyResult<Option<(String, String)>> {
    let found = py.detach(|| store::damaged_manifest(&*Jugdir::open(Path::new(path))?))?;
    Ok(found.map(|(path, what)| (path.to_string_lossy().into_owned(), what)))
}

#[pyfunction]
fn repair_manifest(py: Python<'_>, path: &str) -> PyResult<Option<usize>> {
    Ok(py.detach(|| store::repair_manifest(&*Jugdir::open(Path::new(path))?))?)
}

#[pyfunction]
fn share_jugdir(py: Python<'_>, path: &str) -> PyResult<bool> {
    Ok(py.detach(|| Jugdir::open(Path::new(path))?.switch_to_links())?)
}

/// The results of a jugdir.
#[pyclass(extends = PyResultStore, frozen, name = "Store", module = "jug._native")]
pub(super) struct PyStore(Arc<Store>);

impl PyStore {
    /// The store itself, for the bindings that build on it.
    pub(super) fn core(&self) -> &Arc<Store> {
        &self.0
    }
}

impl PyStore {
    /// Waits in slices, between which signals are handled.
    fn sleep(
        &self,
        py: Python<'_>,
        timeout: f64,
        wait: impl Fn(&Store, Duration) -> Result<bool, Error> + Sync,
    ) -> PyResult<bool> {
        let timeout = convert::timeout(timeout);
        let start = Instant::now();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            if py.detach(|| wait(&self.0, left.min(SLICE)))? {
                return Ok(true);
            }
            py.check_signals()?;
            if start.elapsed() >= timeout {
                return Ok(false);
            }
        }
    }
}

#[pymethods]
impl PyStore {
    #[new]
    #[pyo3(signature = (path, *, sync = "group", claims = "auto"))]
    fn new(py: Python<'_>, path: &str, sync: &str, claims: &str) -> PyResult<PyClassInitializer<PyStore>> {
        let durability = match sync {
            "group" => Durability::Group,
            "always" => Durability::Always,
            other => {
                return Err(PyValueError::new_err(format!("sync is 'group' or 'always', not {other:?}")));
            }
        };
        let wanted = ClaimMode::from_name(claims);
        if wanted.is_none() && claims != "auto" {
            let message = format!("claims is 'auto', 'posix' or 'link', not {claims:?}");
            return Err(PyValueError::new_err(message));
        }
        let open = || {
            let jugdir = Jugdir::open_as(local(), Path::new(path), wanted, LeaseTiming::from_environment())?;
            Store::open_in(jugdir, Background::spawn(), durability)
        };
        let store = Arc::new(py.detach(open)?);
        let base = PyResultStore::new(Core::Jugdir(Arc::clone(&store)));
        Ok(PyClassInitializer::from(base).add_subclass(PyStore(store)))
    }

    #[getter]
    fn claim_mode(&self) -> PyResult<&'static str> {
        Ok(self.0.jugdir().claim_mode()?.name())
    }

    #[getter]
    fn filesystem(&self) -> PyResult<(String, bool)> {
        let mount = self.0.jugdir().mount()?;
        Ok((mount.kind, mount.is_shared))
    }

    fn exists(&self) -> bool {
        self.0.jugdir().exists()
    }

    fn create(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.0.jugdir().init())?)
    }

    fn network_mount_warning(&self) -> PyResult<Option<String>> {
        Ok(self.0.jugdir().network_mount_warning()?.map(|error| error.to_string()))
    }

    #[getter]
    fn path(&self) -> String {
        self.0.jugdir().root().to_string_lossy().into_owned()
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    #[getter]
    fn removals(&self) -> usize {
        self.0.removals()
    }

    fn removed(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.0.removed(&keys))?)
    }

    fn damage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = py.detach(|| self.0.damage())?;
        let files = found.files.iter();
        let files: Vec<_> = files.map(|(path, at, what)| (path.to_string_lossy(), at, what)).collect();
        let damage = PyDict::new(py);
        damage.set_item("records", found.records)?;
        damage.set_item("keys", to_bytes(py, &found.keys))?;
        damage.set_item("files", files)?;
        Ok(damage)
    }

    fn check_blobs(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.0.check_blobs())?)
    }

    #[pyo3(signature = (*, all = false, damaged = false, smaller = false))]
    fn pack<'py>(
        &self,
        py: Python<'py>,
        all: bool,
        damaged: bool,
        smaller: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        packed(py, &py.detach(|| self.0.pack(CompactOptions { all, damaged, smaller }))?)
    }

    fn pack_if_worthwhile<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let done = py.detach(|| self.0.pack_if_worthwhile())?;
        done.map(|done| packed(py, &done)).transpose()
    }

    fn room(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let room = py.detach(|| self.0.disk_usage())?;
        Ok((room.files, room.bytes))
    }

    fn orphaned_blobs(&self, py: Python<'_>) -> PyResult<Vec<(String, u64)>> {
        let found = py.detach(|| self.0.orphaned_blobs())?;
        Ok(found.iter().map(|it| (it.path.to_string_lossy().into_owned(), it.bytes)).collect())
    }

    #[pyo3(signature = (progress = None))]
    #[expect(clippy::needless_pass_by_value, reason = "Python objects are owned by who gets them")]
    fn audit<'py>(&self, py: Python<'py>, progress: Option<Py<PyAny>>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let mut raised = None;
        let found = py.detach(|| {
            self.0.verify(&mut |done, total| {
                let outcome = Python::attach(|py| {
                    py.check_signals()?;
                    progress.as_ref().map_or(Ok(()), |call| call.call1(py, (done, total)).map(drop))
                });
                outcome.map_err(|error| {
                    raised = Some(error);
                    Error::Closed { what: "the audit" }
                })
            })
        });
        if let Some(error) = raised {
            return Err(error);
        }
        found?.iter().map(|fault| described(py, fault)).collect()
    }

    fn leftovers(&self, py: Python<'_>) -> PyResult<Vec<(String, u64)>> {
        let found = py.detach(|| self.0.leftovers())?;
        Ok(found.iter().map(|it| (it.path.to_string_lossy().into_owned(), it.bytes)).collect())
    }

    #[expect(clippy::needless_pass_by_value, reason = "what is made of a Python list is owned")]
    fn quarantine(&self, py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<String> {
        Ok(py.detach(|| self.0.quarantine(&paths))?.to_string_lossy().into_owned())
    }

    fn ownerless_segments(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let found = py.detach(|| self.0.ownerless_segments())?;
        Ok(found.iter().map(|path| path.to_string_lossy().into_owned()).collect())
    }

    fn sweep(&self, py: Python<'_>) -> PyResult<(usize, u64)> {
        Ok(py.detach(|| self.0.sweep())?)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = py.detach(|| self.0.stats());
        let stats = PyDict::new(py);
        stats.set_item("records", found.records)?;
        stats.set_item("bytes", found.bytes)?;
        stats.set_item("writes", found.writes)?;
        stats.set_item("syncs", found.syncs)?;
        stats.set_item("replays", found.replays)?;
        Ok(stats)
    }

    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.0.sync())?)
    }

    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        self.sleep(py, timeout, Store::wait)
    }

    fn wait_for_news(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        self.sleep(py, timeout, Store::wait_for_news)
    }

    fn glance(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(py.detach(|| self.0.glance())?)
    }

    fn take_finished(&self) -> (Vec<u64>, Vec<u64>) {
        self.0.take_finished()
    }

    fn nr_others(&self, py: Python<'_>) -> usize {
        py.detach(|| self.0.nr_others())
    }

    fn has_claims(&self, py: Python<'_>, worker: &str) -> PyResult<bool> {
        Ok(py.detach(|| self.0.has_claims(worker))?)
    }

    fn late_workers(&self, py: Python<'_>) -> Vec<(String, f64, f64)> {
        let late = py.detach(|| self.0.late_workers()).into_iter();
        late.map(|(id, quiet, lease)| (id, quiet.as_secs_f64(), lease.as_secs_f64())).collect()
    }

    fn wakings(&self) -> Option<u64> {
        self.0.wakings()
    }
}
