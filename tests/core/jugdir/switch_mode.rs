//! Opening a jugdir of one host to others.

use std::fs;

use jug_native::Error;
use jug_native::error::ClaimError;
use jug_native::jugdir::{ClaimMode, Jugdir};

use crate::support::child_process::Child;
use crate::support::files::names;

#[test]
fn a_worker_that_starts_while_a_jugdir_is_opened_to_other_hosts_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let first = Jugdir::open(dir.path()).unwrap();
    first.worker().unwrap();
    first.leave();
    let (starting, other) = (Jugdir::open(dir.path()).unwrap(), Jugdir::open(dir.path()).unwrap());
    assert_eq!(starting.claim_mode().unwrap(), ClaimMode::Posix);
    assert!(other.switch_to_links().unwrap());
    assert!(matches!(starting.worker(), Err(Error::Claim(ClaimError::ModeChanged { .. }))));
    assert_eq!(names(&other.workers()), [""; 0]);
    assert_eq!(Jugdir::open(dir.path()).unwrap().claim_mode().unwrap(), ClaimMode::Link);
    assert!(!Jugdir::open(dir.path()).unwrap().switch_to_links().unwrap(), "it was done before");
}

#[test]
fn a_jugdir_is_not_opened_to_other_hosts_while_a_worker_lives() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = Child::play("jugdir::worker::registers", dir.path());
    worker.next_line();
    let before = fs::read(dir.path().join("FORMAT")).unwrap();
    assert!(matches!(
        Jugdir::open(dir.path()).unwrap().switch_to_links(),
        Err(Error::Claim(ClaimError::JugdirInUse { .. }))
    ));
    assert_eq!(fs::read(dir.path().join("FORMAT")).unwrap(), before);
    worker.kill();
    assert!(Jugdir::open(dir.path()).unwrap().switch_to_links().unwrap());
}
