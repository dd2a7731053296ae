//! The state of a walk, and the levels of nested values.

use std::collections::{HashMap, HashSet};

use pyo3::prelude::*;
use pyo3::types::PyType;

use super::former_keys;
use super::moved::today_of_task;
use super::recursion_limit::can_nest;
use crate::Key;
use crate::hash::{BULK, Encoder, Tag, digest};
use crate::py::containers::Container;
use crate::py::task::TaskCore;
use crate::py::unkeyable::{Fault, Unkeyable, Walked};

/// How many times objects on reference cycles are walked again before giving up. What lies on a cycle is
/// encoded again for every path that leads to it, so a dense graph of objects would never end.
const ENTANGLED: usize = 50_000;

/// How many folded values and large arrays are remembered from one task of a chain to the next.
const REMEMBERED: usize = 1_000;

/// The state of a walk: the encoding so far, and where in the object graph it is.
pub(super) struct Walk<'py> {
    pub(super) py: Python<'py>,
    pub(super) encoder: Encoder,
    /// Addresses of the containers and objects being walked, outermost first.
    pub(super) stack: Vec<usize>,
    /// The outermost level that something met since the current level began refers back to.
    pub(super) low: usize,
    /// Addresses of the objects on cycles that were walked, and how often one of them was met again.
    pub(super) cyclic: HashSet<usize>,
    pub(super) entangled: usize,
    /// Values whose folded encoding is known.
    pub(super) folded: HashMap<usize, Folded<'py>>,
    /// The length and digest of large arrays, which are not hashed again when a walk must be repeated.
    pub(super) bulk: HashMap<usize, (Bound<'py, PyAny>, usize, [u8; 32])>,
    pub(super) kinds: HashMap<usize, Kind<'py>>,
    /// What becomes of a task here.
    pub(super) policy: TaskPolicy,
    pub(super) purpose: Purpose,
    /// How many times something was met that is replaced by a result.
    pub(super) replaced: usize,
    /// Whether that was in a container that is no plain list, tuple or dict.
    pub(super) deep: bool,
    /// The name of a task that was met in a set.
    pub(super) in_a_set: Option<String>,
    pub(super) dependencies: Vec<Bound<'py, TaskCore>>,
    pub(super) known: HashSet<usize>,
    /// The containers in which tasks were looked for without encoding them, by address.
    pub(super) looked_into: HashMap<usize, Bound<'py, PyAny>>,
    /// Tasks met whose key is not known yet; while there are any, the encoding is incomplete.
    pub(super) missing: Vec<Bound<'py, TaskCore>>,
    /// How many tasks were met.
    pub(super) met: usize,
    /// Whether values of kinds that changed are encoded as before.
    pub(super) former: bool,
    /// Whether a value of such a kind was met.
    pub(super) changed: bool,
    /// What the gaps in the encoding are for: values that wait for keys of tasks.
    pub(super) gaps: Vec<Bound<'py, PyAny>>,
    pub(super) snapshot: ForSnapshot,
    /// The function of the task before, and how its name is encoded.
    named: Option<NamedFunction<'py>>,
}

/// A function, how its name is encoded, and whether that changed.
struct NamedFunction<'py> {
    function: Bound<'py, PyAny>,
    encoded: Box<[u8]>,
    changed: bool,
}

/// A value whose encoding was long, kept alive so that its address stays its own.
pub(super) struct Folded<'py> {
    _value: Bound<'py, PyAny>,
    digest: [u8; 32],
    changed: bool,
}

/// What matters where a copy of a value is kept, or a later change is to be detected.
#[derive(Default)]
pub(super) struct ForSnapshot {
    /// Whether something was met that is encoded by its name, or by its own protocol.
    pub(super) named: bool,
    /// Whether an iterator was met.
    pub(super) iterator: bool,
    pub(super) aim: Aim,
}

/// What a value is encoded for.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Aim {
    #[default]
    Key,
    /// A key that is computed later.
    LaterKey,
    /// A fingerprint, to detect a later change: tasks, and objects with their own protocol, count by their identity in
    /// this process.
    Reference,
}

/// One level of a walk: what must be restored or compared when it ends.
pub(super) struct Level {
    start: usize,
    low: usize,
    met: usize,
    changed: bool,
}

/// What becomes of a task at the current place of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskPolicy {
    /// It is replaced by its result, and so a dependency.
    Replace,
    /// It stands in a set: it stays a task, as in jug 2.7, and nothing waits for its result.
    Keep,
    /// It would be passed as a task without notice, so it is refused.
    Refuse,
    /// It is in something that defines itself what it depends on and what its value is.
    Trust,
}

/// What is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The arguments of a task, in which each task is replaced or refused.
    Task,
    /// A value. The caller, an object with `__jug_hash__` perhaps, knows what becomes of tasks in it.
    Value,
    /// The function of a tasklet, which may be a lambda.
    Lambda,
}

/// A function that encodes values of some type.
pub(super) type Encode = for<'py> fn(&mut Walk<'py>, &Bound<'py, PyAny>) -> Walked<()>;

/// A type, and how its values are encoded.
pub(super) struct Kind<'py> {
    /// Keeps the type alive, so that its address stays its own.
    pub(super) _class: Bound<'py, PyType>,
    pub(super) traits: Traits,
}

/// What to know about a type.
#[expect(clippy::struct_excessive_bools, reason = "methods that a class has or not, each by itself")]
#[derive(Clone, Copy)]
pub(super) struct Traits {
    /// It has `__jug_hash__`.
    pub(super) custom: bool,
    /// Its instances may have a `__jug_hash__` of their own.
    pub(super) attributes: bool,
    /// It has `__jug_dependencies__`.
    pub(super) dependencies: bool,
    /// It has `__jug_value__`.
    pub(super) value: bool,
    pub(super) how: How,
}

/// How values of one type are encoded.
#[derive(Clone, Copy)]
pub(super) enum How {
    Fields(&'static Fields),
    Container(Container),
    Set(Tag),
    With(Encode),
}

/// A type whose values are their attributes.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) module: &'static str,
    pub(super) qualname: &'static str,
    /// Its name in the key format, which never changes.
    pub(super) name: &'static str,
    pub(super) attributes: &'static [&'static str],
}

impl Traits {
    /// What kind of container it is, if tasks are looked for in it.
    pub(super) fn container(&self) -> Option<Container> {
        match self.how {
            How::Container(kind) if !self.custom => Some(kind),
            _ => None,
        }
    }
}

impl<'py> Walk<'py> {
    pub(super) fn new(py: Python<'py>) -> Walk<'py> {
        Walk {
            py,
            encoder: Encoder::new(),
            stack: Vec::new(),
            low: usize::MAX,
            cyclic: HashSet::new(),
            entangled: 0,
            folded: HashMap::new(),
            bulk: HashMap::new(),
            kinds: HashMap::new(),
            policy: TaskPolicy::Replace,
            purpose: Purpose::Task,
            replaced: 0,
            deep: false,
            in_a_set: None,
            dependencies: Vec::new(),
            known: HashSet::new(),
            looked_into: HashMap::new(),
            missing: Vec::new(),
            met: 0,
            former: former_keys::is_active(),
            changed: false,
            gaps: Vec::new(),
            snapshot: ForSnapshot::default(),
            named: None,
        }
    }

    /// Resets the walk for another value; what is known of types and folded values stays, within bounds.
    pub(super) fn clear(&mut self) {
        if self.folded.len() + self.bulk.len() > REMEMBERED {
            self.folded.clear();
            self.bulk.clear();
        }
        self.encoder.truncate(0);
        self.stack.clear();
        self.low = usize::MAX;
        self.cyclic.clear();
        self.entangled = 0;
        self.policy = TaskPolicy::Replace;
        self.deep = false;
        self.dependencies.clear();
        self.known.clear();
        self.looked_into.clear();
        self.missing.clear();
        self.changed = false;
        self.gaps.clear();
    }

    /// Appends the name that is part of a task's identity. A jugfile makes its tasks in runs of one function.
    pub(super) fn name_of(&mut self, task: &TaskCore) -> PyResult<()> {
        if let Some(function) = task.unnamed()
            && let Some(before) = &self.named
            && before.function.as_ptr() as usize == function
        {
            self.encoder.append(&before.encoded);
            self.changed |= before.changed;
            return Ok(());
        }
        let start = self.encoder.len();
        let name = task.own_name(self.py)?;
        let moved = match &name {
            Some((module, name)) => today_of_task(self.py, module.to_str()?, name.to_str()?)?,
            None => None,
        };
        match moved {
            Some((module, name)) if !self.as_before() => {
                self.encoder.str_of(&[module.as_bytes(), b".", name.as_bytes()]);
            }
            _ => task.encode_name(self.py, &mut self.encoder)?,
        }
        if task.unnamed().is_some() {
            let encoded = self.encoder.as_bytes()[start..].into();
            self.named =
                Some(NamedFunction { function: task.function(self.py), encoded, changed: moved.is_some() });
        }
        Ok(())
    }

    /// A tag and contents. Where there is much to hash, other Python threads run meanwhile.
    pub(super) fn content(&mut self, tag: Tag, bytes: &[u8]) {
        if bytes.len() < BULK {
            return self.encoder.tagged(tag, bytes);
        }
        let digest = self.py.detach(|| digest(bytes));
        self.encoder.singleton(tag);
        self.encoder.content_digest(bytes.len(), &digest);
    }

    /// Begins a level for a container or an object. None if it was already dealt with: it is being walked
    /// further up, or its folded encoding is known.
    pub(super) fn enter(&mut self, object: &Bound<'py, PyAny>) -> Walked<Option<Level>> {
        let address = object.as_ptr() as usize;
        if let Some(index) = self.stack.iter().rposition(|&above| above == address) {
            self.low = self.low.min(index);
            self.encoder.back_reference(self.stack.len() - index);
            return Ok(None);
        }
        if !self.folded.is_empty()
            && let Some(known) = self.folded.get(&address)
        {
            self.encoder.folded(&known.digest);
            self.changed |= known.changed;
            return Ok(None);
        }
        if !can_nest(self.stack.len()) {
            let what = format!("a value nested more than {} levels deep", self.stack.len());
            return self.refuse(what, "flatten it, or give its class a __jug_hash__ method");
        }
        let level = Level { start: self.encoder.len(), low: self.low, met: self.met, changed: self.changed };
        self.low = usize::MAX;
        self.changed = false;
        self.stack.push(address);
        Ok(Some(level))
    }

    /// Ends a level, after its value was encoded.
    fn leave(&mut self, object: &Bound<'py, PyAny>, level: &Level) -> Walked<()> {
        self.stack.pop();
        let closed = self.low >= self.stack.len();
        if closed {
            self.low = level.low;
            let own = self.met == level.met && self.missing.is_empty();
            if own && let Some(digest) = self.encoder.fold_of(level.start) {
                let known = Folded { _value: object.clone(), digest, changed: self.changed };
                self.folded.insert(object.as_ptr() as usize, known);
            }
        } else {
            self.low = self.low.min(level.low);
            if !self.cyclic.insert(object.as_ptr() as usize) {
                self.entangled += 1;
            }
            if self.entangled > ENTANGLED {
                let what = "a web of objects that refer to one another in too many ways".to_owned();
                return self.refuse(what, "give their class a __jug_hash__ method");
            }
        }
        self.changed |= level.changed;
        Ok(())
    }

    /// A level around `body`, which encodes `object`.
    pub(super) fn level(
        &mut self,
        object: &Bound<'py, PyAny>,
        body: impl FnOnce(&mut Walk<'py>) -> Walked<()>,
    ) -> Walked<()> {
        if let Some(level) = self.enter(object)? {
            body(self)?;
            self.leave(object, &level)?;
        }
        Ok(())
    }

    /// Ends the walk: what stands here has no key.
    pub(super) fn refuse<T>(&self, what: impl Into<String>, advice: impl Into<String>) -> Walked<T> {
        let (what, advice) = (what.into(), advice.into());
        Err(Box::new(Fault::Unkeyable(Unkeyable { what, advice, inside: !self.stack.is_empty() })))
    }

    pub(super) fn key(&self) -> Key {
        self.encoder.key()
    }

    /// Whether a value of a kind that changed is to be encoded as before.
    pub(super) fn as_before(&mut self) -> bool {
        self.changed = true;
        self.former
    }
}
