//! The arguments of a task, encoded when it is made: before the tasks among them have keys.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::walk::{Aim, Walk};
use crate::hash::{Encoder, Tag};
use crate::py::snapshot::{Argument, ArgumentsTemplate, Fingerprint, Refusal};
use crate::py::task::{Kept, TaskCore};
use crate::py::unkeyable::{Fault, Walked};

/// An argument that may change, as the walk encoded it.
pub(in crate::py) struct MutableArgument<'py> {
    pub(in crate::py) argument: Argument,
    pub(in crate::py) value: Bound<'py, PyAny>,
    /// About how many bytes it has.
    pub(in crate::py) volume: usize,
    /// Whether it is or holds an iterator, which is spent once it was used.
    pub(in crate::py) has_iterator: bool,
    /// How long it took to encode it.
    pub(in crate::py) took: Duration,
    /// None if a task in it has no key yet.
    pub(in crate::py) fingerprint: Option<Fingerprint>,
}

/// The arguments of a task as the walk encoded them.
pub(in crate::py) struct EncodedArguments<'py> {
    pub(in crate::py) template: ArgumentsTemplate,
    pub(in crate::py) dependencies: Vec<Py<TaskCore>>,
    /// Whether something in them is passed as it is: what is encoded by its name, or by its own protocol.
    pub(in crate::py) has_shared: bool,
    pub(in crate::py) mutable: Vec<MutableArgument<'py>>,
}

/// Encodes arguments, and describes those of which `may_change` says so.
pub(in crate::py) fn encode_arguments<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
    may_change: impl Fn(&Bound<'py, PyAny>) -> PyResult<bool>,
) -> Result<EncodedArguments<'py>, Refusal> {
    let mut walk = Walk::new(args.py());
    walk.former = false;
    walk.snapshot.aim = Aim::LaterKey;
    let mut gaps = Vec::new();
    let mut mutable = Vec::new();
    walk.arguments(args, kwargs, |walk, argument, value| {
        let (start, volume) = (walk.encoder.len(), walk.encoder.volume());
        let began = Instant::now();
        walk.snapshot.iterator = false;
        walk.value(value)?;
        let first = gaps.len();
        gaps.extend(walk.gaps.drain(..).map(|gap| (argument.clone(), gap.unbind())));
        if may_change(value)? {
            mutable.push(MutableArgument {
                argument: argument.clone(),
                value: value.clone(),
                volume: walk.encoder.volume() - volume,
                has_iterator: walk.snapshot.iterator,
                took: began.elapsed(),
                fingerprint: (gaps.len() == first).then(|| Fingerprint {
                    bytes: walk.encoder.as_bytes()[start..].into(),
                    by_reference: false,
                }),
            });
        }
        Ok(())
    })?;
    Ok(EncodedArguments {
        template: ArgumentsTemplate {
            template: walk.encoder.take_template(),
            gaps,
            changed: walk.changed,
            deep: walk.deep,
            in_a_set: walk.in_a_set,
        },
        dependencies: walk.dependencies.into_iter().map(Bound::unbind).collect(),
        has_shared: walk.snapshot.named,
        mutable,
    })
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

    /// The same of positional arguments that a task keeps one by one.
    pub(super) fn few_arguments<'a>(
        &mut self,
        args: impl ExactSizeIterator<Item = Kept<'a>>,
    ) -> Result<(), Refusal> {
        let tuple = self.encoder.open(Tag::Tuple, args.len());
        for (index, value) in args.enumerate() {
            match value {
                Kept::Number(number) => self.encoder.int(number),
                Kept::Object(object) => {
                    self.value(object.bind(self.py)).map_err(|fault| (fault, Argument::Position(index)))?;
                }
            }
        }
        self.encoder.close(tuple);
        let items = self.encoder.open_items(Tag::Dict, 0);
        self.encoder.close_items(items);
        Ok(())
    }

    /// Appends the encoding from a template, if all tasks in it have keys.
    pub(super) fn fill_template(&mut self, template: &ArgumentsTemplate) -> Result<(), Refusal> {
        let whole = std::mem::take(&mut self.encoder);
        let mut ends = Vec::with_capacity(template.gaps.len());
        for (argument, gap) in &template.gaps {
            let filled = self.trusting(|walk| walk.value(gap.bind(walk.py)));
            filled.map_err(|fault| (fault, argument.clone()))?;
            ends.push(self.encoder.len());
        }
        let contents: Encoder = std::mem::replace(&mut self.encoder, whole);
        self.changed |= template.changed;
        self.deep |= template.deep;
        self.in_a_set.clone_from(&template.in_a_set);
        if self.missing.is_empty() {
            self.encoder.fill(&template.template, contents.as_bytes(), &ends);
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

/// The fingerprint of a value; `by_reference` if it holds tasks without keys.
pub(in crate::py) fn fingerprint(value: &Bound<'_, PyAny>, by_reference: bool) -> Walked<Fingerprint> {
    let mut walk = Walk::new(value.py());
    if by_reference {
        walk.snapshot.aim = Aim::Reference;
    }
    walk.value(value)?;
    Ok(Fingerprint { bytes: walk.encoder.as_bytes().into(), by_reference })
}

/// Whether a value is still the one that a fingerprint was taken of.
pub(in crate::py) fn is_unchanged(value: &Bound<'_, PyAny>, before: &Fingerprint) -> PyResult<bool> {
    match fingerprint(value, before.by_reference).map_err(|fault| *fault) {
        Ok(now) => Ok(now.bytes == before.bytes),
        Err(Fault::Unkeyable(_) | Fault::Misplaced(_)) => Ok(false),
        Err(Fault::Raised(error)) => Err(error),
    }
}
