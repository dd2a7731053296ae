//! Lambdas, distinguished by what they do: code, constants, captured values and defaults.
//!
//! This is the one encoding that may change with the version of Python, as bytecode does.

use pyo3::prelude::*;
use pyo3::types::{PyCode, PyTuple};

use super::walk::Walk;
use crate::hash::Tag;
use crate::py::unkeyable::{Fault, Walked};

const COUNTS: [&str; 4] = ["co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_flags"];

impl<'py> Walk<'py> {
    pub(super) fn lambda(&mut self, function: &Bound<'py, PyAny>) -> Walked<()> {
        let code = function.getattr("__code__")?;
        self.level(function, |walk| {
            let group = walk.encoder.open(Tag::Lambda, 4);
            walk.code(&code)?;
            walk.cells(&function.getattr("__closure__")?)?;
            walk.each_loosely(&function.getattr("__defaults__")?)?;
            walk.keyword_defaults(&function.getattr("__kwdefaults__")?)?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    fn code(&mut self, code: &Bound<'py, PyAny>) -> Walked<()> {
        self.level(code, |walk| {
            let group = walk.encoder.open(Tag::Code, 3 + COUNTS.len());
            for name in COUNTS {
                walk.value(&code.getattr(name)?)?;
            }
            walk.value(&code.getattr("co_code")?)?;
            walk.value(&code.getattr("co_names")?)?;
            walk.each_loosely(&code.getattr("co_consts")?)?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    /// The captured values; an empty cell counts as None.
    fn cells(&mut self, closure: &Bound<'py, PyAny>) -> Walked<()> {
        let none = self.py.None().into_bound(self.py);
        let cells =
            if closure.is_none() { Vec::new() } else { closure.extract::<Vec<Bound<'py, PyAny>>>()? };
        let contents = cells.iter().map(|cell| match cell.getattr("cell_contents") {
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyValueError>(self.py) => Ok(none.clone()),
            contents => contents,
        });
        let contents = PyTuple::new(self.py, contents.collect::<PyResult<Vec<_>>>()?)?;
        self.each_loosely(contents.as_any())
    }

    fn keyword_defaults(&mut self, defaults: &Bound<'py, PyAny>) -> Walked<()> {
        let defaults = if defaults.is_none() {
            Vec::new()
        } else {
            crate::py::containers::pairs(&defaults.call_method0("items")?)?
        };
        let mut items = self.encoder.open_items(Tag::Dict, defaults.len());
        for (name, value) in defaults {
            self.encoder.item(&mut items);
            self.value(&name)?;
            self.loosely(&value)?;
        }
        self.encoder.close_items(items);
        Ok(())
    }

    fn each_loosely(&mut self, values: &Bound<'py, PyAny>) -> Walked<()> {
        let values =
            if values.is_none() { Vec::new() } else { values.extract::<Vec<Bound<'py, PyAny>>>()? };
        let group = self.encoder.open(Tag::Tuple, values.len());
        for value in values {
            self.loosely(&value)?;
        }
        self.encoder.close(group);
        Ok(())
    }

    /// A captured value; one that has no key (a module's lock, an open file) by its class only.
    fn loosely(&mut self, value: &Bound<'py, PyAny>) -> Walked<()> {
        if value.is_instance_of::<PyCode>() {
            return self.code(value);
        }
        if self.if_keyable(value)? {
            return Ok(());
        }
        let class = value.get_type();
        self.encoder.named(Tag::Class, &class.module()?.to_string(), &class.qualname()?.to_string());
        Ok(())
    }

    /// Encodes a value if it has a key; whether it has.
    pub(super) fn if_keyable(&mut self, value: &Bound<'py, PyAny>) -> Walked<bool> {
        let (length, depth, low) = (self.encoder.len(), self.stack.len(), self.low);
        let (changed, gaps) = (self.changed, self.gaps.len());
        match self.value(value).map_err(|fault| *fault) {
            Err(Fault::Unkeyable(_)) => {}
            outcome => return outcome.map(|()| true).map_err(Box::new),
        }
        self.encoder.truncate(length);
        self.stack.truncate(depth);
        self.low = low;
        self.changed = changed;
        self.gaps.truncate(gaps);
        Ok(false)
    }
}
