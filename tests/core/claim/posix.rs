//! Claims by byte-range locks, and in memory: within a process and between processes.

use std::fs;
use std::path::Path;

use jug_native::Key;
use jug_native::background::Background;
use jug_native::claim::{ClaimId, Claims, Memory, Posix};
use jug_native::jugdir::Jugdir;

use crate::support::child_process::{self, Child};
use crate::support::temp_jugdir::digest_key as key;

pub(super) fn keys(range: std::ops::Range<u64>) -> Vec<Key> {
    range.map(key).collect()
}

pub(super) fn open(dir: &Path) -> Posix {
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
    assert_eq!(witness.next_line(), format!("{expected:?}"), "closing one leaves the other's claims");
    witness.join();
}

#[test]
#[ignore = "played by a child process"]
fn lists_claims() {
    child_process::say(&format!("{:?}", ids(&open(&child_process::directory()))));
}

#[test]
fn releasing_many_leaves_what_others_of_this_process_hold() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (open(dir.path()), open(dir.path()));
    let (mine, theirs) = (keys(0..500), keys(500..520));
    for (claims, keys) in [(&first, &mine), (&second, &theirs)] {
        for key in keys {
            assert!(claims.try_claim(key).unwrap());
        }
    }
    let mut released = Vec::new();
    first.release_all(&mine, &mut |key| released.push(*key)).unwrap();
    released.sort_unstable();
    let mut expected = mine.clone();
    expected.sort_unstable();
    assert_eq!(released, expected);
    let mut left: Vec<u64> = theirs.iter().map(|key| ClaimId::of(key).get()).collect();
    left.sort_unstable();
    assert_eq!(ids(&first), left);
    let mut witness = Child::play("claim::posix::lists_claims", dir.path());
    assert_eq!(witness.next_line(), format!("{left:?}"));
    witness.join();
    assert!(mine.iter().all(|key| second.try_claim(key).unwrap()), "all of them are free");
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
    assert_eq!(other.next_line(), "claimed");
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
    assert_eq!(other.next_line(), "released one");
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
        assert_eq!(child.next_line(), "ready");
    }
    children.iter_mut().for_each(Child::go_on);
    children.into_iter().for_each(Child::join);
}
