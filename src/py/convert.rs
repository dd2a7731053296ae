//! What stores are asked and answer, as Python has it: dictionaries, seconds, names of states.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString};
use serde_pickle::Value;

use super::codec;
use crate::Key;
use crate::codec::Stored;
use crate::store::{CompactReport, Finding, Report, SkipReason, State};

/// The value of a stored form that was looked for; `KeyError` where there is none.
pub(super) fn loaded<'py>(py: Python<'py>, key: &Key, found: Option<Stored>) -> PyResult<Bound<'py, PyAny>> {
    let found = found.map(|stored| codec::restore(py, &stored)).transpose()?;
    self::found(py, key, found)
}

/// A value that was looked for; `KeyError` where there is none.
pub(super) fn found<'py>(
    py: Python<'py>,
    key: &Key,
    found: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match found {
        Some(value) => Ok(value),
        None => Err(PyKeyError::new_err(PyBytes::new(py, key.as_bytes()).unbind())),
    }
}

pub(super) fn packed<'py>(py: Python<'py>, done: &CompactReport) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("results", done.results)?;
    told.set_item("packed", done.fresh)?;
    told.set_item("segments", done.segments)?;
    told.set_item("packs", done.packs)?;
    told.set_item("missing", done.missing)?;
    told.set_item("files", (done.before.files, done.after.files))?;
    told.set_item("bytes", (done.before.bytes, done.after.bytes))?;
    let left: Vec<_> = done.left.iter().map(|(name, why)| (name, obstacle(*why))).collect();
    told.set_item("left", left)?;
    told.set_item("beaten", done.beaten)?;
    told.set_item("needed", done.needed)?;
    told.set_item("larger", done.larger)?;
    Ok(told)
}

pub(super) fn described<'py>(py: Python<'py>, fault: &Finding) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("key", fault.key.map(|key| PyBytes::new(py, key.as_bytes())))?;
    told.set_item("name", &fault.name)?;
    told.set_item("path", fault.path.to_string_lossy())?;
    told.set_item("offset", fault.offset)?;
    told.set_item("what", &fault.what)?;
    told.set_item("harmless", fault.harmless)?;
    Ok(told)
}

fn obstacle(obstacle: SkipReason) -> &'static str {
    match obstacle {
        SkipReason::Open => "open",
        SkipReason::Unheard => "unheard",
        SkipReason::Foreign => "foreign",
        SkipReason::Damaged => "damaged",
        SkipReason::Unknown => "unknown",
        SkipReason::Gone => "gone",
        SkipReason::Unreadable => "unreadable",
        SkipReason::NoRoom => "no room",
    }
}

pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Absent => "absent",
        State::Result => "result",
        State::Failed => "failed",
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and 2^63 us are 300,000 years")]
pub(super) fn microseconds(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "a float holds a date's microseconds until the year 2255")]
pub(super) fn seconds(microseconds: i128) -> f64 {
    microseconds as f64 / 1e6
}

/// A failure report from any mapping of names to simple values; what is not simple is told by its `str`.
pub(super) fn report_from(report: &Bound<'_, PyAny>) -> PyResult<Report> {
    let items = report.call_method0("items")?;
    let mut fields = Report::new();
    for item in items.try_iter()? {
        let (name, value): (String, Bound<'_, PyAny>) = item?.extract()?;
        let value = if value.is_none() {
            Value::None
        } else if value.is_instance_of::<PyBool>() {
            Value::Bool(value.is_truthy()?)
        } else if value.is_instance_of::<PyFloat>() {
            Value::F64(value.extract()?)
        } else if value.is_instance_of::<PyInt>()
            && let Ok(value) = value.extract()
        {
            Value::I64(value)
        } else {
            Value::String(value.str()?.cast::<PyString>()?.to_string_lossy().into_owned())
        };
        fields.insert(name, value);
    }
    Ok(fields)
}

/// A failure report as a dictionary.
pub(super) fn report_to(py: Python<'_>, report: Report) -> PyResult<Bound<'_, PyDict>> {
    let told = PyDict::new(py);
    for (name, value) in report {
        match value {
            Value::None => told.set_item(name, py.None())?,
            Value::Bool(value) => told.set_item(name, value)?,
            Value::I64(value) => told.set_item(name, value)?,
            Value::F64(value) => told.set_item(name, value)?,
            Value::String(value) => told.set_item(name, value)?,
            other => told.set_item(name, other.to_string())?,
        }
    }
    Ok(told)
}
