//! Claims made ahead of what runs: what is not started is returned, what has ended is released.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jug_native::background::{Background, Periodic};
use jug_native::claim::{Claims, LiveClaim, Memory, Prefetch};
use jug_native::held_tasks::PATIENCE;
use jug_native::jugdir::Jugdir;
use jug_native::{Key, Result};

use super::posix::{keys, open};
use crate::support::temp_jugdir::digest_key as key;

fn a_batch() -> (Arc<Memory>, Arc<Prefetch>) {
    let claims = Arc::new(Memory::default());
    (Arc::clone(&claims), Prefetch::new(claims, Background::spawn()))
}

#[test]
fn a_batch_holds_what_was_free() {
    let (claims, batch) = a_batch();
    claims.try_claim(&key(1)).unwrap();
    assert_eq!(batch.claim(&[key(0), key(1), key(2), key(0)]).unwrap(), [true, false, true, false]);
    assert!(batch.start(&key(0), None).unwrap());
    assert!(!batch.start(&key(1), None).unwrap(), "it is another's");
    batch.release(&[key(0), key(1)]).unwrap();
    assert!(claims.is_claimed(&key(1)).unwrap(), "what it does not hold it does not release");
    assert!(!claims.is_claimed(&key(0)).unwrap());
    assert_eq!(batch.held().unwrap(), [key(2)]);
    batch.close().unwrap();
    assert!(!claims.is_claimed(&key(2)).unwrap());
    assert!(batch.claim(&[key(3)]).unwrap_err().to_string().contains("closed"));
}

#[test]
fn a_run_of_claims_ends_where_others_are() {
    let (claims, batch) = a_batch();
    claims.try_claim(&key(1)).unwrap();
    assert_eq!(batch.claim_run(&[key(0), key(1), key(2)]).unwrap(), [true, false]);
    assert_eq!(batch.held().unwrap(), [key(0)]);
    assert!(!claims.is_claimed(&key(2)).unwrap());
}

#[test]
fn a_dropped_batch_releases_everything() {
    let (claims, batch) = a_batch();
    batch.claim(&keys(0..5)).unwrap();
    batch.start(&key(0), None).unwrap();
    drop(batch);
    assert!(claims.live().unwrap().is_empty());
}

#[test]
fn what_is_claimed_behind_a_long_task_is_given_back() {
    let (claims, batch) = a_batch();
    batch.claim(&keys(0..5)).unwrap();
    assert!(batch.start(&key(0), None).unwrap());
    let start = Instant::now();
    while claims.live().unwrap().len() > 1 {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(start.elapsed() >= PATIENCE / 2);
    let mut given_back = batch.given_back().unwrap();
    given_back.sort_unstable();
    let mut expected = keys(1..5);
    expected.sort_unstable();
    assert_eq!(given_back, expected);
    assert_eq!(batch.given_back().unwrap(), []);
    assert!(!batch.start(&key(1), None).unwrap(), "it must be claimed again");
    assert_eq!(batch.held().unwrap(), [key(0)]);
}

/// Claims whose records are visible when a test says so.
#[derive(Default)]
struct Unwritten(Memory, AtomicBool);

impl Claims for Unwritten {
    fn try_claim(&self, key: &Key) -> Result<bool> {
        self.0.try_claim(key)
    }

    fn release(&self, key: &Key) -> Result<()> {
        self.0.release(key)
    }

    fn may_release(&self) -> bool {
        self.1.load(Ordering::SeqCst)
    }

    fn is_claimed(&self, key: &Key) -> Result<bool> {
        self.0.is_claimed(key)
    }

    fn live(&self) -> Result<Vec<LiveClaim>> {
        self.0.live()
    }
}

#[test]
fn what_ended_before_a_long_task_is_released() {
    let (claims, batch) = a_batch();
    batch.claim(&keys(0..2)).unwrap();
    assert!(batch.start(&key(0), None).unwrap());
    assert!(batch.start(&key(1), Some(&key(0))).unwrap());
    assert_eq!(batch.held().unwrap().len(), 2, "short tasks are released together");
    let start = Instant::now();
    while claims.is_claimed(&key(0)).unwrap() {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(batch.held().unwrap(), [key(1)]);
}

#[test]
fn c2_what_ended_is_not_released_before_its_record_is_visible() {
    let claims = Arc::new(Unwritten::default());
    let batch = Prefetch::new(claims.clone(), Background::manual(jug_native::os::local()));
    batch.claim(&keys(0..2)).unwrap();
    batch.start(&key(0), None).unwrap();
    batch.start(&key(1), Some(&key(0))).unwrap();
    let later = Instant::now() + 10 * PATIENCE;
    assert!(batch.poll(later).is_some_and(|pause| pause < PATIENCE), "it is looked at again soon");
    assert!(claims.is_claimed(&key(0)).unwrap());
    claims.1.store(true, Ordering::SeqCst);
    assert_eq!(batch.poll(later), None);
    assert!(!claims.is_claimed(&key(0)).unwrap());
    assert!(claims.is_claimed(&key(1)).unwrap());
}

#[test]
fn what_was_claimed_again_has_not_ended() {
    let (claims, batch) = a_batch();
    batch.claim(&keys(0..2)).unwrap();
    batch.start(&key(0), None).unwrap();
    batch.release(&[key(0)]).unwrap();
    batch.claim(&[key(0)]).unwrap();
    batch.start(&key(1), Some(&key(0))).unwrap();
    batch.start(&key(0), Some(&key(1))).unwrap();
    batch.poll(Instant::now() + 10 * PATIENCE);
    assert!(claims.is_claimed(&key(0)).unwrap());
    assert!(!claims.is_claimed(&key(1)).unwrap());
}

#[test]
fn short_tasks_keep_what_is_claimed_ahead() {
    let (_, batch) = a_batch();
    let now = Instant::now();
    batch.claim(&keys(0..5)).unwrap();
    assert_eq!(batch.poll(now), Some(PATIENCE), "nothing runs yet");
    batch.start(&key(0), None).unwrap();
    assert!(batch.poll(Instant::now()).is_some_and(|pause| pause <= PATIENCE));
    batch.release(&[key(0)]).unwrap();
    assert_eq!(batch.poll(now + 10 * PATIENCE), Some(PATIENCE), "nothing runs any more");
    batch.start(&key(1), None).unwrap();
    assert_eq!(batch.held().unwrap().len(), 4);
    assert_eq!(batch.poll(Instant::now() + 2 * PATIENCE), None);
    assert_eq!(batch.given_back().unwrap().len(), 3);
    assert_eq!(batch.poll(now), None);
}

#[test]
fn giving_back_wakes_who_watches_the_claims() {
    let dir = tempfile::tempdir().unwrap();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let batch = Prefetch::new(Arc::new(open(dir.path())), Background::spawn());
    jugdir.worker().unwrap();
    batch.claim(&keys(0..3)).unwrap();
    let watch = jug_native::os::local().watch(&jugdir.claims()).unwrap();
    batch.start(&key(0), None).unwrap();
    batch.poll(Instant::now() + 2 * PATIENCE);
    assert!(watch.wait(Duration::from_secs(20)).unwrap());
}
