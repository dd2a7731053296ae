//! Lists, tuples, dicts, sets: the containers that most arguments are made of.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use super::walk::Walk;
use crate::hash::Tag;
use crate::py::unkeyable::{Located, Walked};

impl<'py> Walk<'py> {
    pub(super) fn list(&mut self, list: &Bound<'py, PyList>) -> Walked<()> {
        self.level(list, |walk| {
            let group = walk.encoder.open(Tag::List, list.len());
            for (index, item) in list.iter().enumerate() {
                walk.value(&item).located(|task| task.at_index(index))?;
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
        for (index, item) in tuple.iter_borrowed().enumerate() {
            self.value(&item).located(|task| task.at_index(index))?;
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
            self.entry(&key, &value)?;
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
            self.entry(key, value)?;
        }
        self.encoder.close(group);
        Ok(())
    }

    /// A key of a dict and its value.
    pub(super) fn entry(&mut self, key: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> Walked<()> {
        if let Ok(text) = key.cast_exact::<PyString>() {
            self.str(text)?;
        } else {
            self.refusing_tasks(|| "a key of a dict".to_owned(), |walk| walk.value(key))?;
        }
        self.value(value).located(|task| task.at_key(key))
    }

    /// The elements of something iterable, whatever their order.
    pub(super) fn set_body(&mut self, tag: Tag, elements: &Bound<'py, PyAny>) -> Walked<()> {
        let elements = elements.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let mut items = self.encoder.open_items(tag, elements.len());
        for element in &elements {
            self.encoder.item(&mut items);
            self.value(element)?;
        }
        self.encoder.close_items(items);
        Ok(())
    }
}
