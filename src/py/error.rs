//! Where exceptions are born: Python's own wherever Python has the word.

use pyo3::exceptions::{PyConnectionError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::{PyErr, create_exception};

use crate::Error;
use crate::error::{ServerError, StoreError};

create_exception!(
    jug._native,
    DamagedResult,
    PyRuntimeError,
    "A stored result is not what was stored; from now on there is no result for its task."
);

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        match error {
            Error::Io { action, ref path, ref source } => match source.raw_os_error() {
                // Three arguments give OSError its errno, strerror and filename, and choose the subclass
                // (FileNotFoundError, PermissionError); the action goes into the text.
                Some(errno) => {
                    let text = source.to_string();
                    let text = text.strip_suffix(&format!(" (os error {errno})")).unwrap_or(&text);
                    PyOSError::new_err((errno, format!("{text} while {action}"), path.as_os_str().to_owned()))
                }
                None => PyOSError::new_err(error.to_string()),
            },
            Error::Store(StoreError::DamagedResult { .. }) => DamagedResult::new_err(error.to_string()),
            Error::Server(ServerError::Unavailable { .. }) => PyConnectionError::new_err(error.to_string()),
            Error::Closed { .. }
            | Error::Store(StoreError::Unstorable { .. })
            | Error::Server(ServerError::InvalidUrl { .. }) => PyValueError::new_err(error.to_string()),
            _ => PyRuntimeError::new_err(error.to_string()),
        }
    }
}
