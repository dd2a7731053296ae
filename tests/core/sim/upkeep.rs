//! What simulated processes do to keep a jugdir in order while others work: pack, clean up, check and repair.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jug_native::background::Periodic;
use jug_native::claim::{Claims, Prefetch};
use jug_native::codec::{Codec, Encoded};
use jug_native::error::StoreError;
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::{CompactOptions, SkipReason};
use jug_native::{Error, Key, Result};

use super::actors::Actor;
use super::job::{Cleanup, Job};
use super::process::Process;
use super::worker;

/// Packs what there is, while others work, are killed, and lose power.
pub(super) fn pack(process: &Arc<Process>, job: &Arc<Job>, all: bool) -> Result<()> {
    let actor = Actor::open(process, job)?;
    actor.store.pack(CompactOptions { all, ..CompactOptions::default() })?;
    actor.store.sweep()?;
    actor.close()
}

/// Packs when nobody else is left, after having watched for longer than a lease: nobody can be taken for alive.
pub(super) fn pack_at_last(process: &Arc<Process>, job: &Arc<Job>) -> Result<()> {
    loop {
        match watch_and_pack(process, job) {
            // An answer of the server was lost, and a user would begin again.
            Err(Error::Io { .. }) => {}
            outcome => return outcome,
        }
    }
}

fn watch_and_pack(process: &Arc<Process>, job: &Arc<Job>) -> Result<()> {
    let mut actor = Actor::open(process, job)?;
    actor.jugdir.worker()?;
    let heart: Arc<dyn Periodic> = actor.jugdir.clone();
    actor.background.add(&heart);
    actor.sleep(Duration::from_secs(300));
    let packed = actor.store.pack(CompactOptions { all: true, ..CompactOptions::default() })?;
    let is_hurt = |why: SkipReason| matches!(why, SkipReason::Damaged | SkipReason::Unreadable);
    let kept = packed.left.iter().find(|(_, why)| !is_hurt(*why));
    assert_eq!(kept, None, "a segment stays for ever");
    actor.store.sweep()?;
    actor.close()
}

/// Works on a task that the jugfile has no more, because this worker still has the old one.
pub(super) fn work_on_former(process: &Arc<Process>, job: &Arc<Job>, which: usize) -> Result<()> {
    let mut actor = Actor::open(process, job)?;
    let batch = Prefetch::new(worker::claims_of(&actor), Arc::clone(&actor.background));
    let key = job.former[which];
    if batch.claim(&[key])?[0] {
        // The claim may have been made again while this host was cut off: it counts from here on.
        let run = job.facts().begin_former(which, actor.by(), actor.now());
        actor.store.refresh()?;
        let epoch = actor.store.epoch();
        if !actor.store.contains(&key)? && batch.start(&key, None)? {
            let time = worker::duration(&actor);
            actor.sleep(time);
            // The first one gets a file of its own.
            let mut value = vec![0; if which == 0 { 66_000 } else { 16 }];
            blake3::Hasher::new_derive_key("former").update(key.as_bytes()).finalize_xof().fill(&mut value);
            let encoded = Encoded::new(Codec::Pickle, &value[..]);
            actor.store.save_claimed(key, &encoded, &RunMetadata::default(), epoch)?;
            actor.sync()?;
            // It may be invalid by now, if the worker was out of touch for too long.
            job.facts().former[run].synced = actor.store.contains(&key)?;
            let time = worker::duration(&actor);
            actor.sleep(time);
        }
        job.facts().former[run].released = Some(actor.now());
        batch.release(&[key])?;
    }
    batch.close()?;
    actor.close()
}

/// Removes the results that no task has any more, as `jug cleanup` does.
pub(super) fn clean_up(process: &Arc<Process>, job: &Arc<Job>) -> Result<()> {
    let (by, begun) = ((process.host, process.pid), process.world.now());
    let number = {
        let mut facts = job.facts();
        facts.cleanups.push(Cleanup { by, begun, ended: None, removed: Vec::new() });
        facts.cleanups.len() - 1
    };
    let actor = Actor::open(process, job)?;
    let claims = worker::claims_of(&actor);
    actor.store.refresh()?;
    let mut unused: Vec<Key> = actor.store.keys()?;
    unused.retain(|key| !job.keys.contains(key));
    unused.sort_unstable();
    if !claims.live()?.is_empty() {
        let mut claimed = claims.are_claimed(&unused)?.into_iter();
        unused.retain(|_| !claimed.next().unwrap_or(false));
    }
    let removed = remove(&actor, &*claims, &unused)?;
    claims.sweep()?;
    claims.drain_releases()?;
    actor.sync_and_close()?;
    actor.store.pack(CompactOptions { all: true, ..CompactOptions::default() })?;
    actor.store.sweep()?;
    let which = |key: &Key| job.former.iter().position(|former| former == key);
    job.facts().cleanups[number].removed = removed.iter().filter_map(which).collect();
    Ok(())
}

/// Removes results, and those that running tasks among them are about to store; which there were.
fn remove(actor: &Actor, claims: &dyn Claims, keys: &[Key]) -> Result<Vec<Key>> {
    actor.store.refresh()?;
    let present = actor.store.contains_many(keys)?;
    let stored: Vec<Key> = keys.iter().zip(present).filter(|(_, is)| *is).map(|(key, _)| *key).collect();
    if !stored.is_empty() || claims.are_claimed(keys)?.contains(&true) {
        actor.store.remove(keys)?;
        actor.store.sync()?;
    }
    Ok(stored)
}

/// Checks everything there is, as `jug fsck` does, and repairs it if that is asked for.
pub(super) fn check(process: &Arc<Process>, job: &Arc<Job>, repair: bool) -> Result<()> {
    let actor = Actor::open(process, job)?;
    let was_harmed = process.world.state().was_harmed;
    let faults = actor.store.verify(&mut |_, _| Ok(()))?;
    let mut damaged: BTreeSet<Key> = faults.iter().filter_map(|fault| fault.key).collect();
    for (node, key) in (0..).zip(&job.keys) {
        match actor.load(node) {
            Err(Error::Store(StoreError::DamagedResult { .. })) => _ = damaged.insert(*key),
            loaded => _ = loaded?,
        }
    }
    let was_harmed = was_harmed || process.world.state().was_harmed;
    assert!(was_harmed || damaged.is_empty(), "damage was found where there is none: {faults:?}");
    let orphans = [actor.store.leftovers()?, actor.store.orphaned_blobs()?].concat();
    if !repair {
        return actor.close();
    }
    let losses: Vec<_> = faults.iter().filter(|it| !it.harmless).map(|it| it.path.clone()).collect();
    if !losses.is_empty() {
        actor.store.quarantine(&losses)?;
    }
    let damaged: Vec<Key> = damaged.into_iter().collect();
    {
        let mut facts = job.facts();
        for node in damaged.iter().filter_map(|key| job.node(key)) {
            facts.spoilt.insert(node);
            facts.promised.remove(&node);
        }
    }
    actor.store.remove(&damaged)?;
    actor.sync_and_close()?;
    if !faults.is_empty() || !orphans.is_empty() {
        actor.store.pack(CompactOptions { all: true, damaged: true, ..CompactOptions::default() })?;
    }
    actor.store.sweep()?;
    Ok(())
}
