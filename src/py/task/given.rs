//! What a task calls: its function, and the functions and classes that this is given to call.

use std::collections::HashMap;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFrozenSet, PyFunction, PyList, PySet, PyTuple, PyType};

use super::arguments::Kept;
use super::core::TaskCore;
use crate::py::containers::Container;
use crate::py::scalar::is_scalar;

impl TaskCore {
    /// Calls `look` once with each function and class among the arguments, such as what `jug.mapreduce.map` applies: in
    /// containers, too, in a `functools.partial`, and in a Tasklet, which calls them for this task.
    pub(in crate::py) fn given_functions<'py>(
        &self,
        py: Python<'py>,
        look: impl FnMut(Bound<'py, PyAny>),
    ) -> PyResult<()> {
        let mut given = Given { look, open: Vec::new(), met: HashMap::new(), kinds: HashMap::new() };
        match self.args.few() {
            Some(few) => {
                for each in few {
                    if let Kept::Object(object) = each {
                        given.look_into(object.bind(py))?;
                    }
                }
            }
            None => self.args.tuple(py)?.iter().try_for_each(|value| given.look_into(&value))?,
        }
        self.keywords(py)
            .map_or(Ok(()), |keywords| keywords.iter().try_for_each(|(_, value)| given.look_into(&value)))
    }
}

/// The function of a task; of one that is given others to call, a tuple of all these.
#[pyfunction]
#[pyo3(signature = (task, /))]
pub(in crate::py) fn called<'py>(task: &Bound<'py, TaskCore>) -> PyResult<Bound<'py, PyAny>> {
    let (py, core) = (task.py(), task.get());
    let mut given = Vec::new();
    core.given_functions(py, |function| given.push(function))?;
    if given.is_empty() {
        return Ok(core.function(py));
    }
    given.insert(0, core.function(py));
    Ok(PyTuple::new(py, given)?.into_any())
}

/// A walk through arguments.
struct Given<'py, L> {
    look: L,
    /// What is still to be looked into.
    open: Vec<Bound<'py, PyAny>>,
    /// The functions, classes and containers that were met, by their addresses.
    met: HashMap<usize, Bound<'py, PyAny>>,
    /// What is to be done about instances of classes that were met, by their addresses: while a value is there, its class is.
    kinds: HashMap<usize, Kind>,
}

/// What is to be done about a value.
#[derive(Clone, Copy)]
enum Kind {
    /// It holds nothing that is looked at.
    Leaf,
    /// It may be called.
    Callable,
    Sequence,
    Mapping,
    /// To be looked into: these attributes.
    Attributes(&'static [&'static str]),
    Other(Container),
}

impl<'py, L: FnMut(Bound<'py, PyAny>)> Given<'py, L> {
    fn look_into(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        self.look_at(value)?;
        while let Some(value) = self.open.pop() {
            self.look_at(&value)?;
        }
        Ok(())
    }

    fn look_at(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        if is_scalar(value) {
            return Ok(());
        }
        let kind = self.kind_of(value)?;
        if matches!(kind, Kind::Leaf) || self.met.insert(value.as_ptr() as usize, value.clone()).is_some() {
            return Ok(());
        }
        match kind {
            Kind::Leaf => {}
            Kind::Callable => {
                (self.look)(value.clone());
                self.look_at_captured(value)?;
            }
            Kind::Sequence => value.try_iter()?.try_for_each(|each| each.map(|each| self.open(each)))?,
            Kind::Mapping => value.cast::<PyDict>()?.iter().for_each(|(_, each)| self.open(each)),
            Kind::Attributes(names) => {
                names.iter().try_for_each(|name| value.getattr(*name).map(|each| self.open(each)))?;
            }
            Kind::Other(container) => {
                container.parts(value)?.into_iter().for_each(|(_, each)| self.open(each));
            }
        }
        Ok(())
    }

    /// What a lambda captured is in the key of a Tasklet, so that only functions and classes in that are something more.
    fn look_at_captured(&mut self, function: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = function.py();
        if !function.is_exact_instance_of::<PyFunction>()
            || !function.getattr(intern!(py, "__name__"))?.eq("<lambda>")?
        {
            return Ok(());
        }
        for held in [intern!(py, "__defaults__"), intern!(py, "__kwdefaults__")] {
            self.open(function.getattr(held)?);
        }
        let cells = function.getattr(intern!(py, "__closure__"))?;
        if let Ok(cells) = cells.cast_exact::<PyTuple>() {
            // One may be empty still.
            let contents = cells.iter().filter_map(|cell| cell.getattr(intern!(py, "cell_contents")).ok());
            contents.for_each(|each| self.open(each));
        }
        Ok(())
    }

    fn open(&mut self, value: Bound<'py, PyAny>) {
        if !is_scalar(&value) {
            self.open.push(value);
        }
    }

    fn kind_of(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Kind> {
        let class = value.get_type();
        let address = class.as_ptr() as usize;
        if let Some(kind) = self.kinds.get(&address) {
            return Ok(*kind);
        }
        let kind = Kind::of(value, &class)?;
        self.kinds.insert(address, kind);
        Ok(kind)
    }
}

impl Kind {
    fn of(value: &Bound<'_, PyAny>, class: &Bound<'_, PyType>) -> PyResult<Kind> {
        let py = value.py();
        let is_exactly = |known: &Bound<'_, PyType>| class.is(known);
        Ok(if value.cast::<TaskCore>().is_ok() {
            Kind::Leaf
        } else if is_exactly(&py.get_type::<PyFunction>()) || value.is_instance_of::<PyType>() {
            Kind::Callable
        } else if is_exactly(&py.get_type::<PyList>())
            || is_exactly(&py.get_type::<PyTuple>())
            || is_exactly(&py.get_type::<PySet>())
            || is_exactly(&py.get_type::<PyFrozenSet>())
        {
            Kind::Sequence
        } else if is_exactly(&py.get_type::<PyDict>()) {
            Kind::Mapping
        } else if class.is(partial_type(py)?) {
            Kind::Attributes(&["func", "args", "keywords"])
        } else if class.is(imported(py, &TASKLET, ("jug.tasklet", "Tasklet"))?) {
            Kind::Attributes(&["base", "f"])
        } else if class.is(imported(py, &SUBSCRIPT, ("jug.tasklet", "_getitem"))?) {
            Kind::Attributes(&["slice"])
        } else if class.is(imported(py, &METHOD, ("types", "MethodType"))?)
            || class.is(imported(py, &CACHED, ("functools", "_lru_cache_wrapper"))?)
        {
            Kind::Callable
        } else {
            Container::of(class)?.map_or(Kind::Leaf, Kind::Other)
        })
    }
}

type Imported = PyOnceLock<Py<PyAny>>;

static PARTIAL: Imported = PyOnceLock::new();
static TASKLET: Imported = PyOnceLock::new();
static SUBSCRIPT: Imported = PyOnceLock::new();
static METHOD: Imported = PyOnceLock::new();
static CACHED: Imported = PyOnceLock::new();

/// `functools.partial`.
pub(super) fn partial_type(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    imported(py, &PARTIAL, ("functools", "partial"))
}

fn imported<'py>(
    py: Python<'py>,
    known: &'static Imported,
    (module, name): (&str, &str),
) -> PyResult<&'py Bound<'py, PyAny>> {
    known.import(py, module, name)
}
