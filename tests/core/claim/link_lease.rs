//! Claims by hard links: a worker that others took for dead, or may take for dead.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jug_native::background::{Background, Periodic};
use jug_native::claim::{Claims, Prefetch};
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming, Liveness};
use jug_native::os::local;
use jug_native::store::{Durability, Store};

use crate::support::link_worker::{LEASE, LinkWorker, path_of};
use crate::support::temp_jugdir::digest_key as key;
use crate::support::temp_jugdir::save;

/// A lease that is short enough to wait for, and long enough for a busy machine.
fn hasty() -> LeaseTiming {
    LeaseTiming { treat_as_remote: true, ..LeaseTiming::of(Duration::from_secs(2)) }
}

/// Returns when a worker with a [`hasty`] timing that did not beat has lost touch.
fn lose_touch() {
    std::thread::sleep(Duration::from_millis(1_200));
}

#[test]
fn c4_a_worker_out_of_touch_claims_nothing_more_and_registers_again() {
    let dir = tempfile::tempdir().unwrap();
    let timing = hasty();
    let (lost, other) = (LinkWorker::with(dir.path(), timing), LinkWorker::at(dir.path()));
    assert!(other.claim(4) && lost.claim(1) && lost.claim(2));
    let before = lost.id();
    assert!(lost.claims.holds(&key(1)));
    lose_touch();
    assert!(!lost.claims.holds(&key(1)), "others may take it for dead from now on");
    assert!(lost.claim(3), "as somebody else");
    assert_ne!(lost.id(), before);
    assert!(!lost.claims.holds(&key(1)));
    assert_ne!(lost.jugdir.liveness(&before).unwrap(), Liveness::Alive);
    other.after(LEASE / 10);
    assert!(other.claim(1) && other.claim(2), "nobody has to wait for what it held before");
    assert!(!other.claim(3));
}

#[test]
fn c4_what_a_lost_worker_stores_goes_into_a_segment_of_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let open = |timing| Jugdir::open_as(local(), dir.path(), Some(ClaimMode::Link), timing).unwrap();
    let jugdir = open(hasty());
    let store = Store::open_in(Arc::clone(&jugdir), Background::manual(local()), Durability::Group).unwrap();
    save(&store, 1, b"one").unwrap();
    store.sync().unwrap();
    let before = jugdir.registered().unwrap().id().to_owned();
    let segment = jugdir.segments().join(format!("{before}-0.seg"));
    let length = fs::metadata(&segment).unwrap().len();
    lose_touch();
    save(&store, 2, b"two").unwrap();
    store.sync().unwrap();
    assert_eq!(fs::metadata(&segment).unwrap().len(), length, "others may read it no more");
    let after = jugdir.registered().unwrap().id().to_owned();
    assert_ne!(after, before);
    assert!(
        jugdir
            .segments()
            .read_dir()
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with(&after) })
    );
}

#[test]
fn c4_a_claim_is_void_if_its_worker_lost_touch_before_it_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::with(dir.path(), hasty());
    assert!(one.claims.try_claim(&key(1)).unwrap());
    lose_touch();
    assert_eq!(one.claims.confirm(&[key(1)]).unwrap(), [false]);
}

#[test]
fn c4_a_worker_that_lost_touch_while_it_waited_goes_on_watching() {
    let dir = tempfile::tempdir().unwrap();
    let timing = hasty();
    let (dead, waiting) = (LinkWorker::with(dir.path(), timing), LinkWorker::with(dir.path(), timing));
    assert!(dead.claim(1) && waiting.claim(2));
    let before = waiting.id();
    lose_touch();
    let start = Instant::now();
    while waiting.claims.is_claimed(&key(1)).unwrap() {
        assert!(start.elapsed() < Duration::from_secs(20));
        waiting.after(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_ne!(waiting.id(), before, "as somebody else");
}

#[test]
fn a_worker_that_left_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::with(dir.path(), hasty());
    one.claims.drain_releases().unwrap();
    assert!(one.claim(1));
    one.free(1);
    one.jugdir.leave();
    lose_touch();
    assert_eq!(one.jugdir.poll(Instant::now() + LEASE), None);
    assert!(local().list(&dir.path().join("workers")).unwrap().is_empty());
}

#[test]
fn a_batch_starts_nothing_that_is_not_held_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::with(dir.path(), hasty());
    let batch = Prefetch::new(one.claims.clone(), Arc::clone(&one.background));
    assert_eq!(batch.claim(&[key(1), key(2)]).unwrap(), [true, true]);
    assert!(batch.start(&key(1), None).unwrap());
    lose_touch();
    assert!(!batch.start(&key(2), None).unwrap());
}

#[test]
fn a_worker_marked_as_dead_notices_and_registers_again() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::at(dir.path());
    assert!(one.claim(1));
    let before = one.id();
    let workers = dir.path().join("workers");
    fs::hard_link(workers.join(&before), workers.join(format!("dead-{before}"))).unwrap();
    one.after(LEASE / 10);
    assert!(!one.claims.holds(&key(1)));
    assert!(one.claim(2));
    assert_ne!(one.id(), before);
}

#[test]
fn a_worker_whose_file_was_swept_away_registers_again() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::at(dir.path());
    assert!(one.claim(1));
    let before = one.id();
    fs::remove_file(dir.path().join("workers").join(&before)).unwrap();
    fs::remove_file(path_of(dir.path(), 0, 1)).unwrap();
    assert!(one.claim(2));
    assert_ne!(one.id(), before);
}
