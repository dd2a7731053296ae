//! Large values, read straight into the memory of the Python objects that they become.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMemoryView, PySlice};

use super::copy_on_write::CopyOnWriteArray;
use super::fresh::Fresh;
use super::{array, frame, unpickle};
use crate::codec::pickle::{Buffers, Kind, split};
use crate::codec::receive::{Receiver, Source};
use crate::codec::{Codec, Loaded, Stored};

/// Whether a value of so many bytes is read in a form that gives copies of it again and again.
type Keeps<'a> = &'a mut (dyn FnMut(Python<'_>, usize) -> bool + Send);

/// Where a large value goes.
pub(in crate::py) struct Room<'a> {
    keeps: Keeps<'a>,
    filled: Option<Filled>,
    length: usize,
}

/// A value that was read.
pub(in crate::py) enum Filled {
    Array(Fresh),
    /// An array of which each use gets a copy.
    CopyOnWrite(CopyOnWriteArray),
    Pickle(SplitPickle),
    /// A pickle as it was stored.
    Whole(Fresh),
    Frame(u8, Fresh),
}

/// A pickle without its large buffers, the length of that, and the buffers.
pub(in crate::py) struct SplitPickle(Fresh, usize, Vec<Fresh>);

/// What a store gave.
pub(in crate::py) enum Found {
    Stored(Stored),
    Filled(Filled),
}

impl<'a> Room<'a> {
    pub(in crate::py) fn new(keeps: Keeps<'a>) -> Room<'a> {
        Room { keeps, filled: None, length: 0 }
    }

    /// What `load` has found, with how many bytes it has. `load` may read it into this room.
    pub(in crate::py) fn load(
        mut self,
        load: impl FnOnce(&mut Room<'_>) -> PyResult<Option<Loaded>>,
    ) -> PyResult<Option<(Found, usize)>> {
        Ok(match load(&mut self)? {
            None => None,
            Some(Loaded::Stored(stored)) => {
                let length = stored.bytes.len();
                Some((Found::Stored(stored), length))
            }
            Some(Loaded::Received) => self.filled.map(|filled| (Found::Filled(filled), self.length)),
        })
    }

    fn fill(&mut self, codec: Codec, source: &mut dyn Source) -> Option<Filled> {
        self.length = usize::try_from(source.left()).ok()?;
        let is_kept = Python::attach(|py| (self.keeps)(py, self.length));
        match codec {
            Codec::Ndarray if is_kept => CopyOnWriteArray::read(source).map(Filled::CopyOnWrite),
            Codec::Ndarray => array::read(source).map(Filled::Array),
            Codec::Pickle if is_kept => whole(source, self.length).map(Filled::Whole),
            Codec::Pickle => SplitPickle::read(source, self.length).map(Filled::Pickle),
            Codec::Frame if is_kept => None,
            Codec::Frame => {
                let mut library = [0];
                let has_library = self.length > 0 && source.read(&mut library);
                let file = if has_library { whole(source, self.length - 1) } else { None };
                file.map(|file| Filled::Frame(library[0], file))
            }
        }
    }
}

impl Receiver for Room<'_> {
    fn receive(&mut self, codec: Codec, source: &mut dyn Source) -> bool {
        self.filled = self.fill(codec, source);
        self.filled.is_some()
    }
}

/// All that is left, as bytes.
fn whole(source: &mut dyn Source, length: usize) -> Option<Fresh> {
    let mut bytes = Python::attach(|py| Fresh::bytes(py, length)).ok()?;
    source.read(bytes.memory()).then_some(bytes)
}

impl SplitPickle {
    fn read(source: &mut dyn Source, length: usize) -> Option<SplitPickle> {
        // A bytearray, because that can be made shorter. Pages of it that are not used take no memory.
        let mut stream = Python::attach(|py| Fresh::byte_array(py, length)).ok()?;
        let mut buffers = Vec::new();
        let used = split(source, stream.memory(), &mut buffers)?;
        Some(SplitPickle(stream, used, buffers))
    }

    fn load(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let SplitPickle(stream, used, buffers) = self;
        let stream = stream.into_object().into_bound(py);
        let stream = PyMemoryView::from(&stream)?.get_item(PySlice::new(py, 0, used.cast_signed(), 1))?;
        let buffers: Vec<Py<PyAny>> = buffers.into_iter().map(Fresh::into_object).collect();
        let options = PyDict::new(py);
        options.set_item(intern!(py, "buffers"), buffers)?;
        LOADS.import(py, "pickle", "loads")?.call((stream,), Some(&options))
    }
}

impl Buffers for Vec<Fresh> {
    fn next(&mut self, kind: Kind, length: usize) -> Option<&mut [u8]> {
        let buffer = Python::attach(|py| match kind {
            Kind::Bytes => Fresh::bytes(py, length),
            Kind::ByteArray => Fresh::byte_array(py, length),
        });
        self.push(buffer.ok()?);
        self.last_mut().map(Fresh::memory)
    }
}

impl Filled {
    /// The value, and if it can be had again a form of it that gives copies.
    pub(in crate::py) fn value(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Filled::Array(array) => Ok(array.into_object().into_bound(py)),
            Filled::CopyOnWrite(array) => array.map(py),
            Filled::Pickle(pickle) => pickle.load(py),
            Filled::Whole(bytes) => unpickle(bytes.into_object().bind(py).cast()?),
            Filled::Frame(library, file) => frame::read(library, file.into_object().bind(py).cast()?),
        }
    }
}
