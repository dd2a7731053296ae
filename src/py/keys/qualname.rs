//! Functions, classes, methods and modules: identified by the names under which they are found.

use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString, PyType};

use super::moved::today;
use super::walk::{Purpose, Walk};
use crate::hash::Tag;
use crate::py::reducers::reducer_of;
use crate::py::unkeyable::{Fault, Walked};

/// Modules that a name was moved out of or into between versions of Python or numpy, or that only
/// speed up another one: the name under which its users know it.
fn public_module(module: &str) -> &str {
    match module {
        "_operator" => "operator",
        "_io" => "io",
        "_collections" => "collections",
        "_functools" => "functools",
        "_random" => "random",
        "_py_warnings" => "warnings",
        "math.integer" => "math",
        "_datetime" | "_pydatetime" => "datetime",
        "_decimal" | "_pydecimal" => "decimal",
        "pathlib._local" | "pathlib._abc" | "pathlib._types" => "pathlib",
        "numpy.core" => "numpy._core",
        "numpy.ma.core" => "numpy.ma",
        "numpy.rec" => "numpy",
        "pandas.core.frame"
        | "pandas.core.series"
        | "pandas.core.indexes.base"
        | "pandas.core.indexes.range"
        | "pandas.core.indexes.multi"
        | "pandas.core.indexes.datetimes"
        | "pandas.core.indexes.timedeltas"
        | "pandas.core.indexes.period"
        | "pandas.core.indexes.category"
        | "pandas.core.indexes.interval" => "pandas",
        _ => module,
    }
}

/// Numpy 2 renamed a whole package.
fn stable_module(module: &str) -> String {
    match module.strip_prefix("numpy.core.") {
        Some(rest) => format!("numpy._core.{rest}"),
        None => public_module(module).to_owned(),
    }
}

/// Whether there is something else of this name in the module under which the rest of this one is known.
fn is_another(module: &str, name: &str) -> bool {
    matches!((module, name), ("numpy.rec", "array" | "fromfile" | "fromstring") | ("_random", "Random"))
}

/// The name of a module; numpy 2 renamed a package and what is in it.
fn package_of(module: &str) -> String {
    match module {
        "numpy.core" => "numpy._core".to_owned(),
        "numpy.core.records" => "numpy.rec".to_owned(),
        "numpy.core.defchararray" => "numpy.char".to_owned(),
        _ => match module.strip_prefix("numpy.core.") {
            Some(rest) => format!("numpy._core.{rest}"),
            None => module.to_owned(),
        },
    }
}

fn text(object: &Bound<'_, PyAny>, attribute: &str) -> PyResult<Option<String>> {
    match object.getattr_opt(attribute)? {
        Some(value) => Ok(value.cast::<PyString>().ok().map(|text| text.to_string_lossy().into_owned())),
        None => Ok(None),
    }
}

impl<'py> Walk<'py> {
    /// Appends module and qualified name under `tag`, or refuses with the reason why these identify nothing.
    pub(super) fn by_name(
        &mut self,
        tag: Tag,
        module: Option<&str>,
        qualname: &str,
        noun: &str,
    ) -> Walked<()> {
        self.snapshot.named = true;
        let fix = format!("define the {noun} at module level, with its own name");
        if qualname.contains("<lambda>") {
            return self.refuse("a lambda, which has no stable name", "define it with def at module level");
        }
        if qualname.contains("<locals>") {
            let what =
                format!("the {noun} {qualname}, which is made again by each call of the function around it");
            return self.refuse(what, fix);
        }
        let Some(module) = module else {
            return self.refuse(format!("the {noun} {qualname}, which belongs to no module"), fix);
        };
        if let Some((module, qualname)) = today(self.py, module, qualname)?
            && !self.as_before()
        {
            self.encoder.named(tag, &stable_module(module), qualname);
            return Ok(());
        }
        if is_another(module, qualname) && !self.as_before() {
            self.encoder.named(tag, module, qualname);
            return Ok(());
        }
        // Numpy 2 also renamed one class.
        let qualname = if (module, qualname) == ("numpy", "bool_") { "bool" } else { qualname };
        self.encoder.named(tag, &stable_module(module), qualname);
        Ok(())
    }

    /// A class: by its name, unless copyreg has a function for all classes of its kind, as pickle does it.
    pub(super) fn class(&mut self, class: &Bound<'py, PyType>) -> Walked<()> {
        let is_common = class.get_type().is(self.py.get_type::<PyType>());
        if !is_common && reducer_of(class.get_type().as_any())?.is_some() && !self.as_before() {
            return self.reduced(class);
        }
        let module = text(class, "__module__")?;
        let qualname = class.qualname()?.to_string();
        // From 3.14 on it is the class of unions, and before nothing that is one.
        if (module.as_deref(), qualname.as_str()) == (Some("typing"), "Union") && !self.as_before() {
            return self.by_name(Tag::Function, module.as_deref(), &qualname, "class");
        }
        self.by_name(Tag::Class, module.as_deref(), &qualname, "class")
    }

    pub(super) fn function(&mut self, function: &Bound<'py, PyAny>) -> Walked<()> {
        let qualname = text(function, "__qualname__")?.unwrap_or_default();
        if self.purpose == Purpose::Lambda && (qualname.contains("<lambda>") || qualname.contains("<locals>"))
        {
            return self.lambda(function);
        }
        let module = text(function, "__module__")?;
        if let Some((module, qualname)) = self.public_name(function, module.as_deref(), &qualname)?
            && !self.as_before()
        {
            return self.by_name(Tag::Function, Some(module), &qualname, "function");
        }
        self.by_name(Tag::Function, module.as_deref(), &qualname, "function")
    }

    /// The name of a function that some Pythons have under another one in the place that its users know.
    fn public_name(
        &self,
        function: &Bound<'py, PyAny>,
        module: Option<&str>,
        qualname: &str,
    ) -> PyResult<Option<(&'static str, String)>> {
        let (public, name) = match (module, qualname.split_once('.')) {
            (Some("pathlib._abc"), Some(("PurePathBase", name))) => ("pathlib", format!("PurePath.{name}")),
            (Some("pathlib._abc"), Some(("PathBase", name))) => ("pathlib", format!("Path.{name}")),
            // From 3.14 on it is there once more, for paths of files.
            (Some("pathlib"), Some(("Path", "as_uri"))) => {
                return Ok(Some(("pathlib", "PurePath.as_uri".to_owned())));
            }
            (Some("posix" | "nt"), None) if qualname == "_path_normpath" => {
                (if cfg!(windows) { "ntpath" } else { "posixpath" }, "normpath".to_owned())
            }
            _ => return Ok(None),
        };
        let mut found = Some(self.py.import(public)?.into_any());
        for part in name.split('.') {
            found = found.map(|holder| holder.getattr_opt(part)).transpose()?.flatten();
        }
        // A method of a class is bound to it there.
        let found = match found {
            Some(found) => Some(found.getattr_opt("__func__")?.unwrap_or(found)),
            None => None,
        };
        Ok(found.is_some_and(|found| found.is(function)).then_some((public, name)))
    }

    /// A function written in C, or a method of an object written in C.
    pub(super) fn builtin(&mut self, function: &Bound<'py, PyAny>) -> Walked<()> {
        let owner = function.getattr_opt("__self__")?.filter(|owner| !owner.is_none());
        match owner {
            Some(owner) if !owner.is_instance_of::<PyModule>() => {
                if self.method_of_generator(function, &owner)? {
                    return Ok(());
                }
                self.bound(function, "__name__", &owner)
            }
            _ => self.function(function),
        }
    }

    pub(super) fn method(&mut self, method: &Bound<'py, PyAny>) -> Walked<()> {
        let owner = method.getattr("__self__")?;
        let function = method.getattr("__func__")?;
        self.level(method, |walk| {
            let group = walk.encoder.open(Tag::Method, 2);
            walk.value(&function)?;
            walk.value(&owner)?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    /// A method that a class written in C gives to its instances: `str.join`.
    pub(super) fn descriptor(&mut self, method: &Bound<'py, PyAny>) -> Walked<()> {
        if self.function_of_generator(method)? {
            return Ok(());
        }
        let class = method.getattr("__objclass__")?;
        self.bound(method, "__name__", &class)
    }

    fn bound(&mut self, method: &Bound<'py, PyAny>, name: &str, owner: &Bound<'py, PyAny>) -> Walked<()> {
        let name = method.getattr(name)?;
        self.level(method, |walk| {
            let group = walk.encoder.open(Tag::Method, 2);
            walk.value(&name)?;
            walk.value(owner)?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    pub(super) fn module(&mut self, module: &Bound<'py, PyAny>) -> Walked<()> {
        self.snapshot.named = true;
        let name = text(module, "__name__")?.unwrap_or_default();
        let (before, now) = (stable_module(&name), package_of(&name));
        // What is in a module may be known under the name of another one, which is there, too.
        let name = if before == now || self.as_before() { before } else { now };
        self.encoder.tagged(Tag::Module, name.as_bytes());
        Ok(())
    }

    /// A task generator stands for its function.
    pub(super) fn task_generator(&mut self, generator: &Bound<'py, PyAny>) -> Walked<()> {
        let function = generator.getattr("f")?;
        let group = self.encoder.open(Tag::Value, 1);
        self.encoder.content(b"jug.TaskGenerator");
        self.value(&function)?;
        self.encoder.close(group);
        Ok(())
    }

    /// A function that numba compiles: by its name, as what was compiled so far is no part of it.
    pub(super) fn compiled(&mut self, function: &Bound<'py, PyAny>) -> Walked<()> {
        let module = text(function, "__module__")?;
        let qualname = text(function, "__qualname__")?.unwrap_or_default();
        let group = self.encoder.open(Tag::Value, 1);
        self.encoder.content(b"numba");
        self.by_name(Tag::Function, module.as_deref(), &qualname, "function")?;
        self.encoder.close(group);
        Ok(())
    }

    /// An object whose reduce protocol gives no more than a name.
    pub(super) fn global(&mut self, object: &Bound<'py, PyAny>, name: &str) -> Walked<()> {
        let module = text(object, "__module__")?;
        // Up to 3.12 it is a class.
        let is_class = (module.as_deref(), name) == (Some("typing"), "Annotated") && !self.as_before();
        let tag = if is_class { Tag::Class } else { Tag::Function };
        self.by_name(tag, module.as_deref(), name, "object")
    }

    /// A function of numpy's kind. Older ones do not know their module.
    pub(super) fn ufunc(&mut self, ufunc: &Bound<'py, PyAny>) -> Walked<()> {
        let name = text(ufunc, "__name__")?.unwrap_or_default();
        for module in ["numpy", "scipy.special"] {
            if let Some(loaded) = self.loaded(module)?
                && loaded.getattr_opt(name.as_str())?.is_some_and(|found| found.is(ufunc))
            {
                self.snapshot.named = true;
                self.encoder.named(Tag::Function, module, &name);
                return Ok(());
            }
        }
        let module = text(ufunc, "__module__")?;
        if module.is_none() || name.contains(' ') {
            let what = format!("the ufunc {name:?}, which cannot be found by its name");
            return self.refuse(what, "wrap it in a function of your own");
        }
        self.by_name(Tag::Function, module.as_deref(), &name, "ufunc")
    }

    /// A module, if some other code has imported it.
    pub(super) fn loaded(&self, module: &str) -> Result<Option<Bound<'py, PyAny>>, Box<Fault>> {
        let modules = self.py.import("sys")?.getattr("modules")?;
        let found = modules.cast::<pyo3::types::PyDict>().map_err(PyErr::from)?.get_item(module)?;
        Ok(found.filter(|module| !module.is_none()))
    }
}
