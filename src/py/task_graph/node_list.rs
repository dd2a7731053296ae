//! Nodes that come from Python and go there, many at a time.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::sched::Node;

/// Nodes for Python, in four bytes each.
pub(in crate::py) fn node_view(
    py: Python<'_>,
    nodes: impl ExactSizeIterator<Item = Node>,
) -> PyResult<Bound<'_, PyAny>> {
    let bytes = PyBytes::new_with(py, nodes.len() * size_of::<Node>(), |bytes| {
        for (place, node) in bytes.chunks_exact_mut(size_of::<Node>()).zip(nodes) {
            place.copy_from_slice(&node.to_ne_bytes());
        }
        Ok(())
    })?;
    PyMemoryView::from(bytes.as_any())?.call_method1("cast", ("I",))
}

/// Nodes from Python: of what `node_view` gave without an object for each.
pub(super) struct NodeList(pub(super) Vec<Node>);

impl<'py> FromPyObject<'_, 'py> for NodeList {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<NodeList> {
        match PyBuffer::<Node>::get(&object) {
            Ok(buffer) => Ok(NodeList(buffer.to_vec(object.py())?)),
            Err(_) => Ok(NodeList(object.extract()?)),
        }
    }
}
