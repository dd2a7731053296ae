//! Arrays, scalars and dtypes of numpy: by dtype, shape and contents, whatever the strides and byte order.
//!
//! Nothing here imports numpy: a process that has an array has done so.

use numpy::{
    PyArray1, PyArrayDescr, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PySlice, PyTuple, PyType};

use super::compute::key_of_value;
use super::walk::Walk;
use crate::hash::{BULK, Digester, Tag};
use crate::py::unkeyable::Walked;

/// Names of numpy, looked up at the first array: importing costs more than hashing a small one.
static ASARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static CONTIGUOUS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static UINT8: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Arrays that are not contiguous are copied and hashed in pieces of about this many bytes.
const PIECE: usize = 4 * BULK;

impl<'py> Walk<'py> {
    pub(super) fn array(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        self.level(array, |walk| walk.array_body(array))
    }

    /// The dtype (but not its byte order), the shape, and the contents in C order.
    fn array_body(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        let untyped = array.cast::<PyUntypedArray>().map_err(PyErr::from)?;
        let dtype = untyped.dtype();
        let group = self.encoder.open(Tag::Array, 3);
        self.dtype_body(&dtype, false)?;
        let shape = self.encoder.open(Tag::Tuple, untyped.shape().len());
        for &length in untyped.shape() {
            self.encoder.int(length.cast_signed() as i64);
        }
        self.encoder.close(shape);
        if dtype.has_fields() {
            // Field by field: between the fields there may be bytes that mean nothing.
            let names: Vec<Bound<'py, PyAny>> = dtype.getattr("names")?.extract()?;
            let fields = self.encoder.open(Tag::Tuple, names.len());
            for name in names {
                self.array_body(&array.get_item(name)?)?;
            }
            self.encoder.close(fields);
        } else if dtype.has_object() || dtype.kind() == b'T' {
            let elements = array.call_method0("ravel")?.call_method0("tolist")?;
            self.value(&elements)?;
        } else {
            self.array_contents(array)?;
        }
        self.encoder.close(group);
        Ok(())
    }

    fn array_contents(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        let size: usize = array.getattr(intern!(array.py(), "nbytes"))?.extract()?;
        if size < BULK {
            return self.with_bytes(array, |walk, bytes| walk.content(Tag::Bytes, bytes));
        }
        let address = array.as_ptr() as usize;
        let known = self.bulk.get(&address).map(|(_, length, digest)| (*length, *digest));
        let (length, digest) = if let Some(known) = known {
            known
        } else {
            let mut digester = Digester::new(size);
            let length = self.feed(&mut digester, array)?;
            let digest = digester.finish();
            self.bulk.insert(address, (array.clone(), length, digest));
            (length, digest)
        };
        self.encoder.singleton(Tag::Bytes);
        self.encoder.content_digest(length, &digest);
        Ok(())
    }

    /// Hashes an array of any layout in C order without copying the whole of it. Returns how many bytes it has.
    fn feed(&mut self, digester: &mut Digester, array: &Bound<'py, PyAny>) -> Walked<usize> {
        let size: usize = array.getattr(intern!(array.py(), "nbytes"))?.extract()?;
        if size <= PIECE || is_plain(array)? {
            let py = self.py;
            return self.with_bytes(array, |_, bytes| {
                py.detach(|| digester.update(bytes));
                bytes.len()
            });
        }
        let rows: usize = array.len()?;
        let row = size / rows.max(1);
        let mut fed = 0;
        if row > PIECE {
            for index in 0..rows {
                fed += self.feed(digester, &array.get_item(index)?)?;
            }
            return Ok(fed);
        }
        let step = (PIECE / row.max(1)).max(1);
        for start in (0..rows).step_by(step) {
            let end = (start + step).min(rows);
            let piece = PySlice::new(self.py, start.cast_signed(), end.cast_signed(), 1);
            fed += self.feed(digester, &array.get_item(piece)?)?;
        }
        Ok(fed)
    }

    /// Calls `use_bytes` with the contents in C order and little-endian, which are copied only if they are not so.
    fn with_bytes<T>(
        &mut self,
        array: &Bound<'py, PyAny>,
        use_bytes: impl FnOnce(&mut Walk<'py>, &[u8]) -> T,
    ) -> Walked<T> {
        if array.getattr(intern!(array.py(), "nbytes"))?.extract::<usize>()? == 0 {
            return Ok(use_bytes(self, &[]));
        }
        let plain = is_plain(array)?;
        let whole = if plain { array.clone() } else { little_endian(array)? };
        let bytes = whole
            .call_method1(intern!(self.py, "reshape"), (-1,))?
            .call_method1(intern!(self.py, "view"), (UINT8.import(self.py, "numpy", "uint8")?,))?;
        let bytes = if plain { bytes } else { without_padding(array, bytes)? };
        let bytes = bytes.cast::<PyArray1<u8>>().map_err(PyErr::from)?.readonly();
        let bytes =
            bytes.as_slice().map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))?;
        Ok(use_bytes(self, bytes))
    }

    pub(super) fn scalar(&mut self, scalar: &Bound<'py, PyAny>) -> Walked<()> {
        let own = scalar.getattr(intern!(self.py, "dtype"))?.getattr("type")?.is(scalar.get_type());
        if !own {
            return self.reduced(scalar);
        }
        let array = ASARRAY.import(self.py, "numpy", "asarray")?.call1((scalar,))?;
        let group = self.encoder.open(Tag::Scalar, 1);
        self.array_body(&array)?;
        self.encoder.close(group);
        Ok(())
    }

    /// An array of another class: the class, the plain array, and what that class adds; by its pickle if it has one.
    pub(super) fn array_subclass(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        if has_own_pickle(array)? && !self.as_before() {
            let ordered = array.cast::<PyUntypedArray>().map_err(PyErr::from)?.is_c_contiguous();
            // A pickle of an array has its elements in the order in which they lie in memory.
            let array = if ordered { array.clone() } else { array.call_method1("copy", ("C",))? };
            return self.reduced(&array);
        }
        let plain = self.plain(array)?;
        let none = self.py.None().into_bound(self.py);
        let masked = match self.loaded("numpy.ma")? {
            Some(module) if array.is_instance(&module.getattr("MaskedArray")?)? => Some(module),
            _ => None,
        };
        let extra = if let Some(module) = masked {
            let mask = module.call_method1("getmaskarray", (array,))?;
            let below = array.getattr("_baseclass")?;
            let is_plain = below.is(NDARRAY.import(self.py, "numpy", "ndarray")?);
            let mut filling = array.getattr("_fill_value")?;
            if is_usual(&filling, array, &module)? && !self.as_before() {
                filling = none;
            }
            if is_plain || self.as_before() {
                PyTuple::new(self.py, [mask, filling])?.into_any()
            } else {
                PyTuple::new(self.py, [mask, filling, below])?.into_any()
            }
        } else if array.is_instance(&self.py.import("numpy")?.getattr("memmap")?)? {
            // Which file an array came from is not part of its value.
            none
        } else {
            self.attributes_and_slots(array, "numpy")?
        };
        self.subclass(array, |walk| {
            walk.array_body(&plain)?;
            walk.value(&extra)
        })
    }

    /// An array of a subclass as one of numpy's. That a record array's elements are records goes without saying.
    fn plain(&self, array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let numpy = self.py.import("numpy")?;
        let plain = array.call_method1("view", (NDARRAY.import(self.py, "numpy", "ndarray")?,))?;
        if !array.is_instance(&numpy.getattr("recarray")?)? {
            return Ok(plain);
        }
        let dtype = (numpy.getattr("void")?, plain.getattr("dtype")?);
        plain.call_method1("view", (numpy.call_method1("dtype", (dtype,))?,))
    }

    /// A dtype as a value of its own, where its byte order counts.
    pub(super) fn dtype(&mut self, dtype: &Bound<'py, PyAny>) -> Walked<()> {
        let dtype = dtype.cast::<PyArrayDescr>().map_err(PyErr::from)?;
        self.level(dtype, |walk| walk.dtype_body(dtype, true))
    }

    fn dtype_body(&mut self, dtype: &Bound<'py, PyArrayDescr>, with_order: bool) -> Walked<()> {
        let metadata = dtype.getattr(intern!(self.py, "metadata"))?;
        // What a pickle of dates of older versions of numpy is loaded as has a dict in which nothing is.
        let is_left_over = !metadata.is_none() && matches!(dtype.kind(), b'M' | b'm') && metadata.len()? == 0;
        let noted = !metadata.is_none() && !self.as_before() && !is_left_over;
        let group = self.encoder.open(Tag::Dtype, if noted { 5 } else { 4 });
        self.encoder.str(&[dtype.kind()]);
        self.encoder.int(dtype.itemsize().cast_signed() as i64);
        self.encoder.bool(with_order && is_big_endian(dtype));
        self.dtype_details(dtype, with_order)?;
        if noted {
            self.value(&metadata)?;
        }
        self.encoder.close(group);
        Ok(())
    }

    /// What kind and size leave open: the shape of subarrays, fields, units, classes from elsewhere.
    fn dtype_details(&mut self, dtype: &Bound<'py, PyArrayDescr>, with_order: bool) -> Walked<()> {
        let kind = dtype.kind();
        if dtype.has_subarray() {
            let group = self.encoder.open(Tag::Tuple, 2);
            self.dtype_body(&dtype.base(), with_order)?;
            self.value(&dtype.getattr("shape")?)?;
            self.encoder.close(group);
            return Ok(());
        }
        if dtype.has_fields() {
            let class = dtype.getattr("type")?.cast_into::<PyType>().map_err(PyErr::from)?;
            if class.is(self.py.import("numpy")?.getattr("void")?) || self.as_before() {
                return self.dtype_fields(dtype, with_order);
            }
            let group = self.encoder.open(Tag::Tuple, 2);
            self.class(&class)?;
            self.dtype_fields(dtype, with_order)?;
            self.encoder.close(group);
            return Ok(());
        }
        if kind == b'M' || kind == b'm' {
            let unit = self.py.import("numpy")?.call_method1("datetime_data", (dtype,))?;
            return self.value(&unit);
        }
        if kind == b'T' {
            let none = self.py.None().into_bound(self.py);
            let mut details = vec![dtype.getattr("coerce")?];
            let missing = dtype.getattr_opt("na_object")?;
            // None stands for no such object, so that it needs a word more itself.
            if missing.as_ref().is_some_and(PyAnyMethods::is_none) && !self.as_before() {
                details.push(none.clone());
            }
            details.push(missing.unwrap_or(none));
            return self.value(PyTuple::new(self.py, details)?.as_any());
        }
        let class = dtype.typeobj();
        if class.getattr(intern!(self.py, "__module__"))?.eq(intern!(self.py, "numpy"))? {
            return self.singleton(Tag::None);
        }
        self.class(&class)
    }

    fn dtype_fields(&mut self, dtype: &Bound<'py, PyArrayDescr>, with_order: bool) -> Walked<()> {
        let names: Vec<Bound<'py, PyAny>> = dtype.getattr("names")?.extract()?;
        let fields = dtype.getattr("fields")?;
        let group = self.encoder.open(Tag::List, names.len());
        for name in names {
            let field = fields.get_item(&name)?;
            let title =
                if field.len()? > 2 { field.get_item(2)? } else { self.py.None().into_bound(self.py) };
            self.value(&name)?;
            self.value(&title)?;
            self.dtype_body(field.get_item(0)?.cast().map_err(PyErr::from)?, with_order)?;
            self.value(&field.get_item(1)?)?;
        }
        self.encoder.close(group);
        Ok(())
    }
}

/// Whether a subclass defines by itself how its arrays are pickled. What numpy's own classes do is known.
fn has_own_pickle(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    for base in array.get_type().mro() {
        let base = base.cast_into::<PyType>()?;
        if base.module()?.to_str()?.split('.').next() == Some("numpy") {
            break;
        }
        let names = base.getattr("__dict__")?;
        for name in ["__reduce__", "__reduce_ex__", "__getstate__"] {
            if names.contains(name)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether a masked array is filled with what a look at it fills in where nothing was chosen.
fn is_usual(
    filling: &Bound<'_, PyAny>,
    array: &Bound<'_, PyAny>,
    module: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    if filling.is_none() {
        return Ok(false);
    }
    let dtype = array.getattr("dtype")?;
    let usual = module.call_method1("default_fill_value", (&dtype,))?;
    let asarray = ASARRAY.import(array.py(), "numpy", "asarray")?;
    // Of texts and objects it is filled in with a dtype of its own.
    let usual = [asarray.call1((&usual, dtype))?, asarray.call1((&usual,))?];
    let known = key_of_value(filling).ok();
    Ok(known.is_some() && usual.iter().any(|usual| key_of_value(usual).ok() == known))
}

fn is_big_endian(dtype: &Bound<'_, PyArrayDescr>) -> bool {
    match dtype.byteorder() {
        b'>' => true,
        b'=' => cfg!(target_endian = "big"),
        _ => false,
    }
}

/// Whether the memory of an array is its contents in C order, little-endian, every byte of it meaningful.
fn is_plain(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let array = array.cast::<PyUntypedArray>()?;
    let dtype = array.dtype();
    Ok(array.is_c_contiguous() && !is_big_endian(&dtype) && !is_padded(&dtype))
}

fn little_endian<'py>(array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let dtype = array.cast::<PyUntypedArray>()?.dtype();
    let contiguous = CONTIGUOUS.import(array.py(), "numpy", "ascontiguousarray")?;
    if is_big_endian(&dtype) {
        return contiguous.call1((array, dtype.call_method1("newbyteorder", ("<",))?));
    }
    contiguous.call1((array,))
}

/// Extended-precision floats fill 10 of the 16 bytes they take on x86.
fn is_padded(dtype: &Bound<'_, PyArrayDescr>) -> bool {
    cfg!(target_arch = "x86_64") && matches!(dtype.char(), b'g' | b'G')
}

fn without_padding<'py>(array: &Bound<'py, PyAny>, bytes: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    if !is_padded(&array.cast::<PyUntypedArray>()?.dtype()) {
        return Ok(bytes);
    }
    let rows = bytes.call_method1("reshape", (-1, 16))?;
    let used = rows.get_item((PySlice::full(py), PySlice::new(py, 0, 10, 1)))?;
    let order = PyDict::new(py);
    order.set_item("order", "C")?;
    used.call_method("reshape", (-1,), Some(&order))
}
