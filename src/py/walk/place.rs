//! What becomes of the tasks in a value: replaced by their results where the walk looks in, else refused.

use pyo3::prelude::*;

use super::fault::{Fault, Located, Misplaced};
use super::{TaskCore, Walk, Walked, former};
use crate::hash::Tag;
use crate::py::containers::Container;

/// What becomes of a task at the place where a walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is replaced by its result, and so a dependency.
    Seen,
    /// It stands in a set: it stays a task, as in jug 2.7, and nothing waits for its result.
    InSet,
    /// It would be handed over as a task without a word, so it is refused.
    Unseen,
    /// It is in something that says itself what it depends on and what its value is.
    Trusted,
}

/// What is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The arguments of a task, in which each task is replaced or refused.
    Task,
    /// A value. Who asks for its key, an object with `__jug_hash__` perhaps, knows what becomes of tasks in it.
    Value,
    /// The function of a tasklet, which may be a lambda.
    Lambda,
}

impl<'py> Walk<'py> {
    /// Runs `body`, which encodes what is in something that is not looked into; `holder` says what that is.
    pub(super) fn unseen(
        &mut self,
        holder: impl FnOnce() -> String,
        body: impl FnOnce(&mut Walk<'py>) -> Walked<()>,
    ) -> Walked<()> {
        let before = self.place;
        if before != Place::Trusted {
            self.place = Place::Unseen;
        }
        let outcome = body(self);
        self.place = before;
        // The outermost one is where looking for tasks ends.
        if before == Place::Unseen { outcome } else { outcome.located(|task| task.set_holder(holder())) }
    }

    /// Encodes a set or a frozenset.
    pub(super) fn in_set(&mut self, set: &Bound<'py, PyAny>, tag: Tag) -> Walked<()> {
        let before = self.place;
        if before == Place::Seen {
            self.place = Place::InSet;
        }
        let outcome = self.level(set, |walk| walk.set_body(tag, set));
        self.place = before;
        outcome
    }

    /// Runs `body`, which encodes an object that says itself what it depends on and what its value is: the
    /// tasks in it are its own affair.
    pub(super) fn trusting(&mut self, body: impl FnOnce(&mut Walk<'py>) -> Walked<()>) -> Walked<()> {
        let before = std::mem::replace(&mut self.place, Place::Trusted);
        let outcome = body(self);
        self.place = before;
        outcome
    }

    /// Encodes a container that is looked into. Where something in it is replaced, that shows in its key.
    pub(super) fn container(&mut self, object: &Bound<'py, PyAny>, kind: Container) -> Walked<()> {
        let (start, before) = (self.encoder.len(), self.replaced);
        match (self.place, kind) {
            (Place::InSet, _) => {
                return self.unseen(|| noun_of(object), |walk| walk.container_body(object, kind));
            }
            _ => self.container_body(object, kind)?,
        }
        if self.replaced > before {
            self.deep = true;
        }
        if self.replaced > before && !self.as_before() {
            self.encoder.precede(start, Tag::Replaced);
        }
        Ok(())
    }

    fn container_body(&mut self, object: &Bound<'py, PyAny>, kind: Container) -> Walked<()> {
        match kind {
            Container::OrderedDict => self.ordered_dict(object),
            Container::DefaultDict => self.defaultdict(object),
            Container::Counter => self.counter(object),
            Container::Deque => self.deque(object),
            Container::Namespace => self.namespace(object),
            Container::Slice => self.slice(object),
            Container::NamedTuple => self.named_tuple(object),
            Container::Dataclass => self.dataclass(object),
        }
    }

    /// Remembers that a task was met, or refuses it.
    pub(super) fn note(&mut self, task: &Bound<'py, TaskCore>) -> Walked<()> {
        self.met += 1;
        self.snapshot.named = true;
        match self.place {
            Place::Seen => {
                self.replaced += 1;
                if self.known.insert(task.as_ptr() as usize) {
                    self.dependencies.push(task.clone());
                }
            }
            Place::InSet if self.purpose == Purpose::Task && self.in_a_set.is_none() => {
                self.in_a_set = Some(task.get().display_name(self.py)?.to_string());
            }
            Place::Unseen if self.purpose == Purpose::Task => {
                let name = task.get().display_name(self.py)?.to_string();
                return Err(Box::new(Fault::Misplaced(Box::new(Misplaced::new(name)))));
            }
            _ => {}
        }
        self.changed |= task.get().is_changed();
        if former::known_key(task).is_none() {
            self.missing.push(task.clone());
        }
        Ok(())
    }
}

/// What an object is, for a sentence about the tasks in it.
pub(super) fn noun_of(object: &Bound<'_, PyAny>) -> String {
    match object.get_type().fully_qualified_name() {
        Ok(name) => format!("an object of class {name}"),
        Err(_) => "an object".to_owned(),
    }
}
