//! Files that are there and cannot be read: reported, and worked around.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jug_native::Error;
use jug_native::error::StoreError;
use jug_native::result_store::ResultStore;
use nix::errno::Errno;

use crate::support::bad_sectors::{
    Disk, EIO, WHOLE, files, keys_of, only, repair, results, value, verify, without, work,
};
use crate::support::packs::ALL;
use crate::support::temp_jugdir::{TempJugdir, key, load, save};

const A_DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn a_segment_that_cannot_be_read_is_reported_and_costs_nothing_else() {
    for refuses_to_open in [false, true] {
        let temp = TempJugdir::new();
        work(&temp, 0..10);
        let bad = work(&temp, 10..20);
        let disk = if refuses_to_open { Disk::closed(Errno::EIO) } else { Disk::new(Errno::EIO) };
        disk.spoil(&bad, WHOLE);
        let store = disk.open(&temp).unwrap();
        assert_eq!(results(&store), without(0..10, &[]));
        assert_eq!(store.damage().unwrap().files, [(bad.clone(), 0, EIO)]);
        let faults = verify(&store);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!((&faults[0].path, faults[0].what.as_str(), faults[0].harmless), (&bad, EIO, false));
        // It is left alone for ten times as long as the last try took.
        disk.heal();
        store.refresh().unwrap();
        assert_eq!(results(&store), without(0..10, &[]));
        disk.let_pass(A_DAY);
        store.refresh().unwrap();
        assert_eq!(results(&store), without(0..20, &[]));
        assert!(store.damage().unwrap().files.is_empty());
        assert_eq!(verify(&store), []);
    }
}

#[test]
fn what_a_disk_refuses_for_a_moment_costs_nothing() {
    let temp = TempJugdir::new();
    work(&temp, 0..10);
    temp.open().pack(ALL).unwrap();
    let segment = work(&temp, 10..20);
    let mut paths = files(&temp, "packs", "");
    paths.extend(files(&temp, "blobs", ""));
    for path in paths.into_iter().chain([segment]) {
        let disk = Disk::new(Errno::EIO);
        disk.failures.store(2, Ordering::SeqCst);
        disk.spoil(&path, WHOLE);
        let store = disk.open(&temp).unwrap();
        assert_eq!((results(&store), verify(&store)), (without(0..20, &[]), vec![]), "{path:?}");
    }
}

#[test]
fn a_bad_sector_in_a_value_costs_that_one_and_is_named() {
    let temp = TempJugdir::new();
    let segment = work(&temp, 0..20);
    let at = |path: &Path, number: u8| {
        let bytes = fs::read(path).unwrap();
        let wanted = &value(number)[..100];
        bytes.windows(100).position(|window| window == wanted).unwrap() as u64
    };
    for packed in [false, true] {
        if packed {
            temp.open().pack(ALL).unwrap();
        }
        let path = if packed { only(&temp, "packs", ".pack") } else { segment.clone() };
        let page = (at(&path, 14) + 20_000) / 4096 * 4096;
        let disk = Disk::new(Errno::EIO);
        disk.spoil(&path, page..page + 4096);
        let store = disk.open(&temp).unwrap();
        let faults = verify(&store);
        assert_eq!((keys_of(&faults), faults.len()), (vec![14], 1), "{faults:?}");
        assert_eq!((faults[0].what.as_str(), &faults[0].path), (EIO, &path));
        assert_eq!(results(&store), without(0..20, &[14]));
        assert_eq!(results(&disk.open(&temp).unwrap()), without(0..20, &[14]));
    }
}

#[test]
fn a_result_that_cannot_be_read_is_reported_once_and_others_may_have_it() {
    for large in [false, true] {
        let temp = TempJugdir::new();
        work(&temp, 0..10);
        let disk = Disk::new(Errno::EIO);
        let store = disk.open(&temp).unwrap();
        save(&store, 10, b"a worker").unwrap();
        let number = if large { 7 } else { 3 };
        let path = if large { only(&temp, "blobs", "") } else { files(&temp, "segments", ".seg").remove(0) };
        let path = if large || fs::metadata(&path).unwrap().len() > 1000 {
            path
        } else {
            files(&temp, "segments", ".seg").remove(1)
        };
        disk.spoil(&path, WHOLE);
        let error = store.load(&key(number)).unwrap_err();
        assert!(
            matches!(&error, Error::Store(StoreError::DamagedResult { what, .. }) if what == EIO),
            "{error}"
        );
        assert_eq!(store.load(&key(number)).unwrap().map(|stored| stored.bytes), None);
        store.sync().unwrap();
        let other = temp.open();
        assert_eq!(load(&other, number), Some(value(number)), "nothing was removed");
        // What is computed in its place wins everywhere.
        save(&store, number, b"computed again").unwrap();
        store.sync().unwrap();
        other.refresh().unwrap();
        assert_eq!(load(&other, number).as_deref(), Some(&b"computed again"[..]));
    }
}

#[test]
fn blobs_that_cannot_be_looked_at_are_computed_again() {
    let temp = TempJugdir::new();
    work(&temp, 0..10);
    let blob = only(&temp, "blobs", "");
    fs::remove_file(&blob).unwrap();
    symlink(&blob, &blob).unwrap();
    let store = temp.open();
    store.check_blobs().unwrap();
    assert_eq!(results(&store), without(0..10, &[7]));
}

#[test]
fn an_index_that_cannot_be_read_costs_time_only() {
    let temp = TempJugdir::new();
    work(&temp, 0..20);
    temp.open().pack(ALL).unwrap();
    let index = only(&temp, "packs", ".idx");
    let disk = Disk::new(Errno::EIO);
    disk.spoil(&index, WHOLE);
    let store = disk.open(&temp).unwrap();
    assert_eq!(results(&store), without(0..20, &[]));
    let faults = verify(&store);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].path == index && faults[0].what.starts_with(EIO), "{faults:?}");
    repair(&store);
    let store = disk.open(&temp).unwrap();
    assert_eq!((results(&store), verify(&store)), (without(0..20, &[]), vec![]));
}

#[test]
fn a_pack_that_cannot_be_opened_is_reported_and_comes_back() {
    let temp = TempJugdir::new();
    work(&temp, 0..10);
    temp.open().pack(ALL).unwrap();
    work(&temp, 10..20);
    let pack = only(&temp, "packs", ".pack");
    let disk = Disk::closed(Errno::EIO);
    disk.spoil(&pack, WHOLE);
    let store = disk.open(&temp).unwrap();
    assert_eq!(results(&store), without(10..20, &[]));
    assert_eq!(store.damage().unwrap().files, [(pack.clone(), 0, EIO)]);
    store.pack(ALL).unwrap();
    store.sweep().unwrap();
    disk.heal();
    disk.let_pass(A_DAY);
    store.refresh().unwrap();
    assert_eq!(results(&store), without(0..20, &[]));
    assert!(store.damage().unwrap().files.is_empty());
    assert!(pack.exists());
}

#[test]
fn other_errors_say_nothing_of_the_file_and_remain_errors() {
    for errno in [Errno::EACCES, Errno::ENOMEM, Errno::EMFILE] {
        let temp = TempJugdir::new();
        let segment = work(&temp, 0..10);
        let disk = Disk::new(errno);
        disk.spoil(&segment, WHOLE);
        let error = disk.open(&temp).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == segment), "{error}");
        let blob = only(&temp, "blobs", "");
        let disk = Disk::new(errno);
        let store = disk.open(&temp).unwrap();
        disk.spoil(&blob, WHOLE);
        let error = store.load(&key(7)).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == blob), "{error}");
    }
}

#[test]
fn a_directory_that_cannot_be_listed_remains_an_error() {
    let temp = TempJugdir::new();
    work(&temp, 0..10);
    for part in ["segments", "packs", "blobs"] {
        let (disk, dir) = (Disk::new(Errno::EIO), temp.root().join(part));
        disk.spoil(&dir, WHOLE);
        let outcome = disk.open(&temp).and_then(|store| store.orphaned_blobs());
        assert!(matches!(&outcome, Err(Error::Io { path, .. }) if *path == dir), "{outcome:?}");
    }
}
