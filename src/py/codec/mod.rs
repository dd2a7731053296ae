//! A live Python value <-> its stored form.

mod array;
mod checked;
mod copy_on_write;
mod frame;

use std::borrow::Cow;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple, PyType};

pub(super) use self::checked::prepare_result;
pub(super) use self::copy_on_write::CopyOnWriteArray;
use super::reducers::{DispatchTable, TRACEBACKS};
use super::scalar::is_scalar;
use crate::codec::{Codec, Encoded, Stored};

/// The protocol version of pickles.
const PROTOCOL: u8 = 5;

/// A value's stored form, as far as it lives in Python's memory.
pub(super) enum Prepared<'py> {
    Pickle(Bound<'py, PyBytes>),
    Array(array::Array<'py>),
    Frame(frame::Frame<'py>),
}

impl Prepared<'_> {
    /// The bytes to store, borrowed.
    pub(super) fn encoded(&self) -> PyResult<Encoded<'_>> {
        Ok(match self {
            Prepared::Pickle(bytes) => Encoded::new(Codec::Pickle, bytes.as_bytes()),
            Prepared::Array(array) => {
                let mut parts = vec![Cow::from(array.head.as_slice())];
                if let Some(elements) = &array.elements {
                    parts.push(Cow::from(elements.as_slice()?));
                }
                Encoded { codec: Codec::Ndarray, parts }
            }
            Prepared::Frame(frame) => {
                let parts = vec![Cow::from(frame.library.as_slice()), Cow::from(frame.file.as_bytes())];
                Encoded { codec: Codec::Frame, parts }
            }
        })
    }
}

/// Finds the stored form of a value. What pickle raises for a value that has none is raised here.
pub(super) fn prepare<'py>(value: &Bound<'py, PyAny>) -> PyResult<Prepared<'py>> {
    if !needs_no_library(value) {
        if let Some(array) = array::prepare(value)? {
            return Ok(Prepared::Array(array));
        }
        if let Some(frame) = frame::prepare(value)? {
            return Ok(Prepared::Frame(frame));
        }
    }
    pickle(value).map(Prepared::Pickle)
}

/// Whether a value is of one of the types that most results are of, which no library has a stored form for.
fn needs_no_library(value: &Bound<'_, PyAny>) -> bool {
    is_scalar(value)
        || value.is_exact_instance_of::<PyList>()
        || value.is_exact_instance_of::<PyTuple>()
        || value.is_exact_instance_of::<PyDict>()
}

fn pickle<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    if is_loaded(py, TRACEBACKS)? {
        return pickle_without_tracebacks(value);
    }
    let dumps = DUMPS.import(py, "pickle", "dumps")?;
    Ok(dumps.call1((value, PROTOCOL))?.cast_into()?)
}

/// The pickle that a process would give which had not imported what adds tracebacks: that one could not load them.
fn pickle_without_tracebacks<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    static BUFFER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static PICKLER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let buffer = BUFFER.import(py, "io", "BytesIO")?.call0()?;
    let pickler = PICKLER.import(py, "pickle", "Pickler")?.call1((&buffer, PROTOCOL))?;
    pickler.setattr(intern!(py, "dispatch_table"), DispatchTable)?;
    pickler.call_method1(intern!(py, "dump"), (value,))?;
    Ok(buffer.call_method0(intern!(py, "getvalue"))?.cast_into()?)
}

/// The modules that were imported so far.
fn modules(py: Python<'_>) -> PyResult<&Bound<'_, PyDict>> {
    static MODULES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    Ok(MODULES.import(py, "sys", "modules")?.cast()?)
}

fn is_loaded(py: Python<'_>, module: &str) -> PyResult<bool> {
    modules(py)?.contains(module)
}

/// A library's class, if the library is loaded: a value of that class cannot exist otherwise.
fn loaded_type<'py>(py: Python<'py>, module: &str, name: &str) -> PyResult<Option<Bound<'py, PyType>>> {
    match modules(py)?.get_item(module)? {
        Some(module) => Ok(module.getattr_opt(name)?.and_then(|class| class.cast_into().ok())),
        None => Ok(None),
    }
}

/// A copy of a value by its pickle.
pub(super) fn copied<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    unpickle(&pickle(value)?)
}

/// The value of a pickle.
pub(super) fn unpickle<'py>(pickle: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    LOADS.import(pickle.py(), "pickle", "loads")?.call1((pickle,))
}

/// The value that was stored. Objects of the user's own classes need the modules of those classes.
pub(super) fn restore<'py>(py: Python<'py>, stored: &Stored) -> PyResult<Bound<'py, PyAny>> {
    match stored.codec {
        Codec::Pickle => unpickle(&PyBytes::new(py, &stored.bytes)),
        Codec::Ndarray => array::restore(py, &stored.bytes),
        Codec::Frame => frame::restore(py, &stored.bytes),
    }
}
