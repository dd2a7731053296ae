//! Arguments of a task with its tasks replaced by their values.

use std::collections::HashMap;

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use super::call_scope::{CallScope, result_of};
use super::containers::Container;
use super::keys::{self, can_nest};
use super::scalar::is_scalar;
use super::task::TaskCore;

/// A copy of lists, tuples and dicts with every task inside replaced by its value.
///
/// Looked into are exactly these three types, and other containers of the standard library, namedtuples and
/// dataclasses, of which those that hold a task are copied; a task gives its `value()`, any other object that
/// has `__jug_value__` gives what that returns, and everything else is returned as it is.
#[pyfunction]
#[pyo3(signature = (elem))]
pub(super) fn resolve<'py>(elem: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Resolver::default().resolve(elem)
}

/// The arguments of a task, resolved: the positional ones, and the keywords (None if there are none).
#[pyfunction]
#[pyo3(signature = (task, /))]
pub(super) fn resolve_args<'py>(
    task: &Bound<'py, TaskCore>,
) -> PyResult<(Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>)> {
    let (py, core) = (task.py(), task.get());
    if core.snapshot().is_none() && core.keywords(py).is_none() {
        let args = core.args(py)?;
        if args.iter_borrowed().all(|arg| is_scalar(&arg)) {
            return Ok((args, None));
        }
    }
    let _call = CallScope::begin();
    let mut resolver = Resolver { shallow: core.is_shallow(), ..Resolver::default() };
    let (args, kwargs) = keys::arguments_of(task)?;
    let args = resolver.tuple(&args)?;
    let kwargs = kwargs.map(|kwargs| resolver.dict(&kwargs)).transpose()?;
    Ok((args, kwargs))
}

#[derive(Default)]
struct Resolver<'py> {
    /// The lists and dicts being copied, outermost first, with their copies: so that one which holds itself
    /// becomes one that holds itself.
    copies: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    depth: usize,
    /// Whether nothing is replaced in other containers than list, tuple and dict.
    shallow: bool,
    /// Whether this is within one in which something is: then everything in it is copied.
    copying: bool,
    others: Others<'py>,
}

impl<'py> Resolver<'py> {
    fn resolve(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if is_scalar(object) {
            Ok(object.clone())
        } else if let Ok(task) = object.cast::<TaskCore>() {
            result_of(task)
        } else if let Ok(list) = object.cast_exact::<PyList>() {
            Ok(self.list(list)?.into_any())
        } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            Ok(self.tuple(tuple)?.into_any())
        } else if let Ok(dict) = object.cast_exact::<PyDict>() {
            Ok(self.dict(dict)?.into_any())
        } else {
            self.other(object)
        }
    }

    fn other(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if object.is_instance_of::<PyType>() {
            return Ok(object.clone());
        }
        if let Some(method) = object.getattr_opt(intern!(object.py(), "__jug_value__"))? {
            return method.call0();
        }
        if self.shallow {
            return Ok(object.clone());
        }
        match self.others.kind_of(object)? {
            Some(kind) if self.copying || self.others.is_replaced_in(object)? => self.container(kind, object),
            _ => Ok(object.clone()),
        }
    }

    /// A copy of another container, the same one wherever it is met.
    fn container(&mut self, kind: Container, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Some((_, copy)) = self.others.copies.get(&(object.as_ptr() as usize)) {
            return Ok(copy.clone());
        }
        let empty = kind.emptied(object)?;
        if let Some(empty) = &empty {
            self.others.copied(object, empty);
        }
        let mut parts = kind.parts(object)?;
        let before = std::mem::replace(&mut self.copying, true);
        self.within(None, |resolver| {
            parts.iter_mut().try_for_each(|(_, part)| {
                *part = resolver.resolve(part)?;
                Ok(())
            })
        })?;
        self.copying = before;
        let copy = kind.filled(object, empty, parts)?;
        self.others.copied(object, &copy);
        Ok(copy)
    }

    fn list(&mut self, list: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
        if let Some(copy) = self.copy_of(list) {
            return Ok(copy.cast_into()?);
        }
        let copy = PyList::empty(list.py());
        self.within(Some((list.as_any(), copy.as_any())), |resolver| {
            list.iter().try_for_each(|item| copy.append(resolver.resolve(&item)?))
        })?;
        Ok(copy)
    }

    fn tuple(&mut self, tuple: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
        let mut items = Vec::with_capacity(tuple.len());
        self.within(None, |resolver| {
            for item in tuple.iter_borrowed() {
                items.push(resolver.resolve(&item)?);
            }
            Ok(())
        })?;
        PyTuple::new(tuple.py(), items)
    }

    fn dict(&mut self, dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
        if let Some(copy) = self.copy_of(dict) {
            return Ok(copy.cast_into()?);
        }
        let copy = PyDict::new(dict.py());
        // Loading a result runs code that may change the dict, so a snapshot is walked.
        let snapshot = dict.copy()?;
        self.within(Some((dict.as_any(), copy.as_any())), |resolver| {
            snapshot.iter().try_for_each(|(key, value)| copy.set_item(key, resolver.resolve(&value)?))
        })?;
        Ok(copy)
    }

    fn copy_of(&self, object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
        self.copies.iter().find(|(original, _)| original.is(object)).map(|(_, copy)| copy.clone())
    }

    fn within(
        &mut self,
        copied: Option<(&Bound<'py, PyAny>, &Bound<'py, PyAny>)>,
        body: impl FnOnce(&mut Resolver<'py>) -> PyResult<()>,
    ) -> PyResult<()> {
        if !can_nest(self.depth) {
            let message =
                format!("cannot resolve a value nested more than {} levels deep; flatten it", self.depth);
            return Err(PyTypeError::new_err(message));
        }
        let before = self.copies.len();
        self.copies.extend(copied.map(|(original, copy)| (original.clone(), copy.clone())));
        self.depth += 1;
        let outcome = body(self);
        self.depth -= 1;
        self.copies.truncate(before);
        outcome
    }
}

/// Whether an object itself is replaced by something.
fn is_replaced(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.is_instance_of::<TaskCore>()
        || !object.is_instance_of::<PyType>() && object.hasattr(intern!(object.py(), "__jug_value__"))?)
}

/// What is known of containers that are no plain list, tuple or dict. Whatever stands here is kept alive, so
/// that its address stays its own.
#[derive(Default)]
struct Others<'py> {
    kinds: HashMap<usize, (Bound<'py, PyType>, Option<Container>)>,
    /// Those in which nothing is replaced, nor in what they hold.
    plain: HashMap<usize, Bound<'py, PyAny>>,
    /// Those that were copied, with their copies: what is one object twice is one copy twice.
    copies: HashMap<usize, (Bound<'py, PyAny>, Bound<'py, PyAny>)>,
}

impl<'py> Others<'py> {
    fn kind_of(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Container>> {
        if let Some((_, kind)) = self.kinds.get(&(object.get_type_ptr() as usize)) {
            return Ok(*kind);
        }
        let class = object.get_type();
        let kind = Container::of(&class)?;
        self.kinds.insert(class.as_ptr() as usize, (class, kind));
        Ok(kind)
    }

    fn copied(&mut self, object: &Bound<'py, PyAny>, copy: &Bound<'py, PyAny>) {
        self.copies.insert(object.as_ptr() as usize, (object.clone(), copy.clone()));
    }

    /// Whether something in `object`, however deep, is replaced by a result.
    fn is_replaced_in(&mut self, object: &Bound<'py, PyAny>) -> PyResult<bool> {
        let mut visited = HashMap::new();
        let mut stack = vec![object.clone()];
        while let Some(object) = stack.pop() {
            let address = object.as_ptr() as usize;
            if is_scalar(&object) || self.plain.contains_key(&address) || visited.contains_key(&address) {
                continue;
            }
            if self.copies.contains_key(&address) || is_replaced(&object)? {
                return Ok(true);
            }
            self.push_parts(&object, &mut stack)?;
            visited.insert(address, object);
        }
        self.plain.extend(visited);
        Ok(false)
    }

    fn push_parts(&mut self, object: &Bound<'py, PyAny>, stack: &mut Vec<Bound<'py, PyAny>>) -> PyResult<()> {
        if let Ok(list) = object.cast_exact::<PyList>() {
            stack.extend(list);
        } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            stack.extend(tuple);
        } else if let Ok(dict) = object.cast_exact::<PyDict>() {
            stack.extend(dict.values());
        } else if let Some(kind) = self.kind_of(object)? {
            stack.extend(kind.parts(object)?.into_iter().map(|(_, part)| part));
        }
        Ok(())
    }
}

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(resolve, m)?)?;
    m.add_function(wrap_pyfunction!(resolve_args, m)?)
}
