//! Arrays, scalars and dtypes of numpy: by dtype, shape and contents, whatever the strides and byte order.
//!
//! Nothing here imports numpy: whoever passes an array has done so.

use numpy::{PyArray1, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySlice, PyTuple};

use super::{Walk, Walked};
use crate::hash::{BULK, Digester, Tag};

/// Arrays that are not contiguous are copied and hashed in pieces of about this many bytes.
const PIECE: usize = 4 * BULK;

impl<'py> Walk<'py> {
    pub(super) fn array(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        self.level(array, |walk| walk.array_body(array))
    }

    /// The dtype (but not its byte order), the shape, and the contents in C order.
    fn array_body(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        let dtype = array.getattr("dtype")?;
        let group = self.encoder.open(Tag::Array, 3);
        self.dtype_body(&dtype, false)?;
        self.value(&array.getattr("shape")?)?;
        let names = dtype.getattr("names")?;
        if !names.is_none() {
            // Field by field: between the fields there may be bytes that mean nothing.
            let names: Vec<Bound<'py, PyAny>> = names.extract()?;
            let fields = self.encoder.open(Tag::Tuple, names.len());
            for name in names {
                self.array_body(&array.get_item(name)?)?;
            }
            self.encoder.close(fields);
        } else if dtype.getattr("hasobject")?.is_truthy()? || dtype.getattr("kind")?.extract::<char>()? == 'T'
        {
            let elements = array.call_method0("ravel")?.call_method0("tolist")?;
            self.opaquely(|walk| walk.value(&elements))?;
        } else {
            self.array_contents(array)?;
        }
        self.encoder.close(group);
        Ok(())
    }

    fn array_contents(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        let size: usize = array.getattr("nbytes")?.extract()?;
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
        let size: usize = array.getattr("nbytes")?.extract()?;
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
        if array.getattr("nbytes")?.extract::<usize>()? == 0 {
            return Ok(use_bytes(self, &[]));
        }
        let numpy = self.py.import("numpy")?;
        let bytes = little_endian(array)?
            .call_method1("reshape", (-1,))?
            .call_method1("view", (numpy.getattr("uint8")?,))?;
        let bytes = without_padding(array, bytes)?;
        let bytes = bytes.cast::<PyArray1<u8>>().map_err(PyErr::from)?.readonly();
        let bytes =
            bytes.as_slice().map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))?;
        Ok(use_bytes(self, bytes))
    }

    pub(super) fn scalar(&mut self, scalar: &Bound<'py, PyAny>) -> Walked<()> {
        let own = scalar.getattr("dtype")?.getattr("type")?.is(scalar.get_type());
        if !own {
            return self.reduced(scalar);
        }
        let array = self.py.import("numpy")?.call_method1("asarray", (scalar,))?;
        let group = self.encoder.open(Tag::Scalar, 1);
        self.array_body(&array)?;
        self.encoder.close(group);
        Ok(())
    }

    /// An array of another class: the class, the plain array, and what that class adds.
    pub(super) fn array_subclass(&mut self, array: &Bound<'py, PyAny>) -> Walked<()> {
        let numpy = self.py.import("numpy")?;
        let plain = array.call_method1("view", (numpy.getattr("ndarray")?,))?;
        let none = self.py.None().into_bound(self.py);
        let masked = match self.loaded("numpy.ma")? {
            Some(module) if array.is_instance(&module.getattr("MaskedArray")?)? => Some(module),
            _ => None,
        };
        let extra = if let Some(module) = masked {
            let mask = module.call_method1("getmaskarray", (array,))?;
            PyTuple::new(self.py, [mask, array.getattr("_fill_value")?])?.into_any()
        } else if array.is_instance(&numpy.getattr("memmap")?)? {
            // Which file an array came from is not part of its value.
            none
        } else {
            self.attributes(array)?
        };
        self.subclass(array, |walk| {
            walk.array_body(&plain)?;
            walk.value(&extra)
        })
    }

    /// A dtype as a value of its own, where its byte order counts.
    pub(super) fn dtype(&mut self, dtype: &Bound<'py, PyAny>) -> Walked<()> {
        self.level(dtype, |walk| walk.dtype_body(dtype, true))
    }

    fn dtype_body(&mut self, dtype: &Bound<'py, PyAny>, with_order: bool) -> Walked<()> {
        let group = self.encoder.open(Tag::Dtype, 4);
        self.value(&dtype.getattr("kind")?)?;
        self.value(&dtype.getattr("itemsize")?)?;
        self.encoder.bool(with_order && is_big_endian(dtype)?);
        self.dtype_details(dtype, with_order)?;
        self.encoder.close(group);
        Ok(())
    }

    /// What kind and size do not tell: the shape of subarrays, fields, units, classes from elsewhere.
    fn dtype_details(&mut self, dtype: &Bound<'py, PyAny>, with_order: bool) -> Walked<()> {
        let kind: char = dtype.getattr("kind")?.extract()?;
        if !dtype.getattr("subdtype")?.is_none() {
            let group = self.encoder.open(Tag::Tuple, 2);
            self.dtype_body(&dtype.getattr("base")?, with_order)?;
            self.value(&dtype.getattr("shape")?)?;
            self.encoder.close(group);
            return Ok(());
        }
        if !dtype.getattr("names")?.is_none() {
            return self.dtype_fields(dtype, with_order);
        }
        if kind == 'M' || kind == 'm' {
            let unit = self.py.import("numpy")?.call_method1("datetime_data", (dtype,))?;
            return self.value(&unit);
        }
        if kind == 'T' {
            let none = self.py.None().into_bound(self.py);
            let missing = dtype.getattr_opt("na_object")?.unwrap_or(none);
            return self.value(PyTuple::new(self.py, [dtype.getattr("coerce")?, missing])?.as_any());
        }
        let class = dtype.getattr("type")?;
        if class.getattr("__module__")?.eq("numpy")? {
            return self.singleton(Tag::None);
        }
        self.value(&class)
    }

    fn dtype_fields(&mut self, dtype: &Bound<'py, PyAny>, with_order: bool) -> Walked<()> {
        let names: Vec<Bound<'py, PyAny>> = dtype.getattr("names")?.extract()?;
        let fields = dtype.getattr("fields")?;
        let group = self.encoder.open(Tag::List, names.len());
        for name in names {
            let field = fields.get_item(&name)?;
            let title =
                if field.len()? > 2 { field.get_item(2)? } else { self.py.None().into_bound(self.py) };
            self.value(&name)?;
            self.value(&title)?;
            self.dtype_body(&field.get_item(0)?, with_order)?;
            self.value(&field.get_item(1)?)?;
        }
        self.encoder.close(group);
        Ok(())
    }
}

fn is_big_endian(dtype: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(match dtype.getattr("byteorder")?.extract::<char>()? {
        '>' => true,
        '=' => cfg!(target_endian = "big"),
        _ => false,
    })
}

/// Whether the memory of an array is its contents in C order, little-endian, every byte of it meaningful.
fn is_plain(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let dtype = array.getattr("dtype")?;
    let contiguous = array.cast::<numpy::PyUntypedArray>()?.is_c_contiguous();
    Ok(contiguous && !is_big_endian(&dtype)? && !is_padded(&dtype)?)
}

fn little_endian<'py>(array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let dtype = array.getattr("dtype")?;
    let plain = array.py().import("numpy")?.getattr("ascontiguousarray")?;
    if is_big_endian(&dtype)? {
        return plain.call1((array, dtype.call_method1("newbyteorder", ("<",))?));
    }
    plain.call1((array,))
}

/// Extended-precision floats fill 10 of the 16 bytes they take on x86.
fn is_padded(dtype: &Bound<'_, PyAny>) -> PyResult<bool> {
    let long = matches!(dtype.getattr("char")?.extract::<char>()?, 'g' | 'G');
    Ok(cfg!(target_arch = "x86_64") && long)
}

fn without_padding<'py>(array: &Bound<'py, PyAny>, bytes: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    if !is_padded(&array.getattr("dtype")?)? {
        return Ok(bytes);
    }
    let rows = bytes.call_method1("reshape", (-1, 16))?;
    let used = rows.get_item((PySlice::full(py), PySlice::new(py, 0, 10, 1)))?;
    let order = PyDict::new(py);
    order.set_item("order", "C")?;
    used.call_method("reshape", (-1,), Some(&order))
}
