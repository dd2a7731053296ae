//! The names of tasks, and how many have each.

use std::collections::HashMap;
use std::iter::repeat_n;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyString};

use super::task::TaskCore;
use crate::sched::Node;

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<TaskNames>()?;
    m.add_function(wrap_pyfunction!(count_names, m)?)
}

/// Counts equal things in a row: a jugfile makes its tasks in runs of one function.
pub(super) struct Runs<T>(Option<(T, usize)>);

impl<T> Default for Runs<T> {
    fn default() -> Runs<T> {
        Runs(None)
    }
}

impl<T> Runs<T> {
    /// Another one; the run that it ends, if it does.
    pub(super) fn next(&mut self, item: T, is_same: impl FnOnce(&T, &T) -> bool) -> Option<(T, usize)> {
        match &mut self.0 {
            Some((before, count)) if is_same(before, &item) => {
                *count += 1;
                None
            }
            run => run.replace((item, 1)),
        }
    }

    /// The run that nothing has ended.
    pub(super) fn last(self) -> Option<(T, usize)> {
        self.0
    }
}

/// Adds to the count of a name.
pub(super) fn add_to(counts: &Bound<'_, PyDict>, (name, count): (Bound<'_, PyAny>, usize)) -> PyResult<()> {
    let before: usize = counts.get_item(&name)?.map_or(Ok(0), |before| before.extract())?;
    counts.set_item(name, before + count)
}

/// Adds to the count of a state of tasks of a name.
pub(super) fn add_state(
    counts: &Bound<'_, PyDict>,
    name: &Bound<'_, PyAny>,
    state: u8,
    count: usize,
) -> PyResult<()> {
    let of_name = if let Some(of_name) = counts.get_item(name)? {
        of_name.cast_into()?
    } else {
        let of_name = PyDict::new(counts.py());
        counts.set_item(name, &of_name)?;
        of_name
    };
    add_to(&of_name, (state.into_pyobject(counts.py())?.into_any(), count))
}

/// How many tasks have each name, in the order in which the names appear.
#[pyfunction]
fn count_names<'py>(tasks: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyDict>> {
    let counts = PyDict::new(tasks.py());
    let (mut names, mut runs) = (Names::default(), Runs::default());
    for task in tasks {
        let name = names.of(task.cast::<TaskCore>()?)?;
        if let Some(ended) = runs.next(name.into_any(), |a, b| a.is(b)) {
            add_to(&counts, ended)?;
        }
    }
    runs.last().map_or(Ok(()), |ended| add_to(&counts, ended))?;
    Ok(counts)
}

/// The name of each of many tasks, equal ones as one object. Most jugfiles have few, and then a task takes a byte.
#[pyclass(frozen, sequence, module = "jug._native")]
pub(super) struct TaskNames {
    texts: Vec<Py<PyString>>,
    numbers: Numbers,
}

/// The number of each task's name.
enum Numbers {
    Small(Vec<u8>),
    Any(Vec<u32>),
}

impl TaskNames {
    /// The names of tasks. Of the first ones, which are counted, each run beginning at one of `runs` has one name.
    pub(super) fn of(
        py: Python<'_>,
        tasks: &[Py<TaskCore>],
        (runs, in_runs): (&[Node], usize),
    ) -> PyResult<TaskNames> {
        let (mut known, mut seen) = (Names::default(), HashMap::new());
        let mut texts: Vec<Py<PyString>> = Vec::new();
        let mut numbers = Numbers::Small(Vec::with_capacity(tasks.len()));
        let mut last = None;
        let begins = runs.iter().map(|begin| *begin as usize).chain(in_runs..tasks.len());
        let mut ends = begins.clone().skip(1);
        for begin in begins {
            let count = ends.next().unwrap_or(tasks.len()) - begin;
            let name = known.of(tasks[begin].bind(py))?;
            let address = name.as_ptr() as usize;
            let number = match last {
                Some((before, number)) if before == address => number,
                _ => *seen.entry(address).or_insert(u32::try_from(texts.len())?),
            };
            if number as usize == texts.len() {
                texts.push(name.unbind());
            }
            last = Some((address, number));
            numbers.push(number, count);
        }
        Ok(TaskNames { texts, numbers })
    }

    /// The name of a task.
    pub(super) fn get(&self, task: usize) -> PyResult<&Py<PyString>> {
        let number = match &self.numbers {
            Numbers::Small(numbers) => numbers.get(task).map(|number| usize::from(*number)),
            Numbers::Any(numbers) => numbers.get(task).map(|number| *number as usize),
        };
        number.map(|number| &self.texts[number]).ok_or_else(|| PyIndexError::new_err("no such node"))
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Py<PyString>> {
        (0..self.__len__()).map_while(|task| self.get(task).ok())
    }
}

impl Numbers {
    /// The same number, so many times.
    fn push(&mut self, number: u32, count: usize) {
        match (self, u8::try_from(number)) {
            (Numbers::Small(numbers), Ok(number)) => numbers.resize(numbers.len() + count, number),
            (Numbers::Any(numbers), _) => numbers.resize(numbers.len() + count, number),
            (numbers @ Numbers::Small(_), Err(_)) => numbers.widened().extend(repeat_n(number, count)),
        }
    }

    fn widened(&mut self) -> &mut Vec<u32> {
        if let Numbers::Small(numbers) = self {
            let mut any = Vec::with_capacity(numbers.capacity());
            any.extend(numbers.iter().map(|number| u32::from(*number)));
            *self = Numbers::Any(any);
        }
        let Numbers::Any(numbers) = self else { unreachable!("it was widened") };
        numbers
    }
}

#[pymethods]
impl TaskNames {
    fn __len__(&self) -> usize {
        match &self.numbers {
            Numbers::Small(numbers) => numbers.len(),
            Numbers::Any(numbers) => numbers.len(),
        }
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: usize) -> PyResult<&Bound<'py, PyString>> {
        Ok(self.get(index)?.bind(py))
    }

    /// Through a list, which lasts as long as the loop: it is several times as fast as to ask for each.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let names: Vec<_> = self.iter().map(|name| name.bind(py)).collect();
        PyList::new(py, names)?.try_iter()
    }
}

/// Names of tasks, equal ones as one object.
#[derive(Default)]
pub(super) struct Names<'py> {
    known: HashMap<String, Bound<'py, PyString>>,
    /// The function of the last task that had no name of its own, and its name.
    last: Option<(usize, Bound<'py, PyString>)>,
}

impl<'py> Names<'py> {
    pub(super) fn of(&mut self, task: &Bound<'py, TaskCore>) -> PyResult<Bound<'py, PyString>> {
        let function = task.get().unnamed();
        if let (Some(function), Some((before, name))) = (function, &self.last)
            && function == *before
        {
            return Ok(name.clone());
        }
        let name = task.get().display_name(task.py())?;
        let name = self.known.entry(name.to_str()?.to_owned()).or_insert(name).clone();
        self.last = function.map(|function| (function, name.clone()));
        Ok(name)
    }
}
