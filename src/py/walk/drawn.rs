//! The arguments of a task, encoded when it is made: before the tasks among them have keys.

use std::fmt;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{Aim, Fault, TaskCore, Walk, Walked};
use crate::hash::{Draft, Encoder, Tag};

/// Which of its arguments a task has something to say about.
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
pub(in crate::py) struct Drawn {
    draft: Draft,
    gaps: Vec<(Argument, Py<PyAny>)>,
    /// Whether it is another one than in an earlier version.
    changed: bool,
    /// Whether something is replaced in a container that is no plain list, tuple or dict.
    deep: bool,
    /// The name of a task in a set.
    in_a_set: Option<String>,
}

/// The encoding of one value by which it can be seen later whether it was changed.
pub(in crate::py) struct Print {
    bytes: Box<[u8]>,
    /// Whether tasks stand in it for what they are in this process, as they had no keys.
    by_reference: bool,
}

/// An argument that may change, as the walk saw it.
pub(in crate::py) struct Seen<'py> {
    pub(in crate::py) argument: Argument,
    pub(in crate::py) value: Bound<'py, PyAny>,
    /// About how many bytes it has.
    pub(in crate::py) volume: usize,
    /// Whether it is or holds an iterator, which is spent once it was used.
    pub(in crate::py) has_iterator: bool,
    /// How long it took to encode it.
    pub(in crate::py) took: Duration,
    /// None if a task in it has no key yet.
    pub(in crate::py) print: Option<Print>,
}

/// The arguments of a task as the walk saw them.
pub(in crate::py) struct Drawing<'py> {
    pub(in crate::py) drawn: Drawn,
    pub(in crate::py) dependencies: Vec<Py<TaskCore>>,
    /// Whether something in them is told by its name, or knows its own identity.
    pub(in crate::py) has_named: bool,
    pub(in crate::py) seen: Vec<Seen<'py>>,
}

/// Encodes arguments; of those that `may_change` says how each was seen.
pub(in crate::py) fn draw<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
    may_change: impl Fn(&Bound<'py, PyAny>) -> PyResult<bool>,
) -> Result<Drawing<'py>, Refusal> {
    let mut walk = Walk::new(args.py());
    walk.former = false;
    walk.snapshot.aim = Aim::LaterKey;
    let mut gaps = Vec::new();
    let mut seen = Vec::new();
    walk.arguments(args, kwargs, |walk, argument, value| {
        let (start, volume) = (walk.encoder.len(), walk.encoder.volume());
        let began = Instant::now();
        walk.snapshot.iterator = false;
        walk.value(value)?;
        let first = gaps.len();
        gaps.extend(walk.gaps.drain(..).map(|gap| (argument.clone(), gap.unbind())));
        if may_change(value)? {
            seen.push(Seen {
                argument: argument.clone(),
                value: value.clone(),
                volume: walk.encoder.volume() - volume,
                has_iterator: walk.snapshot.iterator,
                took: began.elapsed(),
                print: (gaps.len() == first)
                    .then(|| Print { bytes: walk.encoder.as_bytes()[start..].into(), by_reference: false }),
            });
        }
        Ok(())
    })?;
    Ok(Drawing {
        drawn: Drawn {
            draft: walk.encoder.take_draft(),
            gaps,
            changed: walk.changed,
            deep: walk.deep,
            in_a_set: walk.in_a_set,
        },
        dependencies: walk.dependencies.into_iter().map(Bound::unbind).collect(),
        has_named: walk.snapshot.named,
        seen,
    })
}

impl Drawn {
    /// Shows all objects that it holds.
    pub(in crate::py) fn objects(&self) -> impl Iterator<Item = &Py<PyAny>> {
        self.gaps.iter().map(|(_, gap)| gap)
    }
}

impl Print {
    /// The print of a value that holds tasks without keys.
    pub(in crate::py) fn by_reference(value: &Bound<'_, PyAny>) -> Walked<Print> {
        Print::taken(value, true)
    }

    /// Whether a value is still the one that this was taken of.
    pub(in crate::py) fn is_of(&self, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        match Print::taken(value, self.by_reference).map_err(|fault| *fault) {
            Ok(print) => Ok(print.bytes == self.bytes),
            Err(Fault::Unkeyable(_) | Fault::Misplaced(_)) => Ok(false),
            Err(Fault::Raised(error)) => Err(error),
        }
    }

    fn taken(value: &Bound<'_, PyAny>, by_reference: bool) -> Walked<Print> {
        let mut walk = Walk::new(value.py());
        if by_reference {
            walk.snapshot.aim = Aim::Reference;
        }
        walk.value(value)?;
        Ok(Print { bytes: walk.encoder.as_bytes().into(), by_reference })
    }
}

impl<'py> Walk<'py> {
    /// Appends the encoding of arguments, each of which is encoded by `encode`.
    pub(super) fn arguments(
        &mut self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
        mut encode: impl FnMut(&mut Walk<'py>, &Argument, &Bound<'py, PyAny>) -> Walked<()>,
    ) -> Result<(), Refusal> {
        let tuple = self.encoder.open(Tag::Tuple, args.len());
        for (index, value) in args.iter_borrowed().enumerate() {
            let argument = Argument::Position(index);
            encode(self, &argument, &value).map_err(|fault| (fault, argument))?;
        }
        self.encoder.close(tuple);
        let Some(kwargs) = kwargs else {
            let items = self.encoder.open_items(Tag::Dict, 0);
            self.encoder.close_items(items);
            return Ok(());
        };
        let mut items = self.encoder.open_items(Tag::Dict, kwargs.len());
        for (name, value) in kwargs {
            self.encoder.item(&mut items);
            let argument = Argument::Keyword(name.to_string());
            let encoded = self.value(&name).and_then(|()| encode(self, &argument, &value));
            encoded.map_err(|fault| (fault, argument))?;
        }
        self.encoder.close_items(items);
        Ok(())
    }

    /// Appends the encoding of arguments that were drawn, as far as the tasks in them have keys.
    pub(super) fn redraw(&mut self, drawn: &Drawn) -> Result<(), Refusal> {
        let whole = std::mem::take(&mut self.encoder);
        let mut ends = Vec::with_capacity(drawn.gaps.len());
        for (argument, gap) in &drawn.gaps {
            let filled = self.trusting(|walk| walk.value(gap.bind(walk.py)));
            filled.map_err(|fault| (fault, argument.clone()))?;
            ends.push(self.encoder.len());
        }
        let contents: Encoder = std::mem::replace(&mut self.encoder, whole);
        self.changed |= drawn.changed;
        self.deep |= drawn.deep;
        self.in_a_set.clone_from(&drawn.in_a_set);
        if self.missing.is_empty() {
            self.encoder.fill(&drawn.draft, contents.as_bytes(), &ends);
        }
        Ok(())
    }

    /// Appends what an object is in this process.
    pub(super) fn reference(&mut self, object: &Bound<'py, PyAny>) {
        self.encoder.tagged(Tag::TaskKey, &(object.as_ptr() as usize).to_le_bytes());
    }

    /// Leaves a gap for a value that waits for the key of a task.
    pub(super) fn gap(&mut self, value: &Bound<'py, PyAny>) {
        self.encoder.gap();
        self.gaps.push(value.clone());
    }
}
