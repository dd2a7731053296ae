//! A large array that is read once, and of which each use gets a copy that costs nothing until it is written to.

use std::ffi::c_int;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::array::{Plan, name_of, plan};
use crate::codec::ndarray::Order;
use crate::codec::{Codec, Stored};
use crate::os::{Private, Sealed};

/// A stored array whose elements are in a file of memory.
pub(in crate::py) struct SealedArray {
    elements: Sealed,
    dtype: Py<PyAny>,
    shape: Py<PyTuple>,
    order: Order,
}

/// Puts the elements of a stored array into a file of memory. None for what is no array, and where the system has no
/// such files or no room.
pub(in crate::py) fn seal(py: Python<'_>, stored: &Stored) -> PyResult<Option<SealedArray>> {
    if stored.codec != Codec::Ndarray {
        return Ok(None);
    }
    let Plan { dtype, shape, order, data } = plan(py, &stored.bytes)?;
    let elements = py.detach(|| Sealed::new(&stored.bytes[data..]));
    Ok(elements.ok().map(|elements| SealedArray {
        elements,
        dtype: dtype.unbind(),
        shape: shape.unbind(),
        order,
    }))
}

impl SealedArray {
    /// How many bytes its elements have.
    pub(in crate::py) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The array for one use, which may change it.
    pub(in crate::py) fn map<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pages = Bound::new(py, Pages(self.elements.map()?))?;
        let array = py.import(intern!(py, "numpy"))?.getattr(intern!(py, "ndarray"))?;
        array.call1((&self.shape, &self.dtype, pages, 0, py.None(), name_of(self.order)))
    }
}

/// The memory of an array.
#[pyclass(frozen, module = "jug._native")]
struct Pages(Private);

#[pymethods]
impl Pages {
    #[expect(unsafe_code, reason = "this is how Python shares memory")]
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no buffer to be filled in"));
        }
        let pages = &slf.get().0;
        let length = pages.len().cast_signed();
        // SAFETY: the pages may be read and written, and stay as long as the object does, which the view holds.
        let filled =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), pages.start().cast(), length, 0, flags) };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}
