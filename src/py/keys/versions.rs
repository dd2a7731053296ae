//! Values that other versions of Python, numpy or pandas take apart in another way, though they are the same: each as
//! Python 3.11, numpy 2.4 and pandas 3.1 take it apart, with which keys were written down.

use pyo3::exceptions::PyAttributeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use super::reduce::Contents;
use super::walk::Walk;
use crate::hash::Tag;
use crate::py::reducers::reducer_of;
use crate::py::unkeyable::Walked;

/// What `numpy.finfo` notes beside what it has been asked for.
const FINFO: [&str; 7] = ["dtype", "bits", "max", "min", "eps", "nmant", "minexp"];
const FINFO_LATER: [&str; 4] = ["maxexp", "precision", "smallest_normal", "smallest_subnormal"];

impl<'py> Walk<'py> {
    /// An exception with a name and an object. From 3.12 on its state has its arguments once more, and the name if
    /// there is one.
    pub(super) fn attribute_error(&mut self, error: &Bound<'py, PyAny>) -> Walked<()> {
        let own = self.py.get_type::<PyAttributeError>();
        let method = intern!(self.py, "__reduce__");
        let is_common = own.getattr("__dict__")?.contains(method)?
            && error.get_type().getattr(method)?.is(own.getattr(method)?)
            && reducer_of(error.get_type().as_any())?.is_none();
        if !is_common {
            return self.reduced(error);
        }
        let reduced = error.call_method1(intern!(self.py, "__reduce_ex__"), (4,))?;
        let Ok(parts) = reduced.cast_into::<PyTuple>() else { return self.reduced(error) };
        if parts.len() != 3 {
            return self.reduced(error);
        }
        let Ok(state) = parts.get_item(2)?.cast_into::<PyDict>() else { return self.reduced(error) };
        let again = match state.get_item("args")? {
            Some(args) => parts.get_item(1)?.is(&args) || parts.get_item(1)?.eq(&args)?,
            None => false,
        };
        if !again || state.contains("name")? || self.as_before() {
            return self.reduced(error);
        }
        let rest = state.copy()?;
        rest.del_item("args")?;
        self.in_parts(error, &[parts.get_item(0)?, parts.get_item(1)?, rest.into_any()])
    }

    /// The parents of a path. From 3.12 on they know the path instead of its parts, and a path of a class of the
    /// user's own may hand attributes on to them.
    pub(super) fn path_parents(&mut self, parents: &Bound<'py, PyAny>) -> Walked<()> {
        let Some(path) = parents.getattr_opt("_path")? else { return self.reduced(parents) };
        if self.as_before() {
            return self.reduced(parents);
        }
        let slots = PyDict::new(self.py);
        if !self.attributes_and_slots(&path, "pathlib")?.is_none() {
            slots.set_item("_path", path)?;
            let state = PyTuple::new(self.py, [self.py.None().into_bound(self.py), slots.into_any()])?;
            return self.made_of(parents, state.as_any());
        }
        slots.set_item("_pathcls", path.get_type())?;
        slots.set_item("_drv", path.getattr("drive")?)?;
        slots.set_item("_root", path.getattr("root")?)?;
        slots.set_item(
            "_parts",
            PyList::new(self.py, path.getattr("parts")?.try_iter()?.collect::<PyResult<Vec<_>>>()?)?,
        )?;
        let state = PyTuple::new(self.py, [self.py.None().into_bound(self.py), slots.into_any()])?;
        self.made_of(parents, state.as_any())
    }

    /// A union of types in Python 3.14 and later, where `int | str` and `Union[int, str]` are one. It is the former, but
    /// where one of the types is none to which `|` gave that before.
    pub(super) fn union(&mut self, union: &Bound<'py, PyAny>) -> Walked<()> {
        let args = union.getattr("__args__")?;
        let alias = self.py.import("types")?.getattr("GenericAlias")?;
        let plain = |arg: PyResult<Bound<'py, PyAny>>| {
            let arg = arg?;
            Ok::<bool, PyErr>(arg.is_instance_of::<PyType>() || arg.is_instance(&alias)?)
        };
        let all_plain = args.try_iter()?.map(plain).collect::<PyResult<Vec<_>>>()?.into_iter().all(|it| it);
        if !all_plain || self.as_before() {
            return self.reduced(union);
        }
        let reduce = self.py.import("functools")?.getattr("reduce")?;
        let either = self.py.import("operator")?.getattr("or_")?;
        let arguments = PyTuple::new(self.py, [either, args])?.into_any();
        self.in_parts(union, &[reduce, arguments])
    }

    /// A method of a class of `numpy.random`. Up to numpy 2.0 that is one in C, which does not know its module. Whether
    /// this is one.
    pub(super) fn function_of_generator(&mut self, function: &Bound<'py, PyAny>) -> Walked<bool> {
        let Some((module, name)) = name_in_random(function)? else { return Ok(false) };
        if self.as_before() {
            return Ok(false);
        }
        self.by_name(Tag::Function, Some(&module), &name, "function")?;
        Ok(true)
    }

    /// The same, bound to a generator.
    pub(super) fn method_of_generator(
        &mut self,
        method: &Bound<'py, PyAny>,
        owner: &Bound<'py, PyAny>,
    ) -> Walked<bool> {
        let name = method.getattr("__name__")?.str()?;
        let Some(function) = owner.get_type().getattr_opt(name)? else { return Ok(false) };
        if name_in_random(&function)?.is_none() || self.as_before() {
            return Ok(false);
        }
        self.level(method, |walk| {
            let group = walk.encoder.open(Tag::Method, 2);
            walk.value(&function)?;
            walk.value(owner)?;
            walk.encoder.close(group);
            Ok(())
        })?;
        Ok(true)
    }

    /// A function of `numpy.ma` that calls a method. Up to numpy 2.3 that is an object.
    pub(super) fn masked_method(&mut self, function: &Bound<'py, PyAny>) -> Walked<()> {
        let name = function.getattr("__name__")?.str()?;
        let found = match self.loaded("numpy.ma")? {
            Some(module) => module.getattr_opt(&name)?.is_some_and(|found| found.is(function)),
            None => false,
        };
        if !found || self.as_before() {
            return self.reduced(function);
        }
        self.by_name(Tag::Function, Some("numpy.ma"), name.to_str()?, "function")
    }

    /// What numbers of a type can hold. What is noted of it beside that differs between versions of numpy.
    pub(super) fn finfo(&mut self, finfo: &Bound<'py, PyAny>) -> Walked<()> {
        let state = finfo.getattr("__dict__")?.cast_into::<PyDict>().map_err(PyErr::from)?;
        let texts = ["_fmt", "_repr"];
        if state.contains("_radix")? {
            // Its texts are there once somebody has looked at them.
            let shown = texts.iter().map(|name| state.get_item(name)).collect::<PyResult<Vec<_>>>()?;
            if !shown.iter().flatten().any(|text| !text.is_none()) || self.as_before() {
                return self.reduced(finfo);
            }
            let now = state.copy()?;
            for name in texts {
                now.set_item(name, self.py.None())?;
            }
            return self.made_of(finfo, now.as_any());
        }
        if self.as_before() {
            return self.reduced(finfo);
        }
        let now = PyDict::new(self.py);
        for name in FINFO.iter().chain(&FINFO_LATER) {
            now.set_item(name, finfo.getattr(*name)?)?;
        }
        let number = finfo.getattr("dtype")?.getattr("type")?;
        now.set_item("_radix", number.call1((2,))?)?;
        for name in texts {
            now.set_item(name, self.py.None())?;
        }
        self.made_of(finfo, now.as_any())
    }

    /// How numpy treats errors. Up to numpy 1.26 it knows what it was called with.
    pub(super) fn errstate(&mut self, errstate: &Bound<'py, PyAny>) -> Walked<()> {
        let state = match errstate.getattr_opt("__dict__")? {
            Some(state) => state.cast_into::<PyDict>().map_err(PyErr::from)?,
            None => return self.reduced(errstate),
        };
        let (call, given) = (state.get_item("call")?, state.get_item("kwargs")?);
        let (Some(call), Some(given)) = (call, given) else { return self.reduced(errstate) };
        // One that is in use knows more.
        if state.len() != 2 || self.as_before() {
            return self.reduced(errstate);
        }
        let slots = PyDict::new(self.py);
        slots.set_item("_call", call)?;
        slots.set_item("_token", self.py.None())?;
        for name in ["all", "divide", "over", "under", "invalid"] {
            slots.set_item(format!("_{name}"), given.call_method1("get", (name,))?)?;
        }
        let state = PyTuple::new(self.py, [self.py.None().into_bound(self.py), slots.into_any()])?;
        self.made_of(errstate, state.as_any())
    }

    /// A series of numpy's. Up to numpy 1.26 the domain and window of one that was given none are integers.
    pub(super) fn polynomial(&mut self, series: &Bound<'py, PyAny>) -> Walked<()> {
        let version = self.py.import("numpy")?.getattr("__version__")?.str()?;
        if !version.to_string_lossy().starts_with("1.") {
            return self.reduced(series);
        }
        let parts = series.call_method1(intern!(self.py, "__reduce_ex__"), (4,))?;
        let state = match parts.cast::<PyTuple>() {
            Ok(parts) if parts.len() == 5 => parts.get_item(2)?,
            _ => return self.reduced(series),
        };
        let Ok(state) = state.cast_into::<PyDict>() else { return self.reduced(series) };
        let now = state.copy()?;
        let mut changed = false;
        for name in ["domain", "window"] {
            if let Some(range) = state.get_item(name)?
                && range.getattr_opt("dtype")?.is_some_and(|it| it.eq("int64").unwrap_or(false))
            {
                now.set_item(name, range.call_method1("astype", ("float64",))?)?;
                changed = true;
            }
        }
        if !changed || self.as_before() {
            return self.reduced(series);
        }
        self.made_of(series, now.as_any())
    }

    /// An offset of pandas made of parts of a date. Up to pandas 3.0 it is made without being called.
    pub(super) fn date_offset(&mut self, offset: &Bound<'py, PyAny>) -> Walked<()> {
        let parts = offset.call_method1(intern!(self.py, "__reduce_ex__"), (4,))?;
        let state = match parts.cast::<PyTuple>() {
            Ok(parts) if parts.len() == 5 => parts.get_item(2)?,
            _ => return self.reduced(offset),
        };
        if self.as_before() {
            return self.reduced(offset);
        }
        self.in_parts(offset, &[offset.get_type().into_any(), PyTuple::empty(self.py).into_any(), state])
    }

    /// A type of Arrow in pandas. Up to pandas 2 its `_storage` has no underscore.
    pub(super) fn arrow_dtype(&mut self, dtype: &Bound<'py, PyAny>) -> Walked<()> {
        let state = dtype.getattr("__dict__")?.cast_into::<PyDict>().map_err(PyErr::from)?;
        let Some(storage) = state.get_item("storage")? else { return self.reduced(dtype) };
        if self.as_before() {
            return self.reduced(dtype);
        }
        let now = state.copy()?;
        now.del_item("storage")?;
        now.set_item("_storage", storage)?;
        self.made_of(dtype, now.as_any())
    }

    /// A type of texts in pandas. Up to pandas 2.2 it has no say in what stands for a missing one: that is NA.
    pub(super) fn string_dtype(&mut self, dtype: &Bound<'py, PyAny>) -> Walked<()> {
        let storage = dtype.getattr("storage")?;
        let state = dtype.getattr("__dict__")?;
        let known = storage.eq("python")? || storage.eq("pyarrow")?;
        if !known || state.len()? != 1 || self.as_before() {
            return self.reduced(dtype);
        }
        let missing = self.py.import("pandas")?.getattr("NA")?;
        let arguments = PyTuple::new(self.py, [storage, missing])?.into_any();
        self.in_parts(dtype, &[dtype.get_type().into_any(), arguments])
    }

    /// An object of no more than its class and a state.
    fn made_of(&mut self, object: &Bound<'py, PyAny>, state: &Bound<'py, PyAny>) -> Walked<()> {
        let make = self.py.import("copyreg")?.getattr("__newobj__")?;
        let class = PyTuple::new(self.py, [object.get_type()])?.into_any();
        self.in_parts(object, &[make, class, state.clone()])
    }

    /// An object as if its reduce protocol gave these parts.
    fn in_parts(&mut self, object: &Bound<'py, PyAny>, parts: &[Bound<'py, PyAny>]) -> Walked<()> {
        let parts = PyTuple::new(self.py, parts)?;
        self.level(object, |walk| {
            let parts = walk.untouched(object, parts)?;
            walk.parts(object, &parts, Contents::Any)
        })
    }
}

/// Module and qualified name that a method in C has in numpy 2.1 and later, if it is of a class of `numpy.random`. What
/// all classes in C have is one in C there, too.
fn name_in_random(function: &Bound<'_, PyAny>) -> PyResult<Option<(String, String)>> {
    if function.get_type().name()?.to_str()? != "method_descriptor" {
        return Ok(None);
    }
    let class = function.getattr("__objclass__")?.cast_into::<PyType>()?;
    let name = function.getattr("__name__")?.str()?;
    let module = class.module()?;
    let module = match module.to_str()? {
        "numpy.random.mtrand" => "numpy.random",
        module if module.starts_with("numpy.random.") => module,
        _ => return Ok(None),
    };
    if name.to_str()?.starts_with("__") {
        return Ok(None);
    }
    Ok(Some((module.to_owned(), format!("{}.{name}", class.qualname()?))))
}
