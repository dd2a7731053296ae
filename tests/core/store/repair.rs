//! A manifest that cannot be read is made again from the packs that are there, and nothing is lost by it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jug_native::error::StoreError;
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use jug_native::os::local;
use jug_native::result_store::ResultStore;
use jug_native::store::{CompactOptions, Durability, Store, damaged_manifest, repair_manifest};
use jug_native::{Error, Key};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::packs::ALL;
use crate::support::temp_jugdir::{TempJugdir, key, load, noise, save};

const NEW: CompactOptions = CompactOptions { all: false, damaged: false, smaller: false };
/// A jugdir with two packs, a removed result in each, and a segment.
fn packed() -> TempJugdir {
    let temp = TempJugdir::new();
    for (numbers, what) in [(0..20, NEW), (20..24, NEW)] {
        let store = temp.open();
        for number in numbers {
            save(&store, number, &noise(200 + usize::from(number))).unwrap();
        }
        store.remove(&[key(3), key(21)]).unwrap();
        store.close().unwrap();
        temp.open().pack(what).unwrap();
    }
    let store = temp.open();
    save(&store, 30, b"in a segment").unwrap();
    save(&store, 31, &noise(100_000)).unwrap();
    store.remove(&[key(4)]).unwrap();
    temp
}

fn results(temp: &TempJugdir) -> BTreeMap<Key, Vec<u8>> {
    let store = temp.open();
    let keys = store.keys().unwrap();
    keys.into_iter().map(|key| (key, store.load(&key).unwrap().unwrap().bytes)).collect()
}

fn manifest(temp: &TempJugdir) -> PathBuf {
    let names = fs::read_dir(temp.root().join("packs")).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| is_manifest(path)).max().unwrap()
}

fn is_manifest(path: &Path) -> bool {
    path.to_string_lossy().contains("MANIFEST-")
}

/// Both copies of the text, so that none of them can be read.
fn spoil(temp: &TempJugdir) -> PathBuf {
    let path = manifest(temp);
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half / 2] ^= 1;
    bytes[half + half / 2] ^= 1;
    fs::write(&path, bytes).unwrap();
    path
}

fn jugdir(temp: &TempJugdir) -> Arc<Jugdir> {
    Jugdir::open(&temp.root()).unwrap()
}

#[test]
fn a_manifest_that_cannot_be_read_is_rebuilt_without_loss() {
    let temp = packed();
    let before = results(&temp);
    assert_eq!(before.len(), 23);
    assert_eq!(repair_manifest(&jugdir(&temp)).unwrap(), None, "there is nothing to mend");
    let damaged = spoil(&temp);
    let refused = Store::open(&temp.root(), Durability::Group).unwrap_err();
    assert!(
        matches!(refused, Error::Store(StoreError::Damaged { ref path, .. }) if *path == damaged),
        "{refused}"
    );
    assert_eq!(damaged_manifest(&jugdir(&temp)).unwrap().unwrap().0, damaged);
    assert_eq!(repair_manifest(&jugdir(&temp)).unwrap(), Some(2));
    assert_eq!(damaged_manifest(&jugdir(&temp)).unwrap(), None);
    assert_eq!(results(&temp), before);
    assert!(temp.root().join("quarantine").join(damaged.file_name().unwrap()).exists());
    temp.open().pack(ALL).unwrap();
    assert_eq!(results(&temp), before);
    // A worker that was paused since then knows an epoch that does not count any more.
    let store = temp.open();
    assert!(store.epoch() >= 2);
    assert_eq!(load(&store, 3), None);
}

#[test]
fn a_manifest_that_is_missing_is_noticed_and_rebuilt_where_claims_are_links() {
    let temp = TempJugdir::new();
    let links = Some(ClaimMode::Link);
    Jugdir::open_as(local(), &temp.root(), links, LeaseTiming::from_environment()).unwrap().init().unwrap();
    for number in 0..3 {
        let store = temp.open();
        save(&store, number, &noise(200)).unwrap();
        store.close().unwrap();
        temp.open().pack(NEW).unwrap();
    }
    let before = results(&temp);
    assert_eq!((before.len(), fs::read_dir(temp.root().join("workers")).unwrap().count()), (3, 0));
    while fs::read_dir(temp.root().join("packs")).unwrap().any(|it| is_manifest(&it.unwrap().path())) {
        fs::remove_file(manifest(&temp)).unwrap();
    }
    let store = temp.open();
    assert!(store.leftovers().unwrap().is_empty(), "nothing of it is removed");
    drop(store);
    assert!(damaged_manifest(&jugdir(&temp)).unwrap().unwrap().1.contains("missing"));
    assert!(repair_manifest(&jugdir(&temp)).unwrap().is_some());
    assert_eq!(damaged_manifest(&jugdir(&temp)).unwrap(), None);
    assert_eq!(results(&temp), before);
}

#[test]
fn segments_that_packs_hold_do_not_come_back_with_what_was_removed() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, b"stays").unwrap();
    save(&store, 2, b"is removed").unwrap();
    store.close().unwrap();
    drop(store);
    let segment = fs::read_dir(temp.segments()).unwrap().next().unwrap().unwrap().path();
    let kept = fs::read(&segment).unwrap();
    let store = temp.open();
    store.remove(&[key(2)]).unwrap();
    store.close().unwrap();
    drop(store);
    // Nobody else is there: what was removed is forgotten.
    temp.open().pack(ALL).unwrap();
    // The packer was killed before it could remove what it had packed.
    fs::write(&segment, &kept).unwrap();
    spoil(&temp);
    repair_manifest(&jugdir(&temp)).unwrap();
    let store = temp.open();
    assert_eq!((load(&store, 1).as_deref(), load(&store, 2)), (Some(&b"stays"[..]), None));
    assert!(store.leftovers().unwrap().iter().any(|orphan| orphan.path == segment));
}

#[test]
fn segments_are_kept_that_a_damaged_pack_holds() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, b"one value").unwrap();
    save(&store, 2, b"two value").unwrap();
    store.close().unwrap();
    drop(store);
    let segment = fs::read_dir(temp.segments()).unwrap().next().unwrap().unwrap().path();
    let kept = fs::read(&segment).unwrap();
    temp.open().pack(ALL).unwrap();
    fs::write(&segment, &kept).unwrap();
    let names = fs::read_dir(temp.root().join("packs")).unwrap().map(|entry| entry.unwrap().path());
    let pack = names.into_iter().find(|path| path.extension().is_some_and(|it| it == "pack")).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let at = bytes.windows(9).position(|window| window == b"two value").unwrap();
    bytes[at] ^= 1;
    fs::write(&pack, bytes).unwrap();
    spoil(&temp);
    repair_manifest(&jugdir(&temp)).unwrap();
    let store = temp.open();
    assert_eq!(load(&store, 1).as_deref(), Some(&b"one value"[..]));
    assert_eq!(store.leftovers().unwrap(), [], "the segment counts");
    // The damaged copy may be found first; what is loaded is right or nothing.
    let found = store.load(&key(2)).ok().flatten();
    assert!(found.is_none_or(|found| found.bytes == b"two value"));
}

#[test]
fn packs_without_an_index_and_files_that_are_none_are_distinguished() {
    let temp = packed();
    let before = results(&temp);
    let packs = temp.root().join("packs");
    fs::write(packs.join("1-stranger.1.00-0.pack"), b"no pack").unwrap();
    fs::write(packs.join("9-stranger.1.00-0.pack"), b"nor this").unwrap();
    for entry in fs::read_dir(&packs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "idx") {
            fs::remove_file(path).unwrap();
            break;
        }
    }
    spoil(&temp);
    assert_eq!(repair_manifest(&jugdir(&temp)).unwrap(), Some(2));
    assert_eq!(results(&temp), before);
}

/// No file can have two names here.
#[derive(Debug)]
struct Linkless;

impl Hooks for Linkless {
    fn links(&self) -> bool {
        false
    }
}

#[test]
fn what_is_kept_aside_is_copied_where_there_are_no_hard_links() {
    let temp = packed();
    let before = results(&temp);
    let damaged = spoil(&temp);
    let bytes = fs::read(&damaged).unwrap();
    let jugdir = Jugdir::open_on(HookedFs::on(Arc::new(Linkless)), &temp.root()).unwrap();
    assert_eq!(repair_manifest(&jugdir).unwrap(), Some(2));
    assert_eq!(results(&temp), before);
    let quarantine = temp.root().join("quarantine");
    assert_eq!(fs::read(quarantine.join(damaged.file_name().unwrap())).unwrap(), bytes);
    assert_eq!(fs::read_dir(quarantine).unwrap().count(), 1, "nothing temporary is left");
}
