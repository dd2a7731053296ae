//! A live Python value <-> its stored form.

mod array;
mod checked;
mod copy_on_write;
mod frame;
mod fresh;
mod pickled;
mod room;
mod same_frame;

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple, PyType};

pub(super) use self::checked::prepare_result;
pub(super) use self::copy_on_write::CopyOnWriteArray;
pub(super) use self::pickled::{copied, unpickle};
pub(super) use self::room::{Filled, Found, Room};
use super::scalar::is_scalar;
use crate::codec::{Codec, Encoded, Loaded, Stored};

/// A value's stored form, as far as it lives in Python's memory.
pub(super) enum Prepared<'py> {
    Pickle(Bound<'py, PyBytes>),
    /// A pickle in pieces.
    Pieces(pickled::Pieces<'py>),
    Array(array::Array<'py>),
    Frame(frame::Frame<'py>),
}

impl Prepared<'_> {
    /// The bytes to store, borrowed.
    pub(super) fn encoded(&self) -> PyResult<Encoded<'_>> {
        Ok(match self {
            Prepared::Pickle(bytes) => Encoded::new(Codec::Pickle, bytes.as_bytes()),
            Prepared::Pieces(pieces) => Encoded { codec: Codec::Pickle, parts: pieces.parts() },
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
    pickled::prepare(value)
}

/// Whether a value is of one of the types that most results are of, which no library has a stored form for.
fn needs_no_library(value: &Bound<'_, PyAny>) -> bool {
    is_scalar(value)
        || value.is_exact_instance_of::<PyList>()
        || value.is_exact_instance_of::<PyTuple>()
        || value.is_exact_instance_of::<PyDict>()
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

/// The value that was stored. Objects of the user's own classes need the modules of those classes.
pub(super) fn restore<'py>(py: Python<'py>, stored: &Stored) -> PyResult<Bound<'py, PyAny>> {
    match stored.codec {
        Codec::Pickle => unpickle(&PyBytes::new(py, &stored.bytes)),
        Codec::Ndarray => array::restore(py, &stored.bytes),
        Codec::Frame => frame::restore(py, &stored.bytes),
    }
}

/// The value that `load` finds, which may read it into the room, and how many bytes that took.
pub(super) fn load(
    py: Python<'_>,
    load: impl FnOnce(&mut Room<'_>) -> PyResult<Option<Loaded>>,
) -> PyResult<Option<(Bound<'_, PyAny>, usize)>> {
    let Some((found, length)) = Room::new(&mut |_, _| false).load(load)? else { return Ok(None) };
    let value = match found {
        Found::Stored(stored) => restore(py, &stored)?,
        Found::Filled(filled) => filled.value(py)?,
    };
    Ok(Some((value, length)))
}
