//! Keys of live Python objects.

use pyo3::prelude::*;

/// Adds this module's names to `jug._native`.
pub(super) fn register(_m: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
