//! Results of tasks: shared ones, and those that are loaded for one call only.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use pyo3::intern;
use pyo3::prelude::*;

use super::codec;
use super::immutable::is_immutable;
use super::keys;
use super::task::TaskCore;
use crate::Key;

/// Results that may change, loaded for one call.
#[derive(Default)]
struct CallInputs {
    wholes: HashMap<Key, Py<PyAny>>,
    /// Parts of results by their addresses, with their copies: what is one part twice is one copy twice.
    parts: HashMap<usize, (Py<PyAny>, Py<PyAny>)>,
}

// Of the thread and not of a resolver: an object that gives its value by `__jug_value__` begins another one.
thread_local! {
    /// While the arguments for a call are resolved: the results that were loaded for it.
    static INPUTS: RefCell<Option<OnceCell<CallInputs>>> = const { RefCell::new(None) };
}

/// The time in which arguments for one call are resolved.
pub(super) struct CallScope(Option<OnceCell<CallInputs>>);

impl CallScope {
    pub(super) fn begin() -> CallScope {
        CallScope(INPUTS.replace(Some(OnceCell::new())))
    }
}

impl Drop for CallScope {
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
        Some(result) if !for_a_call || is_immutable(&result)? => return Ok(result),
        _ if !for_a_call => return task.call_method0(intern!(py, "value")),
        _ => {}
    }
    let key = keys::key_of_task(task)?;
    if let Some(input) = loaded_for_this_call(py, &key) {
        return Ok(input);
    }
    let input = task.call_method0(intern!(py, "_input"))?;
    let entry = (key, input.clone().unbind());
    note(|inputs| inputs.wholes.insert(entry.0, entry.1));
    Ok(input)
}

/// Notes something of this call. What that replaces is dropped afterwards, as it may run code that begins another one.
fn note<T>(note: impl FnOnce(&mut CallInputs) -> T) {
    let replaced = INPUTS.with_borrow_mut(|inputs| {
        let inputs = inputs.as_mut()?;
        inputs.get_or_init(CallInputs::default);
        inputs.get_mut().map(note)
    });
    drop(replaced);
}

/// Whether arguments for a call are being resolved.
pub(super) fn is_for_a_call() -> bool {
    INPUTS.with_borrow(Option::is_some)
}

/// A result that was loaded for this call.
pub(super) fn loaded_for_this_call<'py>(py: Python<'py>, key: &Key) -> Option<Bound<'py, PyAny>> {
    INPUTS.with_borrow(|inputs| Some(inputs.as_ref()?.get()?.wholes.get(key)?.bind(py).clone()))
}

/// A copy of a part of a result, the same one for all of a call.
pub(super) fn copy_for_this_call(part: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    if let Some(copy) = copied_for_this_call(&part) {
        return Ok(copy);
    }
    let copy = codec::copied(&part)?;
    let (address, both) = (part.as_ptr() as usize, (part.unbind(), copy.clone().unbind()));
    note(|inputs| inputs.parts.insert(address, both));
    Ok(copy)
}

/// The copy of a part, if there is one.
pub(super) fn copied_for_this_call<'py>(part: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let address = part.as_ptr() as usize;
    INPUTS.with_borrow(|inputs| Some(inputs.as_ref()?.get()?.parts.get(&address)?.1.bind(part.py()).clone()))
}
