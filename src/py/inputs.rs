//! Stored forms of results that tasks of this process use more than once, each of which may change what it gets.
//!
//! They are decoded for each use. What is small is kept from the first one on; of what is large only that it was
//! used, until a second use shows that it pays.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::codec::{self, Prepared, SealedArray};
use super::snapshot::is_fixed;
use crate::Key;
use crate::codec::Stored;
use crate::fs::host;

/// Up to how many bytes a form is kept without knowing of another use.
const SMALL: usize = 64 * 1024;

/// Of how many large results it is remembered that they were used.
const REMEMBERED: usize = 100_000;

/// How many bytes are kept at most: an eighth of the memory.
static LIMIT: LazyLock<usize> = LazyLock::new(|| usize::try_from(host::memory() / 8).unwrap_or(usize::MAX));

/// The forms of one store's results.
#[derive(Default)]
pub(super) struct Inputs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    forms: HashMap<Key, Form>,
    /// Those with bytes, the first that came first. Some may be gone.
    order: VecDeque<Key>,
    bytes: usize,
}

#[derive(Clone)]
enum Form {
    /// It was used, and is large.
    Used,
    Pickle(Arc<Py<PyBytes>>),
    Stored(Arc<Stored>),
    Sealed(Arc<SealedArray>),
}

impl Form {
    fn len(&self, py: Python<'_>) -> usize {
        match self {
            Form::Used => 0,
            Form::Pickle(bytes) => bytes.as_bytes(py).len(),
            Form::Stored(stored) => stored.bytes.len(),
            Form::Sealed(array) => array.len(),
        }
    }
}

impl Inputs {
    /// A new copy of a result, for a use that may change it; `load` reads it. None if there is none.
    pub(super) fn copy<'py>(
        &self,
        py: Python<'py>,
        key: Key,
        load: impl FnOnce() -> PyResult<Option<Stored>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let known = self.kept().forms.get(&key).cloned();
        match known {
            Some(Form::Pickle(bytes)) => return codec::unpickle(bytes.bind(py)).map(Some),
            Some(Form::Stored(stored)) => return codec::restore(py, &stored).map(Some),
            Some(Form::Sealed(array)) => return array.map(py).map(Some),
            Some(Form::Used) | None => {}
        }
        let Some(stored) = load()? else { return Ok(None) };
        if known.is_some() && stored.bytes.len() <= *LIMIT {
            if let Some(array) = codec::seal(py, &stored)? {
                let value = array.map(py)?;
                self.keep(py, key, Form::Sealed(array.into()));
                return Ok(Some(value));
            }
            let value = codec::restore(py, &stored)?;
            self.keep(py, key, Form::Stored(stored.into()));
            return Ok(Some(value));
        }
        let value = codec::restore(py, &stored)?;
        if !is_fixed(&value)? {
            let form = if stored.bytes.len() <= SMALL { Form::Stored(stored.into()) } else { Form::Used };
            self.keep(py, key, form);
        }
        Ok(Some(value))
    }

    /// Takes note of a result that is being stored.
    pub(super) fn stored(&self, key: Key, value: &Bound<'_, PyAny>, prepared: &Prepared<'_>) -> PyResult<()> {
        let py = value.py();
        match prepared {
            Prepared::Pickle(bytes) if bytes.as_bytes().len() <= SMALL && !is_fixed(value)? => {
                self.keep(py, key, Form::Pickle(Arc::new(bytes.clone().unbind())));
            }
            _ => self.forget(py, [key]),
        }
        Ok(())
    }

    /// Lets go of results that are not needed any more, or that were replaced.
    pub(super) fn forget(&self, py: Python<'_>, keys: impl IntoIterator<Item = Key>) {
        let mut kept = self.kept();
        let gone: Vec<Form> = if kept.forms.is_empty() {
            Vec::new()
        } else {
            keys.into_iter().filter_map(|key| kept.remove(py, &key)).collect()
        };
        drop(kept);
        drop(gone);
    }

    /// Whether anything is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.kept().forms.is_empty()
    }

    fn keep(&self, py: Python<'_>, key: Key, form: Form) {
        let mut kept = self.kept();
        let mut gone: Vec<Form> = kept.remove(py, &key).into_iter().collect();
        if kept.forms.len() >= REMEMBERED {
            gone.extend(kept.forms.drain().map(|(_, form)| form));
            kept.order.clear();
            kept.bytes = 0;
        }
        kept.bytes += form.len(py);
        if !matches!(form, Form::Used) {
            kept.order.push_back(key);
        }
        kept.forms.insert(key, form);
        while kept.bytes > *LIMIT
            && let Some(first) = kept.order.pop_front()
        {
            gone.extend(kept.remove(py, &first));
        }
        drop(kept);
        drop(gone);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, py: Python<'_>, key: &Key) -> Option<Form> {
        let form = self.forms.remove(key)?;
        self.bytes -= form.len(py);
        if self.forms.is_empty() {
            self.order.clear();
        }
        Some(form)
    }
}
