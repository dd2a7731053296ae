//! The tasks of the load before: a jugfile that is run again makes mostly the same ones, and they keep their keys.

mod arguments;
mod matched;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use hashbrown::HashTable;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyType};

use self::arguments::NotedArgs;
pub(in crate::py) use self::matched::{Matched, standing_in};
use crate::Key;
use crate::hash::Encoder;
use crate::lock::lock;
use crate::py::keys::Keying;
use crate::py::task::{Findings, TaskCore};
use crate::sched::{Graph, Node};

/// Adds this module's names to `jug._native`.
pub(in crate::py) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Recall>()
}

/// The tasks of the last load that was noted, in the order of the jugfile.
#[pyclass(frozen, module = "jug._native")]
pub(in crate::py) struct Recall(Mutex<Noted>);

/// What is known of them.
#[derive(Default)]
struct Noted {
    /// How many loads were noted.
    loads: usize,
    tasks: Vec<NotedTask>,
    functions: Functions,
    structure: Option<Structure>,
    /// How many of the first tasks had been noted at the same places before.
    kept: usize,
    /// The first tasks of the load after that one, as far as they are known to be the same.
    matched: Matched,
}

/// The graph of these tasks, where each of them has a node of its own, in their order.
pub(in crate::py) struct Structure {
    pub(in crate::py) graph: Arc<Graph>,
    pub(in crate::py) by_key: Arc<HashTable<Node>>,
}

/// A task of which nothing but this is kept.
struct NotedTask {
    key: Key,
    /// None where its key is computed again: its arguments cannot be compared by what is kept here.
    call: Option<NotedCall>,
}

struct NotedCall {
    function: u32,
    findings: Findings,
    args: NotedArgs,
}

/// The names of functions, each with a number.
#[derive(Default)]
struct Functions(HashMap<Box<[u8]>, u32>);

#[pymethods]
impl Recall {
    #[new]
    pub(in crate::py) fn new() -> Recall {
        Recall(Mutex::default())
    }

    /// How many loads were noted.
    #[getter]
    pub(in crate::py) fn loads(&self) -> usize {
        lock(&self.0).loads
    }

    fn __len__(&self) -> usize {
        lock(&self.0).tasks.len()
    }

    /// Notes the tasks of a load in the place of those before.
    fn note(&self, tasks: &Bound<'_, PyList>) -> PyResult<()> {
        self.note_grown(tasks, None, 0)
    }

    /// How many of the first tasks that are noted were noted at the same places before.
    #[getter]
    fn kept(&self) -> usize {
        lock(&self.0).kept
    }

    /// How many of the first tasks of a list are those noted. Of those before `begin` this is what an earlier call found;
    /// the others have to be of the origin and the class, if these are named.
    #[pyo3(signature = (tasks, *, begin = 0, origin = None, class_ = None))]
    fn recalled(
        &self,
        tasks: &Bound<'_, PyList>,
        begin: usize,
        origin: Option<&Bound<'_, PyAny>>,
        class_: Option<&Bound<'_, PyType>>,
    ) -> PyResult<usize> {
        let is_wanted = |task: &Bound<'_, TaskCore>| {
            origin.is_none_or(|origin| task.get().is_of(origin))
                && class_.is_none_or(|class| task.get_type_ptr() == class.as_type_ptr())
        };
        Recalling::new(tasks.py(), self).recalled(tasks, begin, is_wanted)
    }

    /// Their keys, one after the other.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let noted = lock(&self.0);
        PyBytes::new_with(py, noted.tasks.len() * Key::LEN, |bytes| {
            for (place, task) in bytes.chunks_exact_mut(Key::LEN).zip(&noted.tasks) {
                place.copy_from_slice(task.key.as_bytes());
            }
            Ok(())
        })
    }
}

impl Recall {
    /// Notes the tasks of a load, and their graph; the first ones, up to `begin`, are known to be those noted before.
    pub(in crate::py) fn note_grown(
        &self,
        tasks: &Bound<'_, PyList>,
        structure: Option<Structure>,
        begin: usize,
    ) -> PyResult<()> {
        let mut noted = self.taken();
        noted.loads += 1;
        noted.structure = structure;
        noted.matched = Matched::default();
        noted.kept = begin;
        let mut keying = Keying::new(tasks.py());
        let mut known = FunctionNumbers::default();
        for (index, task) in tasks.iter().enumerate().skip(begin) {
            let task = task.cast_into::<TaskCore>()?;
            let key = keying.key(&task)?;
            if noted.0.tasks.get(index).is_some_and(|before| before.key == key) {
                noted.kept += usize::from(noted.kept == index);
                continue;
            }
            let mut call = NotedCall::of(&task, &mut known, &mut noted.0.functions)?;
            // Its function may have had another name when its key was computed.
            if call.is_some() && keying.computed(&task)? != Some(key) {
                call = None;
            }
            let task = NotedTask { key, call };
            match noted.0.tasks.get_mut(index) {
                Some(before) => *before = task,
                None => noted.0.tasks.push(task),
            }
        }
        noted.tasks.truncate(tasks.len());
        Ok(())
    }

    /// What is noted, for the time being: to ask for the name of a function may run code that asks for keys.
    fn taken(&self) -> Taken<'_> {
        Taken(std::mem::take(&mut lock(&self.0)), &self.0)
    }
}

/// What was noted, until it is put back.
struct Taken<'a>(Noted, &'a Mutex<Noted>);

impl std::ops::Deref for Taken<'_> {
    type Target = Noted;

    fn deref(&self) -> &Noted {
        &self.0
    }
}

impl std::ops::DerefMut for Taken<'_> {
    fn deref_mut(&mut self) -> &mut Noted {
        &mut self.0
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let put_back = std::mem::take(&mut self.0);
        drop(std::mem::replace(&mut *lock(self.1), put_back));
    }
}

/// Keys of many tasks: those of the load before where these are the same tasks, and computed ones.
pub(in crate::py) struct Recalling<'a, 'py> {
    noted: Taken<'a>,
    keying: Keying<'py>,
    known: FunctionNumbers,
}

impl<'a, 'py> Recalling<'a, 'py> {
    pub(in crate::py) fn new(py: Python<'py>, recall: &'a Recall) -> Recalling<'a, 'py> {
        Recalling { noted: recall.taken(), keying: Keying::new(py), known: FunctionNumbers::default() }
    }

    /// Gives a task that comes at this place in the jugfile its key; whether that is the key of the task that was there in the
    /// load before.
    pub(in crate::py) fn is_noted(&mut self, index: usize, task: &Bound<'py, TaskCore>) -> PyResult<bool> {
        self.is_noted_call(index, task, task.get().unnamed())
    }

    fn is_noted_call(
        &mut self,
        index: usize,
        task: &Bound<'py, TaskCore>,
        function: Option<usize>,
    ) -> PyResult<bool> {
        let core = task.get();
        let Some(noted) = self.noted.0.tasks.get(index) else {
            self.keying.key(task)?;
            return Ok(false);
        };
        if core.known_key().is_none()
            && let Some(call) = &noted.call
            && let Some(function) = function
            && self.known.number_of(function, task, &self.noted.0.functions)? == Some(call.function)
            && call.args.are_those_of(task)
        {
            core.set_findings(call.findings);
            return Ok(core.set_key(noted.key) == noted.key);
        }
        let expected = noted.key;
        Ok(self.keying.key(task)? == expected)
    }

    /// How many of the first tasks of a list are those noted, by comparing those from `begin` on that were not compared
    /// before, up to one that is not wanted.
    pub(in crate::py) fn recalled(
        &mut self,
        tasks: &Bound<'py, PyList>,
        begin: usize,
        is_wanted: impl Fn(&Bound<'py, TaskCore>) -> bool,
    ) -> PyResult<usize> {
        let Some(compared) = self.noted.matched.tasks.get(begin..) else {
            return Ok(self.noted.matched.tasks.len());
        };
        let same = begin + standing_in(tasks, begin, compared);
        self.noted.matched.truncate(same);
        if let Some(other) =
            self.noted.matched.tasks[begin..].iter().position(|task| !is_wanted(task.bind(tasks.py())))
        {
            return Ok(begin + other);
        }
        let mut place = same;
        // To compute a key may run code that changes the list.
        while place < self.noted().min(tasks.len()) {
            let task = tasks.get_item(place)?.cast_into::<TaskCore>()?;
            let function = task.get().unnamed();
            if !is_wanted(&task) || !self.is_noted_call(place, &task, function)? {
                break;
            }
            self.noted.matched.push(task, function)?;
            place += 1;
        }
        Ok(place)
    }

    /// The tasks noted, if all of them are the first of a list, with their graph, if it is known. Both are given away.
    pub(in crate::py) fn take_grown(
        &mut self,
        tasks: &Bound<'py, PyList>,
    ) -> PyResult<Option<(Matched, Structure)>> {
        let is_whole = self.recalled(tasks, 0, |_| true)? == self.noted.tasks.len();
        let Some(structure) = self.noted.structure.take_if(|_| is_whole) else { return Ok(None) };
        Ok(Some((std::mem::take(&mut self.noted.matched), structure)))
    }

    /// How many loads were noted.
    pub(in crate::py) fn loads(&self) -> usize {
        self.noted.loads
    }

    /// How many tasks were noted.
    fn noted(&self) -> usize {
        self.noted.tasks.len()
    }
}

/// The numbers of functions in one load, by address; they are kept alive so that it stays theirs.
#[derive(Default)]
struct FunctionNumbers {
    last: Option<(usize, Option<u32>)>,
    all: HashMap<usize, (Py<PyAny>, Option<u32>)>,
}

impl FunctionNumbers {
    /// The number of the function at an address, which is that of a task without a name of its own; None if none has its name.
    fn number_of(
        &mut self,
        address: usize,
        task: &Bound<'_, TaskCore>,
        functions: &Functions,
    ) -> PyResult<Option<u32>> {
        if let Some((last, number)) = self.last
            && last == address
        {
            return Ok(number);
        }
        let number = if let Some((_, number)) = self.all.get(&address) {
            *number
        } else {
            let number = functions.0.get(&*name_of(task)?).copied();
            self.all.insert(address, (task.get().function(task.py()).unbind(), number));
            number
        };
        self.last = Some((address, number));
        Ok(number)
    }
}

/// The name of a task as it is part of its key.
fn name_of(task: &Bound<'_, TaskCore>) -> PyResult<Box<[u8]>> {
    let mut encoder = Encoder::new();
    task.get().encode_name(task.py(), &mut encoder)?;
    Ok(encoder.as_bytes().into())
}

impl NotedCall {
    /// None where the arguments of a task are not to be compared, or its name is its own.
    fn of(
        task: &Bound<'_, TaskCore>,
        known: &mut FunctionNumbers,
        functions: &mut Functions,
    ) -> PyResult<Option<NotedCall>> {
        let core = task.get();
        let Some(args) = NotedArgs::of(task).filter(|_| !core.is_changed()) else { return Ok(None) };
        let Some(address) = core.unnamed() else { return Ok(None) };
        let function = if let Some(number) = known.number_of(address, task, functions)? {
            number
        } else {
            let next = u32::try_from(functions.0.len())?;
            *known = FunctionNumbers::default();
            *functions.0.entry(name_of(task)?).or_insert(next)
        };
        Ok(Some(NotedCall { function, findings: core.findings(), args }))
    }
}
