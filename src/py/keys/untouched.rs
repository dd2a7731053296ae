//! Keys that are computed without a look at the arguments themselves, for `jug adopt`.
//!
//! To encode an object may change what its pickle is: types of pandas remember what they are asked for. Keys of jug 2.x
//! depend on pickles. So the key is that of a copy, and equal values have equal keys.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;

use crate::py::immutable::{is_immutable, is_shared};
use crate::py::snapshot::{ArgumentsRef, CallArguments, PickledArguments, Sharing};
use crate::py::task::TaskCore;

static UNTOUCHED: AtomicBool = AtomicBool::new(false);

/// Whether arguments are to be left as they are.
pub(in crate::py) fn leaves_arguments_untouched() -> bool {
    UNTOUCHED.load(Ordering::Relaxed)
}

/// Says whether arguments are to be left as they are from now on; whether they were before.
pub(in crate::py) fn leave_arguments_untouched(on: bool) -> bool {
    UNTOUCHED.swap(on, Ordering::Relaxed)
}

/// Copies of the arguments of a task, where those are to be left as they are. None if none of them can change, and where
/// they cannot be copied: then they have no pickle that a key of jug 2.x could depend on.
pub(super) fn copied<'py>(py: Python<'py>, core: &TaskCore) -> PyResult<Option<CallArguments<'py>>> {
    if !leaves_arguments_untouched() {
        return Ok(None);
    }
    let args = core.args(py)?;
    let kwargs = core.keywords(py);
    let mut values = args.iter().chain(kwargs.into_iter().flatten().map(|(_, value)| value));
    if values.try_fold(true, |all, value| Ok::<_, PyErr>(all && is_immutable(&value)?))? {
        return Ok(None);
    }
    let sharing = Sharing { is_shared: is_left, others: Vec::new() };
    let copy = PickledArguments::new(&ArgumentsRef { args: &args, kwargs }, Some(sharing))
        .and_then(|pickled| pickled.copy(py));
    match copy {
        Ok(copy) => Ok(Some(copy)),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether nothing is noted in an object that is encoded: arrays of numbers may be too large for a copy.
fn is_left(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if is_shared(value)? {
        return Ok(true);
    }
    let (py, class) = (value.py(), value.get_type());
    if class.name()? != "ndarray" || class.module()? != "numpy" {
        return Ok(false);
    }
    let dtype = value.getattr(intern!(py, "dtype"))?;
    Ok(!dtype.getattr(intern!(py, "hasobject"))?.is_truthy()?)
}
