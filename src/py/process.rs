//! What Python needs of processes.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::error::of_system;
use crate::jugdir::Identity;
use crate::lock::lock;
use crate::os::process::{self, End, Output, Spawn, Table};
use crate::os::{PidSpace, cgroup, local};
use crate::status_slot;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyChild>()?;
    m.add_function(wrap_pyfunction!(become_subreaper, m)?)?;
    m.add_function(wrap_pyfunction!(kill_orphans, m)?)?;
    m.add_function(wrap_pyfunction!(memory_of_trees, m)?)?;
    m.add_function(wrap_pyfunction!(times_out_of_memory, m)?)?;
    m.add_function(wrap_pyfunction!(end_with, m)?)?;
    m.add_function(wrap_pyfunction!(end_on_leash, m)?)?;
    m.add_function(wrap_pyfunction!(new_worker_id, m)?)?;
    m.add_function(wrap_pyfunction!(process_identity, m)?)?;
    m.add_function(wrap_pyfunction!(is_process_running, m)?)
}

#[pyclass(frozen, name = "Child", module = "jug._native")]
struct PyChild {
    pid: u32,
    /// The descriptor that can be read when it has ended; it is open as long as this object is there.
    ended: RawFd,
    child: Mutex<process::Child>,
}

impl From<process::Child> for PyChild {
    fn from(child: process::Child) -> PyChild {
        PyChild { pid: child.pid(), ended: child.ended().as_raw_fd(), child: Mutex::new(child) }
    }
}

#[pymethods]
impl PyChild {
    #[staticmethod]
    #[pyo3(signature = (command, *, keep, cwd = None))]
    fn spawn(
        py: Python<'_>,
        command: Vec<OsString>,
        keep: Vec<RawFd>,
        cwd: Option<PathBuf>,
    ) -> PyResult<PyChild> {
        let start = move || {
            let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
            let (cwd, keep, output) = (cwd.as_deref(), &keep[..], Output::Inherit);
            process::Child::spawn(&Spawn { program, arguments, cwd, environment: &[], keep, output })
        };
        Ok(py.detach(start).map_err(|error| of_system(&error))?.into())
    }

    #[staticmethod]
    fn adopt(pid: u32) -> PyResult<PyChild> {
        Ok(process::Child::adopt(pid).map_err(|error| of_system(&error))?.into())
    }

    #[getter]
    fn pid(&self) -> u32 {
        self.pid
    }

    fn fileno(&self) -> RawFd {
        self.ended
    }

    fn kill_tree(&self, py: Python<'_>) {
        py.detach(|| lock(&self.child).kill_tree());
    }

    fn reap(&self, py: Python<'_>) -> PyResult<i32> {
        match py.detach(|| lock(&self.child).reap()).map_err(|error| of_system(&error))? {
            End::Exit(status) => Ok(status),
            End::Signal(number) => Ok(-number),
        }
    }
}

#[pyfunction]
fn become_subreaper() -> PyResult<()> {
    process::become_subreaper().map_err(|error| of_system(&error))
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "what is extracted belongs to the function")]
fn kill_orphans(py: Python<'_>, known: Vec<u32>) {
    py.detach(|| process::kill_orphans(&known));
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "what is extracted belongs to the function")]
fn memory_of_trees(py: Python<'_>, roots: Vec<u32>, limit: u64) -> Vec<u64> {
    py.detach(|| {
        let processes = Table::read();
        let of = |root: &u32| match processes.resident(*root) {
            resident if resident > limit => processes.proportional(*root),
            resident => resident,
        };
        roots.iter().map(of).collect()
    })
}

#[pyfunction]
fn times_out_of_memory(py: Python<'_>) -> u64 {
    py.detach(cgroup::times_out_of_memory)
}

#[pyfunction]
fn end_with(parent: u32) -> PyResult<()> {
    process::end_with(parent).map_err(|error| of_system(&error))
}

#[pyfunction]
fn end_on_leash(parent: u32, leash: i32) -> PyResult<()> {
    Ok(process::end_on_leash(parent, copy_of(leash)?, status_slot::excuse_all)?)
}

/// A copy of a descriptor that this process has.
#[expect(unsafe_code, reason = "a descriptor from elsewhere is a number")]
pub(super) fn copy_of(descriptor: i32) -> PyResult<OwnedFd> {
    if descriptor < 0 {
        return Err(PyValueError::new_err("no descriptor"));
    }
    // SAFETY: it is open for the length of this call, as its owner is in the middle of another one; if it were not, the
    // copy would fail.
    Ok(unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()?)
}

#[pyfunction]
fn new_worker_id() -> PyResult<String> {
    let host = local();
    let nonce = host.nonce()?;
    Ok(Identity::here(&*host, &nonce).id())
}

#[pyfunction]
fn process_identity(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let host = local();
    let (space, pid) = (PidSpace::of(&*host), host.process().pid);
    let found = PyDict::new(py);
    found.set_item("host", host.name())?;
    found.set_item("boot_id", space.boot_id)?;
    found.set_item("pid_ns", space.namespace)?;
    found.set_item("pid", pid)?;
    found.set_item("pid_start", host.process_start(pid).unwrap_or(0))?;
    Ok(found)
}

#[pyfunction]
fn is_process_running(boot_id: &str, pid_ns: &str, pid: u32, pid_start: u64) -> Option<bool> {
    let host = local();
    PidSpace::of(&*host).is_running(&*host, (boot_id, pid_ns), pid, pid_start)
}
