//! Claims by hard links: exclusive among hosts, and never taken from the living.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jug_native::background::Periodic;
use jug_native::claim::{Claims, Prefetch};
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use jug_native::os::local;

use crate::support::link_worker::{LEASE, LinkWorker, path_of};
use crate::support::temp_jugdir::digest_key as key;

#[test]
fn a_claim_has_one_holder_among_workers() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(!other.claims.is_claimed(&key(1)).unwrap());
    assert!(one.claim(1));
    assert!(!one.claim(1), "not even its holder gets it again");
    assert!(!other.claim(1));
    assert!(other.claims.is_claimed(&key(1)).unwrap());
    assert_eq!(other.claims.live().unwrap()[0].worker, one.id());
    one.free(1);
    assert!(!other.claims.is_claimed(&key(1)).unwrap());
    assert!(other.claim(1));
}

#[test]
fn a_claim_is_a_name_of_its_workers_file_and_one_heartbeat_refreshes_all() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::at(dir.path());
    assert!((0..5).all(|number| one.claim(number)));
    let file = dir.path().join("workers").join(one.id());
    assert_eq!(fs::metadata(&file).unwrap().nlink(), 6);
    let before = fs::metadata(path_of(dir.path(), 0, 3)).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    one.after(LEASE / 10);
    let after = fs::metadata(path_of(dir.path(), 0, 3)).unwrap();
    assert_eq!(before.ino(), fs::metadata(&file).unwrap().ino());
    assert_ne!(before.modified().unwrap(), after.modified().unwrap());
}

#[test]
fn a_success_that_looks_like_a_failure_is_known_by_its_inode() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::at(dir.path());
    assert!(one.claim(1));
    // The name is there although no answer said that this process made it.
    let worker = dir.path().join("workers").join(one.id());
    fs::hard_link(worker, path_of(dir.path(), 0, 2)).unwrap();
    assert!(one.claim(2));
}

#[test]
fn c2_a_claim_is_released_after_everything_stored_before_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(one.claim(1) && one.claim(2));
    one.progress.stored.store(7, Ordering::SeqCst);
    one.claims.release(&key(1)).unwrap();
    one.progress.stored.store(8, Ordering::SeqCst);
    one.claims.release(&key(2)).unwrap();
    one.after(Duration::from_secs(40));
    assert!(!other.claim(1));
    one.progress.durable.store(7, Ordering::SeqCst);
    one.after(Duration::from_secs(50));
    assert!(other.claim(1));
    assert!(!other.claim(2), "its record came later");
    one.progress.durable.store(8, Ordering::SeqCst);
    one.after(Duration::from_secs(60));
    assert!(other.claim(2));
}

#[test]
fn what_is_given_back_is_free_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(one.claim(1) && one.claim(2));
    one.claims.release(&key(1)).unwrap();
    one.background.poll();
    assert!(!other.claim(1), "the claim on a finished task may stay for a while");
    one.claims.return_unstarted(&key(2)).unwrap();
    one.background.poll();
    assert!(other.claim(2));
}

#[test]
fn what_is_claimed_again_before_its_name_went_away_is_still_held() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(one.claim(1));
    one.progress.stored.store(1, Ordering::SeqCst);
    one.claims.release(&key(1)).unwrap();
    assert!(one.claim(1));
    one.claims.drain_releases().unwrap();
    assert!(!other.claim(1));
}

#[test]
fn names_that_are_no_generations_and_no_workers_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(one.claim(1));
    for name in ["007", "+9", "18446744073709551615", "claims"] {
        std::fs::create_dir(dir.path().join("claims").join(name)).unwrap();
    }
    for name in ["junk", "a.b", "a.b.c.d", "..1.c"] {
        std::fs::create_dir(dir.path().join("workers").join(name)).unwrap();
    }
    two.after(LEASE / 10);
    assert!(!two.claim(1) && two.claim(2));
    assert!(one.claim(3) && !one.claim(2));
    assert_eq!(one.claims.sweep().unwrap(), 0);
}

#[test]
fn names_of_finished_tasks_go_away_once_a_task_takes_long() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    let batch = Prefetch::new(one.claims.clone(), Arc::clone(&one.background));
    assert_eq!(batch.claim(&[key(1), key(2)]).unwrap(), [true, true]);
    batch.start(&key(1), None).unwrap();
    batch.start(&key(2), Some(&key(1))).unwrap();
    let short = Instant::now() + Duration::from_millis(500);
    assert!(batch.poll(short).is_some(), "the background thread looks again");
    one.claims.poll(short);
    assert!(!other.claim(1), "many names are removed together");
    let long = short + Duration::from_secs(2);
    batch.poll(long);
    one.claims.poll(long);
    assert!(other.claim(1));
    assert!(!other.claim(2));
}

#[test]
fn c5_a_success_that_looks_like_a_failure_is_known_where_another_one_had_the_claim_before() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(one.claim(1) && other.claim(2) && !other.claim(1));
    one.free(1);
    // The name was made, and the answer lost: the request is made again.
    fs::hard_link(dir.path().join("workers").join(other.id()), path_of(dir.path(), 0, 1)).unwrap();
    assert!(other.claim(1));
}

#[test]
fn c1_a_batch_has_won_only_what_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(one.claim(1));
    // In the newest generation nobody has the name, but in the one before a living worker has it.
    fs::create_dir(dir.path().join("claims/1")).unwrap();
    let batch = Prefetch::new(other.claims.clone(), Arc::clone(&other.background));
    assert_eq!(batch.claim(&[key(1), key(2)]).unwrap(), [false, true]);
    assert!(!batch.start(&key(1), None).unwrap());
}

#[test]
fn a_name_removed_late_never_takes_a_claim_from_anybody() {
    let dir = tempfile::tempdir().unwrap();
    let (paused, heir) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(paused.claim(1));
    // Between deciding to remove this name and removing it, the worker sleeps for longer than a lease.
    let name = path_of(dir.path(), 0, 1);
    heir.claims.try_claim(&key(2)).unwrap();
    heir.watch(Duration::ZERO, LEASE + 3 * LeaseTiming::of(LEASE).heartbeat);
    assert!(heir.claim(1));
    let _removed = fs::remove_file(name);
    assert!(heir.claims.holds(&key(1)));
    assert!(!LinkWorker::at(dir.path()).claim(1), "it is still the heir's");
}

#[test]
fn a_claim_made_late_in_a_generation_that_ended_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let (slow, quick) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(slow.claim(0) && quick.claim(9));
    // One worker makes a name, and before it finds out whether that counts, a generation ends and another one claims.
    assert!(slow.claims.try_claim(&key(1)).unwrap());
    fs::create_dir(dir.path().join("claims/1")).unwrap();
    let third = LinkWorker::at(dir.path());
    assert!(!third.claim(1), "of two names for one task, the later one gives way");
    assert_eq!(slow.claims.confirm(&[key(1)]).unwrap(), [true]);
    assert!(
        !path_of(dir.path(), 0, 1).exists() && path_of(dir.path(), 1, 1).exists(),
        "in the newest generation"
    );
    assert!(slow.claims.holds(&key(0)), "what it held before still counts");
    assert!(!third.claim(0));
}

#[test]
fn a_worker_that_leaves_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::at(dir.path());
    let batch = Prefetch::new(one.claims.clone(), Arc::clone(&one.background));
    batch.claim(&[key(1), key(2)]).unwrap();
    batch.close().unwrap();
    one.jugdir.leave();
    assert!(local().list(&dir.path().join("workers")).unwrap().is_empty());
    assert!(local().list(&dir.path().join("claims/0")).unwrap().is_empty());
}

#[test]
fn looking_at_links_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("none");
    let one = LinkWorker::at(&root);
    assert!(!one.claims.is_claimed(&key(1)).unwrap());
    assert!(one.claims.live().unwrap().is_empty());
    one.claims.release(&key(1)).unwrap();
    assert!(!root.exists());
}

#[test]
fn the_mode_of_a_jugdir_is_chosen_once() {
    let dir = tempfile::tempdir().unwrap();
    Jugdir::open_as(local(), dir.path(), Some(ClaimMode::Link), LeaseTiming::from_environment())
        .unwrap()
        .init()
        .unwrap();
    assert_eq!(Jugdir::open(dir.path()).unwrap().claim_mode().unwrap(), ClaimMode::Link);
    let refused =
        Jugdir::open_as(local(), dir.path(), Some(ClaimMode::Posix), LeaseTiming::from_environment())
            .unwrap_err();
    assert!(refused.to_string().contains("claims in mode link, not posix"), "{refused}");
}
