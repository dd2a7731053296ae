//! Whether a frame of pandas that was read from a file is the one that was written, in all that a pickle keeps.
//!
//! `assert_frame_equal` compares values. It passes over what is here: kinds of axes and of what is inside of them, time
//! zones by another name, and types of what is in cells.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyNone, PyString, PyType};

/// How deep attributes may be nested; a pair of a dict counts. What holds itself is deeper than anything.
const DEEPEST: usize = 32;

/// False if it is known of a frame that it does not survive, so that it need not be tried: pandas warns of some.
pub(super) fn may_survive(frame: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = frame.py();
    let attributes = frame.getattr(intern!(py, "attrs"))?;
    let columns = frame.getattr(intern!(py, "columns"))?;
    let is_range = columns.hasattr(intern!(py, "step"))?;
    let is_mixed = !columns.hasattr(intern!(py, "levels"))?
        && columns.getattr(intern!(py, "inferred_type"))?.extract::<String>()?.starts_with("mixed");
    Ok(!is_range && !is_mixed && are_plain_and_same(&attributes, &attributes, DEEPEST)?)
}

/// True if both have the same values, types, labels and attributes.
///
/// # Errors
/// An `AssertionError` names a difference among the values.
pub(super) fn is_same(frame: &Bound<'_, PyAny>, again: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = frame.py();
    if !are_plain_and_same(
        &frame.getattr(intern!(py, "attrs"))?,
        &again.getattr(intern!(py, "attrs"))?,
        DEEPEST,
    )? {
        return Ok(false);
    }
    let exact = PyDict::new(py);
    for option in ["check_exact", "check_freq", "check_index_type", "check_column_type"] {
        exact.set_item(option, true)?;
    }
    let testing = py.import(intern!(py, "pandas.testing"))?;
    testing.call_method(intern!(py, "assert_frame_equal"), (frame, again), Some(&exact))?;
    for axis in [intern!(py, "index"), intern!(py, "columns")] {
        if !are_same_index(&frame.getattr(axis)?, &again.getattr(axis)?)? {
            return Ok(false);
        }
    }
    let columns = frame.call_method0(intern!(py, "items"))?.try_iter()?;
    for (column, other) in columns.zip(again.call_method0(intern!(py, "items"))?.try_iter()?) {
        if !are_same_values(&column?.get_item(1)?, &other?.get_item(1)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_same_index(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = one.py();
    if !one.get_type().is(other.get_type())
        || !one.call_method1(intern!(py, "equals"), (other,))?.is_truthy()?
        || !are_plain_and_same(&names_of(one)?, &names_of(other)?, DEEPEST)?
    {
        return Ok(false);
    }
    for part in ["start", "stop", "step", "freq"] {
        if let Some(part_of_one) = one.getattr_opt(part)?
            && !part_of_one.eq(other.getattr(part)?)?
        {
            return Ok(false);
        }
    }
    let Some(levels) = one.getattr_opt(intern!(py, "levels"))? else { return are_same_values(one, other) };
    for (level, its_other) in levels.try_iter()?.zip(other.getattr("levels")?.try_iter()?) {
        if !are_same_index(&level?, &its_other?)? {
            return Ok(false);
        }
    }
    for (codes, its_other) in one.getattr("codes")?.try_iter()?.zip(other.getattr("codes")?.try_iter()?) {
        if !codes?.call_method0("tolist")?.eq(its_other?.call_method0("tolist")?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn names_of<'py>(index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    index
        .getattr(intern!(index.py(), "names"))?
        .try_iter()?
        .collect::<PyResult<Vec<_>>>()?
        .into_pyobject(index.py())
}

/// The same of a column or an index, of which the values are known to be equal.
fn are_same_values(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = one.py();
    let dtype = one.getattr(intern!(py, "dtype"))?;
    if !are_same_dtype(&dtype, &other.getattr(intern!(py, "dtype"))?)? {
        return Ok(false);
    }
    if !dtype.eq(py.get_type::<PyAny>())? {
        return Ok(true);
    }
    // Cells may be equal and of another type all the same; so may what is in them, and numbers with another precision.
    let date = py.import(intern!(py, "datetime"))?.getattr(intern!(py, "date"))?.cast_into::<PyType>()?;
    let cells = one.call_method0(intern!(py, "tolist"))?.try_iter()?;
    for (cell, its_other) in cells.zip(other.call_method0(intern!(py, "tolist"))?.try_iter()?) {
        let (cell, its_other) = (cell?, its_other?);
        let is_plain = is_plain(&cell) || cell.is_exact_instance_of::<PyBytes>() || cell.get_type().is(&date);
        if !is_plain || !cell.get_type().is(its_other.get_type()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_same_dtype(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = one.py();
    if !one.get_type().is(other.get_type()) || !one.eq(other)? {
        return Ok(false);
    }
    // What numpy's dtypes carry along for users is in no file.
    if let Some(metadata) = one.getattr_opt(intern!(py, "metadata"))?
        && !metadata.is_none()
    {
        return Ok(false);
    }
    if let Some(zone) = one.getattr_opt(intern!(py, "tz"))? {
        // Two zones are equal if they have one offset, whatever their names.
        let its_other = other.getattr(intern!(py, "tz"))?;
        return Ok(zone.get_type().is(its_other.get_type())
            && zone.repr()?.to_str()? == its_other.repr()?.to_str()?);
    }
    if let Some(inner) = one.getattr_opt(intern!(py, "subtype"))?
        && !inner.is_none()
    {
        return are_same_dtype(&inner, &other.getattr(intern!(py, "subtype"))?);
    }
    match one.getattr_opt(intern!(py, "categories"))? {
        Some(categories) if !categories.is_none() => {
            are_same_index(&categories, &other.getattr(intern!(py, "categories"))?)
        }
        _ => Ok(true),
    }
}

/// Whether two values are the same that JSON can hold; false for any others, and for what is nested deeper than that.
fn are_plain_and_same(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>, depth: usize) -> PyResult<bool> {
    if let (Ok(one), Ok(other)) = (one.cast_exact::<PyDict>(), other.cast_exact::<PyDict>()) {
        return are_plain_and_same(one.items().as_any(), other.items().as_any(), depth);
    }
    let is_sequence = |value: &Bound<'_, PyAny>| {
        value.is_exact_instance_of::<PyList>() || value.is_exact_instance_of::<pyo3::types::PyTuple>()
    };
    if !one.get_type().is(other.get_type()) {
        return Ok(false);
    }
    if is_sequence(one) {
        if depth == 0 || one.len()? != other.len()? {
            return Ok(false);
        }
        for (item, its_other) in one.try_iter()?.zip(other.try_iter()?) {
            if !are_plain_and_same(&item?, &its_other?, depth - 1)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    Ok((is_plain(one) || one.is_exact_instance_of::<PyFloat>()) && one.eq(other)?)
}

/// Whether a value is of a type whose values are the same if they are equal.
fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_instance_of::<PyNone>()
}
