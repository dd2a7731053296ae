//! What a task has in common with the others of its jugfile, and what was found out about it with its key.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::word::{Word, borrowed, into_address, owned};

/// Whether it had another key in an earlier version, because of a value of a kind that changed.
pub(super) const CHANGED: u64 = 1;
/// Whether it is known that nothing is replaced by a result in a container that is no plain list, tuple or dict.
pub(super) const SHALLOW: u64 = 2;
/// Whether it is known that it needs no other task.
pub(super) const INDEPENDENT: u64 = 4;

/// Which of the last two are raised.
#[derive(Clone, Copy)]
pub(in crate::py) struct Findings(u64);

/// The origin of a task, and three flags that are raised once and stay.
pub(super) struct Origin(Word);

impl Origin {
    pub(super) fn new(origin: Option<Py<PyAny>>) -> Origin {
        Origin(Word::new(origin.map_or(0, into_address), 0))
    }

    pub(super) fn is(&self, flag: u64) -> bool {
        self.0.get().1 & flag != 0
    }

    pub(super) fn raise(&self, flag: u64) {
        self.0.raise(flag);
    }

    pub(super) fn findings(&self) -> Findings {
        Findings(self.0.get().1 & (SHALLOW | INDEPENDENT))
    }

    pub(super) fn raise_findings(&self, Findings(flags): Findings) {
        self.0.raise(flags);
    }

    /// Calls `f` with the origin.
    #[expect(unsafe_code, reason = "an object and flags take the same eight bytes")]
    pub(super) fn with<T>(&self, f: impl FnOnce(Option<&Py<PyAny>>) -> T) -> T {
        let (address, _) = self.0.get();
        // SAFETY: The address stays the same as long as this lives.
        f(unsafe { borrowed(&address) })
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.with(|origin| visit.call(origin))
    }
}

impl Drop for Origin {
    #[expect(unsafe_code, reason = "an object and flags take the same eight bytes")]
    fn drop(&mut self) {
        // SAFETY: Nobody uses it any more.
        drop(unsafe { owned(self.0.get().0) });
    }
}
