//! Data frames of polars and pandas, as files that other tools can read too.
//!
//! A polars frame is an Arrow IPC file, a pandas frame a Parquet file (for which pyarrow must be loaded).
//! Not every frame survives that: a frame is stored this way only if what is read back equals it, and
//! pickled otherwise.

use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySlice, PyType};

use super::{is_loaded, loaded_type};
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
    let (library, written) = if is("polars")? {
        (POLARS, write_polars(value))
    } else if is("pandas")? && is_loaded(py, "pyarrow")? {
        (PANDAS, write_pandas(value))
    } else {
        return Ok(None);
    };
    // What a library cannot write, or not read again, is left to pickle.
    match written.and_then(|file| Ok((survives(value, library, &file)?, file))) {
        Ok((true, file)) => Ok(Some(Frame { library: [library], file })),
        Ok((false, _)) => Ok(None),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

fn buffer<'py>(py: Python<'py>, contents: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    py.import(intern!(py, "io"))?.call_method1(intern!(py, "BytesIO"), (PyBytes::new(py, contents),))
}

fn contents<'py>(buffer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(buffer.call_method0(intern!(buffer.py(), "getvalue"))?.cast_into()?)
}

fn write_polars<'py>(frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let file = buffer(frame.py(), b"")?;
    frame.call_method1(intern!(frame.py(), "write_ipc"), (&file,))?;
    contents(&file)
}

fn write_pandas<'py>(frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = frame.py();
    let file = buffer(py, b"")?;
    let options = PyDict::new(py);
    options.set_item("engine", "pyarrow")?;
    frame.call_method(intern!(py, "to_parquet"), (&file,), Some(&options))?;
    contents(&file)
}

fn read<'py>(py: Python<'py>, library: u8, file: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let file = buffer(py, file)?;
    match library {
        POLARS => py.import(intern!(py, "polars"))?.call_method1(intern!(py, "read_ipc"), (file,)),
        PANDAS => {
            let options = PyDict::new(py);
            options.set_item("engine", "pyarrow")?;
            py.import(intern!(py, "pandas"))?.call_method(
                intern!(py, "read_parquet"),
                (file,),
                Some(&options),
            )
        }
        other => Err(DamagedResult::new_err(format!("the stored frame is of unknown kind {other}"))),
    }
}

/// True if reading the file gives a frame with the same values, types, labels and attributes.
fn survives(frame: &Bound<'_, PyAny>, library: u8, file: &Bound<'_, PyBytes>) -> PyResult<bool> {
    let py = frame.py();
    let again = read(py, library, file.as_bytes())?;
    if library == POLARS {
        let same_types = frame.getattr(intern!(py, "schema"))?.eq(again.getattr(intern!(py, "schema"))?)?;
        return Ok(same_types && frame.call_method1(intern!(py, "equals"), (again,))?.is_truthy()?);
    }
    if !frame.getattr(intern!(py, "attrs"))?.eq(again.getattr(intern!(py, "attrs"))?)? {
        return Ok(false);
    }
    let exact = PyDict::new(py);
    exact.set_item("check_exact", true)?;
    exact.set_item("check_freq", true)?;
    let testing = py.import(intern!(py, "pandas.testing"))?;
    // Raises an AssertionError that names the difference, if there is one.
    testing.call_method(intern!(py, "assert_frame_equal"), (frame, &again), Some(&exact))?;
    // Cells of type object may be equal and of another type all the same.
    cell_types(frame)?.call_method1(intern!(py, "equals"), (cell_types(&again)?,))?.is_truthy()
}

/// A frame of the types of the cells in columns of type object.
fn cell_types<'py>(frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = frame.py();
    let dtypes = frame.getattr(intern!(py, "dtypes"))?;
    let objects = dtypes.call_method1(intern!(py, "eq"), (py.get_type::<PyAny>(),))?;
    let cells = frame.getattr(intern!(py, "loc"))?.get_item((PySlice::full(py), objects))?;
    cells.call_method1(intern!(py, "map"), (py.get_type::<PyType>(),))
}

/// The frame that was stored; its library must be installed.
pub(super) fn restore<'py>(py: Python<'py>, stored: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let Some((library, file)) = stored.split_first() else {
        return Err(DamagedResult::new_err("the stored frame is empty"));
    };
    read(py, *library, file)
}
