//! Data frames of polars and pandas, as files that other tools can read too.
//!
//! A polars frame is an Arrow IPC file, a pandas frame a Parquet file (for which pyarrow must be loaded).
//! Not every frame survives that: a frame is stored this way only if what is read back equals it, and
//! pickled otherwise.

use pyo3::exceptions::{PyException, PyModuleNotFoundError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::{is_loaded, loaded_type, same_frame};
use crate::py::error::DamagedResult;

/// The first byte of a stored polars frame.
const POLARS: u8 = 1;
/// The first byte of a stored pandas frame.
const PANDAS: u8 = 2;

/// A frame's stored form.
pub(in crate::py) struct Frame<'py> {
    pub(super) library: [u8; 1],
    pub(super) file: Bound<'py, PyBytes>,
}

/// The stored form of a data frame; `None` for anything else, and for a frame that has none.
pub(super) fn prepare<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Frame<'py>>> {
    let py = value.py();
    let is = |library| {
        Ok::<_, PyErr>(loaded_type(py, library, "DataFrame")?.is_some_and(|it| value.get_type().is(&it)))
    };
    let library = if is("polars")? {
        POLARS
    } else if is("pandas")? && is_loaded(py, "pyarrow")? {
        PANDAS
    } else {
        return Ok(None);
    };
    // What a library cannot write, or not read again, is left to pickle.
    match written(value, library) {
        Ok(file) => Ok(file.map(|file| Frame { library: [library], file })),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file of a frame that is read from it as it is.
fn written<'py>(frame: &Bound<'py, PyAny>, library: u8) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let file = match library {
        POLARS => write_polars(frame)?,
        _ if same_frame::may_survive(frame)? => write_pandas(frame)?,
        _ => return Ok(None),
    };
    Ok(survives(frame, library, &file)?.then_some(file))
}

fn buffer<'py>(contents: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    let py = contents.py();
    py.import(intern!(py, "io"))?.call_method1(intern!(py, "BytesIO"), (contents,))
}

fn contents<'py>(buffer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(buffer.call_method0(intern!(buffer.py(), "getvalue"))?.cast_into()?)
}

fn write_polars<'py>(frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let file = buffer(&PyBytes::new(frame.py(), b""))?;
    frame.call_method1(intern!(frame.py(), "write_ipc"), (&file,))?;
    contents(&file)
}

fn write_pandas<'py>(frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = frame.py();
    let file = buffer(&PyBytes::new(py, b""))?;
    let options = PyDict::new(py);
    options.set_item("engine", "pyarrow")?;
    frame.call_method(intern!(py, "to_parquet"), (&file,), Some(&options))?;
    contents(&file)
}

/// The frame in a file of this library's.
pub(super) fn read<'py>(library: u8, file: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    let py = file.py();
    let file = buffer(file)?;
    match library {
        POLARS => needed(py, "polars", "a polars frame, stored as an Arrow file")?
            .call_method1(intern!(py, "read_ipc"), (file,)),
        PANDAS => {
            const FORM: &str = "a pandas frame, stored as a Parquet file";
            needed(py, "pyarrow", FORM)?;
            let options = PyDict::new(py);
            options.set_item("engine", "pyarrow")?;
            let pandas = needed(py, "pandas", FORM)?;
            let frame = pandas.call_method(intern!(py, "read_parquet"), (file,), Some(&options))?;
            writable(frame)
        }
        other => Err(DamagedResult::new_err(format!("the stored frame is of unknown kind {other}"))),
    }
}

/// A frame whose values can be changed: those of categories are read-only where they were read from a file.
fn writable(frame: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let py = frame.py();
    for dtype in frame.getattr(intern!(py, "dtypes"))?.try_iter()? {
        if dtype?.hasattr(intern!(py, "categories"))? {
            return frame.call_method0(intern!(py, "copy"));
        }
    }
    Ok(frame)
}

/// A library that is needed to read a frame; where it is not installed, the error names it and what it is needed for.
fn needed<'py>(py: Python<'py>, library: &str, form: &str) -> PyResult<Bound<'py, PyModule>> {
    py.import(library).map_err(|error| {
        let name = error.value(py).getattr("name").and_then(|name| name.extract::<String>());
        if !error.is_instance_of::<PyModuleNotFoundError>(py) || !name.is_ok_and(|name| name == library) {
            return error;
        }
        let missing = PyModuleNotFoundError::new_err(format!("it is {form}, which needs {library}"));
        // It is a keyword argument of the class, as `import` gives it.
        match missing.value(py).setattr("name", library) {
            Ok(()) => missing,
            Err(error) => error,
        }
    })
}

/// True if reading the file gives a frame with the same values, types, labels and attributes.
fn survives(frame: &Bound<'_, PyAny>, library: u8, file: &Bound<'_, PyBytes>) -> PyResult<bool> {
    let py = frame.py();
    let again = read(library, file)?;
    if library == POLARS {
        let same_types = frame.getattr(intern!(py, "schema"))?.eq(again.getattr(intern!(py, "schema"))?)?;
        return Ok(same_types && frame.call_method1(intern!(py, "equals"), (again,))?.is_truthy()?);
    }
    same_frame::is_same(frame, &again)
}

/// The frame that was stored. A `ModuleNotFoundError` names the library that it needs and that is not installed.
pub(super) fn restore<'py>(py: Python<'py>, stored: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let Some((library, file)) = stored.split_first() else {
        return Err(DamagedResult::new_err("the stored frame is empty"));
    };
    read(*library, &PyBytes::new(py, file))
}
