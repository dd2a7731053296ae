//! Keys of the generation before: under what results lie that have a value of a kind whose encoding was corrected.
//!
//! Kinds that changed ask `Walk::as_before`, which notes it. So a task without such values costs nothing here.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::Key;
use crate::py::task::TaskCore;

/// The former keys of tasks, by address; the tasks are kept alive so that it stays theirs.
type Known = HashMap<usize, (Py<TaskCore>, Key)>;

// Of the thread and not of a walk: an object that computes its own hash begins walks of its own.
thread_local! {
    /// Whether a value of a changed kind was met.
    static CHANGED: Cell<bool> = const { Cell::new(false) };
    /// While former keys are computed: those found so far.
    static FORMER: RefCell<Option<Known>> = const { RefCell::new(None) };
}

/// Whether this thread computes former keys.
pub(super) fn is_active() -> bool {
    FORMER.with_borrow(Option::is_some)
}

/// Notes for the walk around this one, if there is any, that a value of a changed kind was met.
pub(super) fn note_change() {
    CHANGED.set(true);
}

/// Calls what may compute keys; also whether it met a value of a changed kind.
pub(super) fn detecting_change<T>(call: impl FnOnce() -> T) -> (T, bool) {
    let before = CHANGED.replace(false);
    let outcome = call();
    (outcome, CHANGED.replace(before))
}

/// The key of a task, former or current as is being computed, if it is known.
pub(super) fn known_key(task: &Bound<'_, TaskCore>) -> Option<Key> {
    let core = task.get();
    if core.is_changed() {
        note_change();
        if is_active() {
            return FORMER.with_borrow(|known| Some(known.as_ref()?.get(&(task.as_ptr() as usize))?.1));
        }
    }
    core.known_key()
}

/// Records the key of a task, and whether a value of a changed kind was met in it; returns the key that holds.
pub(super) fn record_key(task: &Bound<'_, TaskCore>, key: Key, changed: bool) -> Key {
    if is_active() {
        let entry = (task.clone().unbind(), key);
        FORMER
            .with_borrow_mut(|known| known.as_mut().map(|known| known.insert(task.as_ptr() as usize, entry)));
        return key;
    }
    if changed {
        task.get().set_changed();
        note_change();
    }
    task.get().set_key(key)
}

/// Computes with former keys.
pub(super) fn with_former_keys<T>(body: impl FnOnce() -> T) -> T {
    with_known(Some(Known::new()), body)
}

/// Computes with current keys, also within a computation of former ones.
pub(super) fn with_current_keys<T>(body: impl FnOnce() -> T) -> T {
    with_known(None, body)
}

fn with_known<T>(known: Option<Known>, body: impl FnOnce() -> T) -> T {
    struct Restore(Option<Known>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORMER.set(self.0.take());
        }
    }
    let _restore = Restore(FORMER.replace(known));
    body()
}

/// The outcome of a former encoding; None where it raised: nothing was stored under such a key.
pub(super) fn unless_raised(outcome: PyResult<Key>, py: Python<'_>) -> PyResult<Option<Key>> {
    match outcome {
        Ok(key) => Ok(Some(key)),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error),
    }
}
