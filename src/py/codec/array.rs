//! Arrays without Python objects in them: raw elements and a text for their dtype.

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::fresh::Fresh;
use super::loaded_type;
use crate::codec::ndarray::{ALIGNMENT, ArrayHeader, Order};
use crate::codec::receive::Source;
use crate::py::error::DamagedResult;

/// An array's stored form.
pub(in crate::py) struct Array<'py> {
    pub(super) head: Vec<u8>,
    pub(super) elements: Option<PyReadonlyArray1<'py, u8>>,
}

/// The stored form of an array without Python objects in it whose dtype a text describes completely.
pub(super) fn prepare<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Array<'py>>> {
    let py = value.py();
    let Some(class) = loaded_type(py, "numpy", "ndarray")? else { return Ok(None) };
    if !value.get_type().is(&class) {
        return Ok(None);
    }
    let Some(dtype) = describe(&value.getattr(intern!(py, "dtype"))?)? else { return Ok(None) };
    let flags = value.getattr(intern!(py, "flags"))?;
    let (order, ordered) = if flags.getattr(intern!(py, "c_contiguous"))?.is_truthy()? {
        (Order::C, value.clone())
    } else if flags.getattr(intern!(py, "f_contiguous"))?.is_truthy()? {
        (Order::Fortran, value.getattr(intern!(py, "T"))?)
    } else {
        (Order::C, py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "ascontiguousarray"), (value,))?)
    };
    let shape = value.getattr(intern!(py, "shape"))?.extract()?;
    let Some(head) = (ArrayHeader { order, shape, dtype }).encode() else { return Ok(None) };
    let elements = match bytes_of(&ordered)? {
        Some(bytes) => Some(bytes.try_readonly()?),
        None => None,
    };
    Ok(Some(Array { head, elements }))
}

/// The elements of a C-contiguous array as an array of bytes that shares its memory; `None` for no bytes.
fn bytes_of<'py>(array: &Bound<'py, PyAny>) -> PyResult<Bytes<'py>> {
    let py = array.py();
    if array.getattr(intern!(py, "nbytes"))?.extract::<u64>()? == 0 {
        return Ok(None);
    }
    let flat = array.call_method1(intern!(py, "reshape"), (-1,))?;
    Ok(Some(flat.call_method1(intern!(py, "view"), (intern!(py, "u1"),))?.cast_into()?))
}

/// The text of a dtype, if reading it gives the same dtype.
fn describe(dtype: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = dtype.py();
    let has_objects = dtype.getattr(intern!(py, "hasobject"))?.is_truthy()?;
    if has_objects || !dtype.getattr(intern!(py, "metadata"))?.is_none() {
        return Ok(None);
    }
    let description = if dtype.getattr(intern!(py, "names"))?.is_none() {
        dtype.getattr(intern!(py, "str"))?
    } else {
        let format = py.import(intern!(py, "numpy.lib.format"))?;
        match format.call_method1(intern!(py, "dtype_to_descr"), (dtype,)) {
            // Fields that overlap or are out of order, as after `array[["b", "a"]]`.
            Err(error) if error.is_instance_of::<PyValueError>(py) => return Ok(None),
            description => description?,
        }
    };
    let text: String = description.repr()?.extract()?;
    let aligned = |dtype: &Bound<'_, PyAny>| dtype.getattr(intern!(py, "isalignedstruct"))?.is_truthy();
    match read_dtype(py, &text) {
        Ok(again) if again.eq(dtype)? && aligned(&again)? == aligned(dtype)? => Ok(Some(text)),
        _ => Ok(None),
    }
}

fn read_dtype<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let description = py.import(intern!(py, "ast"))?.call_method1(intern!(py, "literal_eval"), (text,))?;
    if description.is_instance_of::<PyString>() {
        return py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "dtype"), (description,));
    }
    py.import(intern!(py, "numpy.lib.format"))?.call_method1(intern!(py, "descr_to_dtype"), (description,))
}

/// What a stored array is, and where in the stored bytes its elements begin.
pub(super) struct Plan<'py> {
    pub(super) dtype: Bound<'py, PyAny>,
    pub(super) shape: Bound<'py, PyTuple>,
    pub(super) order: Order,
    pub(super) data: usize,
}

/// Reads the head of a stored array, which must fit its elements; all of it has `length` bytes.
pub(super) fn plan<'py>(py: Python<'py>, stored: &[u8], length: u64) -> PyResult<Plan<'py>> {
    let damaged = || DamagedResult::new_err("the stored array has no sound head");
    let (head, data) = ArrayHeader::decode(stored).ok_or_else(damaged)?;
    let dtype = read_dtype(py, &head.dtype)?;
    let size: u64 = dtype.getattr(intern!(py, "itemsize"))?.extract()?;
    let expected = head.shape.iter().try_fold(size, |size, length| size.checked_mul(*length));
    if expected.and_then(|size| size.checked_add(data as u64)) != Some(length) {
        return Err(damaged());
    }
    Ok(Plan { dtype, shape: PyTuple::new(py, &head.shape)?, order: head.order, data })
}

/// What numpy calls an order.
pub(super) fn name_of(order: Order) -> &'static str {
    match order {
        Order::C => "C",
        Order::Fortran => "F",
    }
}

/// The longest head that is read before its array is checked.
const HEAD_MAX: usize = 1024 * 1024;

/// Reads the head of a stored array; `None` if it has none that is sound.
pub(super) fn read_head(source: &mut dyn Source) -> Option<Vec<u8>> {
    let mut head = vec![0; ALIGNMENT];
    if !source.read(&mut head) {
        return None;
    }
    let length = ArrayHeader::length(&head).filter(|length| *length <= HEAD_MAX)?;
    head.resize(length, 0);
    source.read(&mut head[ALIGNMENT..]).then_some(head)
}

/// Reads a stored array into memory of its own; `None` if it cannot be read that way.
pub(super) fn read(source: &mut dyn Source) -> Option<Fresh> {
    let head = read_head(source)?;
    let length = head.len() as u64 + source.left();
    let array = Python::attach(|py| {
        let (array, bytes) = empty(py, &plan(py, &head, length)?)?;
        Ok::<_, PyErr>(Fresh::array(array, bytes.as_ref()))
    });
    // What is not checked yet may say anything. Where it is of objects, numpy gives no view of its bytes; and should it be
    // damage, all of it is read in another way, and its checksum says so.
    let mut array = array.ok()?;
    source.read(array.memory()).then_some(array)
}

/// Elements as bytes; None if there are none.
type Bytes<'py> = Option<Bound<'py, PyArray1<u8>>>;

/// A new array, and its elements as bytes.
fn empty<'py>(py: Python<'py>, plan: &Plan<'py>) -> PyResult<(Bound<'py, PyAny>, Bytes<'py>)> {
    let form = (&plan.shape, &plan.dtype, name_of(plan.order));
    let array = py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "empty"), form)?;
    let ordered = if plan.order == Order::C { array.clone() } else { array.getattr(intern!(py, "T"))? };
    let bytes = bytes_of(&ordered)?;
    Ok((array, bytes))
}

/// The array that was stored, with memory of its own.
pub(super) fn restore<'py>(py: Python<'py>, stored: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let plan = plan(py, stored, stored.len() as u64)?;
    let (array, bytes) = empty(py, &plan)?;
    if let Some(bytes) = bytes {
        bytes.try_readwrite()?.as_slice_mut()?.copy_from_slice(&stored[plan.data..]);
    }
    Ok(array)
}
