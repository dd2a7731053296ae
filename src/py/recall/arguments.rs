//! The arguments of a task as they are kept from load to load: what is small and cannot change.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};

use crate::Key;
use crate::py::task::{Kept, TaskCore};

/// Texts of more bytes are not kept to be compared.
const LONGEST_TEXT: usize = 256;

/// Positional arguments; most tasks have one number.
pub(super) enum NotedArgs {
    /// The only one.
    Number(i64),
    Others(Box<[NotedArg]>),
}

pub(super) enum NotedArg {
    Number(i64),
    Float(u64),
    /// None, True or False.
    Constant(Py<PyAny>),
    Text(Py<PyString>),
    Task(Key),
}

impl NotedArgs {
    /// None where one of them is not to be compared, or has a name.
    pub(super) fn of(task: &Bound<'_, TaskCore>) -> Option<NotedArgs> {
        let (py, core) = (task.py(), task.get());
        if !core.has_only_args() {
            return None;
        }
        if let Some(few) = core.few_args() {
            let mut all = few.map(|arg| NotedArg::of(py, &arg)).collect::<Option<Vec<_>>>()?;
            return Some(match all.pop() {
                Some(NotedArg::Number(number)) if all.is_empty() => NotedArgs::Number(number),
                last => NotedArgs::Others(all.into_iter().chain(last).collect()),
            });
        }
        let args = core.args(py).ok()?;
        args.iter().map(|arg| NotedArg::of_object(&arg)).collect::<Option<_>>().map(NotedArgs::Others)
    }

    /// Whether a task has equal ones, of the same types.
    pub(super) fn are_those_of(&self, task: &Bound<'_, TaskCore>) -> bool {
        let (py, core) = (task.py(), task.get());
        match (self, core.few_args()) {
            (NotedArgs::Number(noted), Some(mut few)) => {
                few.len() == 1 && matches!(few.next(), Some(Kept::Number(number)) if number == *noted)
            }
            (NotedArgs::Others(noted), Some(few)) => {
                few.len() == noted.len() && few.zip(noted).all(|(arg, noted)| noted.is(py, &arg))
            }
            (NotedArgs::Others(noted), None) if core.has_only_args() => core.args(py).is_ok_and(|args| {
                args.len() == noted.len() && args.iter().zip(noted).all(|(arg, noted)| noted.is_object(&arg))
            }),
            (_, None) => false,
        }
    }
}

impl NotedArg {
    /// None for what is not to be compared: what may change, and what may be large.
    fn of(py: Python<'_>, arg: &Kept<'_>) -> Option<NotedArg> {
        match arg {
            Kept::Number(number) => Some(NotedArg::Number(*number)),
            Kept::Object(object) => NotedArg::of_object(object.bind(py)),
        }
    }

    fn of_object(object: &Bound<'_, PyAny>) -> Option<NotedArg> {
        if let Ok(task) = object.cast::<TaskCore>() {
            return task.get().known_key().map(NotedArg::Task);
        }
        if object.is_none() || object.is_exact_instance_of::<PyBool>() {
            return Some(NotedArg::Constant(object.clone().unbind()));
        }
        if let Ok(int) = object.cast_exact::<PyInt>() {
            return int.extract().ok().map(NotedArg::Number);
        }
        if let Ok(float) = object.cast_exact::<PyFloat>() {
            return Some(NotedArg::Float(float.value().to_bits()));
        }
        let text = object.cast_exact::<PyString>().ok()?;
        (text.to_str().ok()?.len() <= LONGEST_TEXT).then(|| NotedArg::Text(text.clone().unbind()))
    }

    fn is(&self, py: Python<'_>, arg: &Kept<'_>) -> bool {
        match (self, arg) {
            (NotedArg::Number(noted), Kept::Number(number)) => noted == number,
            (_, Kept::Number(_)) => false,
            (_, Kept::Object(object)) => self.is_object(object.bind(py)),
        }
    }

    fn is_object(&self, object: &Bound<'_, PyAny>) -> bool {
        match self {
            NotedArg::Number(noted) => object
                .cast_exact::<PyInt>()
                .is_ok_and(|int| int.extract::<i64>().is_ok_and(|it| it == *noted)),
            NotedArg::Float(bits) => {
                object.cast_exact::<PyFloat>().is_ok_and(|float| float.value().to_bits() == *bits)
            }
            NotedArg::Constant(constant) => object.is(constant),
            NotedArg::Text(noted) => object.cast_exact::<PyString>().is_ok_and(|text| {
                let (noted, text) = (noted.bind(object.py()).to_str(), text.to_str());
                matches!((noted, text), (Ok(noted), Ok(text)) if noted == text)
            }),
            NotedArg::Task(key) => {
                object.cast::<TaskCore>().is_ok_and(|task| task.get().known_key() == Some(*key))
            }
        }
    }
}
