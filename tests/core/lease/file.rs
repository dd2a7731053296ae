//! Leases in directories, of one host and of several.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jug_native::jugdir::ClaimMode;
use jug_native::lease::{FileLease, FileOptions, Lease, Phase};
use jug_native::redis::client::NeverWait;

const MODES: [ClaimMode; 2] = [ClaimMode::Posix, ClaimMode::Link];

fn lease(dir: &Path, mode: ClaimMode) -> Arc<FileLease> {
    let options = FileOptions { ttl: Duration::from_secs(20), heartbeat: true, mode: Some(mode) };
    FileLease::open(dir, "nightly", options).unwrap()
}

fn acquired(lease: &FileLease) -> bool {
    lease.acquire(&NeverWait, b"me").unwrap()
}

#[test]
fn one_of_two_has_it_and_the_next_token_is_larger() {
    for mode in MODES {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (lease(folder.path(), mode), lease(folder.path(), mode));
        assert_eq!(first.owner(&NeverWait).unwrap(), None);
        assert!(acquired(&first));
        assert!(!acquired(&second));
        assert_eq!(second.owner(&NeverWait).unwrap(), Some(b"me".to_vec()));
        let token = first.tenure().token();
        assert!(first.release().unwrap());
        assert!(acquired(&second));
        assert!(second.tenure().token() > token);
        assert!(second.close().unwrap());
        assert!(!first.close().unwrap());
    }
}

#[test]
fn tokens_grow_although_nobody_released_the_last_one() {
    for mode in MODES {
        let folder = tempfile::tempdir().unwrap();
        let first = lease(folder.path(), mode);
        assert!(acquired(&first));
        let tokens = folder.path().join("nightly/tokens");
        // As of a holder that was taken for dead, took one, and has not looked yet whether it holds the lease.
        std::fs::write(tokens.join("9"), "").unwrap();
        assert!(first.close().unwrap());
        let second = lease(folder.path(), mode);
        assert!(acquired(&second));
        assert_eq!(second.tenure().token(), Some(10));
        assert_eq!(std::fs::read_dir(&tokens).unwrap().count(), 1);
        second.close().unwrap();
    }
}

#[test]
fn a_lease_that_is_held_is_had_although_an_earlier_token_cannot_be_removed() {
    for mode in MODES {
        let folder = tempfile::tempdir().unwrap();
        let first = lease(folder.path(), mode);
        assert!(acquired(&first));
        first.close().unwrap();
        let earlier = folder.path().join("nightly/tokens/1");
        std::fs::remove_file(&earlier).unwrap();
        std::fs::create_dir_all(earlier.join("in-the-way")).unwrap();
        let second = lease(folder.path(), mode);
        assert!(acquired(&second));
        assert_eq!((second.tenure().phase(), second.tenure().token()), (Phase::Held, Some(2)));
        assert!(second.close().unwrap());
    }
}

#[test]
fn a_lease_that_is_closed_leaves_no_worker_and_no_claim() {
    let folder = tempfile::tempdir().unwrap();
    let only = lease(folder.path(), ClaimMode::Link);
    assert!(acquired(&only));
    assert!(only.close().unwrap());
    assert_eq!(only.tenure().phase(), Phase::Idle);
    let here = folder.path().join("nightly");
    assert_eq!(std::fs::read_dir(here.join("workers")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(here.join("claims/0")).unwrap().count(), 0);
}
