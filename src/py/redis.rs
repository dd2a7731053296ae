//! The store in a redis server for Python.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::changes::Changes;
use super::convert::{self, run_metadata};
use super::key_sequence::{KeyBytes, keys_from, to_bytes};
use super::result_store::{Core, PyResultStore};
use super::waiting::waiting;
use crate::redis::Redis;
use crate::redis::client::resp::{Commands, Reply};
use crate::redis::client::url::Address;
use crate::redis::client::{Client, NeverWait};

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(redis_url, m)?)?;
    m.add_function(wrap_pyfunction!(redis_ask, m)?)?;
    m.add_class::<PyRedis>()
}

/// The server that a URL names, without user and password.
#[pyfunction]
fn redis_url(url: &str) -> PyResult<String> {
    Ok(Address::parse(url)?.to_string())
}

/// The answer of a server to one command, over a connection of its own: bytes, a status or a number as text, or nothing.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "what is extracted belongs to the function")]
fn redis_ask(py: Python<'_>, url: &str, words: Vec<Vec<u8>>) -> PyResult<Option<Py<PyBytes>>> {
    let client = Client::new(Address::parse(url)?);
    let command = Commands::new().and(words.iter().map(Vec::as_slice));
    let replies = py.detach(|| client.ask(&NeverWait, &command))?;
    let answer = match replies.into_iter().next() {
        Some(Reply::Bytes(bytes)) => bytes,
        Some(Reply::Number(number)) => number.to_string().into_bytes(),
        _ => return Ok(None),
    };
    Ok(Some(PyBytes::new(py, &answer).unbind()))
}

/// Results and claims in a redis server.
#[pyclass(extends = PyResultStore, frozen, name = "Redis", module = "jug._native")]
pub(super) struct PyRedis(Arc<Redis>);

#[pymethods]
impl PyRedis {
    #[new]
    fn new(py: Python<'_>, url: &str, worker: &str) -> PyResult<PyClassInitializer<PyRedis>> {
        let address = Address::parse(url)?;
        let redis = waiting(py, |caller| Redis::open(caller, address, worker))?;
        let base = PyResultStore::new(Core::Redis(Arc::clone(&redis)));
        Ok(PyClassInitializer::from(base).add_subclass(PyRedis(redis)))
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

    fn news(slf: &Bound<'_, PyRedis>) -> PyResult<Option<Changes>> {
        let news = slf.get().0.news()?;
        Ok(news.map(|news| slf.as_super().get().changed(slf.py(), news)))
    }

    #[pyo3(signature = (key, value, *, name = "", started = 0.0, duration = 0.0, attempt = 1))]
    fn save_claimed(
        slf: &Bound<'_, PyRedis>,
        key: KeyBytes,
        value: &Bound<'_, PyAny>,
        name: &str,
        started: f64,
        duration: f64,
        attempt: u32,
    ) -> PyResult<()> {
        let facts = run_metadata(name, started, duration, attempt);
        let (py, redis) = (slf.py(), &slf.get().0);
        slf.as_super().get().save_by(key.0, value, facts, None, |encoded, facts| {
            waiting(py, |caller| redis.save_claimed(caller, key.0, encoded, facts))
        })
    }

    fn suspects<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(to_bytes(py, &self.0.suspects()?))
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

    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let timeout = convert::timeout(timeout);
        let woken = waiting(py, |caller| self.0.wait(caller, timeout))?;
        py.check_signals()?;
        Ok(woken)
    }
}
