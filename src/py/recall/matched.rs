//! The first tasks of a load, as far as they are those of the load before: each of them is compared once.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::py::task::{TaskCore, renames};
use crate::sched::Node;

/// Tasks that are those noted at the same places, and what was found out on the way.
#[derive(Default)]
pub(in crate::py) struct Matched {
    pub(in crate::py) tasks: Vec<Py<TaskCore>>,
    /// Those of them that had other keys in an earlier version.
    pub(in crate::py) changed: Vec<Node>,
    /// Where each run begins of tasks with one function and no names of their own; a task with a name is a run.
    runs: Vec<Node>,
    /// The function of the last run.
    last: Option<usize>,
    /// How often tasks had been renamed before the first of these was compared.
    renames: u64,
}

impl Matched {
    /// Adds the next task, which has its key; the address of its function, if it has no name of its own.
    pub(super) fn push(&mut self, task: Bound<'_, TaskCore>, function: Option<usize>) -> PyResult<()> {
        let (core, node) = (task.get(), Node::try_from(self.tasks.len())?);
        if self.tasks.is_empty() {
            self.renames = renames();
        }
        if core.is_changed() {
            self.changed.push(node);
        }
        if function.is_none() || function != self.last || self.runs.is_empty() {
            self.runs.push(node);
            self.last = function;
        }
        self.tasks.push(task.unbind());
        Ok(())
    }

    /// Where the runs begin of tasks that have one name, unless a task may have got another one since.
    pub(in crate::py) fn runs(&self) -> Option<&[Node]> {
        (self.renames == renames()).then_some(&self.runs)
    }

    /// Keeps the first ones only.
    pub(super) fn truncate(&mut self, count: usize) {
        if count < self.tasks.len() {
            self.tasks.truncate(count);
            let is_left = |node: &Node| (*node as usize) < count;
            self.changed.retain(is_left);
            self.runs.retain(is_left);
            // The next one begins a run, whatever its function.
            self.last = None;
        }
    }
}

/// How many of the first of `tasks` stand in a list, in this order, from a place on.
#[expect(
    unsafe_code,
    reason = "a reference to each object would be written into it, in memory that is far away"
)]
pub(in crate::py) fn standing_in(list: &Bound<'_, PyList>, begin: usize, tasks: &[Py<TaskCore>]) -> usize {
    let places = begin..list.len();
    let stands = |(place, task): &(usize, &Py<TaskCore>)| {
        // SAFETY: It is a list, which has this place: nothing changes it meanwhile. What is there is only compared.
        let there = unsafe { ffi::PyList_GetItem(list.as_ptr(), place.cast_signed()) };
        there == task.as_ptr()
    };
    places.zip(tasks).take_while(stands).count()
}
