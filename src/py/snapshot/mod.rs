//! The arguments of a task as they were when it was made, whatever becomes of the objects since.
//!
//! Arguments that cannot change need none of this. Of any other the encoding is taken at once, from which the key
//! is computed later. Small ones are kept as well, and each use of them gets a new copy. Large ones, and those of
//! which there is no copy, are handed over as they are; whether they were changed can be seen by their encoding.

mod fixed;
mod kept;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

pub(super) use self::fixed::is_fixed;
use self::kept::Kept;
use super::task::{Passed, TaskCore};
use super::walk::{Argument, Drawing, Drawn, Print, Refusal, Seen, draw};

/// Up to how many bytes an argument is kept.
const KEPT: usize = 64 * 1024;

/// Whether there is an argument in this process that is handed over as it is.
static CHECKED: AtomicBool = AtomicBool::new(false);

/// Arguments of a call.
pub(super) struct Given<'py> {
    pub(super) args: &'py Bound<'py, PyTuple>,
    pub(super) kwargs: Option<&'py Bound<'py, PyDict>>,
}

/// What is known of arguments that may change.
pub(super) struct Snapshot {
    /// Their encoding, until the task has its key.
    drawn: Mutex<Option<Drawn>>,
    /// Why they have no encoding.
    refusal: Option<Refusal>,
    dependencies: Vec<Py<TaskCore>>,
    kept: Option<Kept>,
    /// Those that are handed over as they are.
    checked: Vec<Checked>,
}

/// An argument that is handed over as it is.
struct Checked {
    argument: Argument,
    value: Py<PyAny>,
    print: Print,
    took: Duration,
}

impl Snapshot {
    /// Takes note of the arguments of a new task; None if none of them can change.
    pub(super) fn take(given: &Given<'_>) -> PyResult<Option<Box<Snapshot>>> {
        if is_all_fixed(given)? {
            return Ok(None);
        }
        let py = given.args.py();
        let snapshot = match draw(given.args, given.kwargs, |value| Ok(!is_fixed(value)?)) {
            Ok(drawing) => Snapshot::of(given, drawing)?,
            // That it has no key is said when it is asked for.
            Err((fault, argument)) => Snapshot::refused((fault.kept(py)?, argument)),
        };
        Ok(Some(Box::new(snapshot)))
    }

    fn refused(refusal: Refusal) -> Snapshot {
        Snapshot {
            drawn: Mutex::default(),
            refusal: Some(refusal),
            dependencies: Vec::new(),
            kept: None,
            checked: Vec::new(),
        }
    }

    fn of(given: &Given<'_>, drawing: Drawing<'_>) -> PyResult<Snapshot> {
        let py = given.args.py();
        let Drawing { drawn, dependencies, has_named, seen } = drawing;
        let (small, mut as_they_are): (Vec<_>, Vec<_>) =
            seen.into_iter().partition(|seen| seen.volume <= KEPT || seen.has_iterator);
        let mut kept = None;
        if !small.is_empty() {
            kept = match Kept::new(given, has_named, addresses(&as_they_are)) {
                Ok(kept) => Some(kept),
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    let (copied, others) = by_copies(small)?;
                    as_they_are.extend(others);
                    if copied { Some(Kept::new(given, true, addresses(&as_they_are))?) } else { None }
                }
                Err(error) => return Err(error),
            };
        }
        let checked = as_they_are.into_iter().map(Checked::new).collect::<PyResult<Vec<_>>>()?;
        if !checked.is_empty() {
            CHECKED.store(true, Ordering::Relaxed);
        }
        Ok(Snapshot { drawn: Mutex::new(Some(drawn)), refusal: None, dependencies, kept, checked })
    }

    /// Calls `body` with the encoding, unless the key was computed already.
    pub(super) fn with_drawn<T>(&self, body: impl FnOnce(&Drawn) -> T) -> Option<T> {
        self.drawn().as_ref().map(body)
    }

    /// Why there is no encoding, if there is none.
    pub(super) fn refusal(&self, py: Python<'_>) -> Option<Refusal> {
        self.refusal.as_ref().map(|(fault, argument)| (Box::new(fault.clone_ref(py)), argument.clone()))
    }

    /// The tasks among the arguments; None if that is not known.
    pub(super) fn dependencies(&self) -> Option<&[Py<TaskCore>]> {
        self.refusal.is_none().then_some(&self.dependencies)
    }

    /// Lets go of what was needed for the key.
    pub(super) fn key_is_known(&self) {
        let drawn = self.drawn().take();
        drop(drawn);
    }

    /// A new copy of the arguments; None if all of them are handed over as they are.
    pub(super) fn copy<'py>(&self, py: Python<'py>) -> Option<PyResult<Passed<'py>>> {
        self.kept.as_ref().map(|kept| kept.copy(py))
    }

    /// How long it takes to see whether an argument was changed; None if none can be.
    pub(super) fn check_takes(&self) -> Option<Duration> {
        if self.checked.is_empty() { None } else { Some(self.checked.iter().map(|it| it.took).sum()) }
    }

    /// The first of the arguments handed over as they are that is not any more what it was.
    pub(super) fn changed(&self, py: Python<'_>) -> PyResult<Option<&Argument>> {
        for checked in &self.checked {
            if !checked.print.is_of(checked.value.bind(py))? {
                return Ok(Some(&checked.argument));
            }
        }
        Ok(None)
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.dependencies.iter().try_for_each(|task| visit.call(task))?;
        self.checked.iter().try_for_each(|checked| visit.call(&checked.value))?;
        if let Some(shared) = self.kept.as_ref().and_then(Kept::shared) {
            visit.call(shared)?;
        }
        // The collector must not wait.
        if let Ok(drawn) = self.drawn.try_lock()
            && let Some(drawn) = &*drawn
        {
            drawn.objects().try_for_each(|object| visit.call(object))?;
        }
        Ok(())
    }

    fn drawn(&self) -> MutexGuard<'_, Option<Drawn>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checked {
    fn new(seen: Seen<'_>) -> PyResult<Checked> {
        let print = match seen.print {
            Some(print) => print,
            None => Print::by_reference(&seen.value)
                .map_err(|fault| fault.into_error(seen.value.py(), "a task", &seen.argument.to_string()))?,
        };
        Ok(Checked { argument: seen.argument, value: seen.value.unbind(), print, took: seen.took })
    }
}

/// Whether a task was made that has an argument which is handed over as it is, and can change.
#[pyfunction]
fn has_checked_arguments() -> bool {
    CHECKED.load(Ordering::Relaxed)
}

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(has_checked_arguments, m)?)
}

fn is_all_fixed(given: &Given<'_>) -> PyResult<bool> {
    for value in given.args.iter_borrowed() {
        if !is_fixed(&value)? {
            return Ok(false);
        }
    }
    for (_, value) in given.kwargs.into_iter().flatten() {
        if !is_fixed(&value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn addresses(seen: &[Seen<'_>]) -> Vec<usize> {
    seen.iter().map(|seen| seen.value.as_ptr() as usize).collect()
}

/// Whether any of these can be copied, and those that cannot.
fn by_copies(seen: Vec<Seen<'_>>) -> PyResult<(bool, Vec<Seen<'_>>)> {
    let mut copied = false;
    let mut others = Vec::new();
    for seen in seen {
        let py = seen.value.py();
        let alone = PyTuple::new(py, [&seen.value])?;
        match Kept::new(&Given { args: &alone, kwargs: None }, true, Vec::new()) {
            Ok(_) => copied = true,
            Err(error) if error.is_instance_of::<PyException>(py) => others.push(seen),
            Err(error) => return Err(error),
        }
    }
    Ok((copied, others))
}
