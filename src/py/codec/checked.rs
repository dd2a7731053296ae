//! Checks that what was pickled can be loaded again, before it is stored, where that costs next to nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::{Prepared, prepare, unpickle};
use crate::lock::lock;
use crate::py::scalar::is_scalar;

/// Which part of the time of its task the check of a result may take: one in so many.
const SHARE: u32 = 50;

/// Up to how many bytes the first result of a task name and a type is checked whatever that takes.
const SMALL: usize = 1 << 20;

/// How many bytes are copied in a nanosecond, at least.
const COPIED: u64 = 1;

/// How many task names are remembered for a type.
const REMEMBERED: usize = 10_000;

/// The names of tasks that had a result of a type which could be loaded again. The types are kept alive, so that
/// their addresses stay their own.
static LOADABLE: LazyLock<Mutex<Loadable>> = LazyLock::new(Mutex::default);

type Loadable = HashMap<usize, (Py<PyType>, HashSet<String>)>;

/// The stored form of a result of a task of this name, which took so long.
///
/// `ValueError` if it was pickled and cannot be loaded again, or as something of another type. That is checked
/// where it takes a small part of the task's time, and at the first result of each name and type.
pub(in crate::py) fn prepare_result<'py>(
    value: &Bound<'py, PyAny>,
    name: &str,
    took: Duration,
) -> PyResult<Prepared<'py>> {
    if is_scalar(value) {
        return prepare(value);
    }
    let began = Instant::now();
    let prepared = prepare(value)?;
    let length = match &prepared {
        Prepared::Pickle(bytes) => bytes.as_bytes().len(),
        Prepared::Pieces(pieces) => pieces.len(),
        Prepared::Array(_) | Prepared::Frame(_) => return Ok(prepared),
    };
    // To load takes about as long as to pickle, and what was not copied has to be.
    let cheap = began.elapsed() + Duration::from_nanos(length as u64 / COPIED) < took / SHARE;
    let first = !is_known(value, name);
    if cheap || first && length <= SMALL {
        match &prepared {
            Prepared::Pieces(pieces) => check(value, &pieces.joined())?,
            Prepared::Pickle(bytes) => check(value, bytes)?,
            Prepared::Array(_) | Prepared::Frame(_) => {}
        }
        if first {
            remember(value, name);
        }
    }
    Ok(prepared)
}

fn check<'py>(value: &Bound<'py, PyAny>, bytes: &Bound<'py, PyBytes>) -> PyResult<()> {
    let py = value.py();
    let (cause, wrong) = match unpickle(bytes) {
        Ok(loaded) if loaded.get_type().is(value.get_type()) => return Ok(()),
        Ok(loaded) => {
            (None, format!("pickle returns a {} instead", loaded.get_type().fully_qualified_name()?))
        }
        Err(error) if error.is_instance_of::<PyException>(py) => {
            let reason = format!("{}: {}", error.get_type(py).name()?, error.value(py).str()?);
            (Some(error), format!("pickle cannot load it again: {reason}"))
        }
        Err(error) => return Err(error),
    };
    let refused = PyValueError::new_err(wrong);
    refused.set_cause(py, cause);
    Err(refused)
}

fn is_known(value: &Bound<'_, PyAny>, name: &str) -> bool {
    let known = lock(&LOADABLE);
    known.get(&(value.get_type_ptr() as usize)).is_some_and(|(_, names)| names.contains(name))
}

fn remember(value: &Bound<'_, PyAny>, name: &str) {
    let class = value.get_type();
    let mut known = lock(&LOADABLE);
    let (_, names) = known.entry(class.as_ptr() as usize).or_insert_with(|| (class.unbind(), HashSet::new()));
    if names.len() < REMEMBERED {
        names.insert(name.to_owned());
    }
}
