//! Why a value has no key, as one line for its user.

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

/// The outcome of one step of a walk. Boxed: the good case is the common one.
pub(super) type Walked<T> = Result<T, Box<Fault>>;

/// Why a walk ended early.
#[derive(Debug)]
pub(super) enum Fault {
    /// Code of the user's raised, or Python itself did.
    Raised(PyErr),
    /// A value that has no key.
    Unkeyable(Unkeyable),
    /// A task where it is not replaced by its result.
    Misplaced(Box<Misplaced>),
}

/// A value that has no key.
#[derive(Clone, Debug)]
pub(super) struct Unkeyable {
    /// What it is and why that has no key, as a noun: "a lambda, which has no stable name".
    pub(super) what: String,
    /// What to do, as an imperative.
    pub(super) advice: String,
    /// Whether it is inside the value that was asked for.
    pub(super) inside: bool,
}

/// A task where it is not replaced by its result.
#[derive(Clone, Debug)]
pub(super) struct Misplaced {
    /// What the task is called.
    name: String,
    /// What it is in that is not looked into.
    holder: String,
    /// How to get from the argument to the task, the last step first.
    path: Vec<Step>,
}

/// A step from a value to one that it holds.
#[derive(Clone, Debug)]
enum Step {
    /// To an element.
    Index(usize),
    /// To the value of a key, by the repr of that.
    Key(String),
    /// To an attribute.
    Attribute(String),
}

/// The attribute in which an exception carries what has no key, and the advice.
const REASON: &str = "_jug_reason";

impl Fault {
    /// The same fault, to be reported more than once.
    pub(super) fn clone_ref(&self, py: Python<'_>) -> Fault {
        match self {
            Fault::Raised(error) => Fault::Raised(error.clone_ref(py)),
            Fault::Unkeyable(unkeyable) => Fault::Unkeyable(unkeyable.clone()),
            Fault::Misplaced(misplaced) => Fault::Misplaced(misplaced.clone()),
        }
    }

    /// The fault, to be reported later; an error at once if it is one that must not be delayed.
    pub(super) fn kept(self: Box<Fault>, py: Python<'_>) -> PyResult<Box<Fault>> {
        match *self {
            Fault::Raised(error) if !error.is_instance_of::<PyException>(py) => Err(error),
            _ => Ok(self),
        }
    }

    /// The exception for it, where `subject` is what was walked: "argument 2", "the value".
    pub(super) fn into_error(self, py: Python<'_>, asked: &str, subject: &str) -> PyErr {
        match self {
            Fault::Raised(error) => error,
            Fault::Misplaced(misplaced) => {
                let Misplaced { name, holder, .. } = &*misplaced;
                PyTypeError::new_err(format!(
                    "cannot compute the identity of {asked}: {subject} holds the task {name}{}, which would not be \
                     replaced by its result, because {holder} is not looked into; pass the task as an argument of \
                     its own, or in a list, tuple, dict or dataclass",
                    misplaced.path()
                ))
            }
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

/// Records where a task is, on the way from there up to the argument.
pub(super) trait Located {
    /// Calls `record` if there is a task where none may be.
    fn located(self, record: impl FnOnce(&mut Misplaced)) -> Self;
}

impl Located for Walked<()> {
    fn located(mut self, record: impl FnOnce(&mut Misplaced)) -> Walked<()> {
        if let Err(fault) = &mut self
            && let Fault::Misplaced(misplaced) = &mut **fault
        {
            record(misplaced);
        }
        self
    }
}

impl Misplaced {
    pub(super) fn new(name: String) -> Misplaced {
        Misplaced { name, holder: String::new(), path: Vec::new() }
    }

    /// It is in something that is not looked into.
    pub(super) fn set_holder(&mut self, holder: String) {
        self.holder = holder;
    }

    /// It is in an element.
    pub(super) fn at_index(&mut self, index: usize) {
        self.path.push(Step::Index(index));
    }

    /// It is in the value of a key.
    pub(super) fn at_key(&mut self, key: &Bound<'_, PyAny>) {
        let step = match key.cast_exact::<PyString>() {
            Ok(text) if text.len().is_ok_and(|length| length <= 40) => text.repr(),
            Err(_) if key.is_exact_instance_of::<PyInt>() => key.repr(),
            _ => key.get_type().name(),
        };
        self.path.push(Step::Key(step.map_or_else(|_| "?".to_owned(), |step| step.to_string())));
    }

    /// It is among the arguments that make a namedtuple: its class, then its fields.
    pub(super) fn at_field(&mut self, named_tuple: &Bound<'_, PyAny>) {
        if let Some(Step::Index(index)) = self.path.last()
            && let Ok(fields) = named_tuple.get_type().getattr("_fields")
            && let Ok(name) = fields.get_item(index.saturating_sub(1))
        {
            self.path.pop();
            self.path.push(Step::Attribute(name.to_string()));
        }
    }

    /// It was found in the dict of an object's attributes, alone or as the one dict in a tuple.
    pub(super) fn at_attribute(&mut self) {
        if let [.., Step::Key(_), Step::Index(_)] = self.path[..] {
            self.path.pop();
        }
        if let Some(Step::Key(key)) = self.path.last() {
            let name = key.trim_matches('\'').to_owned();
            self.path.pop();
            self.path.push(Step::Attribute(name));
        }
    }

    fn path(&self) -> String {
        let steps = self.path.iter().rev().map(|step| match step {
            Step::Index(index) => format!("[{index}]"),
            Step::Key(key) => format!("[{key}]"),
            Step::Attribute(name) => format!(".{name}"),
        });
        let path: String = steps.collect();
        if path.is_empty() { path } else { format!(" (at {path})") }
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
