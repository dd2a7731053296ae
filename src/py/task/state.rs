//! What few tasks have, and what changes after a task was made.

use std::marker::PhantomData;
use std::sync::Mutex;
use std::thread;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::word::{Word, borrowed, into_address, owned};
use crate::lock::lock;

/// A thread changes the word, or needs what is in it to stay. Nobody calls Python meanwhile.
const LOCKED: u64 = 1;
/// The address is that of a [`More`], and stays so. Otherwise it is that of the result, or 0.
const MORE: u64 = 2;
/// The key is known.
const KEYED: u64 = 4;

/// The result of a task, and all that few tasks have: in one word, because a task that has the former mostly has nothing of
/// the latter. `C` is what was captured of arguments that may change.
pub(super) struct State<C> {
    word: Word,
    owned: PhantomData<Box<More<C>>>,
}

/// How the collector gets to what was captured.
type Traverse<C> = fn(&C, &PyVisit<'_>) -> Result<(), PyTraverseError>;

/// What few tasks have.
pub(super) struct More<C> {
    pub(super) kwargs: Option<Py<PyDict>>,
    /// How arguments that may change were when the task was made. None if none of them can.
    pub(super) captured: Option<Box<C>>,
    changing: Mutex<Changing>,
}

#[derive(Default)]
struct Changing {
    names: Option<Box<Names>>,
    result: Option<Py<PyAny>>,
}

/// Names that were assigned to a task; without them its function's is used.
pub(super) struct Names {
    pub(super) now: Py<PyString>,
    /// The name at the first hash, kept when another one is assigned after it.
    pub(super) hashed: Option<Py<PyString>>,
}

impl<C> State<C> {
    pub(super) fn new(
        kwargs: Option<Py<PyDict>>,
        captured: Option<Box<C>>,
        names: Option<Box<Names>>,
    ) -> State<C> {
        if kwargs.is_none() && captured.is_none() && names.is_none() {
            return State { word: Word::new(0, 0), owned: PhantomData };
        }
        let changing = Mutex::new(Changing { names, result: None });
        let more = Box::new(More { kwargs, captured, changing });
        State { word: Word::new(Box::into_raw(more) as usize, MORE), owned: PhantomData }
    }

    /// What few tasks have, if this one has any of it.
    pub(super) fn more(&self) -> Option<&More<C>> {
        let (address, flags) = self.word.get();
        self.more_at(address, flags)
    }

    /// What is at an address, if the flags that stood beside it say so.
    #[expect(unsafe_code, reason = "an object and a box take the same eight bytes")]
    #[expect(clippy::unused_self, reason = "it says how long that is there")]
    fn more_at(&self, address: usize, flags: u64) -> Option<&More<C>> {
        // SAFETY: The flag is only set where the address is that of such a box, which is there as long as the state is.
        (flags & MORE != 0).then(|| unsafe { &*(address as *const More<C>) })
    }

    /// Whether the key is known, with what was written before it was.
    pub(super) fn is_keyed(&self) -> bool {
        self.word.get().1 & KEYED != 0
    }

    /// Calls what writes down the key, and says that it is known; does nothing if it is known already.
    pub(super) fn set_keyed(&self, write: impl FnOnce()) {
        let (address, flags) = self.locked();
        if flags & KEYED == 0 {
            write();
        }
        self.word.set(address, flags | KEYED);
    }

    pub(super) fn has_result(&self) -> bool {
        match self.more() {
            Some(more) => lock(&more.changing).result.is_some(),
            None => self.word.get().0 != 0,
        }
    }

    #[expect(unsafe_code, reason = "an object and a box take the same eight bytes")]
    pub(super) fn result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let (address, flags) = self.word.get();
        if flags & MORE == 0 && address == 0 {
            return None;
        }
        let (address, flags) = self.locked();
        let result = match self.more_at(address, flags) {
            Some(more) => lock(&more.changing).result.as_ref().map(|result| result.clone_ref(py)),
            // SAFETY: It is a result, which nobody takes as long as the word is locked.
            None => unsafe { borrowed(&address) }.map(|result| result.clone_ref(py)),
        };
        self.word.set(address, flags);
        result
    }

    /// Puts another result, or none, in the place of the one there was, which is returned: dropping it may run code that
    /// asks for the state.
    #[must_use]
    #[expect(unsafe_code, reason = "an object and a box take the same eight bytes")]
    pub(super) fn replace_result(&self, result: Option<Py<PyAny>>) -> Option<Py<PyAny>> {
        if result.is_none() && self.word.get().0 == 0 {
            return None;
        }
        let (address, flags) = self.locked();
        if let Some(more) = self.more_at(address, flags) {
            self.word.set(address, flags);
            return std::mem::replace(&mut lock(&more.changing).result, result);
        }
        self.word.set(result.map_or(0, into_address), flags);
        // SAFETY: It was a result, and is not in the word any more.
        unsafe { owned(address) }
    }

    /// What `read` makes of the names that were assigned; None if none were.
    pub(super) fn names<T>(&self, read: impl FnOnce(&Names) -> T) -> Option<T> {
        lock(&self.more()?.changing).names.as_deref().map(read)
    }

    /// Changes the names by `change`, which gets those that were assigned and returns those that hold now. Returns what it
    /// put them in the place of.
    pub(super) fn change_names(
        &self,
        change: impl FnOnce(Option<&mut Names>) -> Names,
    ) -> Option<Box<Names>> {
        let mut changing = lock(&self.more_or_new().changing);
        let names = change(changing.names.as_deref_mut());
        changing.names.replace(Box::new(names))
    }

    #[expect(unsafe_code, reason = "an object and a box take the same eight bytes")]
    fn more_or_new(&self) -> &More<C> {
        if let Some(more) = self.more() {
            return more;
        }
        let (mut address, mut flags) = self.locked();
        if flags & MORE == 0 {
            // SAFETY: It is a result, and is not in the word any more after this.
            let result = unsafe { owned(address) };
            let changing = Mutex::new(Changing { names: None, result });
            let more: Box<More<C>> = Box::new(More { kwargs: None, captured: None, changing });
            (address, flags) = (Box::into_raw(more) as usize, flags | MORE);
        }
        self.word.set(address, flags);
        self.more_at(address, flags).expect("it has just been made, if it was not there")
    }

    /// Locks the word; its address and other flags, to be [set](Word::set) again.
    fn locked(&self) -> (usize, u64) {
        loop {
            let (address, flags) = self.word.raise(LOCKED);
            if flags & LOCKED == 0 {
                return (address, flags);
            }
            // Another thread is between two instructions.
            thread::yield_now();
        }
    }

    #[expect(unsafe_code, reason = "an object and a box take the same eight bytes")]
    pub(super) fn traverse(&self, visit: &PyVisit<'_>, captured: Traverse<C>) -> Result<(), PyTraverseError> {
        let (address, flags) = self.word.get();
        if let Some(more) = self.more_at(address, flags) {
            return more.traverse(visit, captured);
        }
        // The collector must not wait; the thread that holds the lock keeps the result alive.
        if flags & LOCKED != 0 {
            return Ok(());
        }
        // SAFETY: It is a result, which nobody takes while the collector runs.
        visit.call(unsafe { borrowed(&address) })
    }
}

impl<C> Drop for State<C> {
    #[expect(unsafe_code, reason = "an object and a box take the same eight bytes")]
    fn drop(&mut self) {
        let (address, flags) = self.word.get();
        if flags & MORE == 0 {
            // SAFETY: It is a result or nothing, and nobody uses the state any more.
            drop(unsafe { owned(address) });
        } else {
            // SAFETY: It is a box, and nobody uses the state any more.
            drop(unsafe { Box::from_raw(address as *mut More<C>) });
        }
    }
}

impl<C> More<C> {
    fn traverse(&self, visit: &PyVisit<'_>, captured: Traverse<C>) -> Result<(), PyTraverseError> {
        visit.call(&self.kwargs)?;
        if let Some(it) = &self.captured {
            captured(it, visit)?;
        }
        // The collector must not wait; the thread that holds the lock keeps the result alive.
        if let Ok(changing) = self.changing.try_lock() {
            visit.call(&changing.result)?;
        }
        Ok(())
    }
}
