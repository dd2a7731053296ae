//! What every native store does, for Python.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::changes::Changes;
use super::codec::{self, Room};
use super::convert::{self, facts_dict, report_from, report_to, run_metadata, seconds};
use super::input_cache::InputCache;
use super::key_sequence::{KeyBytes, for_chunks, keys_from, to_bytes};
use super::sched::PyScheduler;
use super::stored_with::{Lists, StoredWith};
use super::waiting::waiting;
use crate::codec::{Codec, Encoded, Loaded};
use crate::redis::Redis;
use crate::result_store::{Report, ResultStore, RunMetadata, State};
use crate::store::Store;
use crate::{Key, Result};

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyResultStore>()
}

/// A store of the core.
pub(super) enum Core {
    Jugdir(Arc<Store>),
    Redis(Arc<Redis>),
}

impl Core {
    /// Calls `f` without the interpreter; Ctrl-C ends the waiting for a server.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&dyn ResultStore) -> Result<T> + Send,
    ) -> PyResult<T> {
        match self {
            Core::Jugdir(store) => Ok(py.detach(|| f(&**store))?),
            Core::Redis(redis) => waiting(py, |caller| f(&redis.results(caller))),
        }
    }
}

/// Results and failures by key: the base of all native stores.
#[pyclass(subclass, frozen, name = "ResultStore", module = "jug._native")]
pub(super) struct PyResultStore {
    core: Core,
    inputs: InputCache,
    stored_with: StoredWith,
}

impl PyResultStore {
    pub(super) fn new(core: Core) -> PyResultStore {
        PyResultStore { core, inputs: InputCache::default(), stored_with: StoredWith::default() }
    }

    /// Changes for Python. What is kept of those keys for tasks that need it is dropped.
    pub(super) fn changed(&self, py: Python<'_>, changes: Vec<(Key, State)>) -> Changes {
        self.inputs.forget(py, changes.iter().map(|(key, _)| *key));
        Changes(changes)
    }

    /// What results were stored with.
    fn lists(&self, py: Python<'_>) -> PyResult<Lists> {
        Ok(Lists::among(self.core.call(py, |store| store.aliases())?))
    }

    fn load_into(&self, py: Python<'_>, key: &Key, room: &mut Room<'_>) -> PyResult<Option<Loaded>> {
        self.core.call(py, |store| store.load_into(key, room))
    }

    /// Encodes a result of a task, and has it saved, as one of what was `called` for it if that is known.
    pub(super) fn save_by(
        &self,
        key: Key,
        value: &Bound<'_, PyAny>,
        mut facts: RunMetadata,
        called: Option<&Bound<'_, PyAny>>,
        save: impl FnOnce(&Encoded<'_>, &RunMetadata) -> PyResult<()>,
    ) -> PyResult<()> {
        let py = value.py();
        let prepared = codec::prepare_result(value, &facts.name, Duration::from_micros(facts.duration))?;
        // A record in a redis server has no room for it.
        if let Core::Jugdir(store) = &self.core {
            let note = |key: Key, list: &[u8]| Ok(py.detach(|| store.alias(key, list))?);
            facts.code = self.stored_with.fingerprint(py, called, note)?;
        }
        save(&prepared.encoded()?, &facts)?;
        self.inputs.stored(key, value, &prepared)
    }
}

#[pymethods]
impl PyResultStore {
    fn refresh(&self, py: Python<'_>) -> PyResult<Changes> {
        Ok(self.changed(py, self.core.call(py, |store| store.refresh())?))
    }

    fn contains(&self, py: Python<'_>, key: KeyBytes) -> PyResult<bool> {
        match &self.core {
            // With the interpreter: to give it away and take it back takes as long as to look into the index, and
            // where another thread computes, now and then 5 ms.
            Core::Jugdir(store) => Ok(store.contains(&key.0)?),
            Core::Redis(_) => self.core.call(py, |store| store.contains(&key.0)),
        }
    }

    fn contains_many(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let mut found = Vec::new();
        for_chunks(keys, |keys| {
            found.extend(self.core.call(py, |store| store.contains_many(keys))?);
            Ok(())
        })?;
        Ok(found)
    }

    fn losses(&self, py: Python<'_>) -> PyResult<u64> {
        self.core.call(py, |store| Ok(store.losses()))
    }

    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.core.call(py, |store| store.keys())?))
    }

    fn load<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Bound<'py, PyAny>> {
        let found = codec::load(py, |room| self.load_into(py, &key.0, room))?;
        convert::found(py, &key.0, found.map(|(value, _)| value))
    }

    fn load_input<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Bound<'py, PyAny>> {
        let load = |room: &mut Room<'_>| self.load_into(py, &key.0, room);
        convert::found(py, &key.0, self.inputs.copy(py, key.0, load)?)
    }

    fn load_base<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inputs.base(py, key.0, |room| self.load_into(py, &key.0, room))
    }

    fn forget_inputs(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        self.inputs.forget(py, keys_from(keys)?);
        Ok(())
    }

    #[pyo3(signature = (scheduler))]
    fn expect(&self, py: Python<'_>, scheduler: Option<Py<PyScheduler>>) -> PyResult<()> {
        if let Some(scheduler) = &scheduler {
            let count = scheduler.get().unfinished();
            self.core.call(py, |store| {
                store.expect(count);
                Ok(())
            })?;
        }
        self.inputs.expect(scheduler);
        Ok(())
    }

    fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
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
        self.save_by(key.0, value, facts, None, |encoded, facts| {
            self.core.call(py, |store| store.save(key.0, encoded, facts))
        })
    }

    fn libraries<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Bound<'py, PyDict>> {
        let versions = PyDict::new(py);
        let code =
            self.core.call(py, |store| Ok(store.facts(&key.0)?.map_or(0, |found| found.facts.code)))?;
        if code != 0 {
            let lists = self.lists(py)?;
            let lines = lists.versions(code).unwrap_or_default().lines();
            for (name, version) in lines.filter_map(|line| line.split_once(' ')) {
                versions.set_item(name, version)?;
            }
        }
        Ok(versions)
    }

    fn watch_code(&self, watch: Option<Py<PyAny>>) {
        self.stored_with.watch(watch);
    }

    fn codes<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<Option<Bound<'py, PyString>>>> {
        let keys = keys_from(keys)?;
        let found = self.core.call(py, |store| store.codes(&keys))?;
        let lists = self.lists(py)?;
        // Of a million results a few texts.
        let mut texts = HashMap::new();
        let mut text = |code| {
            let new = || lists.code(code).map(|code| PyString::new(py, code));
            texts.entry(code).or_insert_with(new).clone()
        };
        Ok(found.into_iter().map(|code| code.and_then(&mut text)).collect())
    }

    fn known_codes(&self, py: Python<'_>) -> PyResult<HashSet<String>> {
        Ok(self.lists(py)?.codes().map(str::to_owned).collect())
    }

    fn pickle<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let stored = self.core.call(py, |store| store.load(&key.0))?;
        let pickle = stored.filter(|stored| stored.codec == Codec::Pickle);
        Ok(pickle.map(|pickle| PyBytes::new(py, &pickle.bytes)))
    }

    fn remove(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
        let keys = keys_from(keys)?;
        self.inputs.forget(py, keys.iter().copied());
        self.core.call(py, |store| store.remove(&keys))
    }

    fn facts<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyDict>>> {
        let found = self.core.call(py, |store| store.facts(&key.0))?;
        found.map(|found| facts_dict(py, &found)).transpose()
    }

    fn durations(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<Vec<Option<f64>>> {
        let keys = keys_from(keys)?;
        let found = self.core.call(py, |store| store.durations(&keys))?;
        Ok(found.into_iter().map(|took| took.map(|took| seconds(i128::from(took)))).collect())
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
        self.core.call(py, |store| store.save_failure(key.0, &report, &facts))
    }

    fn failure<'py>(&self, py: Python<'py>, key: KeyBytes) -> PyResult<Option<Bound<'py, PyDict>>> {
        let found = self.core.call(py, |store| store.failure(&key.0))?;
        found.map(|report| report_to(py, report)).transpose()
    }

    fn failures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        reports_dict(py, self.core.call(py, |store| store.failures())?)
    }

    fn reports<'py>(&self, py: Python<'py>, keys: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let keys = keys_from(keys)?;
        reports_dict(py, self.core.call(py, |store| store.reports(&keys))?)
    }

    fn kept_failures<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.core.call(py, |store| store.kept_failures())?))
    }

    fn clear_failures(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<usize> {
        let keys = keys_from(keys)?;
        self.core.call(py, |store| store.clear_failures(&keys))
    }

    fn alias(&self, py: Python<'_>, key: KeyBytes, name: &[u8]) -> PyResult<()> {
        self.core.call(py, |store| store.alias(key.0, name))
    }

    fn aliases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let aliases = PyDict::new(py);
        for (key, name) in self.core.call(py, |store| store.aliases())? {
            aliases.set_item(PyBytes::new(py, key.as_bytes()), PyBytes::new(py, &name))?;
        }
        Ok(aliases)
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.core.call(py, |store| store.flush())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.core.call(py, |store| store.close())
    }
}

/// Reports by key, for Python.
fn reports_dict(py: Python<'_>, found: Vec<(Key, Report)>) -> PyResult<Bound<'_, PyDict>> {
    let reports = PyDict::new(py);
    for (key, report) in found {
        reports.set_item(PyBytes::new(py, key.as_bytes()), report_to(py, report)?)?;
    }
    Ok(reports)
}
