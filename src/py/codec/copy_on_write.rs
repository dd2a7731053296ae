//! A large array that is read once and mapped copy-on-write for each use.

use std::ffi::c_int;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::array::{Plan, name_of, plan, read_head};
use crate::codec::ndarray::Order;
use crate::codec::receive::Source;
use crate::codec::{Codec, Stored};
use crate::os::{PrivateMapping, SealedMemory};

/// A stored array whose elements are in a memfd.
pub(in crate::py) struct CopyOnWriteArray {
    elements: SealedMemory,
    dtype: Py<PyAny>,
    shape: Py<PyTuple>,
    order: Order,
}

impl CopyOnWriteArray {
    /// Puts the elements of a stored array into a memfd. None for what is no array, and where the system has no memfd
    /// or no room.
    pub(in crate::py) fn of(py: Python<'_>, stored: &Stored) -> PyResult<Option<CopyOnWriteArray>> {
        if stored.codec != Codec::Ndarray {
            return Ok(None);
        }
        let plan = plan(py, &stored.bytes, stored.bytes.len() as u64)?;
        let elements = py.detach(|| SealedMemory::new(&stored.bytes[plan.data..]));
        Ok(elements.ok().map(|elements| CopyOnWriteArray::new(plan, elements)))
    }

    /// Reads a stored array into a memfd. `None` where that cannot be done.
    pub(super) fn read(source: &mut dyn Source) -> Option<CopyOnWriteArray> {
        if !SealedMemory::IS_KNOWN {
            return None;
        }
        let head = read_head(source)?;
        let length = source.left();
        let bytes = usize::try_from(length).ok()?;
        let elements = SealedMemory::filled(bytes, &mut |piece| source.read(piece)).ok()?;
        let plan = Python::attach(|py| {
            plan(py, &head, head.len() as u64 + length).map(|plan| CopyOnWriteArray::new(plan, elements))
        });
        plan.ok()
    }

    fn new(plan: Plan<'_>, elements: SealedMemory) -> CopyOnWriteArray {
        let Plan { dtype, shape, order, .. } = plan;
        CopyOnWriteArray { elements, dtype: dtype.unbind(), shape: shape.unbind(), order }
    }

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
struct Pages(PrivateMapping);

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
