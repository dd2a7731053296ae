//! Where exceptions are born: Python's own wherever Python has the word, and one of jug's for what users can act upon.

use std::io;

use pyo3::exceptions::{PyConnectionError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyErr, create_exception};

use crate::Error;
use crate::error::{ClaimError, ServerError, StoreError};

create_exception!(
    jug.errors,
    DamagedResult,
    PyRuntimeError,
    "A stored result is not what was stored; from now on there is no result for its task."
);
create_exception!(
    jug.errors,
    NotAJugdir,
    PyRuntimeError,
    "A path is no jugdir and cannot become one: it is a file, holds other files, or lacks its FORMAT. Choose another."
);
create_exception!(
    jug.errors,
    NewerFormat,
    PyRuntimeError,
    "A jugdir has files that a later version of jug-rs wrote and this one cannot read. Upgrade jug-rs."
);
create_exception!(
    jug.errors,
    DamagedStore,
    PyRuntimeError,
    "A file of a jugdir is damaged or cannot be read. ``jug fsck`` says what is lost, and repairs what can be repaired."
);
create_exception!(
    jug.errors,
    WrongClaimMode,
    PyRuntimeError,
    "Claims in a jugdir are made in another mode than was asked for, or than its filesystem needs."
);
create_exception!(
    jug.errors,
    JugdirInUse,
    PyRuntimeError,
    "Something was asked for that is possible only while nobody works in the jugdir. Try again when its workers have ended."
);

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = m.py();
    m.add("DamagedResult", py.get_type::<DamagedResult>())?;
    m.add("DamagedStore", py.get_type::<DamagedStore>())?;
    m.add("JugdirInUse", py.get_type::<JugdirInUse>())?;
    m.add("NewerFormat", py.get_type::<NewerFormat>())?;
    m.add("NotAJugdir", py.get_type::<NotAJugdir>())?;
    m.add("WrongClaimMode", py.get_type::<WrongClaimMode>())
}

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        match error {
            Error::Io { action, ref path, ref source } => match source.raw_os_error() {
                // Three arguments give OSError its errno, strerror and filename, and choose the subclass
                // (FileNotFoundError, PermissionError); the action goes into the text.
                Some(errno) => {
                    let text = words(source, errno);
                    PyOSError::new_err((errno, format!("{text} while {action}"), path.as_os_str().to_owned()))
                }
                None => PyOSError::new_err(error.to_string()),
            },
            Error::Store(error) => of_store(&error),
            Error::Claim(error) => of_claim(&error),
            Error::Server(error) => of_server(&error),
            Error::Closed { .. } => PyValueError::new_err(error.to_string()),
            Error::Forked { .. } | Error::Interrupted => PyRuntimeError::new_err(error.to_string()),
        }
    }
}

/// An error of the system that no file is to blame for, in Python; its number chooses the subclass (`ChildProcessError`).
pub(super) fn of_system(error: &io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(errno) => PyOSError::new_err((errno, words(error, errno))),
        None => PyOSError::new_err(error.to_string()),
    }
}

/// What the system says of an error, without its number.
fn words(error: &io::Error, errno: i32) -> String {
    let text = error.to_string();
    text.strip_suffix(&format!(" (os error {errno})")).unwrap_or(&text).to_owned()
}

fn of_store(error: &StoreError) -> PyErr {
    let text = error.to_string();
    match error {
        StoreError::NotADirectory { .. }
        | StoreError::ForeignDirectory { .. }
        | StoreError::NoFormat { .. } => NotAJugdir::new_err(text),
        StoreError::NewerFormat { .. }
        | StoreError::UnsupportedFormat { .. }
        | StoreError::NewerRecord { .. } => NewerFormat::new_err(text),
        StoreError::Damaged { .. } | StoreError::Unreadable { .. } => DamagedStore::new_err(text),
        StoreError::DamagedResult { .. } => DamagedResult::new_err(text),
        StoreError::Unstorable { .. } => PyValueError::new_err(text),
    }
}

fn of_claim(error: &ClaimError) -> PyErr {
    let text = error.to_string();
    match error {
        ClaimError::OtherClaimMode { .. }
        | ClaimError::ModeChanged { .. }
        | ClaimError::PosixModeOnNetwork { .. } => WrongClaimMode::new_err(text),
        ClaimError::OtherTimeToLive { .. } => PyValueError::new_err(text),
        ClaimError::JugdirInUse { .. } => JugdirInUse::new_err(text),
    }
}

fn of_server(error: &ServerError) -> PyErr {
    match error {
        ServerError::InvalidUrl { .. } => PyValueError::new_err(error.to_string()),
        ServerError::Unavailable { .. } => PyConnectionError::new_err(error.to_string()),
    }
}
