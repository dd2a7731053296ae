//! How values of a type are encoded: decided once per type and walk, by names, so that no module is imported.
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a path to a method is not general over the lifetime of the interpreter, a closure is"
)]

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};

use super::former_keys;
use super::stdlib::fields_of;
use super::task_policy::noun_of;
use super::walk::{Aim, Encode, How, Kind, TaskPolicy, Traits, Walk};
use crate::hash::Tag;
use crate::py::containers::Container;
use crate::py::task::TaskCore;
use crate::py::unkeyable::{Walked, reason_of};

impl<'py> Walk<'py> {
    /// Encodes any value. The types that most arguments have come first, by exact type.
    pub(super) fn value(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        if let Ok(int) = object.cast_exact::<PyInt>() {
            self.int(int)
        } else if let Ok(text) = object.cast_exact::<PyString>() {
            self.str(text)
        } else if let Ok(float) = object.cast_exact::<PyFloat>() {
            self.encoder.float(float.value());
            Ok(())
        } else if object.is_none() {
            self.encoder.singleton(Tag::None);
            Ok(())
        } else if let Ok(boolean) = object.cast_exact::<PyBool>() {
            self.encoder.bool(boolean.is_true());
            Ok(())
        } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            self.tuple(tuple)
        } else if let Ok(list) = object.cast_exact::<PyList>() {
            self.list(list)
        } else if let Ok(dict) = object.cast_exact::<PyDict>() {
            self.dict(dict)
        } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            self.content(Tag::Bytes, bytes.as_bytes());
            Ok(())
        } else {
            self.other(object)
        }
    }

    pub(super) fn int(&mut self, int: &Bound<'py, PyInt>) -> Walked<()> {
        if let Ok(small) = int.extract::<i64>() {
            self.encoder.int(small);
            return Ok(());
        }
        let bits: usize = int.call_method0("bit_length")?.extract()?;
        let little = PyDict::new(self.py);
        little.set_item("signed", true)?;
        let bytes = int.call_method("to_bytes", (bits / 8 + 1, "little"), Some(&little))?;
        self.encoder.int_bytes(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes());
        Ok(())
    }

    pub(super) fn str(&mut self, text: &Bound<'py, PyString>) -> Walked<()> {
        if let Ok(utf8) = text.to_str() {
            self.content(Tag::Str, utf8.as_bytes());
            return Ok(());
        }
        let utf8 = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
        self.content(Tag::Str, utf8.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes());
        Ok(())
    }

    /// Encodes a value of any other type than the few that `value` looks for.
    pub(super) fn other(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        if let Ok(task) = object.cast::<TaskCore>() {
            return self.task(task);
        }
        if let Ok(class) = object.cast::<PyType>() {
            return self.class(class);
        }
        let traits = self.kind_of(object)?;
        if traits.value && self.policy == TaskPolicy::Replace {
            self.replaced += 1;
            self.met += 1;
        }
        if traits.custom
            || traits.attributes && object.getattr_opt(intern!(self.py, "__jug_hash__"))?.is_some()
        {
            return self.custom(object, traits.dependencies);
        }
        if traits.dependencies {
            self.tasks_in(object)?;
        }
        if traits.dependencies || traits.value {
            return self.trusting(|walk| walk.by(traits.how, object));
        }
        self.by(traits.how, object)
    }

    fn by(&mut self, how: How, object: &Bound<'py, PyAny>) -> Walked<()> {
        match how {
            How::Container(kind) => self.container(object, kind),
            How::Set(tag) => self.in_set(object, tag),
            How::Fields(fields) => {
                self.refusing_tasks(|| noun_of(object), |walk| walk.fields(fields, object))
            }
            How::With(encode) => self.refusing_tasks(|| noun_of(object), |walk| encode(walk, object)),
        }
    }

    /// An object that computes its hash itself. The tasks it depends on are keyed first, so that its method
    /// finds their keys ready however long the chain of tasks behind them is.
    fn custom(&mut self, object: &Bound<'py, PyAny>, dependencies: bool) -> Walked<()> {
        self.snapshot.named = true;
        if self.snapshot.aim == Aim::Reference {
            self.reference(object);
            return Ok(());
        }
        if self.snapshot.aim == Aim::LaterKey {
            // What counts is the hash that it gives when the key is computed, and it may keep that.
            if dependencies {
                self.tasks_in(object)?;
            }
            self.gap(object);
            return Ok(());
        }
        if dependencies {
            let before = self.missing.len();
            self.tasks_in(object)?;
            if self.missing.len() > before {
                self.gap(object);
                return Ok(());
            }
        }
        let (hash, changed) =
            former_keys::detecting_change(|| object.call_method0(intern!(self.py, "__jug_hash__")));
        self.changed |= changed;
        let hash = match hash {
            Ok(hash) => hash,
            // Its reason why a value has no key is reported by the task that has it as an argument.
            Err(error) => {
                let reason = reason_of(&error, self.py);
                return Err(reason.map_or_else(|| error.into(), Box::new));
            }
        };
        let Ok(hash) = hash.cast::<PyBytes>() else {
            let class = object.get_type().name()?.to_string();
            let what =
                format!("a {class} whose __jug_hash__ returned {} instead of bytes", hash.get_type().name()?);
            return self.refuse(what, "make it return bytes, for example from jug.hash.hash_one");
        };
        self.content(Tag::Custom, hash.as_bytes());
        Ok(())
    }

    pub(super) fn kind_of(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Traits> {
        let address = object.get_type_ptr() as usize;
        if let Some(kind) = self.kinds.get(&address) {
            return Ok(kind.traits);
        }
        let class = object.get_type();
        let (how, attributes) = how_to_encode(&class)?;
        let generator = class.getattr_opt(intern!(self.py, "_jug_is_task_generator"))?;
        let traits = Traits {
            custom: class.getattr_opt(intern!(self.py, "__jug_hash__"))?.is_some(),
            attributes,
            dependencies: class.getattr_opt(intern!(self.py, "__jug_dependencies__"))?.is_some(),
            value: class.getattr_opt(intern!(self.py, "__jug_value__"))?.is_some(),
            how: match generator {
                Some(flag) if flag.is_truthy()? => How::With(|walk, object| walk.task_generator(object)),
                _ => how,
            },
        };
        self.kinds.insert(address, Kind { _class: class, traits });
        Ok(traits)
    }
}

/// The encoding of a type, and whether its instances may have attributes that are methods of protocols.
fn how_to_encode(class: &Bound<'_, PyType>) -> PyResult<(How, bool)> {
    let names = class.mro().iter().map(|base| names_of(&base)).collect::<PyResult<Vec<_>>>()?;
    // Members of enums come first: they may also be strings or tuples, and are identified by name all the same.
    if names.iter().any(|(module, qualname)| (module.as_str(), qualname.as_str()) == ("enum", "Enum")) {
        return Ok((How::With(|walk, object| walk.enum_member(object)), true));
    }
    if let Some(kind) = Container::of(class)? {
        return Ok((How::Container(kind), true));
    }
    match names.first().map(|(module, qualname)| (module.as_str(), qualname.as_str())) {
        Some(("builtins", "set")) => return Ok((How::Set(Tag::Set), false)),
        Some(("builtins", "frozenset")) => return Ok((How::Set(Tag::FrozenSet), false)),
        _ => {}
    }
    for (index, (module, qualname)) in names.iter().enumerate() {
        if index == 0 {
            if let Some(fields) = fields_of(module, qualname) {
                return Ok((How::Fields(fields), false));
            }
            if let Some(encode) = exact(module, qualname) {
                return Ok((How::With(encode), matches!(qualname.as_str(), "function" | "partial")));
            }
        }
        if let Some(encode) = inherited(module, qualname) {
            return Ok((How::With(encode), true));
        }
    }
    Ok((How::With(|walk, object| walk.reduced(object)), true))
}

/// Module and qualified name of a class; the module is empty where a class has hidden it.
fn names_of(class: &Bound<'_, PyAny>) -> PyResult<(String, String)> {
    let class = class.cast::<PyType>()?;
    let module = class.module().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((module, class.qualname()?.to_string_lossy().into_owned()))
}

/// The encoding of exactly this type.
fn exact(module: &str, qualname: &str) -> Option<Encode> {
    Some(match (module, qualname) {
        ("builtins", "complex") => |walk, object| walk.complex(object),
        ("builtins", "bytearray") => |walk, object| walk.bytearray(object),
        ("builtins", "memoryview") => |walk, object| walk.memoryview(object),
        ("builtins", "ellipsis") => |walk, _| walk.singleton(Tag::Ellipsis),
        ("builtins", "NotImplementedType") => |walk, _| walk.singleton(Tag::NotImplemented),
        ("builtins", "function") => |walk, object| walk.function(object),
        ("builtins", "builtin_function_or_method") => |walk, object| walk.builtin(object),
        ("builtins", "method") => |walk, object| walk.method(object),
        (
            "builtins",
            "method_descriptor"
            | "wrapper_descriptor"
            | "classmethod_descriptor"
            | "getset_descriptor"
            | "member_descriptor",
        ) => |walk, object| walk.descriptor(object),
        ("builtins", "method-wrapper") => |walk, object| walk.builtin(object),
        ("builtins", "module") => |walk, object| walk.module(object),
        ("builtins", "mappingproxy") => |walk, object| walk.mapping_proxy(object),
        ("typing", "Union") => |walk, object| walk.union(object),
        ("functools", "partial") => |walk, object| walk.partial(object),
        ("random", "Random") => |walk, object| walk.random(object),
        ("types", "GenericAlias") => |walk, object| walk.generic_alias(object),
        ("uuid", "UUID") => |walk, object| walk.uuid(object),
        ("array", "array") => |walk, object| walk.array_array(object),
        ("datetime", "timezone") => |walk, object| walk.timezone(object),
        ("zoneinfo", "ZoneInfo") => |walk, object| walk.zoneinfo(object),
        ("decimal", "Decimal") => |walk, object| walk.decimal(object),
        ("pathlib" | "pathlib._local", "PosixPath" | "WindowsPath" | "PurePosixPath" | "PureWindowsPath") => {
            |walk, object| walk.path(object)
        }
        ("pathlib" | "pathlib._local", "_PathParents") => |walk, object| walk.path_parents(object),
        ("numpy", "ndarray") => |walk, object| walk.array(object),
        ("numpy", "finfo") => |walk, object| walk.finfo(object),
        ("numpy", "errstate") => |walk, object| walk.errstate(object),
        ("numpy.ma.core", "_frommethod") => |walk, object| walk.masked_method(object),
        ("pandas" | "pandas._libs.tslibs.offsets", "DateOffset") => |walk, object| walk.date_offset(object),
        ("pandas.core.arrays.string_", "StringDtype") => |walk, object| walk.string_dtype(object),
        ("pandas.core.dtypes.dtypes", "ArrowDtype") => |walk, object| walk.arrow_dtype(object),
        ("numpy", "ufunc") => |walk, object| walk.ufunc(object),
        ("numpy.random._generator", "Generator") => |walk, object| walk.random_generator(object),
        ("numpy.random.mtrand", "RandomState") => |walk, object| walk.random_state(object),
        ("numpy.random.bit_generator", "SeedSequence") => |walk, object| walk.seed_sequence(object),
        _ => return None,
    })
}

/// The encoding of whatever inherits from this type, where that is not left to the reduce protocol.
fn inherited(module: &str, qualname: &str) -> Option<Encode> {
    Some(match (module, qualname) {
        ("collections", "OrderedDict") => |walk, object| walk.ordered_dict_subclass(object),
        ("builtins", "list" | "tuple" | "dict") => |walk, object| walk.reduced(object),
        ("builtins", "AttributeError") => |walk, object| walk.attribute_error(object),
        ("builtins", "set" | "frozenset") => |walk, object| walk.set_subclass(object),
        ("pathlib" | "pathlib._local", "PurePath") => |walk, object| walk.path_subclass(object),
        ("numpy", "dtype") => |walk, object| walk.dtype(object),
        ("numpy", "generic") => |walk, object| walk.scalar(object),
        ("numpy", "ndarray") => |walk, object| walk.array_subclass(object),
        ("pyarrow.lib", "Array") => |walk, object| walk.arrow_array(object),
        ("pyarrow.lib", "ChunkedArray") => |walk, object| walk.arrow_column(object),
        ("numba.core.dispatcher", "Dispatcher")
        | ("numba.np.ufunc.dufunc", "DUFunc")
        | ("numba.np.ufunc.gufunc", "GUFunc") => |walk, object| walk.compiled(object),
        ("numpy.random.bit_generator", "BitGenerator") => |walk, object| walk.bit_generator(object),
        ("numpy.polynomial._polybase", "ABCPolyBase") => |walk, object| walk.polynomial(object),
        ("shapely.lib", "Geometry") => |walk, object| walk.geometry(object),
        _ => return of_frames(module, qualname),
    })
}

/// The encoding of frames and their parts. In pandas 3 their module is `pandas`, in older ones the one that defines them.
fn of_frames(module: &str, qualname: &str) -> Option<Encode> {
    Some(match (module.split('.').next()?, qualname) {
        ("pandas", "DataFrame") => |walk, object| walk.data_frame(object),
        ("pandas", "Series") => |walk, object| walk.series(object),
        ("pandas", "Index") => |walk, object| walk.index(object),
        ("pandas", "ExtensionArray") => |walk, object| walk.extension_array(object),
        ("polars", "DataFrame") => |walk, object| walk.polars_frame(object),
        ("polars", "Series") => |walk, object| walk.polars_series(object),
        ("pyarrow", "Scalar") => |walk, object| walk.arrow_scalar(object),
        _ => return None,
    })
}
