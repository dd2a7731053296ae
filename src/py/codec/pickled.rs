//! Pickles: of small values in one piece, of large ones in pieces whose buffers are not copied.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use pyo3::Borrowed;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyException};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use twox_hash::XxHash3_128;

use super::{Prepared, is_loaded, loaded_type};
use crate::lock::lock;
use crate::py::reducers::{DispatchTable, TRACEBACKS};
use crate::py::scalar::is_scalar;

/// The protocol version of pickles.
const PROTOCOL: u8 = 5;

/// From how many bytes on `pickle` hands a buffer on as it is.
const LARGE: usize = 64 * 1024;

/// How many values are looked at to find whether there is a large one among them.
const LOOKED_AT: usize = 50;

/// A pickle in pieces that follow one another.
pub(in crate::py) struct Pieces<'py> {
    py: Python<'py>,
    pieces: Vec<Piece>,
}

/// A piece of a pickle.
enum Piece {
    Own(Py<PyBytes>),
    /// The memory of a part of the value, and the sum of what was in it when the pickler came to it.
    Buffer(PyBuffer<u8>, u128),
}

impl Piece {
    /// Memory of a part of the value, with the sum of what is in it now.
    fn buffer(memory: PyBuffer<u8>) -> Piece {
        let sum = XxHash3_128::oneshot(bytes_of(&memory));
        Piece::Buffer(memory, sum)
    }

    /// Whether it is what it was when the pickler came to it.
    fn is_unchanged(&self) -> bool {
        match self {
            Piece::Own(_) => true,
            Piece::Buffer(memory, sum) => XxHash3_128::oneshot(bytes_of(memory)) == *sum,
        }
    }
}

/// What is in a buffer.
#[expect(unsafe_code, reason = "Python shares memory by addresses")]
fn bytes_of(buffer: &PyBuffer<u8>) -> &[u8] {
    // SAFETY: the buffer is contiguous, and stays where it is as long as it is held. If a thread of the task's changes what is
    // in it meanwhile, bytes from before or after that are stored.
    unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) }
}

impl Pieces<'_> {
    /// The bytes, borrowed.
    pub(super) fn parts<'a>(&'a self) -> Vec<Cow<'a, [u8]>> {
        let bytes = |piece: &'a Piece| match piece {
            Piece::Own(bytes) => bytes.as_bytes(self.py),
            Piece::Buffer(buffer, _) => bytes_of(buffer),
        };
        self.pieces.iter().map(|piece| Cow::Borrowed(bytes(piece))).collect()
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }

    /// The pickle in one piece.
    pub(super) fn joined(&self) -> Bound<'_, PyBytes> {
        PyBytes::new(self.py, &self.parts().concat())
    }
}

/// The stored form of a value that is pickled.
pub(super) fn prepare<'py>(value: &Bound<'py, PyAny>) -> PyResult<Prepared<'py>> {
    let mut look = Look::default();
    if look.finds_large(value)? {
        return in_pieces(value);
    }
    let pickle = pickle(value)?;
    if pickle.as_bytes().len() >= LARGE {
        look.remember();
    }
    Ok(Prepared::Pickle(pickle))
}

fn pickle<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    if is_loaded(py, TRACEBACKS)? {
        static BUFFER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let buffer = BUFFER.import(py, "io", "BytesIO")?.call0()?;
        dump(value, &buffer)?;
        return Ok(buffer.call_method0(intern!(py, "getvalue"))?.cast_into()?);
    }
    let dumps = DUMPS.import(py, "pickle", "dumps")?;
    Ok(dumps.call1((value, PROTOCOL))?.cast_into()?)
}

/// Writes the pickle that a process would give which had not imported what adds tracebacks: that one could not load them.
fn dump<'py>(value: &Bound<'py, PyAny>, file: &Bound<'py, PyAny>) -> PyResult<()> {
    static PICKLER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let pickler = PICKLER.import(py, "pickle", "Pickler")?.call1((file, PROTOCOL))?;
    if is_loaded(py, TRACEBACKS)? {
        pickler.setattr(intern!(py, "dispatch_table"), DispatchTable)?;
    }
    pickler.call_method1(intern!(py, "dump"), (value,))?;
    Ok(())
}

fn in_pieces<'py>(value: &Bound<'py, PyAny>) -> PyResult<Prepared<'py>> {
    let py = value.py();
    let collector = Bound::new(py, Collector::default())?;
    let dumped = dump(value, collector.as_any());
    let mut pieces = std::mem::take(&mut *lock(&collector.get().0));
    // The pickling of one part may use memory again that another part has given away, or want to make it longer. Then each
    // is to be copied when the pickler comes to it.
    let is_in_the_way = match &dumped {
        Ok(()) => !pieces.iter().all(Piece::is_unchanged),
        Err(error) => error.is_instance_of::<PyBufferError>(py),
    };
    if is_in_the_way {
        drop(pieces);
        return pickle(value).map(Prepared::Pickle);
    }
    dumped?;
    Ok(match pieces.pop() {
        Some(Piece::Own(only)) if pieces.is_empty() => Prepared::Pickle(only.into_bound(py)),
        last => {
            pieces.extend(last);
            Prepared::Pieces(Pieces { py, pieces })
        }
    })
}

/// The file that a pickler writes to.
#[pyclass(frozen, module = "jug._native")]
#[derive(Default)]
struct Collector(Mutex<Vec<Piece>>);

#[pymethods]
impl Collector {
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        let piece = if let Ok(bytes) = data.cast_exact::<PyBytes>() {
            Piece::Own(bytes.clone().unbind())
        } else if let Ok(bytes) = data.cast_exact::<PyByteArray>() {
            // What holds its memory keeps it from growing and shrinking, which the pickling of another part may do.
            Piece::Own(PyBytes::new(py, &bytes.to_vec()).unbind())
        } else if let Some(raw) = data.getattr_opt(intern!(py, "raw"))? {
            // A PickleBuffer.
            Piece::buffer(PyBuffer::get(&raw.call0()?)?)
        } else {
            // What another version of the pickler writes may be a view of what it throws away.
            Piece::Own(data.call_method0(intern!(py, "tobytes"))?.cast_into::<PyBytes>()?.unbind())
        };
        lock(&self.0).push(piece);
        Ok(())
    }
}

/// Types that are not known here and of which there were values with large pickles. They are kept alive, so that their
/// addresses stay their own.
static LARGE_TYPES: LazyLock<Mutex<HashMap<usize, Py<PyType>>>> = LazyLock::new(Mutex::default);

/// How many such types are remembered.
const REMEMBERED: usize = 1000;

/// A look at a value and some of what is in it, for parts that are better not copied: to pickle in pieces takes longer
/// where there are none. What is overlooked is only copied.
#[derive(Default)]
struct Look<'py> {
    looked_at: usize,
    unknown: Vec<Bound<'py, PyType>>,
}

impl<'py> Look<'py> {
    fn finds_large(&mut self, value: &Bound<'py, PyAny>) -> PyResult<bool> {
        if let Ok(bytes) = value.cast_exact::<PyBytes>() {
            return Ok(bytes.as_bytes().len() >= LARGE);
        }
        if value.is_exact_instance_of::<PyString>() || value.is_exact_instance_of::<PyByteArray>() {
            return Ok(value.len()? >= LARGE);
        }
        if is_scalar(value) {
            return Ok(false);
        }
        if let Ok(items) = value.cast_exact::<PyTuple>() {
            return self.finds_large_among(items.iter_borrowed().map(Borrowed::to_owned));
        }
        if let Ok(items) = value.cast_exact::<PyList>() {
            return self.finds_large_among(items.iter());
        }
        if let Ok(items) = value.cast_exact::<PyDict>() {
            return self.finds_large_among(items.iter().map(|(_, item)| item));
        }
        self.finds_large_object(value)
    }

    fn finds_large_among(&mut self, items: impl Iterator<Item = Bound<'py, PyAny>>) -> PyResult<bool> {
        for item in items {
            self.looked_at += 1;
            if self.looked_at > LOOKED_AT {
                return Ok(false);
            }
            if self.finds_large(&item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn finds_large_object(&mut self, value: &Bound<'py, PyAny>) -> PyResult<bool> {
        let (py, class) = (value.py(), value.get_type());
        if let Some(array) = loaded_type(py, "numpy", "ndarray")?
            && class.is(&array)
        {
            return Ok(value.getattr(intern!(py, "nbytes"))?.extract::<usize>()? >= LARGE);
        }
        if lock(&LARGE_TYPES).contains_key(&(class.as_ptr() as usize)) {
            return Ok(true);
        }
        self.unknown.push(class);
        match value.getattr_opt(intern!(py, "__dict__")) {
            Ok(Some(parts)) if parts.is_exact_instance_of::<PyDict>() => self.finds_large(&parts),
            Err(error) if !error.is_instance_of::<PyException>(py) => Err(error),
            _ => Ok(false),
        }
    }

    /// Has values of the types that were not known be pickled in pieces from now on.
    fn remember(self) {
        let mut known = lock(&LARGE_TYPES);
        for class in self.unknown {
            if known.len() < REMEMBERED {
                known.entry(class.as_ptr() as usize).or_insert_with(|| class.unbind());
            }
        }
    }
}

/// A copy of a value by its pickle.
pub(in crate::py) fn copied<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    unpickle(&pickle(value)?)
}

/// The value of a pickle.
pub(in crate::py) fn unpickle<'py>(pickle: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    LOADS.import(pickle.py(), "pickle", "loads")?.call1((pickle,))
}
