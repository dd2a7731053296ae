//! Geometries of shapely: by their reduce protocol, unless they have a precision, which that leaves out.

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use super::walk::Walk;
use crate::py::unkeyable::Walked;

impl<'py> Walk<'py> {
    /// A geometry; one with a precision by its type, its WKB with the SRID, and the size of its grid.
    pub(super) fn geometry(&mut self, geometry: &Bound<'py, PyAny>) -> Walked<()> {
        let shapely = self.py.import("shapely")?;
        let grid = shapely.call_method1("get_precision", (geometry,))?;
        if grid.eq(0.0)? || self.as_before() {
            return self.reduced(geometry);
        }
        self.snapshot.named = true;
        let kind = shapely.call_method1("get_type_id", (geometry,))?;
        // The same call as in the pickle of a geometry.
        let with_srid = [("include_srid", true)].into_py_dict(self.py)?;
        let bytes = shapely.call_method("to_wkb", (geometry,), Some(&with_srid))?;
        self.record(geometry, "shapely.Geometry", &[kind, bytes, grid])
    }
}
