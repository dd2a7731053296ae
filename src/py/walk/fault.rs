//! Why a value has no key, as one line for its user.

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;

/// The outcome of one step of a walk. Boxed: the good case is the common one.
pub(in crate::py) type Walked<T> = Result<T, Box<Fault>>;

/// Why a walk ended early.
#[derive(Debug)]
pub(in crate::py) enum Fault {
    /// Code of the user's raised, or Python itself did.
    Raised(PyErr),
    /// A value that has no key.
    Unkeyable(Unkeyable),
}

/// A value that has no key.
#[derive(Clone, Debug)]
pub(in crate::py) struct Unkeyable {
    /// What it is and why that has no key, as a noun: "a lambda, which has no stable name".
    pub(in crate::py) what: String,
    /// What to do, as an imperative.
    pub(in crate::py) advice: String,
    /// Whether it is inside the value that was asked for.
    pub(in crate::py) inside: bool,
}

/// The attribute in which an exception carries what it said has no key, and the advice.
const REASON: &str = "_jug_reason";

impl Fault {
    /// The same fault, to be said more than once.
    pub(in crate::py) fn clone_ref(&self, py: Python<'_>) -> Fault {
        match self {
            Fault::Raised(error) => Fault::Raised(error.clone_ref(py)),
            Fault::Unkeyable(unkeyable) => Fault::Unkeyable(unkeyable.clone()),
        }
    }

    /// The fault, to be said later; an error at once if it is one that nothing may keep from its way.
    pub(in crate::py) fn kept(self: Box<Fault>, py: Python<'_>) -> PyResult<Box<Fault>> {
        match *self {
            Fault::Raised(error) if !error.is_instance_of::<PyException>(py) => Err(error),
            _ => Ok(self),
        }
    }

    /// The exception that says so, where `subject` is what was walked: "argument 2", "the value".
    pub(in crate::py) fn into_error(self, py: Python<'_>, asked: &str, subject: &str) -> PyErr {
        match self {
            Fault::Raised(error) => error,
            Fault::Unkeyable(Unkeyable { what, advice, inside }) => {
                let verb = if inside { "holds" } else { "is" };
                let message =
                    format!("cannot compute the identity of {asked}: {subject} {verb} {what}; {advice}");
                let error = PyTypeError::new_err(message);
                match error.value(py).setattr(REASON, (what, advice)) {
                    Ok(()) => error,
                    Err(other) => other,
                }
            }
        }
    }
}

/// What a `__jug_hash__` method found to have no key when it asked for one, if that is why it raised.
pub(super) fn reason_of(error: &PyErr, py: Python<'_>) -> Option<Fault> {
    let (what, advice) = error.value(py).getattr_opt(REASON).ok()??.extract().ok()?;
    Some(Fault::Unkeyable(Unkeyable { what, advice, inside: true }))
}

impl From<PyErr> for Box<Fault> {
    fn from(error: PyErr) -> Box<Fault> {
        Box::new(Fault::Raised(error))
    }
}
