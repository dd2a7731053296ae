//! Positional arguments in little memory.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyTuple};

use super::word::{borrowed, into_address, owned};

/// Positional arguments. Most tasks have one or two: a tuple of these would be half of such a task's memory, and the
/// object that a number is, a fifth.
pub(super) struct Arguments([Slot; 2]);

/// No argument, an object, or a number that is made an object when somebody asks for it: then the lowest bit is set, and
/// it is in those above.
struct Slot(usize);

const NOTHING: usize = 0;
/// In the second slot: in the first one is a tuple with all arguments.
const TUPLE: usize = 2;

/// An argument as it is kept.
pub(in crate::py) enum Kept<'a> {
    /// An int, and no instance of another class.
    Number(i64),
    Object(&'a Py<PyAny>),
}

impl Arguments {
    pub(super) fn new(args: Bound<'_, PyTuple>) -> PyResult<Arguments> {
        let get = |index| args.get_item(index).map(Slot::new);
        Ok(Arguments(match args.len() {
            0 => [Slot(NOTHING), Slot(NOTHING)],
            1 => [get(0)?, Slot(NOTHING)],
            2 => [get(0)?, get(1)?],
            _ => [Slot(into_address(args.into_any().unbind())), Slot(TUPLE)],
        }))
    }

    /// The arguments one by one; None if they are in a tuple.
    pub(super) fn few(&self) -> Option<impl ExactSizeIterator<Item = Kept<'_>>> {
        let [first, second] = [self.0[0].kept(), self.0[1].kept()];
        let count = usize::from(first.is_some()) + usize::from(second.is_some());
        let mut both = [first, second].into_iter().flatten();
        let each = move |_| both.next().expect("as many as were counted");
        (self.0[1].0 != TUPLE).then(|| (0..count).map(each))
    }

    pub(super) fn tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self.few() {
            Some(few) => PyTuple::new(py, few.map(|each| each.object(py))),
            None => match self.0[0].kept() {
                Some(all) => Ok(all.object(py).cast_into()?),
                None => Ok(PyTuple::empty(py)),
            },
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|slot| match slot.kept() {
            Some(Kept::Object(object)) => visit.call(object),
            _ => Ok(()),
        })
    }
}

impl Slot {
    fn new(value: Bound<'_, PyAny>) -> Slot {
        match small_number(&value) {
            Some(number) => Slot((number << 1 | 1).cast_unsigned()),
            None => Slot(into_address(value.unbind())),
        }
    }

    fn is_object(&self) -> bool {
        self.0 & 1 == 0 && self.0 != TUPLE
    }

    #[expect(unsafe_code, reason = "an object and a number take the same eight bytes")]
    fn kept(&self) -> Option<Kept<'_>> {
        if self.is_object() {
            // SAFETY: What is no mark came from `into_address`, and the slot keeps it until it is dropped.
            return unsafe { borrowed(&self.0) }.map(Kept::Object);
        }
        (self.0 != TUPLE).then(|| Kept::Number(self.0.cast_signed() as i64 >> 1))
    }
}

impl Drop for Slot {
    #[expect(unsafe_code, reason = "an object and a number take the same eight bytes")]
    fn drop(&mut self) {
        if self.is_object() {
            // SAFETY: What is no mark came from `into_address`, and nobody uses the slot any more.
            drop(unsafe { owned(self.0) });
        }
    }
}

impl Kept<'_> {
    fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match self {
            Kept::Number(number) => PyInt::new(py, *number).into_any(),
            Kept::Object(object) => object.bind(py).clone(),
        }
    }
}

/// The number that an int is, if a bit is left beside it. An instance of another class may have more than its number.
fn small_number(value: &Bound<'_, PyAny>) -> Option<isize> {
    let number: isize = value.cast_exact::<PyInt>().ok()?.extract().ok()?;
    (number << 1 >> 1 == number).then_some(number)
}
