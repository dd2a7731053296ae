//! A Python thread that waits for a server.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::lock::lock;
use crate::redis::Caller;
use crate::{Error, Result};

/// A Python thread that waits: Ctrl-C ends the waiting, and what takes long is logged.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Option<PyErr>>);

impl Caller for Waiting {
    fn warn(&self, message: &str) {
        Python::attach(|py| {
            let logger = py.import("logging").and_then(|it| it.call_method1("getLogger", ("jug",)));
            // A warning that cannot be logged must not end the wait.
            let _logged = logger.and_then(|it| it.call_method1("warning", ("jug: warning: %s", message)));
        });
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method has too narrow a lifetime")]
    fn keeps_waiting(&self) -> bool {
        let Err(error) = Python::attach(|py| py.check_signals()) else { return true };
        *lock(&self.0) = Some(error);
        false
    }
}

/// Calls `f` without the interpreter.
pub(super) fn waiting<T: Send>(py: Python<'_>, f: impl FnOnce(&Waiting) -> Result<T> + Send) -> PyResult<T> {
    let caller = Waiting::default();
    match py.detach(|| f(&caller)) {
        Err(Error::Interrupted) => {
            let raised = caller.0.into_inner().unwrap_or_else(PoisonError::into_inner);
            Err(raised.unwrap_or_else(|| PyKeyboardInterrupt::new_err(())))
        }
        other => Ok(other?),
    }
}
