//! Frames and columns of pandas and polars: by names, types and values, however they lie in memory.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::{Walk, Walked};
use crate::hash::Tag;

/// A column of polars becomes Python objects so many rows at a time.
const ROWS: usize = 100_000;

impl<'py> Walk<'py> {
    /// The index, the columns' names, and each column's values.
    pub(super) fn data_frame(&mut self, frame: &Bound<'py, PyAny>) -> Walked<()> {
        let columns = frame.getattr("columns")?;
        let by_position = frame.getattr("iloc")?;
        let everything = pyo3::types::PySlice::full(self.py);
        self.pandas(frame, |walk| {
            let group = walk.encoder.open(Tag::List, columns.len()?);
            for index in 0..columns.len()? {
                walk.values(&by_position.get_item((&everything, index))?.getattr("array")?)?;
            }
            walk.encoder.close(group);
            walk.value(&columns)?;
            walk.value(&frame.getattr("index")?)
        })
    }

    pub(super) fn series(&mut self, series: &Bound<'py, PyAny>) -> Walked<()> {
        self.pandas(series, |walk| {
            walk.values(&series.getattr("array")?)?;
            walk.value(&series.getattr("name")?)?;
            walk.value(&series.getattr("index")?)
        })
    }

    /// An index. One of several levels by its levels, a range by its bounds, any other by its values.
    pub(super) fn index(&mut self, index: &Bound<'py, PyAny>) -> Walked<()> {
        let class = index.get_type().name()?.to_string();
        let names = PyList::new(self.py, index.getattr("names")?.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
        self.pandas(index, |walk| {
            walk.value(&names)?;
            if class == "RangeIndex" {
                return ["start", "stop", "step"]
                    .iter()
                    .try_for_each(|name| walk.value(&index.getattr(*name)?));
            }
            if class == "MultiIndex" {
                let used = index.call_method0("remove_unused_levels")?;
                for name in ["levels", "codes"] {
                    let parts = used.getattr(name)?.try_iter()?.collect::<PyResult<Vec<_>>>()?;
                    walk.value(PyTuple::new(walk.py, parts)?.as_any())?;
                }
                return Ok(());
            }
            walk.values(&index.getattr("array")?)?;
            let frequency =
                index.getattr_opt("freqstr")?.unwrap_or_else(|| walk.py.None().into_bound(walk.py));
            walk.value(&frequency)
        })
    }

    /// An array of pandas' own as a value.
    pub(super) fn extension_array(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        self.level(array, |walk| walk.values(array))
    }

    /// Values of one type: the name of the type, then numpy's array of them where that says it all.
    fn values(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        let dtype = array.getattr("dtype")?;
        let group = self.encoder.open(Tag::Value, 3);
        self.encoder.content(b"pandas.array");
        self.value(dtype.str()?.as_any())?;
        if let Some(categories) = dtype.getattr_opt("categories")? {
            self.value(&categories)?;
            self.value(&dtype.getattr("ordered")?)?;
            self.value(&array.getattr("codes")?)?;
        } else if let Some(integers) = array.getattr_opt("asi8")? {
            self.value(&integers)?;
        } else if array.getattr_opt("sp_values")?.is_none() && dtype.getattr_opt("numpy_dtype")?.is_some() {
            self.value(&array.call_method0("to_numpy")?)?;
        } else {
            let objects = PyList::new(self.py, array.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
            self.opaquely(|walk| walk.value(objects.as_any()))?;
        }
        self.encoder.close(group);
        Ok(())
    }

    /// An object of pandas: its class, what `body` writes, and what a subclass or its user added.
    fn pandas(
        &mut self,
        object: &Bound<'py, PyAny>,
        body: impl FnOnce(&mut Walk<'py>) -> Walked<()>,
    ) -> Walked<()> {
        let added = PyDict::new(self.py);
        if let Some(names) = object.getattr_opt("_metadata")? {
            for name in names.try_iter()? {
                let name = name?.str()?;
                if name.to_str()? != "name" && name.to_str()? != "_name" {
                    added.set_item(&name, object.getattr_opt(&name)?)?;
                }
            }
        }
        let notes = object.getattr_opt("attrs")?.unwrap_or_else(|| PyDict::new(self.py).into_any());
        self.level(object, |walk| {
            let group = walk.encoder.open(Tag::Subclass, 4);
            walk.class(&object.get_type())?;
            walk.opaquely(|walk| {
                body(walk)?;
                walk.value(&notes)?;
                walk.value(&added)
            })?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    pub(super) fn polars_frame(&mut self, frame: &Bound<'py, PyAny>) -> Walked<()> {
        let columns = frame.call_method0("get_columns")?;
        self.record(frame, "polars.DataFrame", &[columns, frame.getattr("height")?])
    }

    pub(super) fn polars_series(&mut self, series: &Bound<'py, PyAny>) -> Walked<()> {
        let rows = series.len()?;
        self.level(series, |walk| {
            let group = walk.encoder.open(Tag::Value, 2 + rows.div_ceil(ROWS));
            walk.encoder.content(b"polars.Series");
            walk.value(&series.getattr("name")?)?;
            walk.value(series.getattr("dtype")?.str()?.as_any())?;
            for start in (0..rows).step_by(ROWS) {
                let piece = series.call_method1("slice", (start, ROWS))?.call_method0("to_list")?;
                walk.opaquely(|walk| walk.value(&piece))?;
            }
            walk.encoder.close(group);
            Ok(())
        })
    }
}
