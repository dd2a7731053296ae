//! Frames and series of polars: by names, types and values, however they lie in memory.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::times::{ROWS, polars_integers};
use super::walk::Walk;
use crate::hash::Tag;
use crate::py::unkeyable::Walked;

impl<'py> Walk<'py> {
    pub(super) fn polars_frame(&mut self, frame: &Bound<'py, PyAny>) -> Walked<()> {
        let parts: [Bound<'py, PyAny>; 2] = [frame.call_method0("get_columns")?, frame.getattr("height")?];
        if is_of_polars(frame)? || self.as_before() {
            return self.record(frame, "polars.DataFrame", &parts);
        }
        let added = attributes_but(frame, "_df")?;
        self.subclass(frame, |walk| {
            walk.value(PyTuple::new(walk.py, &parts)?.as_any())?;
            walk.value(&added)
        })
    }

    pub(super) fn polars_series(&mut self, series: &Bound<'py, PyAny>) -> Walked<()> {
        if is_of_polars(series)? || self.as_before() {
            return self.level(series, |walk| walk.polars_column(series));
        }
        let added = attributes_but(series, "_s")?;
        self.subclass(series, |walk| {
            walk.polars_column(series)?;
            walk.value(&added)
        })
    }

    /// The name, the type, and the values: times that are finer than Python's as integers.
    fn polars_column(&mut self, series: &Bound<'py, PyAny>) -> Walked<()> {
        let dtype = series.getattr("dtype")?;
        let (plain, below) = match dtype.getattr_opt("ext_storage")? {
            Some(storage) => (series.getattr("ext")?.call_method0("storage")?, storage.call0()?),
            None => (series.clone(), dtype.clone()),
        };
        let exact = polars_integers(&below)?;
        let rows = series.len()?;
        let values = match exact {
            Some(exact) if !self.as_before() => plain.call_method1("cast", (exact,))?,
            _ => series.clone(),
        };
        let group = self.encoder.open(Tag::Value, 2 + rows.div_ceil(ROWS));
        self.encoder.content(b"polars.Series");
        self.value(&series.getattr("name")?)?;
        self.value(dtype.str()?.as_any())?;
        for start in (0..rows).step_by(ROWS) {
            let piece = values.call_method1("slice", (start, ROWS))?.call_method0("to_list")?;
            self.value(&piece)?;
        }
        self.encoder.close(group);
        Ok(())
    }
}

/// Whether an object's class is one of polars' own.
fn is_of_polars(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.get_type().module()?.to_str()?.split('.').next() == Some("polars"))
}

/// The attributes of an object, but for the one in which polars keeps the data.
fn attributes_but<'py>(object: &Bound<'py, PyAny>, data: &str) -> PyResult<Bound<'py, PyAny>> {
    let attributes = object.getattr("__dict__")?.cast_into::<PyDict>()?.copy()?;
    if attributes.contains(data)? {
        attributes.del_item(data)?;
    }
    Ok(attributes.into_any())
}
