//! The walk over live Python objects: one pass gives the canonical encoding and the tasks met on the way.

mod arrow;
mod caches;
mod classify;
mod containers;
mod dependencies;
mod drawn;
mod fault;
mod former;
mod frames;
mod geometry;
mod keys;
mod lambda;
mod named;
mod numpy;
mod place;
mod polars;
mod random;
mod reduce;
mod room;
mod stdlib;
mod times;

use std::collections::{HashMap, HashSet};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use self::classify::Kind;
pub(super) use self::drawn::{Argument, Drawing, Drawn, Print, Refusal, Seen, draw};
pub(super) use self::fault::{Fault, Walked};
pub(super) use self::keys::{
    dependencies_of, former_key_of_value, former_keys, key_and_dependencies, key_of_task, key_of_value,
    key_with, lambda_key,
};
use self::place::{Place, Purpose};
pub(super) use self::room::is_room_below;
use super::task::TaskCore;
use crate::Key;
use crate::hash::{BULK, Encoder, Tag, digest};

/// How many times objects on reference cycles are walked again before giving up. What lies on a cycle is
/// encoded anew for every path that leads to it, so a dense graph of objects would take for ever.
const ENTANGLED: usize = 50_000;

/// How many folded values and large arrays are remembered from one task of a chain to the next.
const REMEMBERED: usize = 1_000;

/// The state of a walk: the encoding so far, and where in the object graph it is.
pub(super) struct Walk<'py> {
    py: Python<'py>,
    encoder: Encoder,
    /// Addresses of the containers and objects being walked, outermost first.
    stack: Vec<usize>,
    /// The outermost level that something met since the current level began refers back to.
    low: usize,
    /// Addresses of the objects on cycles that were walked, and how often one of them was met again.
    cyclic: HashSet<usize>,
    entangled: usize,
    /// Values whose folded encoding is known.
    folded: HashMap<usize, Folded<'py>>,
    /// The length and digest of large arrays, which are not hashed again when a walk must be repeated.
    bulk: HashMap<usize, (Bound<'py, PyAny>, usize, [u8; 32])>,
    kinds: HashMap<usize, Kind<'py>>,
    /// What becomes of a task here.
    place: Place,
    purpose: Purpose,
    /// How many times something was met that is replaced by a result.
    replaced: usize,
    /// Whether that was in a container that is no plain list, tuple or dict.
    deep: bool,
    /// The name of a task that was met in a set.
    in_a_set: Option<String>,
    dependencies: Vec<Bound<'py, TaskCore>>,
    known: HashSet<usize>,
    /// The containers in which tasks were looked for without encoding them, by address.
    looked_into: HashMap<usize, Bound<'py, PyAny>>,
    /// Tasks met whose key is not known yet; while there are any, the encoding is incomplete.
    missing: Vec<Bound<'py, TaskCore>>,
    /// How many tasks were met.
    met: usize,
    /// Whether values of kinds that changed are encoded as before.
    former: bool,
    /// Whether a value of such a kind was met.
    changed: bool,
    /// What the gaps in the encoding are for: values that wait for keys of tasks.
    gaps: Vec<Bound<'py, PyAny>>,
    snapshot: ForSnapshot,
}

/// A value whose encoding was long, kept alive so that its address stays its own.
struct Folded<'py> {
    _value: Bound<'py, PyAny>,
    digest: [u8; 32],
    changed: bool,
}

/// What matters to who keeps a copy of a value, or will look whether it was changed.
#[derive(Default)]
struct ForSnapshot {
    /// Whether something was met that goes by its name, or by its own identity.
    named: bool,
    /// Whether an iterator was met.
    iterator: bool,
    aim: Aim,
}

/// What a value is encoded for.
#[derive(Clone, Copy, Default, PartialEq)]
enum Aim {
    #[default]
    Key,
    /// A key that is asked for later.
    LaterKey,
    /// To see whether it was changed: tasks, and what knows its own identity, count by what they are in this process.
    Reference,
}

/// One level of a walk: what must be restored or looked at when it ends.
struct Level {
    start: usize,
    low: usize,
    met: usize,
    changed: bool,
}

impl<'py> Walk<'py> {
    fn new(py: Python<'py>) -> Walk<'py> {
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
            place: Place::Seen,
            purpose: Purpose::Task,
            replaced: 0,
            deep: false,
            in_a_set: None,
            dependencies: Vec::new(),
            known: HashSet::new(),
            looked_into: HashMap::new(),
            missing: Vec::new(),
            met: 0,
            former: former::is_asked(),
            changed: false,
            gaps: Vec::new(),
            snapshot: ForSnapshot::default(),
        }
    }

    /// Makes ready for another value; what was learnt about types and folded values stays, within bounds.
    fn clear(&mut self) {
        if self.folded.len() + self.bulk.len() > REMEMBERED {
            self.folded.clear();
            self.bulk.clear();
        }
        self.encoder.truncate(0);
        self.stack.clear();
        self.low = usize::MAX;
        self.cyclic.clear();
        self.entangled = 0;
        self.place = Place::Seen;
        self.deep = false;
        self.dependencies.clear();
        self.known.clear();
        self.looked_into.clear();
        self.missing.clear();
        self.changed = false;
        self.gaps.clear();
    }

    /// Encodes any value. The types that most arguments have come first, by exact type.
    fn value(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        if let Ok(int) = object.cast_exact::<PyInt>() {
            self.int(int)
        } else if let Ok(text) = object.cast_exact::<PyString>() {
            self.str(text)
        } else if let Ok(float) = object.cast_exact::<PyFloat>() {
            self.encoder.float(float.value());
            Ok(())
        } else if object.is_none() {
            self.encoder.singleton(Tag::None);
            Ok(())
        } else if let Ok(boolean) = object.cast_exact::<PyBool>() {
            self.encoder.bool(boolean.is_true());
            Ok(())
        } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            self.tuple(tuple)
        } else if let Ok(list) = object.cast_exact::<PyList>() {
            self.list(list)
        } else if let Ok(dict) = object.cast_exact::<PyDict>() {
            self.dict(dict)
        } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            self.content(Tag::Bytes, bytes.as_bytes());
            Ok(())
        } else {
            self.other(object)
        }
    }

    fn int(&mut self, int: &Bound<'py, PyInt>) -> Walked<()> {
        if let Ok(small) = int.extract::<i64>() {
            self.encoder.int(small);
            return Ok(());
        }
        let bits: usize = int.call_method0("bit_length")?.extract()?;
        let little = PyDict::new(self.py);
        little.set_item("signed", true)?;
        let bytes = int.call_method("to_bytes", (bits / 8 + 1, "little"), Some(&little))?;
        self.encoder.int_bytes(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes());
        Ok(())
    }

    fn str(&mut self, text: &Bound<'py, PyString>) -> Walked<()> {
        if let Ok(utf8) = text.to_str() {
            self.content(Tag::Str, utf8.as_bytes());
            return Ok(());
        }
        let utf8 = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
        self.content(Tag::Str, utf8.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes());
        Ok(())
    }

    /// A tag and contents. Where there is much to hash, other Python threads run meanwhile.
    fn content(&mut self, tag: Tag, bytes: &[u8]) {
        if bytes.len() < BULK {
            return self.encoder.tagged(tag, bytes);
        }
        let digest = self.py.detach(|| digest(bytes));
        self.encoder.singleton(tag);
        self.encoder.content_digest(bytes.len(), &digest);
    }

    /// Encodes a task among the arguments.
    fn task(&mut self, task: &Bound<'py, TaskCore>) -> Walked<()> {
        if self.snapshot.aim == Aim::Reference {
            self.reference(task);
            return Ok(());
        }
        self.note(task)?;
        match former::known_key(task) {
            Some(key) => self.encoder.task_key(&key),
            None => self.gap(task),
        }
        Ok(())
    }

    /// Begins a level for a container or an object. None if it was already dealt with: it is being walked
    /// further up, or its folded encoding is known.
    fn enter(&mut self, object: &Bound<'py, PyAny>) -> Walked<Option<Level>> {
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
        if !is_room_below(self.stack.len()) {
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
    fn level(
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
    fn refuse<T>(&self, what: impl Into<String>, advice: impl Into<String>) -> Walked<T> {
        let (what, advice) = (what.into(), advice.into());
        Err(Box::new(Fault::Unkeyable(fault::Unkeyable { what, advice, inside: !self.stack.is_empty() })))
    }

    fn key(&self) -> Key {
        self.encoder.key()
    }
}
