//! Conversions between the core's types and Python objects, for both stores.

use std::time::Duration;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString};
use serde_pickle::Value;

use crate::Key;
use crate::result_store::{Report, ResultInfo, RunMetadata};
use crate::store::{CompactReport, Finding, SkipReason};

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
    let dict = PyDict::new(py);
    dict.set_item("results", done.results)?;
    dict.set_item("packed", done.fresh)?;
    dict.set_item("segments", done.segments)?;
    dict.set_item("packs", done.packs)?;
    dict.set_item("missing", done.missing)?;
    dict.set_item("files", (done.before.files, done.after.files))?;
    dict.set_item("bytes", (done.before.bytes, done.after.bytes))?;
    let left: Vec<_> = done.left.iter().map(|(name, why)| (name, obstacle(*why))).collect();
    dict.set_item("left", left)?;
    dict.set_item("beaten", done.beaten)?;
    dict.set_item("needed", done.needed)?;
    dict.set_item("larger", done.larger)?;
    Ok(dict)
}

pub(super) fn described<'py>(py: Python<'py>, fault: &Finding) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("key", fault.key.map(|key| PyBytes::new(py, key.as_bytes())))?;
    dict.set_item("name", &fault.name)?;
    dict.set_item("path", fault.path.to_string_lossy())?;
    dict.set_item("offset", fault.offset)?;
    dict.set_item("what", &fault.what)?;
    dict.set_item("harmless", fault.harmless)?;
    Ok(dict)
}

fn obstacle(obstacle: SkipReason) -> &'static str {
    match obstacle {
        SkipReason::Open => "open",
        SkipReason::Remote => "remote",
        SkipReason::Foreign => "foreign",
        SkipReason::Damaged => "damaged",
        SkipReason::Unknown => "unknown",
        SkipReason::Gone => "gone",
        SkipReason::Unreadable => "unreadable",
        SkipReason::NoRoom => "no room",
    }
}

/// What is known of a stored result as a dictionary.
pub(super) fn facts_dict<'py>(py: Python<'py>, found: &ResultInfo) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("name", &found.facts.name)?;
    facts.set_item("started", seconds(i128::from(found.facts.started)))?;
    facts.set_item("duration", seconds(i128::from(found.facts.duration)))?;
    facts.set_item("attempt", found.facts.attempt)?;
    facts.set_item("worker", &found.worker)?;
    facts.set_item("size", found.size)?;
    Ok(facts)
}

/// What is known of a run; times are in seconds.
pub(super) fn run_metadata(name: &str, started: f64, duration: f64, attempt: u32) -> RunMetadata {
    let (started, duration) = (microseconds(started), microseconds(duration).unsigned_abs());
    RunMetadata { name: name.to_owned(), started, duration, attempt, code: 0 }
}

/// A time limit in seconds; one that is too long for the clock is none.
pub(super) fn timeout(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and 2^63 us are 300,000 years")]
fn microseconds(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "a float holds a date's microseconds until the year 2255")]
pub(super) fn seconds(microseconds: i128) -> f64 {
    microseconds as f64 / 1e6
}

/// A failure report from any mapping of names to simple values; other values by their `str`.
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
    let dict = PyDict::new(py);
    for (name, value) in report {
        match value {
            Value::None => dict.set_item(name, py.None())?,
            Value::Bool(value) => dict.set_item(name, value)?,
            Value::I64(value) => dict.set_item(name, value)?,
            Value::F64(value) => dict.set_item(name, value)?,
            Value::String(value) => dict.set_item(name, value)?,
            other => dict.set_item(name, other.to_string())?,
        }
    }
    Ok(dict)
}
