//! Locks of whole files.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;

use jug_native::os::FileLock;

#[test]
fn a_file_is_locked_by_one_at_a_time_and_asking_locks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    assert!(!FileLock::is_locked(&path).unwrap());
    assert!(!path.exists());
    let first = FileLock::try_lock(&path).unwrap().unwrap();
    assert!(FileLock::is_locked(&path).unwrap());
    assert!(FileLock::try_lock(&path).unwrap().is_none());
    drop(first);
    assert!(!FileLock::is_locked(&path).unwrap());
    assert!(FileLock::try_lock(&path).unwrap().is_some());
}

#[test]
fn a_lock_of_a_file_that_lost_its_name_is_out_of_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let first = FileLock::try_lock(&path).unwrap().unwrap();
    assert!(first.is_in_place());
    fs::remove_file(&path).unwrap();
    assert!(!first.is_in_place());
    let second = FileLock::try_lock(&path).unwrap().unwrap();
    assert!(second.is_in_place());
    assert!(!first.is_in_place());
}

#[test]
fn what_was_put_in_its_place_is_not_locked() {
    let folder = tempfile::tempdir().unwrap();
    let (other, path) = (folder.path().join("other"), folder.path().join("lock"));
    fs::write(&other, "").unwrap();
    symlink(&other, &path).unwrap();
    assert!(FileLock::try_lock(&path).is_err());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_ne!(FileLock::try_lock(&path).unwrap_err().kind(), ErrorKind::NotFound);
}
