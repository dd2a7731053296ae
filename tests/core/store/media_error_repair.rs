//! What cannot be read is never a reason to remove anything, but by a repair, which keeps the file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use jug_native::error::StoreError;
use jug_native::jugdir::Jugdir;
use jug_native::result_store::ResultStore;
use jug_native::store::{CompactOptions, SkipReason, damaged_manifest, repair_manifest};
use jug_native::{Error, Key};
use nix::errno::Errno;

use crate::support::bad_sectors::{
    Disk, WHOLE, files, keys_of, only, repair, results, snapshot, verify, without, work,
};
use crate::support::hooked_fs::HookedFs;
use crate::support::packs::ALL;
use crate::support::temp_jugdir::{TempJugdir, key};

#[test]
fn packing_leaves_what_it_cannot_read_and_what_that_may_refer_to() {
    let temp = TempJugdir::new();
    work(&temp, 0..10);
    temp.open().pack(ALL).unwrap();
    let bad = [only(&temp, "packs", ".pack"), work(&temp, 10..20)];
    work(&temp, 20..30);
    let before = snapshot(&temp);
    // The whole of it, its middle, its end.
    for start in [0, 40_000, 63_000] {
        let disk = Disk::new(Errno::EIO);
        for path in &bad {
            disk.spoil(path, start..start + 500_000);
        }
        let store = disk.open(&temp).unwrap();
        let packed = store.pack(ALL).unwrap();
        assert!(packed.left.iter().any(|(_, why)| *why == SkipReason::Unreadable), "{packed:?}");
        assert_eq!(store.orphaned_blobs().unwrap(), []);
        store.sweep().unwrap();
        let after = snapshot(&temp);
        for path in bad.iter().chain(&files(&temp, "blobs", "")) {
            assert_eq!(after.get(path), before.get(path), "{path:?}");
        }
    }
    assert_eq!(files(&temp, "blobs", "").len(), 3);
    assert_eq!(results(&temp.open()), without(0..30, &[]));
}

#[test]
fn a_blob_is_no_orphan_while_its_record_cannot_be_read() {
    let temp = TempJugdir::new();
    let segment = work(&temp, 0..10);
    let disk = Disk::new(Errno::EIO);
    let store = disk.open(&temp).unwrap();
    // The record was read before, and cannot be read again.
    disk.spoil(&segment, WHOLE);
    assert_eq!(store.orphaned_blobs().unwrap(), []);
    store.sweep().unwrap();
    disk.heal();
    assert_eq!(results(&store), without(0..10, &[]));
}

#[test]
fn after_a_repair_everything_that_could_be_read_is_there_and_the_file_is_kept() {
    let temp = TempJugdir::new();
    let bad = work(&temp, 0..20);
    work(&temp, 20..30);
    let kept = fs::read(&bad).unwrap();
    let disk = Disk::new(Errno::EIO);
    disk.spoil(&bad, 65_536..69_632);
    let store = disk.open(&temp).unwrap();
    let readable = results(&store);
    assert!(readable.len() > 14 && readable.len() < 30, "{readable:?}");
    repair(&store);
    let store = disk.open(&temp).unwrap();
    assert_eq!((results(&store), verify(&store)), (readable, vec![]));
    assert!(!bad.exists());
    assert_eq!(fs::read(temp.root().join("quarantine").join(bad.file_name().unwrap())).unwrap(), kept);
}

#[test]
fn a_repair_keeps_what_the_index_says_is_behind_the_unreadable_part_of_a_pack() {
    for damage in [Errno::EIO, Errno::UnknownErrno] {
        let temp = TempJugdir::new();
        work(&temp, 0..10);
        work(&temp, 10..20);
        temp.open().pack(ALL).unwrap();
        let pack = only(&temp, "packs", ".pack");
        let disk = Disk::new(Errno::EIO);
        if damage == Errno::EIO {
            disk.spoil(&pack, 0..4096);
        } else {
            let mut bytes = fs::read(&pack).unwrap();
            bytes[..4096].fill(0xa5);
            fs::write(&pack, bytes).unwrap();
        }
        let store = disk.open(&temp).unwrap();
        let readable = results(&store);
        assert!(readable.len() > 5 && readable.len() < 20, "{readable:?}");
        let named = keys_of(&verify(&store));
        assert_eq!(named, without(0..20, &readable));
        let store = disk.open(&temp).unwrap();
        repair(&store);
        let store = disk.open(&temp).unwrap();
        assert_eq!((results(&store), verify(&store)), (readable, vec![]));
        assert_eq!(store.facts(&key(19)).unwrap().unwrap().size, 301);
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_rebuilt() {
    let temp = TempJugdir::new();
    work(&temp, 0..10);
    temp.open().pack(ALL).unwrap();
    let manifest = only(&temp, "packs", "MANIFEST");
    let disk = Disk::new(Errno::EIO);
    disk.spoil(&manifest, WHOLE);
    let error = disk.open(&temp).unwrap_err();
    assert!(matches!(&error, Error::Store(StoreError::Damaged { path, .. }) if *path == manifest), "{error}");
    let jugdir = Jugdir::open_on(HookedFs::on(disk.clone()), &temp.root()).unwrap();
    assert_eq!(damaged_manifest(&jugdir).unwrap().unwrap().0, manifest);
    assert_eq!(repair_manifest(&jugdir).unwrap(), Some(1));
    assert_eq!(results(&disk.open(&temp).unwrap()), without(0..10, &[]));
}

#[test]
fn a_new_manifest_lists_packs_that_cannot_be_read() {
    let temp = TempJugdir::new();
    work(&temp, 0..10);
    temp.open().pack(ALL).unwrap();
    let (manifest, pack) = (only(&temp, "packs", "MANIFEST"), only(&temp, "packs", ".pack"));
    let disk = Disk::new(Errno::EIO);
    disk.spoil(&manifest, WHOLE);
    disk.spoil(&pack, WHOLE);
    let jugdir = Jugdir::open_on(HookedFs::on(disk.clone()), &temp.root()).unwrap();
    assert_eq!(repair_manifest(&jugdir).unwrap(), Some(1));
    let store = disk.open(&temp).unwrap();
    store.sweep().unwrap();
    drop(store);
    assert_eq!(results(&temp.open()), without(0..10, &[]));
}

/// What somebody may put in the place of a file.
fn plant(way: &str, at: &Path) {
    match way {
        "directory" => fs::create_dir(at).unwrap(),
        "link" => symlink("/etc/hostname", at).unwrap(),
        "loop" => symlink(at, at).unwrap(),
        _ => nix::unistd::mkfifo(at, nix::sys::stat::Mode::S_IRWXU).unwrap(),
    }
}

#[test]
fn what_has_taken_the_place_of_a_pack_or_a_blob_is_moved_away() {
    for way in ["directory", "link", "loop", "fifo"] {
        let temp = TempJugdir::new();
        work(&temp, 0..10);
        temp.open().pack(ALL).unwrap();
        work(&temp, 10..20);
        let (pack, blob) = (only(&temp, "packs", ".pack"), files(&temp, "blobs", "").remove(1));
        for path in [&pack, &blob] {
            fs::remove_file(path).unwrap();
            plant(way, path);
        }
        let store = temp.open();
        let faults = verify(&store);
        let is_reported =
            |path: &Path| faults.iter().any(|it| it.path == path && it.what.starts_with("cannot be read"));
        // The blobs of what is in the pack are not known.
        let is_known = keys_of(&faults) == [17];
        assert!(is_reported(&pack) && is_known == is_reported(&blob), "{way}: {faults:?}");
        repair(&store);
        let store = temp.open();
        let lost: &[u8] = if is_known { &[17] } else { &[] };
        assert_eq!((results(&store), verify(&store)), (without(10..20, lost), vec![]), "{way}");
        assert!(pack.symlink_metadata().is_err(), "{way}");
    }
}

#[test]
fn what_is_in_the_place_of_a_file_is_reported_and_moved_away() {
    for way in ["directory", "link", "loop", "fifo"] {
        let temp = TempJugdir::new();
        work(&temp, 0..10);
        temp.open().pack(ALL).unwrap();
        work(&temp, 10..20);
        let manifest = only(&temp, "packs", "MANIFEST");
        let [segment, pack] = ["segments/ghost-0.seg", "packs/7-ghost-0.pack"].map(|it| temp.root().join(it));
        let newest = manifest.with_file_name("MANIFEST-9");
        for path in [&segment, &pack, &newest] {
            plant(way, path);
        }
        let jugdir = Jugdir::open(&temp.root()).unwrap();
        assert_eq!(damaged_manifest(&jugdir).unwrap().unwrap().0, newest, "{way}");
        repair_manifest(&jugdir).unwrap();
        assert_eq!(damaged_manifest(&jugdir).unwrap(), None, "{way}");
        let store = temp.open();
        let faults = verify(&store);
        let is_reported =
            |path: &Path| faults.iter().any(|it| it.path == path && it.what.starts_with("cannot be read"));
        assert!(is_reported(&segment), "{way}: {faults:?}");
        repair(&store);
        let store = temp.open();
        assert_eq!((results(&store), verify(&store)), (without(0..20, &[]), vec![]), "{way}");
        assert!(segment.symlink_metadata().is_err(), "{way}");
        assert!(temp.root().join("quarantine/ghost-0.seg").symlink_metadata().is_ok(), "{way}");
    }
}

#[test]
fn a_manifest_that_claims_more_results_than_there_is_room_for_is_not_believed() {
    for claim in [1_000, u64::MAX / 2 + 1, u64::MAX] {
        let temp = TempJugdir::new();
        work(&temp, 0..10);
        temp.open().pack(CompactOptions::default()).unwrap();
        work(&temp, 10..20);
        temp.open().pack(CompactOptions::default()).unwrap();
        let manifest = files(&temp, "packs", "MANIFEST").pop().unwrap();
        let text = fs::read_to_string(&manifest).unwrap();
        let once = &text[..text.len() / 2];
        let lines = once.lines().filter(|line| !line.starts_with("check"));
        let forged = lines.map(|line| match line.split(' ').collect::<Vec<&str>>()[..] {
            ["pack", stem, length, index, _] => format!("pack {stem} {length} {index} {claim}\n"),
            _ => format!("{line}\n"),
        });
        let forged: String = forged.collect();
        let check = format!("check {:08x}\n", crc32c::crc32c(forged.as_bytes()));
        fs::write(&manifest, (forged + &check).repeat(2)).unwrap();
        let store = temp.open();
        assert_eq!(results(&store), without(0..20, &[]));
        assert!(store.contains_many(&(0..=255).map(key).collect::<Vec<Key>>()).is_ok());
        let faults = verify(&store);
        assert!(faults.iter().any(|fault| fault.what.contains("more results than")), "{faults:?}");
        repair(&store);
        let store = temp.open();
        assert_eq!((results(&store), verify(&store)), (without(0..20, &[]), vec![]));
    }
}

#[test]
fn a_repair_keeps_all_that_can_be_read_where_there_are_no_hard_links() {
    for (disk, spoiled) in [(Disk::new(Errno::EIO), 65_536..69_632), (Disk::closed(Errno::EIO), WHOLE)] {
        let temp = TempJugdir::new();
        let bad = work(&temp, 0..20);
        work(&temp, 20..30);
        let mut kept = fs::read(&bad).unwrap();
        let disk = disk.linkless();
        disk.spoil(&bad, spoiled.clone());
        let store = disk.open(&temp).unwrap();
        let readable = results(&store);
        repair(&store);
        let store = disk.open(&temp).unwrap();
        assert_eq!((results(&store), verify(&store)), (readable, vec![]));
        assert!(!bad.exists());
        if spoiled != WHOLE {
            kept[65_536..69_632].fill(0);
        }
        let quarantine = temp.root().join("quarantine");
        assert_eq!(
            fs::read(quarantine.join(bad.file_name().unwrap())).unwrap(),
            kept,
            "as far as it is read"
        );
        assert_eq!(fs::read_dir(quarantine).unwrap().count(), 1, "nothing temporary is left");
    }
}
