//! Leases for Python.

use std::fs::File;
use std::os::fd::{IntoRawFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::process::copy_of;
use super::waiting::waiting;
use crate::jugdir::ClaimMode;
use crate::lease::{FileLease, FileOptions, Lease, Phase, RedisLease, Shared, Tenure};
use crate::os::boottime;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyTenure>()?;
    m.add_class::<PyLease>()
}

/// Seconds as a duration.
fn seconds(number: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(number).map_err(|_| PyValueError::new_err(format!("{number} s is no time")))
}

/// What a process knows of a lease that it holds.
#[pyclass(frozen, name = "Tenure", module = "jug._native")]
pub(super) struct PyTenure(Arc<Tenure>);

#[pymethods]
impl PyTenure {
    #[new]
    fn new() -> PyTenure {
        PyTenure(Arc::default())
    }

    #[pyo3(signature = (token, until = None))]
    fn begin(&self, token: u64, until: Option<f64>) -> PyResult<bool> {
        Ok(self.0.begin(token, until.map(seconds).transpose()?))
    }

    #[pyo3(signature = (until = None))]
    fn renewed(&self, until: Option<f64>) -> PyResult<bool> {
        Ok(self.0.renewed(until.map(seconds).transpose()?))
    }

    fn lose(&self) {
        self.0.lose();
    }

    fn end(&self) -> bool {
        self.0.end()
    }

    fn is_held(&self) -> bool {
        self.0.phase() == Phase::Held
    }

    fn is_lost(&self) -> bool {
        self.0.phase() == Phase::Lost
    }

    #[getter]
    fn token(&self) -> Option<u64> {
        self.0.token()
    }

    #[getter]
    fn until(&self) -> Option<f64> {
        self.0.until().map(|until| until.as_secs_f64())
    }

    fn kill_on_loss(&self, name: &str, after: f64) -> PyResult<()> {
        self.0.kill_on_loss(name, seconds(after)?);
        Ok(())
    }

    /// A tenure that follows that of another process, in the file that this one was given; the descriptor stays open.
    #[staticmethod]
    fn following(descriptor: RawFd) -> PyResult<PyTenure> {
        let file = File::from(copy_of(descriptor)?);
        Ok(PyTenure(Arc::new(Tenure::following(Shared::of(&file)?))))
    }

    fn share(&self) -> PyResult<RawFd> {
        let (page, file) = Shared::create()?;
        self.0.share(page);
        Ok(file.into_raw_fd())
    }

    fn begin_as_shared(&self) -> bool {
        self.0.begin_as_shared()
    }

    #[getter]
    fn round(&self) -> u64 {
        self.0.round()
    }

    #[pyo3(signature = (timeout = None, round = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>, round: Option<u64>) -> PyResult<bool> {
        let end = timeout.map(seconds).transpose()?.map(|timeout| boottime() + timeout);
        loop {
            // Ctrl-C is looked for in between.
            let slice = boottime() + Duration::from_millis(200);
            let until = end.map_or(slice, |end| end.min(slice));
            let phase = py.detach(|| self.0.wait(Some(until), round));
            py.check_signals()?;
            if phase != Phase::Held || end.is_some_and(|end| boottime() >= end) {
                return Ok(phase == Phase::Lost);
            }
        }
    }
}

/// A lease in a directory or in a redis server, which a thread of its own renews.
#[pyclass(frozen, name = "NativeLease", module = "jug._native")]
pub(super) struct PyLease {
    core: Arc<dyn Lease>,
    tenure: Arc<Tenure>,
}

#[pymethods]
impl PyLease {
    #[staticmethod]
    #[pyo3(signature = (directory, name, ttl, heartbeat = true, claims = None))]
    #[expect(clippy::needless_pass_by_value, reason = "it is what Python gives")]
    fn file(
        py: Python<'_>,
        directory: PathBuf,
        name: &str,
        ttl: f64,
        heartbeat: bool,
        claims: Option<&str>,
    ) -> PyResult<PyLease> {
        let options =
            FileOptions { ttl: seconds(ttl)?, heartbeat, mode: claims.and_then(ClaimMode::from_name) };
        let lease = py.detach(|| FileLease::open(&directory, name, options))?;
        Ok(PyLease { tenure: Arc::clone(lease.tenure()), core: lease })
    }

    #[staticmethod]
    #[pyo3(signature = (url, name, ttl, heartbeat = true))]
    fn redis(url: &str, name: &str, ttl: f64, heartbeat: bool) -> PyResult<PyLease> {
        let lease = RedisLease::open(url, name, seconds(ttl)?, heartbeat)?;
        Ok(PyLease { tenure: Arc::clone(lease.tenure()), core: lease })
    }

    #[getter]
    fn tenure(&self) -> PyTenure {
        PyTenure(Arc::clone(&self.tenure))
    }

    #[getter]
    fn ttl(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(py.detach(|| self.core.ttl())?.map(|ttl| ttl.as_secs_f64()))
    }

    fn acquire(&self, py: Python<'_>, owner: &[u8]) -> PyResult<bool> {
        waiting(py, |caller| self.core.acquire(caller, owner))
    }

    fn renew(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(py.detach(|| self.core.renew())?)
    }

    fn release(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(py.detach(|| self.core.release())?)
    }

    fn owner<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let owner = waiting(py, |caller| self.core.owner(caller))?;
        Ok(owner.map(|owner| PyBytes::new(py, &owner)))
    }

    fn free(&self, py: Python<'_>, owner: &[u8]) -> PyResult<bool> {
        waiting(py, |caller| self.core.free(caller, owner))
    }

    fn close(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(py.detach(|| self.core.close())?)
    }
}
