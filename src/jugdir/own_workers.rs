//! The workers of this process, in any jugdir.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::identity::Identity;
use crate::os::{FileSystem, ProcessId};

/// By their ids.
static REGISTERED: Mutex<BTreeMap<String, Registered>> = Mutex::new(BTreeMap::new());

/// A worker of a process. A forked child inherits the list, but not the locks: so each entry names its process.
struct Registered {
    process: ProcessId,
    identity: Identity,
}

fn registered() -> MutexGuard<'static, BTreeMap<String, Registered>> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lists a worker of this process.
pub(super) fn add(fs: &dyn FileSystem, identity: &Identity) {
    registered().insert(identity.id(), Registered { process: fs.process(), identity: identity.clone() });
}

/// Takes a worker off the list.
pub(super) fn remove(identity: &Identity) {
    registered().remove(&identity.id());
}

/// The identity of the worker `id`, if it is one of this process in any jugdir.
pub(super) fn identity_of(fs: &dyn FileSystem, id: &str) -> Option<Identity> {
    let registered = registered();
    registered.get(id).filter(|it| it.process == fs.process()).map(|it| it.identity.clone())
}
