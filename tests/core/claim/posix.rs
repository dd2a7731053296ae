//! Claims: within a process, between processes, and ahead of what runs.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jug_native::background::{Background, Periodic};
use jug_native::claim::{ClaimId, Claims, LiveClaim, Memory, PATIENCE, Posix, Prefetch};
use jug_native::jugdir::Jugdir;
use jug_native::{Key, Result};

use crate::support::child_process::{self, Child};

/// Spread like a digest, as real keys are.
fn key(number: u64) -> Key {
    Key::new(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn keys(range: std::ops::Range<u64>) -> Vec<Key> {
    range.map(key).collect()
}

fn open(dir: &Path) -> Posix {
    Posix::new(Jugdir::open(dir).unwrap(), Background::spawn())
}

fn ids(claims: &dyn Claims) -> Vec<u64> {
    claims.live().unwrap().iter().map(|live| live.id.get()).collect()
}

#[test]
fn a_claim_has_one_holder() {
    let dir = tempfile::tempdir().unwrap();
    let implementations: [&dyn Claims; 2] = [&open(dir.path()), &Memory::default()];
    for claims in implementations {
        assert!(!claims.is_claimed(&key(1)).unwrap());
        assert!(claims.try_claim(&key(1)).unwrap());
        assert!(!claims.try_claim(&key(1)).unwrap(), "not even its holder gets it again");
        assert!(claims.is_claimed(&key(1)).unwrap());
        assert!(!claims.is_claimed(&key(2)).unwrap());
        assert_eq!(ids(claims), [ClaimId::of(&key(1)).get()]);
        claims.release(&key(2)).unwrap();
        claims.release(&key(1)).unwrap();
        claims.release(&key(1)).unwrap();
        assert!(!claims.is_claimed(&key(1)).unwrap());
        assert!(ids(claims).is_empty());
        assert!(claims.try_claim(&key(1)).unwrap());
    }
}

#[test]
fn an_id_is_the_first_63_bits_of_a_key() {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(ClaimId::of(&Key::new(digest)).get(), (1 << 63) - 1);
    let dir = tempfile::tempdir().unwrap();
    let claims = open(dir.path());
    assert!(claims.try_claim(&Key::new(digest)).unwrap(), "the last byte can be locked");
    assert!(claims.try_claim(&Key::new([0; 32])).unwrap());
}

#[test]
fn two_objects_of_one_process_share_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (open(dir.path()), open(dir.path()));
    assert!(first.try_claim(&key(1)).unwrap());
    assert!(!second.try_claim(&key(1)).unwrap());
    assert!(second.is_claimed(&key(1)).unwrap());
    assert!(second.try_claim(&key(2)).unwrap());
    drop(second);
    let mut witness = Child::play("claim::posix::lists_claims", dir.path());
    let mut expected = vec![ClaimId::of(&key(1)).get(), ClaimId::of(&key(2)).get()];
    expected.sort_unstable();
    assert_eq!(witness.hear(), format!("{expected:?}"), "closing one leaves the other's claims");
    witness.join();
}

#[test]
#[ignore = "played by a child process"]
fn lists_claims() {
    child_process::say(&format!("{:?}", ids(&open(&child_process::directory()))));
}

#[test]
fn looking_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("none");
    let claims = open(&root);
    assert!(!claims.is_claimed(&key(1)).unwrap());
    assert!(ids(&claims).is_empty());
    claims.release(&key(1)).unwrap();
    assert!(!root.exists());
    Jugdir::open(&root).unwrap().worker().unwrap();
    assert!(!claims.is_claimed(&key(1)).unwrap());
    assert!(ids(&claims).is_empty());
    assert_eq!(fs::read_dir(root.join("claims")).unwrap().count(), 0);
    assert!(claims.try_claim(&key(1)).unwrap());
    assert_eq!(fs::read_dir(root.join("claims")).unwrap().count(), 1, "one stripe, when it is needed");
}

#[test]
#[ignore = "played by a child process"]
fn claims_a_hundred() {
    let claims = open(&child_process::directory());
    assert!(keys(0..100).iter().all(|key| claims.try_claim(key).unwrap()));
    child_process::say("claimed");
    child_process::wait();
    claims.release(&key(0)).unwrap();
    child_process::say("released one");
    child_process::wait();
}

#[test]
fn a_claim_is_free_the_moment_its_owner_dies() {
    let dir = tempfile::tempdir().unwrap();
    let claims = open(dir.path());
    let mut other = Child::play("claim::posix::claims_a_hundred", dir.path());
    assert_eq!(other.hear(), "claimed");
    assert!(!claims.try_claim(&key(7)).unwrap());
    assert!(claims.is_claimed(&key(7)).unwrap());
    let live = claims.live().unwrap();
    assert_eq!(live.len(), 100);
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let mut workers = jugdir.list_workers().unwrap();
    workers.retain(|worker| worker.identity.as_ref().is_some_and(|it| it.pid == other.pid()));
    let claimants = jugdir.claimants().unwrap();
    assert!(
        live.iter().all(|live| claimants[&live.id.get()] == workers[0].id),
        "it says what it has claimed"
    );
    assert!(keys(0..100).iter().all(|key| live.iter().any(|live| live.id == ClaimId::of(key))));
    other.go_on();
    assert_eq!(other.hear(), "released one");
    assert!(claims.try_claim(&key(0)).unwrap());
    other.kill();
    assert_eq!(ids(&claims), [ClaimId::of(&key(0)).get()]);
    assert!(keys(1..100).iter().all(|key| claims.try_claim(key).unwrap()));
}

#[test]
#[ignore = "played by a child process"]
fn runs_what_it_can_claim() {
    let dir = child_process::directory();
    let claims = open(&dir.join("jugdir"));
    child_process::say("ready");
    child_process::wait();
    for round in 0..20 {
        for number in 0..50 {
            let key = key(number);
            if !claims.try_claim(&key).unwrap() {
                continue;
            }
            let running = dir.join(format!("running-{number}"));
            fs::File::create_new(&running).unwrap_or_else(|_| panic!("{number} ran twice in round {round}"));
            fs::remove_file(&running).unwrap();
            claims.release(&key).unwrap();
        }
    }
}

#[test]
fn a_claim_is_never_held_twice_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut children: Vec<Child> =
        (0..3).map(|_| Child::play("claim::posix::runs_what_it_can_claim", dir.path())).collect();
    for child in &mut children {
        assert_eq!(child.hear(), "ready");
    }
    children.iter_mut().for_each(Child::go_on);
    children.into_iter().for_each(Child::join);
}

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
    assert!(!batch.start(&key(1), None).unwrap(), "it must be claimed anew");
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
