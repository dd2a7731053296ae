//! Times that Python's own cannot hold, as they go below a microsecond: in columns of polars and of Arrow.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::walk::Walk;
use crate::py::unkeyable::Walked;

/// A column becomes Python objects so many rows at a time.
pub(super) const ROWS: usize = 100_000;

impl<'py> Walk<'py> {
    /// A scalar of Arrow; one with a time of nanoseconds, which its own pickle cuts off, by the integers in it.
    pub(super) fn arrow_scalar(&mut self, scalar: &Bound<'py, PyAny>) -> Walked<()> {
        let kind = scalar.getattr("type")?;
        if !kind.str()?.to_str()?.contains("time64[ns]") || self.as_before() {
            return self.reduced(scalar);
        }
        let arrow = self.py.import("pyarrow")?;
        let array = arrow.call_method1("array", (PyList::new(self.py, [scalar])?, &kind))?;
        let exact = array.call_method1("cast", (arrow_integers(&kind)?,))?.call_method0("to_pylist")?;
        self.record(scalar, "pyarrow.Scalar", &[kind, exact.get_item(0)?])
    }

    /// The elements of an array of Arrow, so many at a time: times of nanoseconds as integers, null as None.
    pub(super) fn arrow_elements(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        let exact = arrow_integers(&array.getattr("type")?)?;
        for start in (0..array.len()?).step_by(ROWS) {
            let piece = array.call_method1("slice", (start, ROWS))?.call_method1("cast", (&exact,))?;
            self.value(&piece.call_method0("to_pylist")?)?;
        }
        Ok(())
    }
}

/// The type of Arrow in which times of nanoseconds are integers, and dictionaries and extensions what is in them.
fn arrow_integers<'py>(kind: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let arrow = kind.py().import("pyarrow")?;
    let inner = |name: &str| arrow_integers(&kind.getattr(name)?);
    if kind.is_instance(&arrow.getattr("BaseExtensionType")?)? {
        return inner("storage_type");
    }
    match kind.get_type().name()?.to_str()? {
        "Time64Type" | "TimestampType" | "DurationType" if kind.getattr("unit")?.eq("ns")? => {
            arrow.call_method0("int64")
        }
        "DictionaryType" | "RunEndEncodedType" => inner("value_type"),
        "ListType" => arrow.call_method1("list_", (inner("value_type")?,)),
        "LargeListType" => arrow.call_method1("large_list", (inner("value_type")?,)),
        "FixedSizeListType" => {
            arrow.call_method1("list_", (inner("value_type")?, kind.getattr("list_size")?))
        }
        "MapType" => arrow.call_method1("map_", (inner("key_type")?, inner("item_type")?)),
        "StructType" => {
            let field = |field: Bound<'py, PyAny>| {
                field.call_method1("with_type", (arrow_integers(&field.getattr("type")?)?,))
            };
            let fields = kind.try_iter()?.map(|each| each.and_then(field)).collect::<PyResult<Vec<_>>>()?;
            arrow.call_method1("struct", (fields,))
        }
        _ => Ok(kind.clone()),
    }
}

/// The type of polars in which times of nanoseconds are integers; None if there are none.
pub(super) fn polars_integers<'py>(kind: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let polars = kind.py().import("polars")?;
    let base = kind.call_method0("base_type")?.getattr("__name__")?.extract::<String>()?;
    let inner = || polars_integers(&kind.getattr("inner")?);
    Ok(match base.as_str() {
        "Time" => Some(polars.getattr("Int64")?),
        "Datetime" | "Duration" if kind.getattr("time_unit")?.eq("ns")? => Some(polars.getattr("Int64")?),
        "List" => inner()?.map(|exact| polars.call_method1("List", (exact,))).transpose()?,
        "Array" => {
            inner()?.map(|exact| polars.call_method1("Array", (exact, kind.getattr("size")?))).transpose()?
        }
        "Struct" => {
            let mut any = false;
            let mut fields = Vec::new();
            for field in kind.getattr("fields")?.try_iter()? {
                let (field, dtype) = field.and_then(|field| Ok((field.clone(), field.getattr("dtype")?)))?;
                let exact = polars_integers(&dtype)?;
                any |= exact.is_some();
                let typed = PyTuple::new(kind.py(), [field.getattr("name")?, exact.unwrap_or(dtype)])?;
                fields.push(polars.getattr("Field")?.call1(typed)?);
            }
            if any { Some(polars.call_method1("Struct", (fields,))?) } else { None }
        }
        _ => None,
    })
}
