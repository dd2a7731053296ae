//! Objects of any class, taken apart by their reduce protocol, and subclasses of the builtin containers.

use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use super::task_policy::noun_of;
use super::walk::Walk;
use crate::hash::Tag;
use crate::py::containers::pairs;
use crate::py::reducers::reducer_of;
use crate::py::unkeyable::{Located, Misplaced, Walked};

/// The protocol version whose forms are encoded. Fixed: other versions give other forms.
const PROTOCOL: u8 = 4;

/// What to know about the contents of an object beyond its reduce protocol.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Contents {
    /// Nothing.
    Any,
    /// The order of its items counts.
    Ordered,
    /// It is looked into for tasks, which are in its state.
    State,
    /// The same, and they are in its arguments.
    Arguments,
}

impl<'py> Walk<'py> {
    /// An object of any class.
    pub(super) fn reduced(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        self.taken_apart(object, Contents::Any)
    }

    pub(super) fn ordered_dict_subclass(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        self.taken_apart(object, Contents::Ordered)
    }

    pub(super) fn dataclass(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        self.taken_apart(object, Contents::State)
    }

    pub(super) fn named_tuple(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        self.taken_apart(object, Contents::Arguments)
    }

    pub(super) fn set_subclass(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let Some(Taken::Apart(parts)) = self.parts_of(object)? else {
            return self.reduced(object);
        };
        let plain = parts.get_item(0)?.is(object.get_type()) && parts.get_item(1)?.len()? == 1;
        if !plain {
            return self.reduced(object);
        }
        let state = if parts.len() > 2 { parts.get_item(2)? } else { self.py.None().into_bound(self.py) };
        self.subclass(object, |walk| {
            walk.set_body(Tag::Set, object)?;
            walk.value(&state)
        })
    }

    /// An instance of a subclass of a known type: its class, then the two values that `body` writes.
    pub(super) fn subclass(
        &mut self,
        object: &Bound<'py, PyAny>,
        body: impl FnOnce(&mut Walk<'py>) -> Walked<()>,
    ) -> Walked<()> {
        self.level(object, |walk| {
            let group = walk.encoder.open(Tag::Subclass, 3);
            walk.class(&object.get_type())?;
            body(walk)?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    /// The attributes of an object, None if it has none.
    pub(super) fn attributes(&self, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let attributes = object.getattr_opt(intern!(self.py, "__dict__"))?;
        Ok(match attributes {
            Some(attributes) if attributes.is_truthy()? => attributes,
            _ => self.py.None().into_bound(self.py),
        })
    }

    /// The attributes of an object, and what is in the slots of its class and of those it inherits from up to one of
    /// `library`.
    pub(super) fn attributes_and_slots(
        &mut self,
        object: &Bound<'py, PyAny>,
        library: &str,
    ) -> Walked<Bound<'py, PyAny>> {
        let attributes = self.attributes(object)?;
        let names_of = |class: &Bound<'py, PyAny>| {
            self.py.import("copyreg")?.call_method1("_slotnames", (class,))?.extract::<Vec<String>>()
        };
        let class = object.get_type();
        let mut names = names_of(class.as_any())?;
        for base in class.mro() {
            let module = base.getattr("__module__")?.str()?;
            if module.to_str()?.split('.').next() == Some(library) {
                let known = names_of(&base)?;
                names.retain(|name| !known.contains(name));
                break;
            }
        }
        let slots = PyDict::new(self.py);
        for name in names {
            if let Some(value) = object.getattr_opt(name.as_str())? {
                slots.set_item(name, value)?;
            }
        }
        if slots.is_empty() || self.as_before() {
            return Ok(attributes);
        }
        Ok(PyTuple::new(self.py, [attributes, slots.into_any()])?.into_any())
    }

    fn taken_apart(&mut self, object: &Bound<'py, PyAny>, contents: Contents) -> Walked<()> {
        // What is being walked further up or was folded before need not be asked again.
        let address = object.as_ptr() as usize;
        if self.stack.contains(&address) || self.folded.contains_key(&address) {
            return self.enter(object).map(|_| ());
        }
        if !self.snapshot.iterator {
            let next = intern!(self.py, "__next__");
            self.snapshot.iterator = object.get_type().getattr_opt(next)?.is_some();
        }
        match self.parts_of(object)? {
            Some(Taken::Named(name)) => self.global(object, &name),
            Some(Taken::Apart(parts)) => self.level(object, |walk| walk.parts(object, &parts, contents)),
            None => self.refuse_object(object),
        }
    }

    pub(super) fn parts(
        &mut self,
        object: &Bound<'py, PyAny>,
        parts: &Bound<'py, PyTuple>,
        contents: Contents,
    ) -> Walked<()> {
        let part = |index| if index < parts.len() { Some(parts.get_item(index)) } else { None }.transpose();
        let none = self.py.None().into_bound(self.py);
        let group = self.encoder.open(Tag::Reduced, 6);
        self.value(&parts.get_item(0)?)?;
        let named_tuple = contents == Contents::Arguments;
        // An exception gets its empty dict of attributes only when something asks for it.
        let is_bare = |state: &Bound<'py, PyAny>| {
            object.is_instance_of::<PyBaseException>()
                && state.cast_exact::<PyDict>().is_ok_and(PyDictMethods::is_empty)
        };
        let state = part(2)?.filter(|state| !is_bare(state)).unwrap_or_else(|| none.clone());
        self.visibly(named_tuple, object, &parts.get_item(1)?).located(|task| task.at_field(object))?;
        self.visibly(contents == Contents::State, object, &state).located(Misplaced::at_attribute)?;
        let items = part(3)?.filter(|items| !items.is_none());
        let items = items.map_or_else(|| Ok(PyList::empty(self.py)), |items| all(&items))?;
        self.list(&items)?;
        let entries = part(4)?.filter(|entries| !entries.is_none());
        let entries = entries.map_or_else(|| Ok(Vec::new()), |entries| pairs(&entries))?;
        if contents == Contents::Ordered {
            self.ordered_dict_body(&entries)?;
        } else {
            self.unordered_pairs(&entries)?;
        }
        self.value(part(5)?.as_ref().unwrap_or(&none))?;
        self.encoder.close(group);
        Ok(())
    }

    /// The arguments or the state of an object, which are looked into for tasks or not.
    fn visibly(&mut self, visible: bool, object: &Bound<'py, PyAny>, part: &Bound<'py, PyAny>) -> Walked<()> {
        // What is no container has nothing to look into.
        if visible {
            self.value(part)
        } else {
            self.refusing_tasks(|| noun_of(object), |walk| walk.value(part))
        }
    }

    fn unordered_pairs(&mut self, entries: &[(Bound<'py, PyAny>, Bound<'py, PyAny>)]) -> Walked<()> {
        let mut items = self.encoder.open_items(Tag::Dict, entries.len());
        for (key, value) in entries {
            self.encoder.item(&mut items);
            self.entry(key, value)?;
        }
        self.encoder.close_items(items);
        Ok(())
    }

    /// What the reduce protocol gives for an object; None where it refuses.
    fn parts_of(&mut self, object: &Bound<'py, PyAny>) -> Walked<Option<Taken<'py>>> {
        let reduced = match reducer_of(object.get_type().as_any())? {
            Some(function) => function.call1((object,)),
            None => object.call_method1(intern!(self.py, "__reduce_ex__"), (PROTOCOL,)),
        };
        let reduced = match reduced {
            Ok(reduced) => reduced,
            Err(error) if error.is_instance_of::<PyException>(self.py) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if let Ok(name) = reduced.cast::<PyString>() {
            return Ok(Some(Taken::Named(name.to_string_lossy().into_owned())));
        }
        let parts = reduced.cast_into::<PyTuple>().ok().filter(|parts| (2..=6).contains(&parts.len()));
        parts.map(|parts| self.untouched(object, parts).map(Taken::Apart)).transpose()
    }

    fn refuse_object(&self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let class = object.get_type();
        let name = class.fully_qualified_name()?.to_string();
        let noun = match name.as_str() {
            "_io.TextIOWrapper" | "_io.BufferedReader" | "_io.BufferedWriter" | "_io.BufferedRandom"
            | "_io.FileIO" => "an open file".to_owned(),
            "generator" => "a generator".to_owned(),
            "coroutine" => "a coroutine".to_owned(),
            "_thread.lock" | "_thread.RLock" => "a lock".to_owned(),
            "socket.socket" => "a socket".to_owned(),
            _ => format!("an object of class {name}"),
        };
        let what = format!("{noun}, which has no value that distinguishes it from another one");
        self.refuse(what, "pass plain data instead, or give its class a __jug_hash__ method")
    }
}

/// What the reduce protocol gives for an object.
enum Taken<'py> {
    /// It is found by this name in its module.
    Named(String),
    /// What is called, with which arguments, and what is done to the outcome.
    Apart(Bound<'py, PyTuple>),
}

fn all<'py>(items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(items.py());
    for item in items.try_iter()? {
        list.append(item?)?;
    }
    Ok(list)
}
