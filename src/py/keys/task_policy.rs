//! What becomes of the tasks in a value: replaced by their results in containers that are looked into, else refused.

use pyo3::prelude::*;

use super::former_keys;
use super::walk::{Aim, Purpose, TaskPolicy, Walk};
use crate::hash::Tag;
use crate::py::containers::Container;
use crate::py::task::TaskCore;
use crate::py::unkeyable::{Fault, Located, Misplaced, Walked};

impl<'py> Walk<'py> {
    /// Encodes a task among the arguments.
    pub(super) fn task(&mut self, task: &Bound<'py, TaskCore>) -> Walked<()> {
        if self.snapshot.aim == Aim::Reference {
            self.reference(task);
            return Ok(());
        }
        self.record_dependency(task)?;
        match former_keys::known_key(task) {
            Some(key) => self.encoder.task_key(&key),
            None => self.gap(task),
        }
        Ok(())
    }

    /// Runs `body`, which encodes what is in something that is not looked into; `holder` names that.
    pub(super) fn refusing_tasks(
        &mut self,
        holder: impl FnOnce() -> String,
        body: impl FnOnce(&mut Walk<'py>) -> Walked<()>,
    ) -> Walked<()> {
        let before = self.policy;
        if before != TaskPolicy::Trust {
            self.policy = TaskPolicy::Refuse;
        }
        let outcome = body(self);
        self.policy = before;
        // The outermost one is where looking for tasks ends.
        if before == TaskPolicy::Refuse { outcome } else { outcome.located(|task| task.set_holder(holder())) }
    }

    /// Encodes a set or a frozenset.
    pub(super) fn in_set(&mut self, set: &Bound<'py, PyAny>, tag: Tag) -> Walked<()> {
        let before = self.policy;
        if before == TaskPolicy::Replace {
            self.policy = TaskPolicy::Keep;
        }
        let outcome = self.level(set, |walk| walk.set_body(tag, set));
        self.policy = before;
        outcome
    }

    /// Runs `body`, which encodes an object that defines itself what it depends on and what its value is: the
    /// tasks in it are left to it.
    pub(super) fn trusting(&mut self, body: impl FnOnce(&mut Walk<'py>) -> Walked<()>) -> Walked<()> {
        let before = std::mem::replace(&mut self.policy, TaskPolicy::Trust);
        let outcome = body(self);
        self.policy = before;
        outcome
    }

    /// Encodes a container that is looked into. Where something in it is replaced, that shows in its key.
    pub(super) fn container(&mut self, object: &Bound<'py, PyAny>, kind: Container) -> Walked<()> {
        let (start, before) = (self.encoder.len(), self.replaced);
        match (self.policy, kind) {
            (TaskPolicy::Keep, _) => {
                return self.refusing_tasks(|| noun_of(object), |walk| walk.container_body(object, kind));
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
    pub(super) fn record_dependency(&mut self, task: &Bound<'py, TaskCore>) -> Walked<()> {
        self.met += 1;
        self.snapshot.named = true;
        match self.policy {
            TaskPolicy::Replace => {
                self.replaced += 1;
                if self.known.insert(task.as_ptr() as usize) {
                    self.dependencies.push(task.clone());
                }
            }
            TaskPolicy::Keep if self.purpose == Purpose::Task && self.in_a_set.is_none() => {
                self.in_a_set = Some(task.get().display_name(self.py)?.to_string());
            }
            TaskPolicy::Refuse if self.purpose == Purpose::Task => {
                let name = task.get().display_name(self.py)?.to_string();
                return Err(Box::new(Fault::Misplaced(Box::new(Misplaced::new(name)))));
            }
            _ => {}
        }
        self.changed |= task.get().is_changed();
        if former_keys::known_key(task).is_none() {
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
