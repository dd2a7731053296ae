//! The workers of this process, in any jugdir.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::identity::Identity;
use crate::os::{FileSystem, ProcessId};

static REGISTERED: Mutex<Vec<Registered>> = Mutex::new(Vec::new());

/// A worker of a process. A forked child inherits the list, but not the locks: so each entry names its process.
struct Registered {
    process: ProcessId,
    identity: Identity,
}

fn registered() -> MutexGuard<'static, Vec<Registered>> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lists a worker of this process.
pub(super) fn add(fs: &dyn FileSystem, identity: &Identity) {
    registered().push(Registered { process: fs.process(), identity: identity.clone() });
}

/// Takes a worker off the list.
pub(super) fn remove(identity: &Identity) {
    registered().retain(|other| other.identity != *identity);
}

/// The identity of the worker `id`, if it is one of this process in any jugdir.
pub(super) fn identity_of(fs: &dyn FileSystem, id: &str) -> Option<Identity> {
    let (registered, process) = (registered(), fs.process());
    let mut here = registered.iter().filter(|it| it.process == process);
    here.find(|it| it.identity.id() == id).map(|it| it.identity.clone())
}
