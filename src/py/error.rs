//! Where exceptions are born: Python's own wherever Python has the word.

use pyo3::PyErr;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};

use crate::Error;

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        match error {
            Error::Io { action, ref path, ref source } => match source.raw_os_error() {
                // Three arguments give OSError its errno, strerror and filename, and choose the subclass
                // (FileNotFoundError, PermissionError); the action goes into the text.
                Some(errno) => PyOSError::new_err((errno, format!("{action}: {source}"), path.clone())),
                None => PyOSError::new_err(error.to_string()),
            },
            Error::Closed { .. } => PyValueError::new_err(error.to_string()),
            _ => PyRuntimeError::new_err(error.to_string()),
        }
    }
}
