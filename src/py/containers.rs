//! Containers beside list, tuple and dict in which tasks are replaced by their results: what such a one
//! holds, and another one like it that holds something else.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySlice, PyString, PyTuple, PyType};

/// A kind of container that is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    OrderedDict,
    DefaultDict,
    Counter,
    Deque,
    NamedTuple,
    Dataclass,
    Namespace,
    Slice,
}

/// The parts of a container: what each is found by, and what it is.
pub(super) type Parts<'py> = Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

impl Container {
    /// The kind of a class, if instances of it are looked into. A class that defines itself what its value, its
    /// hash or its dependencies are is left to that; so is a subclass of a container, whose rules are unknown.
    pub(super) fn of(class: &Bound<'_, PyType>) -> PyResult<Option<Container>> {
        let module = class.module().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let known = match (module.as_str(), class.qualname()?.to_string_lossy().as_ref()) {
            ("collections", "OrderedDict") => Some(Container::OrderedDict),
            ("collections", "defaultdict") => Some(Container::DefaultDict),
            ("collections", "Counter") => Some(Container::Counter),
            ("collections", "deque") => Some(Container::Deque),
            ("types", "SimpleNamespace") => Some(Container::Namespace),
            ("builtins", "slice") => Some(Container::Slice),
            _ => None,
        };
        if known.is_some() {
            return Ok(known);
        }
        let kind = if class.is_subclass_of::<PyTuple>()? {
            if !is_named_tuple(class)? {
                return Ok(None);
            }
            Container::NamedTuple
        } else if class.hasattr(intern!(class.py(), "__dataclass_fields__"))? && is_made_by_object(class)? {
            Container::Dataclass
        } else {
            return Ok(None);
        };
        for name in ["__jug_value__", "__jug_hash__", "__jug_dependencies__"] {
            if class.hasattr(name)? {
                return Ok(None);
            }
        }
        Ok(is_pickled_by_object(class)?.then_some(kind))
    }

    /// What a container of this kind holds.
    pub(super) fn parts<'py>(self, object: &Bound<'py, PyAny>) -> PyResult<Parts<'py>> {
        let py = object.py();
        match self {
            Container::OrderedDict | Container::DefaultDict | Container::Counter => {
                pairs(&object.call_method0(intern!(py, "items"))?)
            }
            Container::Deque => numbered(object.try_iter()?),
            Container::NamedTuple => {
                let fields = object.get_type().getattr(intern!(py, "_fields"))?;
                fields.try_iter()?.zip(object.try_iter()?).map(|(name, item)| Ok((name?, item?))).collect()
            }
            Container::Dataclass => attributes_of(object),
            Container::Namespace => pairs(&object.getattr(intern!(py, "__dict__"))?.call_method0("items")?),
            Container::Slice => ["start", "stop", "step"]
                .iter()
                .map(|name| Ok((PyString::intern(py, name).into_any(), object.getattr(*name)?)))
                .collect(),
        }
    }

    /// An empty container like `object`, to be filled later. None for a kind that is made all at once.
    pub(super) fn emptied<'py>(self, object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, class) = (object.py(), object.get_type());
        Ok(Some(match self {
            Container::OrderedDict | Container::Counter | Container::Namespace => class.call0()?,
            Container::DefaultDict => class.call1((object.getattr(intern!(py, "default_factory"))?,))?,
            Container::Deque => class.call1((PyTuple::empty(py), object.getattr(intern!(py, "maxlen"))?))?,
            // Neither `__init__` nor `__post_init__` runs: what they did once shows in the attributes.
            Container::Dataclass => py.get_type::<PyAny>().call_method1(intern!(py, "__new__"), (class,))?,
            Container::NamedTuple | Container::Slice => return Ok(None),
        }))
    }

    /// A container like `object` that holds these parts: `empty` if there is one, else a new one.
    pub(super) fn filled<'py>(
        self,
        object: &Bound<'py, PyAny>,
        empty: Option<Bound<'py, PyAny>>,
        parts: Parts<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = object.py();
        let Some(copy) = empty else {
            let values = PyTuple::new(py, parts.into_iter().map(|(_, value)| value))?;
            if self == Container::Slice {
                return py.get_type::<PySlice>().call1(values);
            }
            let new = py.get_type::<PyTuple>().getattr(intern!(py, "__new__"))?;
            let copy = new.call1((object.get_type(), values))?;
            return carry_over(object, copy);
        };
        match self {
            Container::Deque => parts
                .iter()
                .try_for_each(|(_, value)| copy.call_method1(intern!(py, "append"), (value,)).map(|_| ()))?,
            Container::Dataclass => set_attributes(object, &copy, &parts)?,
            Container::Namespace => {
                copy.getattr(intern!(py, "__dict__"))?.call_method1(intern!(py, "update"), (parts,))?;
            }
            _ => {
                parts.iter().try_for_each(|(key, value)| copy.set_item(key, value))?;
                return carry_over(object, copy);
            }
        }
        Ok(copy)
    }
}

/// Whether a subclass of tuple is one that `collections.namedtuple` or `typing.NamedTuple` made, or a
/// subclass of such a one.
fn is_named_tuple(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let fields = class.getattr_opt(intern!(class.py(), "_fields"))?;
    Ok(fields.is_some_and(|fields| fields.is_instance_of::<PyTuple>())
        && class.hasattr(intern!(class.py(), "_make"))?
        && class.hasattr(intern!(class.py(), "_replace"))?)
}

/// Whether instances hold no more than attributes: no base that is written in C has contents of its own.
fn is_made_by_object(class: &Bound<'_, PyType>) -> PyResult<bool> {
    const HEAP_TYPE: u64 = 1 << 9;
    let object = class.py().get_type::<PyAny>();
    for base in class.mro() {
        let flags: u64 = base.getattr(intern!(class.py(), "__flags__"))?.extract()?;
        if !base.is(&object) && flags & HEAP_TYPE == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a class leaves it to `object`, or to the decorator of dataclasses, how its instances are pickled:
/// then its key is made of what it holds.
fn is_pickled_by_object(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let py = class.py();
    let object = py.get_type::<PyAny>();
    for name in ["__reduce_ex__", "__reduce__"] {
        if !class.getattr(name)?.is(&object.getattr(name)?) {
            return Ok(false);
        }
    }
    let state = class.getattr(intern!(py, "__getstate__"))?;
    if state.is(&object.getattr(intern!(py, "__getstate__"))?) {
        return Ok(true);
    }
    let module = state.getattr_opt(intern!(py, "__module__"))?;
    module.map_or(Ok(false), |module| module.eq("dataclasses"))
}

/// The attributes of an object, those in slots first.
fn attributes_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Parts<'py>> {
    let py = object.py();
    let mut found = Vec::new();
    let slots = py.import(intern!(py, "copyreg"))?.call_method1("_slotnames", (object.get_type(),))?;
    for name in slots.try_iter()? {
        let name = name?;
        if let Some(value) = object.getattr_opt(name.cast::<PyString>()?)? {
            found.push((name, value));
        }
    }
    if let Some(attributes) = object.getattr_opt(intern!(py, "__dict__"))? {
        found.extend(attributes.cast::<PyDict>()?.copy()?);
    }
    Ok(found)
}

/// Gives a copy attributes, past what its class would do: in a frozen dataclass that is to refuse.
fn set_attributes<'py>(
    object: &Bound<'py, PyAny>,
    copy: &Bound<'py, PyAny>,
    attributes: &Parts<'py>,
) -> PyResult<()> {
    let py = object.py();
    let own = object.getattr_opt(intern!(py, "__dict__"))?;
    let set_slot = py.get_type::<PyAny>().getattr(intern!(py, "__setattr__"))?;
    for (name, value) in attributes {
        if own.as_ref().map_or(Ok(false), |own| own.contains(name))? {
            copy.getattr(intern!(py, "__dict__"))?.set_item(name, value)?;
        } else {
            set_slot.call1((copy, name, value))?;
        }
    }
    Ok(())
}

/// Gives a copy the attributes that the original was given.
fn carry_over<'py>(object: &Bound<'py, PyAny>, copy: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    if let Some(attributes) = object.getattr_opt(intern!(py, "__dict__"))?
        && attributes.is_truthy()?
    {
        copy.getattr(intern!(py, "__dict__"))?.call_method1(intern!(py, "update"), (attributes,))?;
    }
    Ok(copy)
}

/// The pairs that something iterable gives.
pub(super) fn pairs<'py>(items: &Bound<'py, PyAny>) -> PyResult<Parts<'py>> {
    items.try_iter()?.map(|pair| pair.and_then(|pair| Ok((pair.get_item(0)?, pair.get_item(1)?)))).collect()
}

/// Elements by their index.
fn numbered<'py>(items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>) -> PyResult<Parts<'py>> {
    let numbered = items.enumerate().map(|(index, item)| {
        let item = item?;
        Ok((index.into_pyobject(item.py())?.into_any(), item))
    });
    numbered.collect()
}

/// What `resolve` looks at within `elem`: the elements of a list, a tuple or another container that is looked
/// into, the values of a dict. Nothing for any other object.
#[pyfunction]
#[pyo3(signature = (elem, /))]
fn parts<'py>(elem: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let py = elem.py();
    if let Ok(list) = elem.cast_exact::<PyList>() {
        return Ok(list.get_slice(0, list.len()));
    }
    if let Ok(tuple) = elem.cast_exact::<PyTuple>() {
        return Ok(tuple.to_list());
    }
    if let Ok(dict) = elem.cast_exact::<PyDict>() {
        return Ok(dict.values());
    }
    match Container::of(&elem.get_type())? {
        Some(kind) => PyList::new(py, kind.parts(elem)?.into_iter().map(|(_, value)| value)),
        None => Ok(PyList::empty(py)),
    }
}

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(parts, m)?)
}
