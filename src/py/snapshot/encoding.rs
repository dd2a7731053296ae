//! Encodings of arguments, as the walk gives them when a task is made.

use std::fmt;

use pyo3::prelude::*;

use crate::hash::Template;
use crate::py::unkeyable::Fault;

/// One of the arguments of a task, for messages.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::py) enum Argument {
    /// Counted from 0.
    Position(usize),
    Keyword(String),
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Position(index) => write!(f, "argument {}", index + 1),
            Argument::Keyword(name) => write!(f, "argument {name}="),
        }
    }
}

/// Why arguments have no encoding, and which of them has none.
pub(in crate::py) type Refusal = (Box<Fault>, Argument);

/// What follows the name in the encoding of a task, with a gap for each value that waits for the key of a task.
pub(in crate::py) struct ArgumentsTemplate {
    pub(in crate::py) template: Template,
    pub(in crate::py) gaps: Vec<(Argument, Py<PyAny>)>,
    /// Whether it differs from the encoding of an earlier version.
    pub(in crate::py) changed: bool,
    /// Whether something is replaced in a container that is no plain list, tuple or dict.
    pub(in crate::py) deep: bool,
    /// The name of a task in a set.
    pub(in crate::py) in_a_set: Option<String>,
}

/// The encoding of one value, by which a later change of it is detected.
pub(in crate::py) struct Fingerprint {
    pub(in crate::py) bytes: Box<[u8]>,
    /// Whether tasks are encoded by their identity in this process, as they had no keys.
    pub(in crate::py) by_reference: bool,
}

impl ArgumentsTemplate {
    /// The objects that it holds.
    pub(in crate::py) fn objects(&self) -> impl Iterator<Item = &Py<PyAny>> {
        self.gaps.iter().map(|(_, gap)| gap)
    }
}
