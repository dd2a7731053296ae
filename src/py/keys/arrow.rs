//! Arrays and tables of pyarrow: by their reduce protocol, after they were put into the form that one has which was
//! made of the same values in one go. Otherwise slices, chunks and a cached number of missing values would be part of it.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyRange};

use super::walk::Walk;
use crate::py::unkeyable::Walked;

/// So many rows are put into that form at a time.
const ROWS: usize = 1 << 15;

impl<'py> Walk<'py> {
    /// A column: one chunk. A table is made of such columns.
    pub(super) fn arrow_column(&mut self, column: &Bound<'py, PyAny>) -> Walked<()> {
        self.arrow(column, |column| {
            let whole = column.call_method0("unify_dictionaries")?.call_method0("combine_chunks")?;
            let kind = column.getattr("type")?;
            column.py().import("pyarrow")?.call_method1("chunked_array", ([whole], kind))
        })
    }

    pub(super) fn arrow_array(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        self.arrow(array, plain_array)
    }

    fn arrow(
        &mut self,
        object: &Bound<'py, PyAny>,
        plain: fn(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
    ) -> Walked<()> {
        if self.as_before() {
            return self.reduced(object);
        }
        match plain(object) {
            Ok(plain) => self.reduced(&plain),
            // What pyarrow cannot bring into that form is taken as it is.
            Err(error) if error.is_instance_of::<PyException>(self.py) => self.reduced(object),
            Err(error) => Err(error.into()),
        }
    }
}

fn plain_array<'py>(array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let arrow = py.import("pyarrow")?;
    let length = array.len()?;
    let missing: usize = array.getattr("null_count")?.extract()?;
    let kind = array.getattr("type")?;
    let is_flat = kind.getattr("num_fields")?.extract::<usize>()? == 0
        && array.getattr_opt("dictionary")?.is_none()
        && array.getattr_opt("storage")?.is_none();
    let pieces = PyList::empty(py);
    if missing == 0 && is_flat {
        pieces.append(array)?;
        pieces.append(array.call_method1("slice", (0, 0))?)?;
    } else {
        // Taking values by their places leaves zeros where they are missing, and nothing of what was cut off.
        let places = arrow
            .call_method1("array", (PyRange::new(py, 0, isize::try_from(length.min(ROWS))?)?, "int64"))?;
        for start in (0..length.max(1)).step_by(ROWS) {
            let piece = array.call_method1("slice", (start, ROWS))?;
            pieces
                .append(piece.call_method1("take", (places.call_method1("slice", (0, piece.len()?))?,))?)?;
        }
        if pieces.len() == 1 {
            return pieces.get_item(0);
        }
    }
    let whole = arrow.call_method1("concat_arrays", (pieces,))?;
    // It is counted when it is first asked for, and pickled with the array.
    whole.getattr("null_count")?;
    Ok(whole)
}
