//! At whom a worker looks that waits: at the living ones that come next in a circle of all workers.
//!
//! So each is looked at by several from heartbeat to heartbeat, and the first that finds it dead marks it for the others. In
//! the circle the workers of one host, which may die together, are anywhere. Where all die that look at a worker, the next
//! one that lives comes to it as soon as those in between are marked.

/// How many living workers a process that waits looks at from heartbeat to heartbeat.
const NEIGHBOURS: usize = 3;

/// Those of `workers` that come next after `own`, up to the last of the living ones that it looks at.
pub(super) fn nearest<T>(
    own: &str,
    mut workers: Vec<(String, T)>,
    is_dead: impl Fn(&T) -> bool,
) -> Vec<(String, T)> {
    let place = |id: &str| (nonce(id) < nonce(own), nonce(id).to_owned());
    workers.sort_by_cached_key(|(id, _)| place(id));
    let mut alive = 0;
    workers.retain(|(_, it)| {
        let is_near = alive < NEIGHBOURS;
        alive += usize::from(!is_dead(it));
        is_near
    });
    workers
}

/// What is random in the id of a worker.
fn nonce(id: &str) -> &str {
    id.rsplit('.').next().unwrap_or_default()
}
