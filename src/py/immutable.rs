//! Which values tasks may share: those that are immutable, or identified by their name or their own protocol.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::scalar::is_scalar;
use super::task::TaskCore;
use crate::lock::lock;

/// How deep tuples are examined. What stands deeper counts as mutable.
const DEPTH: usize = 20;

/// What is known of the values of a type.
#[derive(Clone, Copy, PartialEq)]
enum Mutability {
    /// They never change.
    Immutable,
    /// They are passed on as they are: functions and their like, and objects that have jug's own protocol.
    Shared,
    /// They may change.
    Mutable,
    /// They may change, unless an instance has jug's protocol by itself.
    MutableUnlessProtocol,
}

/// Of the types met so far, kept alive so that their addresses stay their own.
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

type Known = HashMap<usize, (Py<PyType>, Mutability)>;

/// Whether a value can be handed to any number of tasks.
pub(super) fn is_immutable(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    is_immutable_within(value, DEPTH)
}

fn is_immutable_within(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<bool> {
    if is_scalar_or_task(value) {
        return Ok(true);
    }
    if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        for item in tuple.iter_borrowed() {
            if depth == 0 || !is_immutable_within(&item, depth - 1)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    Ok(mutability_of(value)? == Mutability::Immutable || is_shared(value)?)
}

/// Whether a value is passed on as it is, also where it stands inside of one that is copied.
pub(super) fn is_shared(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if is_scalar_or_task(value) {
        return Ok(value.is_instance_of::<TaskCore>());
    }
    Ok(match mutability_of(value)? {
        Mutability::Shared => true,
        Mutability::Immutable => false,
        Mutability::Mutable => is_global_generator(value)?,
        Mutability::MutableUnlessProtocol => {
            is_global_generator(value)? || value.getattr_opt(intern!(value.py(), "__jug_hash__"))?.is_some()
        }
    })
}

/// Whether a value is a generator that all of the process use. Of copies each would give the same numbers.
fn is_global_generator(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let (module, name) = match value.get_type().name()?.to_str()? {
        "RandomState" => ("numpy.random.mtrand", "_rand"),
        "Random" => ("random", "_inst"),
        _ => return Ok(false),
    };
    Ok(value.py().import(module)?.getattr_opt(name)?.is_some_and(|global| global.is(value)))
}

fn is_scalar_or_task(value: &Bound<'_, PyAny>) -> bool {
    is_scalar(value) || value.is_instance_of::<TaskCore>()
}

fn mutability_of(value: &Bound<'_, PyAny>) -> PyResult<Mutability> {
    let address = value.get_type_ptr() as usize;
    let known = || lock(&KNOWN);
    if let Some((_, mutability)) = known().get(&address) {
        return Ok(*mutability);
    }
    let class = value.get_type();
    let mutability = mutability_of_type(&class)?;
    known().insert(address, (class.unbind(), mutability));
    Ok(mutability)
}

fn mutability_of_type(class: &Bound<'_, PyType>) -> PyResult<Mutability> {
    let py = class.py();
    let protocol = ["__jug_hash__", "__jug_value__", "__jug_dependencies__", "_jug_is_task_generator"];
    for name in protocol {
        if class.getattr_opt(name)?.is_some() {
            return Ok(Mutability::Shared);
        }
    }
    let mut bases = class.mro().iter().map(|base| names_of(&base)).collect::<PyResult<Vec<_>>>()?;
    let is = |bases: &[(String, String)], name| bases.iter().any(|(m, q)| (m.as_str(), q.as_str()) == name);
    if is(&bases, ("builtins", "type")) || is(&bases, ("enum", "Enum")) || bases.len() == 1 {
        return Ok(Mutability::Shared);
    }
    let (module, qualname) = bases.swap_remove(0);
    Ok(match (module.as_str(), qualname.as_str()) {
        ("builtins", "function" | "builtin_function_or_method" | "module") | ("numpy", "ufunc") => {
            Mutability::Shared
        }
        ("builtins", "complex" | "range" | "ellipsis" | "NotImplementedType")
        | ("datetime", "date" | "time" | "datetime" | "timedelta" | "timezone")
        | ("decimal", "Decimal")
        | ("fractions", "Fraction")
        | ("uuid", "UUID")
        | ("zoneinfo", "ZoneInfo")
        | ("pathlib" | "pathlib._local", "PosixPath" | "WindowsPath" | "PurePosixPath" | "PureWindowsPath") => {
            Mutability::Immutable
        }
        // Their own pickle is not always right (`findings/pyarrow-time64-scalar-pickle.sh`), and they need none.
        ("pyarrow.lib", _) if is(&bases, ("pyarrow.lib", "Scalar")) => Mutability::Immutable,
        // Their pickle leaves out the precision (`findings/shapely-precision-pickle.sh`).
        _ if is(&bases, ("shapely.lib", "Geometry")) => Mutability::Shared,
        // Of numpy's scalars, those with fields can be changed, and `object_` is no type of a value.
        ("numpy", name) if is(&bases, ("numpy", "generic")) && name != "void" => Mutability::Immutable,
        ("builtins" | "numpy" | "collections", _) => Mutability::Mutable,
        _ if has_no_state(class, py)? => Mutability::Shared,
        _ => Mutability::MutableUnlessProtocol,
    })
}

/// Whether instances of a class written in Python have no room for anything: marks such as "no value given", which
/// functions look for with `is`.
fn has_no_state(class: &Bound<'_, PyType>, py: Python<'_>) -> PyResult<bool> {
    let bare = py.get_type::<PyAny>().getattr(intern!(py, "__basicsize__"))?;
    let dict: isize = class.getattr(intern!(py, "__dictoffset__"))?.extract()?;
    Ok(dict == 0 && class.getattr(intern!(py, "__basicsize__"))?.eq(bare)?)
}

/// Module and qualified name of a class; the module is empty where a class has hidden it.
fn names_of(class: &Bound<'_, PyAny>) -> PyResult<(String, String)> {
    let class = class.cast::<PyType>()?;
    let module = class.module().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((module, class.qualname()?.to_string_lossy().into_owned()))
}
