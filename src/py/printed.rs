//! What tasks print, for Python: where stdout and stderr go, and what a worker keeps of it.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::process::copy_of;
use crate::lock::lock;
use crate::os::stdio::{self, Redirection};
use crate::supervisor::OutputQueue;
use crate::supervisor::capture::{Capture, CaptureFiles, Collector, Printed};

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyCapture>()?;
    m.add_class::<PyCollector>()?;
    m.add_class::<PyRedirection>()?;
    m.add_class::<PyOutputQueue>()?;
    m.add_function(wrap_pyfunction!(write_c_lines_at_once, m)?)
}

/// The beginning of what was printed, how many bytes were left out, and the end.
pub(super) type Shown<'py> = (Bound<'py, PyBytes>, u64, Bound<'py, PyBytes>);

pub(super) fn shown<'py>(py: Python<'py>, printed: &Printed) -> Shown<'py> {
    (PyBytes::new(py, &printed.head), printed.left_out, PyBytes::new(py, &printed.tail))
}

/// Somewhere else to which stdout and stderr can be sent, and come back from.
#[pyclass(frozen, name = "Redirection", module = "jug._native")]
struct PyRedirection(Redirection);

#[pymethods]
impl PyRedirection {
    #[new]
    #[pyo3(signature = (descriptor, errors=None))]
    fn new(descriptor: i32, errors: Option<i32>) -> PyResult<PyRedirection> {
        let to = copy_of(descriptor)?;
        Ok(PyRedirection(match errors {
            Some(errors) => Redirection::apart(to, copy_of(errors)?),
            None => Redirection::to(to),
        }))
    }

    fn begin(&self) -> PyResult<()> {
        begin(&self.0)
    }

    fn end(&self) -> PyResult<()> {
        end(&self.0)
    }
}

/// What this worker's tasks print.
#[pyclass(frozen, name = "Capture", module = "jug._native")]
struct PyCapture(Capture);

#[pymethods]
impl PyCapture {
    #[new]
    fn new(pipe: i32, printed_to: i32, file: i32) -> PyResult<PyCapture> {
        let file: OwnedFd = copy_of(file)?;
        let files =
            CaptureFiles { pipe: copy_of(pipe)?, printed_to: copy_of(printed_to)?, file: file.into() };
        Ok(PyCapture(Capture::begin(files)?))
    }

    fn fileno(&self) -> RawFd {
        self.0.redirection().target().as_raw_fd()
    }

    fn begin(&self) -> PyResult<()> {
        begin(self.0.redirection())
    }

    fn end(&self) -> PyResult<()> {
        end(self.0.redirection())
    }

    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Shown<'py>>> {
        stdio::flush_c();
        Ok(self.0.take()?.map(|printed| shown(py, &printed)))
    }
}

/// What another process prints to a pipe of this one.
#[pyclass(frozen, name = "Collector", module = "jug._native")]
struct PyCollector {
    collector: Mutex<Collector>,
    descriptors: [RawFd; 2],
    printed_to: Mutex<Option<OwnedFd>>,
}

#[pymethods]
impl PyCollector {
    #[new]
    fn new() -> PyResult<PyCollector> {
        let CaptureFiles { pipe, printed_to, file } = CaptureFiles::create()?;
        let (descriptors, printed_to) = ([pipe.as_raw_fd(), file.as_raw_fd()], Mutex::new(Some(printed_to)));
        Ok(PyCollector { collector: Mutex::new(Collector::of(pipe, file)?), descriptors, printed_to })
    }

    fn fileno(&self) -> RawFd {
        self.descriptors[0]
    }

    #[getter]
    fn descriptors(&self) -> [RawFd; 2] {
        self.descriptors
    }

    #[getter]
    fn printed_to(&self) -> RawFd {
        lock(&self.printed_to).as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    fn is_given(&self) {
        lock(&self.printed_to).take();
    }

    fn collect(&self) {
        lock(&self.collector).collect();
    }

    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Shown<'py>>> {
        Ok(lock(&self.collector).take()?.map(|printed| shown(py, &printed)))
    }
}

/// What this process prints, which never waits for who reads it.
#[pyclass(frozen, name = "OutputQueue", module = "jug._native")]
pub(super) struct PyOutputQueue(pub(super) Arc<OutputQueue>);

#[pymethods]
impl PyOutputQueue {
    #[new]
    fn new() -> PyResult<PyOutputQueue> {
        Ok(PyOutputQueue(Arc::new(OutputQueue::of_process()?)))
    }

    #[pyo3(signature = (data, *, is_error))]
    fn write(&self, data: &[u8], is_error: bool) {
        self.0.write(data.to_vec(), is_error);
    }

    #[pyo3(signature = (*, is_error))]
    fn is_busy(&self, is_error: bool) -> bool {
        self.0.is_busy(is_error)
    }

    fn flush(&self, py: Python<'_>, milliseconds: u64) -> bool {
        py.detach(|| self.0.flush(Duration::from_millis(milliseconds)))
    }

    fn abandon(&self) -> PyResult<()> {
        Ok(self.0.abandon()?)
    }
}

fn begin(redirection: &Redirection) -> PyResult<()> {
    stdio::flush_c();
    Ok(redirection.begin()?)
}

fn end(redirection: &Redirection) -> PyResult<()> {
    stdio::flush_c();
    Ok(redirection.end()?)
}

#[pyfunction]
fn write_c_lines_at_once() {
    stdio::write_c_lines_at_once();
}
