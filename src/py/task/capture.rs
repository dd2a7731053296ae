//! Captures the arguments of a new task, and checks later whether one of them was changed.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::core::Captured;
use crate::py::immutable::{is_immutable, is_shared};
use crate::py::keys::{EncodedArguments, MutableArgument, encode_arguments, fingerprint, is_unchanged};
use crate::py::keys::{leave_arguments_untouched, leaves_arguments_untouched};
use crate::py::snapshot::{Argument, ArgumentsRef, CheckedArgument, PickledArguments, Sharing, Snapshot};

/// Up to how many bytes an argument is pickled.
const PICKLED: usize = 64 * 1024;

/// Whether there is an argument in this process that is passed as it is and may change.
static CHECKED: AtomicBool = AtomicBool::new(false);

/// Captures the arguments of a new task; None if none of them can change.
pub(super) fn capture(given: &ArgumentsRef<'_>) -> PyResult<Option<Box<Captured>>> {
    if are_all_immutable(given)? {
        return Ok(None);
    }
    let py = given.args.py();
    let captured = match encode_arguments(given.args, given.kwargs, |value| Ok(!is_immutable(value)?)) {
        Ok(encoded) => of_encoded(given, encoded)?,
        // That it has no key is reported when the key is needed.
        Err((fault, argument)) => {
            let snapshot = Snapshot::refused((fault.kept(py)?, argument));
            Captured { snapshot, dependencies: Vec::new() }
        }
    };
    Ok(Some(Box::new(captured)))
}

fn of_encoded(given: &ArgumentsRef<'_>, encoded: EncodedArguments<'_>) -> PyResult<Captured> {
    let py = given.args.py();
    let EncodedArguments { template, dependencies, has_shared, mutable } = encoded;
    let (small, mut uncopied): (Vec<_>, Vec<_>) =
        mutable.into_iter().partition(|argument| argument.volume <= PICKLED || argument.has_iterator);
    let mut pickled = None;
    if !small.is_empty() {
        let is_whole = !has_shared && uncopied.is_empty();
        let shared = if is_whole { None } else { Some(sharing(&uncopied)) };
        pickled = match PickledArguments::new(given, shared) {
            Ok(pickled) => Some(pickled),
            Err(error) if error.is_instance_of::<PyException>(py) => {
                let (any, others) = split_by_copyability(small)?;
                uncopied.extend(others);
                if any { Some(PickledArguments::new(given, Some(sharing(&uncopied)))?) } else { None }
            }
            Err(error) => return Err(error),
        };
    }
    let checked = uncopied.into_iter().map(checked).collect::<PyResult<Vec<_>>>()?;
    if !checked.is_empty() {
        CHECKED.store(true, Ordering::Relaxed);
    }
    Ok(Captured { snapshot: Snapshot::new(template, pickled, checked), dependencies })
}

fn checked(argument: MutableArgument<'_>) -> PyResult<CheckedArgument> {
    let MutableArgument { argument, value, fingerprint: known, took, .. } = argument;
    let fingerprint = match known {
        Some(known) => known,
        None => fingerprint(&value, true)
            .map_err(|fault| fault.into_error(value.py(), "a task", &argument.to_string()))?,
    };
    Ok(CheckedArgument { argument, value: value.unbind(), fingerprint, took })
}

/// Whether nothing has to be captured.
fn are_all_immutable(given: &ArgumentsRef<'_>) -> PyResult<bool> {
    if leaves_arguments_untouched() {
        return Ok(true);
    }
    for value in given.args.iter_borrowed() {
        if !is_immutable(&value)? {
            return Ok(false);
        }
    }
    for (_, value) in given.kwargs.into_iter().flatten() {
        if !is_immutable(&value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sharing(uncopied: &[MutableArgument<'_>]) -> Sharing {
    Sharing { is_shared, others: uncopied.iter().map(|it| it.value.as_ptr() as usize).collect() }
}

/// Whether any of these can be copied, and those that cannot.
fn split_by_copyability(small: Vec<MutableArgument<'_>>) -> PyResult<(bool, Vec<MutableArgument<'_>>)> {
    let mut any = false;
    let mut others = Vec::new();
    for argument in small {
        let py = argument.value.py();
        let alone = PyTuple::new(py, [&argument.value])?;
        match PickledArguments::new(&ArgumentsRef { args: &alone, kwargs: None }, Some(sharing(&[]))) {
            Ok(_) => any = true,
            Err(error) if error.is_instance_of::<PyException>(py) => others.push(argument),
            Err(error) => return Err(error),
        }
    }
    Ok((any, others))
}

/// The first of the arguments passed as they are that was changed since the task was made.
pub(super) fn changed_argument<'a>(py: Python<'_>, snapshot: &'a Snapshot) -> PyResult<Option<&'a Argument>> {
    for checked in snapshot.checked() {
        if !is_unchanged(checked.value.bind(py), &checked.fingerprint)? {
            return Ok(Some(&checked.argument));
        }
    }
    Ok(None)
}

/// Whether a task was made that has an argument which is passed as it is, and can change.
#[pyfunction]
fn has_checked_arguments() -> bool {
    CHECKED.load(Ordering::Relaxed)
}

/// Says whether arguments are left as they are from now on, without a look at them; whether they were before.
#[pyfunction(name = "leave_arguments_untouched")]
fn py_leave_arguments_untouched(on: bool) -> bool {
    leave_arguments_untouched(on)
}

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(py_leave_arguments_untouched, m)?)?;
    m.add_function(wrap_pyfunction!(has_checked_arguments, m)?)
}
