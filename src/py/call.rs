//! Results of tasks: those that anybody gets, and those for one call, which nobody else has.

use std::cell::RefCell;
use std::collections::HashMap;

use pyo3::intern;
use pyo3::prelude::*;

use super::snapshot::is_fixed;
use super::task::TaskCore;
use super::walk;
use crate::Key;

/// Results that may change, loaded for one call.
type Inputs = HashMap<Key, Py<PyAny>>;

// Of the thread and not of a resolver: an object that gives its value by `__jug_value__` begins another one.
thread_local! {
    /// While the arguments for a call are resolved: the results that were loaded for it.
    static INPUTS: RefCell<Option<Inputs>> = const { RefCell::new(None) };
}

/// The time in which arguments for one call are resolved.
pub(super) struct Call(Option<Inputs>);

impl Call {
    pub(super) fn begin() -> Call {
        Call(INPUTS.replace(Some(Inputs::new())))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        drop(INPUTS.replace(self.0.take()));
    }
}

/// The result of a task. For a call, one that may change is loaded from the store, once.
pub(super) fn result_of<'py>(task: &Bound<'py, TaskCore>) -> PyResult<Bound<'py, PyAny>> {
    let py = task.py();
    let loaded = task.get().loaded_result(py).map(|result| result.into_bound(py));
    let for_a_call = INPUTS.with_borrow(Option::is_some);
    match loaded {
        Some(result) if !for_a_call || is_fixed(&result)? => return Ok(result),
        _ if !for_a_call => return task.call_method0(intern!(py, "value")),
        _ => {}
    }
    let key = walk::key_of_task(task)?;
    let known = INPUTS.with_borrow(|inputs| Some(inputs.as_ref()?.get(&key)?.clone_ref(py)));
    if let Some(input) = known {
        return Ok(input.into_bound(py));
    }
    let input = task.call_method0(intern!(py, "_input"))?;
    let entry = (key, input.clone().unbind());
    INPUTS.with_borrow_mut(|inputs| inputs.as_mut().and_then(|inputs| inputs.insert(entry.0, entry.1)));
    Ok(input)
}
