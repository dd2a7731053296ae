//! Why a value has no key, as one line for its user.

use pyo3::PyErr;
use pyo3::exceptions::PyTypeError;

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
#[derive(Debug)]
pub(in crate::py) struct Unkeyable {
    /// What it is and why that has no key, as a noun: "a lambda, which has no stable name".
    pub(in crate::py) what: String,
    /// What to do, as an imperative.
    pub(in crate::py) advice: String,
    /// Whether it is inside the value that was asked for.
    pub(in crate::py) inside: bool,
}

impl Fault {
    /// The exception that says so, where `subject` is what was walked: "argument 2", "the value".
    pub(in crate::py) fn into_error(self, asked: &str, subject: &str) -> PyErr {
        match self {
            Fault::Raised(error) => error,
            Fault::Unkeyable(Unkeyable { what, advice, inside }) => {
                let verb = if inside { "holds" } else { "is" };
                PyTypeError::new_err(format!(
                    "cannot compute the identity of {asked}: {subject} {verb} {what}; {advice}"
                ))
            }
        }
    }
}

impl From<PyErr> for Box<Fault> {
    fn from(error: PyErr) -> Box<Fault> {
        Box::new(Fault::Raised(error))
    }
}
