//! The tasks that must be done before a value is complete, without encoding the value.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::recursion_limit::can_nest;
use super::walk::Walk;
use crate::py::scalar::is_scalar;
use crate::py::task::TaskCore;
use crate::py::unkeyable::Walked;

impl<'py> Walk<'py> {
    /// Notes the tasks in `object`: through lists, tuples, the values of dicts, other containers that are
    /// looked into, and whatever has `__jug_dependencies__`, as these are what is replaced by results before a
    /// function is called.
    pub(super) fn tasks_in(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        if is_scalar(object) || self.stack.contains(&(object.as_ptr() as usize)) {
            return Ok(());
        }
        if let Ok(task) = object.cast::<TaskCore>() {
            return self.record_dependency(task);
        }
        if !can_nest(self.stack.len()) {
            let what = format!("a value nested more than {} levels deep", self.stack.len());
            return self.refuse(what, "flatten it");
        }
        self.stack.push(object.as_ptr() as usize);
        if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
            self.tasks_in_each(object)?;
        } else if let Ok(dict) = object.cast::<PyDict>() {
            self.tasks_in_each(dict.values().as_any())?;
        } else {
            self.tasks_in_object(object)?;
        }
        self.stack.pop();
        Ok(())
    }

    fn tasks_in_object(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let traits = self.kind_of(object)?;
        if let Some(kind) = traits.container() {
            // Objects may refer to one another in many ways: each is looked into once.
            let address = object.as_ptr() as usize;
            if self.looked_into.insert(address, object.clone()).is_none() {
                kind.parts(object)?.iter().try_for_each(|(_, part)| self.tasks_in(part))?;
            }
        } else if traits.dependencies {
            let dependencies = object.call_method0(pyo3::intern!(self.py, "__jug_dependencies__"))?;
            self.tasks_in_each(&dependencies)?;
        }
        Ok(())
    }

    fn tasks_in_each(&mut self, objects: &Bound<'py, PyAny>) -> Walked<()> {
        for object in objects.try_iter()? {
            self.tasks_in(&object?)?;
        }
        Ok(())
    }
}
