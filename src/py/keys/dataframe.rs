//! Frames and columns of pandas: by names, types and values, however they lie in memory.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::walk::Walk;
use crate::hash::Tag;
use crate::py::unkeyable::Walked;

/// The `_metadata` that is written beside the values of a series.
const NAMES: [&str; 2] = ["name", "_name"];

impl<'py> Walk<'py> {
    /// The index, the columns' names, and each column's values.
    pub(super) fn data_frame(&mut self, frame: &Bound<'py, PyAny>) -> Walked<()> {
        let columns = frame.getattr("columns")?;
        let by_position = frame.getattr("iloc")?;
        let everything = pyo3::types::PySlice::full(self.py);
        self.pandas(frame, &[], |walk| {
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
        self.pandas(series, &NAMES, |walk| {
            walk.values(&series.getattr("array")?)?;
            walk.value(&series.getattr("name")?)?;
            walk.value(&series.getattr("index")?)
        })
    }

    /// An index. One of several levels by its levels, a range by its bounds, any other by its values.
    pub(super) fn index(&mut self, index: &Bound<'py, PyAny>) -> Walked<()> {
        let class = index.get_type().name()?.to_string();
        let names = PyList::new(self.py, index.getattr("names")?.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
        self.pandas(index, &NAMES, |walk| {
            walk.value(&names)?;
            if class == "RangeIndex" {
                return ["start", "stop", "step"]
                    .iter()
                    .try_for_each(|name| walk.value(&index.getattr(*name)?));
            }
            if class == "MultiIndex" {
                let mut used = index.call_method0("remove_unused_levels")?;
                if lengths(&used)? != lengths(index)? && !walk.as_before() {
                    used = index.clone();
                }
                for name in ["levels", "codes"] {
                    let parts = used.getattr(name)?.try_iter()?.collect::<PyResult<Vec<_>>>()?;
                    walk.value(PyTuple::new(walk.py, parts)?.as_any())?;
                }
                return Ok(());
            }
            walk.values(&index.getattr("array")?)?;
            let frequency =
                index.getattr_opt("freqstr")?.unwrap_or_else(|| walk.py.None().into_bound(walk.py));
            if !frequency.is_none() {
                let offset = index.getattr("freq")?;
                let given = is_given_by(&offset, &frequency)?;
                if (!given || is_of_a_period(&offset, &frequency)?) && !walk.as_before() {
                    return walk.value(&offset);
                }
            }
            walk.value(&frequency)
        })
    }

    /// An array of pandas' own as a value; one of another library by its own pickle.
    pub(super) fn extension_array(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        if is_of_pandas(array)? || self.as_before() {
            return self.level(array, |walk| walk.listed(array));
        }
        self.reduced(array)
    }

    /// The values of a column.
    fn values(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        if is_of_pandas(array)? || self.as_before() { self.listed(array) } else { self.value(array) }
    }

    /// Values of one type: the name of the type, then numpy's array of them where that is all.
    fn listed(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        let dtype = array.getattr("dtype")?;
        let left_out = left_out(array, &dtype)?;
        if !matches!(left_out, LeftOut::Nothing) && !self.as_before() {
            return self.listed_in_full(array, &dtype, &left_out);
        }
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
            self.value(objects.as_any())?;
        }
        self.encoder.close(group);
        Ok(())
    }

    /// The same where the name of the type and numpy's array leave something out.
    fn listed_in_full(
        &mut self,
        array: &Bound<'py, PyAny>,
        dtype: &Bound<'py, PyAny>,
        left_out: &LeftOut<'py>,
    ) -> Walked<()> {
        let group = self.encoder.open(Tag::Value, 4);
        self.encoder.content(b"pandas.array");
        self.value(dtype.str()?.as_any())?;
        match left_out {
            LeftOut::Nothing => {}
            LeftOut::Zone(zone) => {
                self.value(&array.getattr("asi8")?)?;
                self.value(zone)?;
            }
            LeftOut::Missing => {
                let filled = PyDict::new(self.py);
                filled.set_item("dtype", dtype.getattr("numpy_dtype")?)?;
                filled.set_item("na_value", 0)?;
                self.value(&array.call_method0("isna")?)?;
                self.value(&array.call_method("to_numpy", (), Some(&filled))?)?;
            }
            LeftOut::Elements => {
                let elements = array.call_method0("__arrow_array__")?;
                self.value(&elements.getattr("type")?)?;
                self.value(elements.len()?.into_pyobject(self.py).map_err(PyErr::from)?.as_any())?;
                self.arrow_elements(&elements)?;
            }
        }
        self.encoder.close(group);
        Ok(())
    }

    /// An object of pandas: its class, what `body` writes (also of its `_metadata`, if these are among `written`), and
    /// what a subclass or its user added.
    fn pandas(
        &mut self,
        object: &Bound<'py, PyAny>,
        written: &[&str],
        body: impl FnOnce(&mut Walk<'py>) -> Walked<()>,
    ) -> Walked<()> {
        let added = PyDict::new(self.py);
        if let Some(names) = object.getattr_opt("_metadata")? {
            for name in names.try_iter()? {
                let name = name?.str()?;
                let known = name.to_str()?;
                // Before, what a subclass of a frame calls its name was taken for written, too.
                if !written.contains(&known) && (!NAMES.contains(&known) || !self.as_before()) {
                    added.set_item(&name, object.getattr_opt(&name)?)?;
                }
            }
        }
        let notes = object.getattr_opt("attrs")?.unwrap_or_else(|| PyDict::new(self.py).into_any());
        let strict = match object.getattr_opt("flags")? {
            Some(flags) => !flags.getattr("allows_duplicate_labels")?.is_truthy()? && !self.as_before(),
            None => false,
        };
        self.level(object, |walk| {
            let group = walk.encoder.open(Tag::Subclass, if strict { 5 } else { 4 });
            walk.class(&object.get_type())?;
            body(walk)?;
            walk.value(&notes)?;
            walk.value(&added)?;
            if strict {
                walk.encoder.bool(false);
            }
            walk.encoder.close(group);
            Ok(())
        })
    }
}

/// What distinguishes arrays of pandas beyond the name of the type and numpy's array.
enum LeftOut<'py> {
    Nothing,
    /// The time zone, whose name is not all there is to it.
    Zone(Bound<'py, PyAny>),
    /// Which values are missing: in floats that looks like NaN, and makes floats of integers.
    Missing,
    /// What lies within the elements, times below a microsecond, and what a type holds beyond its name.
    Elements,
}

fn left_out<'py>(array: &Bound<'py, PyAny>, dtype: &Bound<'py, PyAny>) -> PyResult<LeftOut<'py>> {
    let class = array.get_type().name()?.to_string();
    if matches!(class.as_str(), "NumpyExtensionArray" | "PandasArray") {
        return Ok(LeftOut::Nothing);
    }
    if let Some(kind) = dtype.getattr_opt("pyarrow_dtype")?
        && (kind.getattr("num_fields")?.extract::<usize>()? > 0
            || kind.str()?.to_str()?.contains("time64[ns]")
            || kind.str()?.to_str()?.starts_with("extension<"))
    {
        return Ok(LeftOut::Elements);
    }
    if let Some(zone) = dtype.getattr_opt("tz")? {
        return Ok(if is_named(&zone)? { LeftOut::Nothing } else { LeftOut::Zone(zone) });
    }
    let number = match dtype.getattr_opt("numpy_dtype")? {
        Some(numpy) => matches!(numpy.getattr("kind")?.extract::<char>()?, 'i' | 'u' | 'f'),
        None => false,
    };
    let missing = number
        && array.getattr_opt("sp_values")?.is_none()
        && array.call_method0("isna")?.call_method0("any")?.is_truthy()?;
    Ok(if missing { LeftOut::Missing } else { LeftOut::Nothing })
}

/// How many values each level of an index has.
fn lengths(index: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    index.getattr("levels")?.try_iter()?.map(|level| level?.len()).collect()
}

/// Whether a time zone is identified by its text: those of the tz database, UTC, and offsets without a name.
fn is_named(zone: &Bound<'_, PyAny>) -> PyResult<bool> {
    let class = zone.get_type();
    let module = class.module()?;
    let module = module.to_str()?;
    if module == "datetime" {
        return Ok(zone.call_method0("__getinitargs__")?.len()? < 2);
    }
    Ok(module == "zoneinfo" || module.split('.').next() == Some("pytz"))
}

/// Whether a frequency is what pandas makes of its text: that leaves out holidays, hours and `normalize`.
fn is_given_by(frequency: &Bound<'_, PyAny>, text: &Bound<'_, PyAny>) -> PyResult<bool> {
    let made = frequency.py().import("pandas.tseries.frequencies")?.call_method1("to_offset", (text,));
    match made {
        Ok(made) => made.eq(frequency),
        Err(error) if error.is_instance_of::<PyValueError>(frequency.py()) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a text is that of a period's frequency and not of an offset: pandas 3 makes no offset of it any more.
fn is_of_a_period(frequency: &Bound<'_, PyAny>, text: &Bound<'_, PyAny>) -> PyResult<bool> {
    let version = frequency.py().import("pandas")?.getattr("__version__")?.str()?;
    Ok(version.to_string_lossy().starts_with("2.") && frequency.getattr("freqstr")?.ne(text)?)
}

/// Whether the class of an array is one of pandas' own.
fn is_of_pandas(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(array.get_type().module()?.to_str()?.split('.').next() == Some("pandas"))
}
