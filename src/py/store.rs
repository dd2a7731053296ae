//! The store for Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::codec;
use super::convert::{
    self, Changes, StoredRun, described, facts_dict, packed, report_from, report_to, run_times, state_name,
};
use super::error::DamagedResult;
use super::input_cache::InputCache;
use super::key_sequence::{KeyBytes, for_chunks, keys_from, to_bytes};
use super::sched::PyScheduler;
use crate::background::Background;
use crate::codec::Encoded;
use crate::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use crate::os::local;
use crate::store::{self, CompactOptions, Durability, RunMetadata, State, Store};
use crate::{Error, Key};

/// The longest wait between two checks for Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("DamagedResult", m.py().get_type::<DamagedResult>())?;
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
#[pyclass(frozen, name = "Store", module = "jug._native")]
pub(super) struct PyStore(Arc<Store>, InputCache);

impl PyStore {
    /// The store itself, for the bindings that build on it.
    pub(super) fn core(&self) -> &Arc<Store> {
        &self.0
    }

    /// Changes for Python, as of [`convert::changes`].
    pub(super) fn changed<'py>(&self, py: Python<'py>, changes: Vec<(Key, State)>) -> Changes<'py> {
        convert::changes(py, &self.1, changes, state_name)
    }

    /// Encodes a result of a task with this name that took so many seconds, and has it saved.
    pub(super) fn save_by(
        &self,
        py: Python<'_>,
        key: Key,
        value: &Bound<'_, PyAny>,
        (name, duration): (&str, f64),
        save: &(dyn Fn(&Encoded<'_>) -> crate::Result<()> + Sync),
    ) -> PyResult<()> {
        let prepared = codec::prepare_result(value, name, duration)?;
        let encoded = prepared.encoded()?;
        py.detach(|| save(&encoded))?;
        self.1.stored(key, value, &prepared)
    }
}

#[pymethods]
impl PyStore {
    #[new]
    #[pyo3(signature = (path, *, sync = "group", claims = "auto"))]
    fn new(py: Python<'_>, path: &str, sync: &str, claims: &str) -> PyResult<PyStore> {
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
        Ok(PyStore(Arc::new(py.detach(open)?), InputCache::default()))
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

    fn refresh<'py>(&self, py: Python<'py>) -> PyResult<Changes<'py>> {
        Ok(self.changed(py, py.detach(|| self.0.refresh())?))
    }

    fn contains(&self, key: KeyBytes) -> PyResult<bool> {
        Ok(self.0.contains(&key.0)?)
    }

    fn contains_many(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let mut found = Vec::new();
        for_chunks(keys, |keys| {
            found.extend(py.detach(|| self.0.contains_many(keys))?);
            Ok(())
        })?;
        Ok(found)
    }

    fn load<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Bound<'py, PyAny>> {
        convert::loaded(py, &key.0, py.detach(|| self.0.load(&key.0))?)
    }

    fn load_input<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Bound<'py, PyAny>> {
        let found = self.1.copy(py, key.0, || Ok(py.detach(|| self.0.load(&key.0))?))?;
        convert::found(py, &key.0, found)
    }

    fn load_base<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.1.base(py, key.0, || Ok(py.detach(|| self.0.load(&key.0))?))
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

    #[pyo3(signature = (key, value, *, name = "", started = 0.0, duration = 0.0, attempt = 1))]
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
    ) -> PyResult<()> {
        let facts = run_metadata(name, started, duration, attempt);
        let save = |encoded: &Encoded<'_>| self.0.save(key.0, encoded, &facts, None);
        self.save_by(py, key.0, value, (name, duration), &save)
    }

    fn remove(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<usize> {
        let keys = keys_from(keys)?;
        self.1.forget(py, keys.iter().copied());
        Ok(py.detach(|| self.0.remove(&keys))?)
    }

    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &py.detach(|| self.0.keys())?))
    }

    fn alias(&self, py: Python<'_>, key: KeyBytes, name: &[u8]) -> PyResult<()> {
        Ok(py.detach(|| self.0.alias(key.0, name))?)
    }

    fn aliases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let aliases = PyDict::new(py);
        for (key, name) in self.0.aliases() {
            aliases.set_item(PyBytes::new(py, key.as_bytes()), PyBytes::new(py, &name))?;
        }
        Ok(aliases)
    }

    fn facts<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(found) = py.detach(|| self.0.facts(&key.0))? else { return Ok(None) };
        let RunMetadata { name, started, duration, attempt, .. } = &found.facts;
        let (started, duration, attempt) = (*started, *duration, *attempt);
        let run = StoredRun { name, started, duration, attempt, worker: &found.worker, size: found.size };
        facts_dict(py, &run).map(Some)
    }

    #[pyo3(signature = (key, report, *, name = ""))]
    fn save_failure(
        &self,
        py: Python<'_>,
        key: KeyBytes,
        report: &Bound<'_, PyAny>,
        name: &str,
    ) -> PyResult<()> {
        let report = report_from(report)?;
        let facts = RunMetadata { name: name.to_owned(), ..RunMetadata::default() };
        Ok(py.detach(|| self.0.save_failure(key.0, &report, &facts))?)
    }

    fn failure<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyDict>>> {
        let found = py.detach(|| self.0.failure(&key.0))?;
        found.map(|report| report_to(py, report)).transpose()
    }

    fn failed_keys<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        to_bytes(py, &py.detach(|| self.0.failed_keys()))
    }

    fn clear_failures(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<usize> {
        let keys = keys_from(keys)?;
        Ok(py.detach(|| self.0.clear_failures(&keys))?)
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

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.0.flush())?)
    }

    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.0.sync())?)
    }

    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let timeout = convert::timeout(timeout);
        let start = Instant::now();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            if py.detach(|| self.0.wait(left.min(SLICE)))? {
                return Ok(true);
            }
            py.check_signals()?;
            if start.elapsed() >= timeout {
                return Ok(false);
            }
        }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.0.close())?)
    }
}

/// What is known of a run; times are in seconds.
pub(super) fn run_metadata(name: &str, started: f64, duration: f64, attempt: u32) -> RunMetadata {
    let (started, duration) = run_times(started, duration);
    RunMetadata { name: name.to_owned(), started, duration, attempt, code: 0 }
}
