//! Memory of new Python objects, which is filled before anybody else sees them.

use std::ptr::{NonNull, null};

use numpy::{PyArray1, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::ffi;
use pyo3::prelude::*;

/// An object, and its memory, to which this is the only way.
pub(in crate::py) struct Fresh {
    object: Py<PyAny>,
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to the object, which may go to any thread, and nothing else leads to it.
#[expect(unsafe_code, reason = "a pointer does not say whom its target belongs to")]
unsafe impl Send for Fresh {}

impl Fresh {
    /// A new `bytes`.
    #[expect(unsafe_code, reason = "pyo3 fills new bytes with zeros first")]
    pub(super) fn bytes(py: Python<'_>, length: usize) -> PyResult<Fresh> {
        // SAFETY: without contents this is a new object, or an error is set; its memory may be written to until it is
        // given out.
        let (object, start) = unsafe {
            let object = ffi::PyBytes_FromStringAndSize(null(), length.cast_signed());
            let object = Bound::from_owned_ptr_or_err(py, object)?;
            let start = ffi::PyBytes_AsString(object.as_ptr());
            (object, start)
        };
        Ok(Fresh::at(object, start.cast(), length))
    }

    /// A new `bytearray`.
    #[expect(unsafe_code, reason = "pyo3 fills new bytearrays with zeros first")]
    pub(super) fn byte_array(py: Python<'_>, length: usize) -> PyResult<Fresh> {
        // SAFETY: as above.
        let (object, start) = unsafe {
            let object = ffi::PyByteArray_FromStringAndSize(null(), length.cast_signed());
            let object = Bound::from_owned_ptr_or_err(py, object)?;
            let start = ffi::PyByteArray_AsString(object.as_ptr());
            (object, start)
        };
        Ok(Fresh::at(object, start.cast(), length))
    }

    /// A new array, with a view of its elements as bytes; None if it has none.
    pub(super) fn array(array: Bound<'_, PyAny>, bytes: Option<&Bound<'_, PyArray1<u8>>>) -> Fresh {
        let (start, length) = bytes.map_or((std::ptr::null_mut(), 0), |bytes| (bytes.data(), bytes.len()));
        Fresh::at(array, start, length)
    }

    fn at(object: Bound<'_, PyAny>, start: *mut u8, length: usize) -> Fresh {
        let start = NonNull::new(start).unwrap_or(NonNull::dangling());
        Fresh { object: object.unbind(), start, length }
    }

    /// Its memory.
    #[expect(unsafe_code, reason = "the object is not Rust's")]
    pub(super) fn memory(&mut self) -> &mut [u8] {
        // SAFETY: the object has so many bytes there as long as this value has the object, and nobody else knows it.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }

    /// The object, to be given out.
    pub(in crate::py) fn into_object(self) -> Py<PyAny> {
        self.object
    }
}
