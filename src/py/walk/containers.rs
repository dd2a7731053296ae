//! Lists, tuples, dicts, sets: the containers that most arguments are made of.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::{Walk, Walked};
use crate::hash::Tag;

impl<'py> Walk<'py> {
    pub(super) fn list(&mut self, list: &Bound<'py, PyList>) -> Walked<()> {
        self.level(list, |walk| {
            let group = walk.encoder.open(Tag::List, list.len());
            for item in list {
                walk.value(&item)?;
            }
            walk.encoder.close(group);
            Ok(())
        })
    }

    pub(super) fn tuple(&mut self, tuple: &Bound<'py, PyTuple>) -> Walked<()> {
        self.level(tuple, |walk| walk.tuple_body(tuple))
    }

    /// A tuple that is known not to contain itself.
    pub(super) fn tuple_body(&mut self, tuple: &Bound<'py, PyTuple>) -> Walked<()> {
        let group = self.encoder.open(Tag::Tuple, tuple.len());
        for item in tuple.iter_borrowed() {
            self.value(&item)?;
        }
        self.encoder.close(group);
        Ok(())
    }

    pub(super) fn dict(&mut self, dict: &Bound<'py, PyDict>) -> Walked<()> {
        self.level(dict, |walk| walk.dict_body(dict))
    }

    /// The items of a dict, whatever their order. Tasks are dependencies where they are values.
    pub(super) fn dict_body(&mut self, dict: &Bound<'py, PyDict>) -> Walked<()> {
        // Methods of the user's may run meanwhile and change the dict, so a copy is walked.
        let dict = if dict.is_empty() { dict.clone() } else { dict.copy()? };
        let mut items = self.encoder.open_items(Tag::Dict, dict.len());
        for (key, value) in dict {
            self.encoder.item(&mut items);
            self.opaquely(|walk| walk.value(&key))?;
            self.value(&value)?;
        }
        self.encoder.close_items(items);
        Ok(())
    }

    /// Key-value pairs whose order counts.
    pub(super) fn ordered_dict_body(
        &mut self,
        pairs: &[(Bound<'py, PyAny>, Bound<'py, PyAny>)],
    ) -> Walked<()> {
        let group = self.encoder.open(Tag::OrderedDict, pairs.len());
        for (key, value) in pairs {
            self.opaquely(|walk| walk.value(key))?;
            self.value(value)?;
        }
        self.encoder.close(group);
        Ok(())
    }

    pub(super) fn set(&mut self, set: &Bound<'py, PyAny>) -> Walked<()> {
        self.level(set, |walk| walk.set_body(Tag::Set, set))
    }

    pub(super) fn frozenset(&mut self, set: &Bound<'py, PyAny>) -> Walked<()> {
        self.level(set, |walk| walk.set_body(Tag::FrozenSet, set))
    }

    /// The elements of something iterable, whatever their order. Tasks in a set stay tasks.
    pub(super) fn set_body(&mut self, tag: Tag, elements: &Bound<'py, PyAny>) -> Walked<()> {
        let elements = elements.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let mut items = self.encoder.open_items(tag, elements.len());
        self.opaquely(|walk| {
            for element in &elements {
                walk.encoder.item(&mut items);
                walk.value(element)?;
            }
            Ok(())
        })?;
        self.encoder.close_items(items);
        Ok(())
    }
}
