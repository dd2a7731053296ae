//! What an object caches when an attribute is read: that is no part of its value.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet, PyString, PyTuple, PyType, PyWeakrefMethods, PyWeakrefReference};

use super::compute::key_of_value;
use super::walk::Walk;
use crate::lock::lock;
use crate::py::unkeyable::Walked;

/// How an attribute is before its cache is filled.
#[derive(Clone, Copy)]
enum Untouched {
    Absent,
    None,
    Empty,
    /// None, and an empty dict afterwards; what is in that dict counts.
    NoneIfEmpty,
    /// A set of the fields that were given to a model: all of them count as given.
    AllGiven,
}

/// Attributes that a library fills in by itself, by the module that a class or one of its bases is from.
const KNOWN: [(&str, &str, Untouched); 15] = [
    ("astropy.units", "_decomposed_cache", Untouched::Absent),
    ("networkx", "__networkx_cache__", Untouched::Empty),
    ("pydantic", "__fields_set__", Untouched::AllGiven),
    ("pydantic", "__pydantic_fields_set__", Untouched::AllGiven),
    ("scipy.sparse", "_has_canonical_format", Untouched::Absent),
    ("scipy.sparse", "_has_sorted_indices", Untouched::Absent),
    ("scipy.stats", "_constant_cache", Untouched::None),
    ("scipy.stats", "_method_cache", Untouched::Empty),
    ("scipy.stats", "_moment_central_cache", Untouched::Empty),
    ("scipy.stats", "_moment_raw_cache", Untouched::Empty),
    ("scipy.stats", "_moment_standardized_cache", Untouched::Empty),
    ("scipy.stats", "_support_cache", Untouched::None),
    ("xarray", "_attrs", Untouched::NoneIfEmpty),
    ("xarray", "_cache", Untouched::Absent),
    ("xarray", "_encoding", Untouched::NoneIfEmpty),
];

/// What descriptors are called that compute an attribute once and leave it with the object.
const DESCRIPTORS: [&str; 4] = ["cached_property", "lazyproperty", "lazy_property", "reify"];

/// Where such a descriptor keeps its function.
const FUNCTIONS: [&str; 3] = ["func", "fget", "wrapped"];

/// Libraries that never put anything else in the place of what such a descriptor computes.
const TRUSTED: [&str; 5] = ["astropy", "ipaddress", "networkx", "scipy", "xarray"];

/// The attributes of a class that are caches.
struct Caches {
    known: Vec<(&'static str, Untouched)>,
    computed: Vec<Computed>,
}

/// An attribute that is computed when it is first looked at.
struct Computed {
    name: Py<PyString>,
    function: Py<PyAny>,
    trusted: bool,
}

/// Of the classes that were met, by address; None where there are none. The reference shows whether it is still that class.
type Met = HashMap<usize, (Py<PyWeakrefReference>, Option<Arc<Caches>>)>;

static MET: Mutex<Option<Met>> = Mutex::new(None);

thread_local! {
    /// Whether what a cache holds is being compared with what it would hold now.
    static COMPARING: Cell<bool> = const { Cell::new(false) };
}

impl<'py> Walk<'py> {
    /// The parts that the reduce protocol gives for an object, with its state before any cache was filled.
    pub(super) fn untouched(
        &mut self,
        object: &Bound<'py, PyAny>,
        parts: Bound<'py, PyTuple>,
    ) -> Walked<Bound<'py, PyTuple>> {
        if parts.len() < 3 {
            return Ok(parts);
        }
        let Some(caches) = caches_of(&object.get_type())? else { return Ok(parts) };
        let state = parts.get_item(2)?;
        let emptied = if let Ok(both) = state.cast_exact::<PyTuple>() {
            let each = both.iter().map(|part| caches.emptied(object, &part)).collect::<PyResult<Vec<_>>>()?;
            if each.iter().all(Option::is_none) {
                None
            } else {
                let each = each.into_iter().zip(both.iter()).map(|(new, old)| new.unwrap_or(old));
                Some(PyTuple::new(self.py, each.collect::<Vec<_>>())?.into_any())
            }
        } else {
            caches.emptied(object, &state)?
        };
        let Some(emptied) = emptied else { return Ok(parts) };
        if self.as_before() {
            return Ok(parts);
        }
        let replaced = parts.iter().enumerate().map(|(n, part)| if n == 2 { emptied.clone() } else { part });
        Ok(PyTuple::new(self.py, replaced.collect::<Vec<_>>())?)
    }
}

impl Caches {
    /// The same state without what is in caches; None if nothing is.
    fn emptied<'py>(
        &self,
        object: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = state.py();
        let Ok(state) = state.cast_exact::<PyDict>() else { return Ok(None) };
        let emptied = state.copy()?;
        let mut is_changed = false;
        // Some libraries have the attributes among other things.
        if let Some(inner) = state.get_item("__dict__")?
            && let Some(inner) = self.emptied(object, &inner)?
        {
            emptied.set_item("__dict__", inner)?;
            is_changed = true;
        }
        for computed in &self.computed {
            let name = computed.name.bind(py);
            if let Some(value) = state.get_item(name)?
                && computed.is_cached(object, &value)?
            {
                emptied.del_item(name)?;
                is_changed = true;
            }
        }
        for (name, untouched) in &self.known {
            if let Some(value) = state.get_item(name)? {
                is_changed |= untouched.restore(&emptied, name, &value)?;
            }
        }
        Ok(is_changed.then(|| emptied.into_any()))
    }
}

impl Untouched {
    /// Puts the attribute back to what it was; whether that changes anything.
    fn restore(self, state: &Bound<'_, PyDict>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = state.py();
        match self {
            Untouched::Absent => state.del_item(name)?,
            Untouched::None if !value.is_none() => state.set_item(name, py.None())?,
            Untouched::Empty if value.is_truthy()? => state.set_item(name, PyDict::new(py))?,
            Untouched::NoneIfEmpty if !value.is_none() && !value.is_truthy()? => {
                state.set_item(name, py.None())?;
            }
            Untouched::AllGiven => {
                let all = PySet::empty(py)?;
                for part in ["__dict__", "__pydantic_extra__"] {
                    let fields = state.get_item(part)?.filter(|fields| !fields.is_none());
                    for field in fields.iter().flat_map(PyAnyMethods::try_iter).flatten() {
                        all.add(field?)?;
                    }
                }
                if all.eq(value)? {
                    return Ok(false);
                }
                state.set_item(name, all)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Computed {
    /// Whether a value is what the descriptor computed, and not another one that was assigned in its place.
    fn is_cached(&self, object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        // What is computed may hold the object itself, or others with caches, which are as they are.
        if self.trusted || COMPARING.get() {
            return Ok(true);
        }
        let py = object.py();
        COMPARING.set(true);
        let computed = self.function.bind(py).call1((object,)).map(|now| {
            // Two of one class that have no key (connections, locks) pass for equal.
            match (key_of_value(&now), key_of_value(value)) {
                (Ok(now), Ok(then)) => now == then,
                (Err(_), Err(_)) => now.get_type().is(value.get_type()),
                _ => false,
            }
        });
        COMPARING.set(false);
        match computed {
            Err(error) if error.is_instance_of::<PyException>(py) => Ok(false),
            outcome => outcome,
        }
    }
}

/// The caches of a class; None where it has none.
fn caches_of(class: &Bound<'_, PyType>) -> PyResult<Option<Arc<Caches>>> {
    let (py, address) = (class.py(), class.as_ptr() as usize);
    let known = |met: &Met| {
        let (reference, caches) = met.get(&address)?;
        reference.bind(py).upgrade().filter(|it| it.is(class)).map(|_| caches.clone())
    };
    if let Some(found) = lock(&MET).as_ref().and_then(known) {
        return Ok(found);
    }
    let caches = look_for_caches(class)?.map(Arc::new);
    let entry = (PyWeakrefReference::new(class)?.unbind(), caches.clone());
    let mut met = lock(&MET);
    let replaced = met.get_or_insert_default().insert(address, entry);
    drop(met);
    drop(replaced);
    Ok(caches)
}

fn look_for_caches(class: &Bound<'_, PyType>) -> PyResult<Option<Caches>> {
    let mut caches = Caches { known: Vec::new(), computed: Vec::new() };
    // What stands in a subclass hides what its bases have of that name.
    let names = PySet::empty(class.py())?;
    for base in class.mro() {
        let base = base.cast_into::<PyType>()?;
        let module = base.module().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_from = |library: &str| {
            module.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        for (library, name, untouched) in KNOWN {
            if is_from(library) && !caches.known.iter().any(|(known, _)| *known == name) {
                caches.known.push((name, untouched));
            }
        }
        let trusted = TRUSTED.iter().any(|library| is_from(library));
        for pair in base.getattr("__dict__")?.call_method0("items")?.try_iter()? {
            let (name, attribute): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
            let is_hidden = names.contains(&name)?;
            names.add(&name)?;
            let kind = attribute.get_type();
            if is_hidden || !kind.mro().iter().any(|it| is_named(&it, &DESCRIPTORS)) {
                continue;
            }
            for function in FUNCTIONS {
                if let Some(function) = attribute.getattr_opt(function)?
                    && let Ok(name) = name.cast::<PyString>()
                    && function.is_callable()
                {
                    let computed =
                        Computed { name: name.clone().unbind(), function: function.unbind(), trusted };
                    caches.computed.push(computed);
                    break;
                }
            }
        }
    }
    Ok((!caches.known.is_empty() || !caches.computed.is_empty()).then_some(caches))
}

fn is_named(class: &Bound<'_, PyAny>, names: &[&str]) -> bool {
    let name = class.cast::<PyType>().ok().and_then(|class| class.name().ok());
    name.is_some_and(|name| names.iter().any(|known| name == *known))
}
