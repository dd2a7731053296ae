//! Stored forms of results that tasks of this process use more than once, each of which may change what it gets.
//!
//! They are decoded for each use. What is small is kept from the first one on, and so is what is large if it is known
//! that others need it; else only that it was used, until a second use shows that it pays. A result of which tasks use
//! parts is kept decoded, from the second use on: only copies of its parts are given to tasks.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::codec::{self, CopyOnWriteArray, Filled, Found, Prepared, Room};
use super::immutable::is_immutable;
use super::sched::PyScheduler;
use super::subscript::has_plain_parts;
use crate::Key;
use crate::codec::{Loaded, Stored};
use crate::lock::lock;
use crate::os::machine;

/// Up to how many bytes a form is kept without knowing of another use.
const SMALL: usize = 64 * 1024;

/// Of how many large results it is remembered that they were used.
const REMEMBERED: usize = 100_000;

/// How many bytes are kept at most: an eighth of the memory.
static LIMIT: LazyLock<usize> =
    LazyLock::new(|| usize::try_from(machine::memory() / 8).unwrap_or(usize::MAX));

/// How much larger objects in memory are than their pickle, about: a small number has 3 bytes there and 36 here.
const DECODED: usize = 12;

/// The forms of one store's results.
#[derive(Default)]
pub(super) struct InputCache {
    kept: Mutex<Kept>,
    /// The scheduler, which knows which tasks will run.
    work: Mutex<Option<Py<PyScheduler>>>,
}

#[derive(Default)]
struct Kept {
    forms: HashMap<Entry, Form>,
    /// Those with bytes, the first that came first. Some may be gone.
    order: VecDeque<Entry>,
    bytes: usize,
}

/// A result, and what tasks use of it.
type Entry = (Key, Use);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    Whole,
    Parts,
}

#[derive(Clone)]
enum Form {
    /// It was used, and is large.
    Used,
    Pickle(Arc<Py<PyBytes>>),
    Stored(Arc<Stored>),
    CopyOnWrite(Arc<CopyOnWriteArray>),
    /// Of parts: the value itself, and about how many bytes it has.
    Decoded(Arc<(Py<PyAny>, usize)>),
    /// Of parts: it is of a type whose parts are taken of a copy of the whole.
    Indivisible,
}

impl Form {
    /// A new copy of the whole, if this is one.
    fn decode<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Form::Pickle(bytes) => codec::unpickle(bytes.bind(py)).map(Some),
            Form::Stored(stored) => codec::restore(py, stored).map(Some),
            Form::CopyOnWrite(array) => array.map(py).map(Some),
            Form::Used | Form::Decoded(_) | Form::Indivisible => Ok(None),
        }
    }

    fn len(&self, py: Python<'_>) -> usize {
        match self {
            Form::Used | Form::Indivisible => 0,
            Form::Pickle(bytes) => bytes.as_bytes(py).len(),
            Form::Stored(stored) => stored.bytes.len(),
            Form::CopyOnWrite(array) => array.len(),
            Form::Decoded(value) => value.1,
        }
    }
}

impl InputCache {
    /// A new copy of a result, for a use that may change it; `load` reads it. None if there is none.
    pub(super) fn copy<'py>(
        &self,
        py: Python<'py>,
        key: Key,
        load: impl FnOnce(&mut Room<'_>) -> PyResult<Option<Loaded>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let kept = self.kept();
        let known = kept.forms.get(&(key, Use::Whole)).cloned();
        let parts = kept.forms.contains_key(&(key, Use::Parts));
        drop(kept);
        if let Some(value) = known.as_ref().map(|form| form.decode(py)).transpose()?.flatten() {
            return Ok(Some(value));
        }
        // Of parts it is kept decoded, from the second use on.
        let mut pays = |py: Python<'_>, length| {
            length <= *LIMIT && (known.is_some() || length > SMALL && !parts && self.is_shared(py, &key))
        };
        let Some((found, length)) = Room::new(&mut pays).load(load)? else { return Ok(None) };
        let stored = match found {
            Found::Stored(stored) => stored,
            Found::Filled(filled) => return self.keep_filled(py, key, filled).map(Some),
        };
        let pays = pays(py, length);
        if pays && let Some(array) = CopyOnWriteArray::of(py, &stored)? {
            let value = array.map(py)?;
            self.keep(py, (key, Use::Whole), Form::CopyOnWrite(array.into()));
            return Ok(Some(value));
        }
        let value = codec::restore(py, &stored)?;
        if !is_immutable(&value)? {
            let form = if pays || length <= SMALL { Form::Stored(stored.into()) } else { Form::Used };
            self.keep(py, (key, Use::Whole), form);
        }
        Ok(Some(value))
    }

    /// The value of a large result, which is kept if its form can give copies of it.
    fn keep_filled<'py>(&self, py: Python<'py>, key: Key, filled: Filled) -> PyResult<Bound<'py, PyAny>> {
        let (value, form) = match filled {
            Filled::CopyOnWrite(array) => (array.map(py)?, Form::CopyOnWrite(array.into())),
            Filled::Whole(bytes) => {
                let bytes = bytes.into_object().into_bound(py).cast_into()?;
                (codec::unpickle(&bytes)?, Form::Pickle(Arc::new(bytes.unbind())))
            }
            filled => (filled.value(py)?, Form::Used),
        };
        if !is_immutable(&value)? {
            self.keep(py, (key, Use::Whole), form);
        }
        Ok(value)
    }

    /// A result for a use of parts, of which only copies may be handed out. None where a part is to be taken of a copy
    /// of the whole: at the first use, and if `[]` may do more than find a part.
    pub(super) fn base<'py>(
        &self,
        py: Python<'py>,
        key: Key,
        load: impl FnOnce(&mut Room<'_>) -> PyResult<Option<Loaded>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let kept = self.kept();
        let (whole, parts) = (kept.forms.get(&(key, Use::Whole)), kept.forms.get(&(key, Use::Parts)));
        let (whole, parts) = (whole.cloned(), parts.cloned());
        drop(kept);
        match parts {
            Some(Form::Decoded(value)) => return Ok(Some(value.0.bind(py).clone())),
            Some(Form::Used) => {}
            Some(_) => return Ok(None),
            None => {
                self.keep(py, (key, Use::Parts), Form::Used);
                return Ok(None);
            }
        }
        let (value, bytes) = match whole.as_ref().map(|form| form.decode(py)).transpose()?.flatten() {
            Some(value) => (value, whole.map_or(0, |form| form.len(py))),
            None => match codec::load(py, load)? {
                Some(loaded) => loaded,
                None => return Ok(None),
            },
        };
        let bytes = bytes.saturating_mul(DECODED);
        if bytes > *LIMIT || !has_plain_parts(&value) {
            self.keep(py, (key, Use::Parts), Form::Indivisible);
            return Ok(None);
        }
        self.keep(py, (key, Use::Parts), Form::Decoded((value.clone().unbind(), bytes).into()));
        Ok(Some(value))
    }

    /// Records a result that is being stored.
    pub(super) fn stored(&self, key: Key, value: &Bound<'_, PyAny>, prepared: &Prepared<'_>) -> PyResult<()> {
        let py = value.py();
        match prepared {
            Prepared::Pickle(bytes) if bytes.as_bytes().len() <= SMALL && !is_immutable(value)? => {
                self.keep(py, (key, Use::Whole), Form::Pickle(Arc::new(bytes.clone().unbind())));
                self.forget_entries(py, [(key, Use::Parts)]);
            }
            _ => self.forget(py, [key]),
        }
        Ok(())
    }

    /// Drops results that are not needed any more, or that were replaced.
    pub(super) fn forget(&self, py: Python<'_>, keys: impl IntoIterator<Item = Key>) {
        self.forget_entries(py, keys.into_iter().flat_map(|key| [(key, Use::Whole), (key, Use::Parts)]));
    }

    fn forget_entries(&self, py: Python<'_>, entries: impl IntoIterator<Item = Entry>) {
        let mut kept = self.kept();
        let gone: Vec<Form> = if kept.forms.is_empty() {
            Vec::new()
        } else {
            entries.into_iter().filter_map(|entry| kept.remove(py, &entry)).collect()
        };
        drop(kept);
        drop(gone);
    }

    /// Sets the scheduler that knows which tasks will run; None if there is none any more.
    pub(super) fn expect(&self, work: Option<Py<PyScheduler>>) {
        let before = std::mem::replace(&mut *self.work(), work);
        drop(before);
    }

    /// Whether it is known that several tasks need a result.
    fn is_shared(&self, py: Python<'_>, key: &Key) -> bool {
        let work = self.work().as_ref().map(|work| work.clone_ref(py));
        work.is_some_and(|work| work.get().is_shared(key))
    }

    /// Whether anything is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.kept().forms.is_empty()
    }

    fn keep(&self, py: Python<'_>, entry: Entry, form: Form) {
        let mut kept = self.kept();
        let mut gone: Vec<Form> = kept.remove(py, &entry).into_iter().collect();
        if kept.forms.len() >= REMEMBERED {
            gone.extend(kept.forms.drain().map(|(_, form)| form));
            kept.order.clear();
            kept.bytes = 0;
        }
        kept.bytes += form.len(py);
        if !matches!(form, Form::Used | Form::Indivisible) {
            kept.order.push_back(entry);
        }
        kept.forms.insert(entry, form);
        while kept.bytes > *LIMIT
            && let Some(first) = kept.order.pop_front()
        {
            gone.extend(kept.remove(py, &first));
        }
        drop(kept);
        drop(gone);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    fn work(&self) -> MutexGuard<'_, Option<Py<PyScheduler>>> {
        lock(&self.work)
    }
}

impl Kept {
    fn remove(&mut self, py: Python<'_>, entry: &Entry) -> Option<Form> {
        let form = self.forms.remove(entry)?;
        self.bytes -= form.len(py);
        if self.forms.is_empty() {
            self.order.clear();
        }
        Some(form)
    }
}
