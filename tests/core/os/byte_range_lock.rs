//! Byte-range locks between two real processes.

use std::fs::{File, OpenOptions};
use std::path::Path;

use jug_native::os::byte_range_lock::{self, OFFSET_LIMIT};

use crate::support::child_process::{self, Child};

const OFFSETS: [u64; 6] = [0, 1, 5, 1 << 40, (1 << 62) + 3, OFFSET_LIMIT - 1];

fn open(dir: &Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join("file")).unwrap()
}

#[test]
#[ignore = "played by a child process"]
fn holds_some_bytes() {
    let file = open(&child_process::directory());
    for offset in OFFSETS {
        assert!(byte_range_lock::try_lock(&file, offset).unwrap());
    }
    child_process::say("locked");
    child_process::wait();
    byte_range_lock::unlock(&file, 5).unwrap();
    child_process::say("unlocked one");
    child_process::wait();
}

#[test]
fn a_byte_has_one_holder_until_it_is_given_up_or_the_holder_dies() {
    let dir = tempfile::tempdir().unwrap();
    let file = open(dir.path());
    let mut other = Child::play("os::byte_range_lock::holds_some_bytes", dir.path());
    assert_eq!(other.next_line(), "locked");
    assert!(!byte_range_lock::try_lock(&file, 5).unwrap());
    assert!(byte_range_lock::try_lock(&file, 4).unwrap(), "its neighbours are free");
    assert!(byte_range_lock::holder(&file, 5).unwrap().is_some());
    assert_eq!(byte_range_lock::holder(&file, 6).unwrap(), None);
    other.go_on();
    assert_eq!(other.next_line(), "unlocked one");
    assert!(byte_range_lock::try_lock(&file, 5).unwrap());
    assert!(!byte_range_lock::try_lock(&file, OFFSET_LIMIT - 1).unwrap());
    other.kill();
    assert!(byte_range_lock::try_lock(&file, OFFSET_LIMIT - 1).unwrap(), "free the moment its owner is dead");
}

#[test]
fn holders_of_all_kinds_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let file = open(dir.path());
    assert_eq!(byte_range_lock::holders(&file).unwrap(), []);
    let mut other = Child::play("os::byte_range_lock::holds_some_bytes", dir.path());
    assert_eq!(other.next_line(), "locked");
    let mut third = Child::play("os::byte_range_lock::holds_bytes_in_between", dir.path());
    assert_eq!(third.next_line(), "locked");
    // A lock of this process does not show, and does not hide others.
    assert!(byte_range_lock::try_lock(&file, 7).unwrap());
    let listed: Vec<(u64, u64)> =
        byte_range_lock::holders(&file).unwrap().iter().map(|held| (held.offset, held.len)).collect();
    let mut expected = vec![(0, 2), (3, 1), (1 << 50, 1)];
    expected.extend(OFFSETS[2..].iter().map(|offset| (*offset, 1)));
    expected.sort_unstable();
    assert_eq!(listed, expected);
    other.kill();
    third.kill();
    assert_eq!(byte_range_lock::holders(&file).unwrap(), []);
}

#[test]
#[ignore = "played by a child process"]
fn holds_bytes_in_between() {
    let file = open(&child_process::directory());
    assert!(byte_range_lock::try_lock(&file, 3).unwrap());
    assert!(byte_range_lock::try_lock(&file, 1 << 50).unwrap());
    child_process::say("locked");
    child_process::wait();
}

#[test]
fn holders_can_be_asked_for_without_permission_to_write() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    let mut other = Child::play("os::byte_range_lock::holds_some_bytes", dir.path());
    assert_eq!(other.next_line(), "locked");
    let file = File::open(dir.path().join("file")).unwrap();
    assert_eq!(byte_range_lock::holders(&file).unwrap().len(), OFFSETS.len() - 1);
    other.kill();
}

#[test]
fn a_lock_outlasts_whatever_else_its_process_does_with_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = open(dir.path());
    assert!(byte_range_lock::try_lock(&file, 5).unwrap());
    let another = open(dir.path());
    assert!(
        !byte_range_lock::try_lock(&another, 5).unwrap(),
        "another opening is somebody else, in this process too"
    );
    drop(another);
    std::fs::read(dir.path().join("file")).unwrap();
    let mut other = Child::play("os::byte_range_lock::tries_a_byte", dir.path());
    assert_eq!(other.next_line(), "false");
    other.join();
}

#[test]
#[ignore = "played by a child process"]
fn tries_a_byte() {
    child_process::say(&byte_range_lock::try_lock(open(&child_process::directory()), 5).unwrap().to_string());
}
