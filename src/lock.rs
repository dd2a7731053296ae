//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex's contents, whatever happened to a thread that held it: every change that this crate makes under a lock is
/// complete in itself.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
