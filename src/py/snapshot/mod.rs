//! The arguments of a task as they were when it was made, whatever becomes of the objects since.
//!
//! Arguments that cannot change need none of this. Of any other the encoding is taken at once, from which the key
//! is computed later. Small ones are pickled as well, and each use of them gets a new copy. Large ones, and those that
//! cannot be copied, are passed as they are; a fingerprint shows whether they were changed.

mod encoding;
mod pickled;

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::lock::lock;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

pub(super) use self::encoding::{Argument, ArgumentsTemplate, Fingerprint, Refusal};
pub(super) use self::pickled::{ArgumentsRef, CallArguments, PickledArguments, Sharing};

/// What is known of arguments that may change.
pub(super) struct Snapshot {
    /// Their encoding, until the task has its key.
    template: Mutex<Option<ArgumentsTemplate>>,
    /// Why they have no encoding.
    refusal: Option<Refusal>,
    pickled: Option<PickledArguments>,
    /// Those that are passed as they are.
    checked: Vec<CheckedArgument>,
}

/// An argument that is passed as it is.
pub(super) struct CheckedArgument {
    pub(super) argument: Argument,
    pub(super) value: Py<PyAny>,
    pub(super) fingerprint: Fingerprint,
    /// How long it took to encode it.
    pub(super) took: Duration,
}

impl Snapshot {
    /// A snapshot of arguments that have an encoding.
    pub(super) fn new(
        template: ArgumentsTemplate,
        pickled: Option<PickledArguments>,
        checked: Vec<CheckedArgument>,
    ) -> Snapshot {
        Snapshot { template: Mutex::new(Some(template)), refusal: None, pickled, checked }
    }

    /// A snapshot of arguments that have none.
    pub(super) fn refused(refusal: Refusal) -> Snapshot {
        Snapshot { template: Mutex::default(), refusal: Some(refusal), pickled: None, checked: Vec::new() }
    }

    /// Calls `body` with the encoding, unless the key was computed already.
    pub(super) fn with_template<T>(&self, body: impl FnOnce(&ArgumentsTemplate) -> T) -> Option<T> {
        self.template().as_ref().map(body)
    }

    /// Whether there is no encoding.
    pub(super) fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// Why there is no encoding, if there is none.
    pub(super) fn refusal(&self, py: Python<'_>) -> Option<Refusal> {
        self.refusal.as_ref().map(|(fault, argument)| (Box::new(fault.clone_ref(py)), argument.clone()))
    }

    /// Drops what was needed for the key.
    pub(super) fn key_is_known(&self) {
        let template = self.template().take();
        drop(template);
    }

    /// A new copy of the arguments; None if all of them are passed as they are.
    pub(super) fn copy<'py>(&self, py: Python<'py>) -> Option<PyResult<CallArguments<'py>>> {
        self.pickled.as_ref().map(|pickled| pickled.copy(py))
    }

    /// The arguments that are passed as they are.
    pub(super) fn checked(&self) -> &[CheckedArgument] {
        &self.checked
    }

    /// How long it takes to check whether an argument was changed; None if none can be.
    pub(super) fn check_time(&self) -> Option<Duration> {
        if self.checked.is_empty() { None } else { Some(self.checked.iter().map(|it| it.took).sum()) }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.checked.iter().try_for_each(|checked| visit.call(&checked.value))?;
        if let Some(shared) = self.pickled.as_ref().and_then(PickledArguments::shared) {
            visit.call(shared)?;
        }
        // The collector must not wait.
        if let Ok(template) = self.template.try_lock()
            && let Some(template) = &*template
        {
            template.objects().try_for_each(|object| visit.call(object))?;
        }
        Ok(())
    }

    fn template(&self) -> MutexGuard<'_, Option<ArgumentsTemplate>> {
        lock(&self.template)
    }
}
