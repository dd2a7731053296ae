//! Packs: what is stored is the same with and without them, whichever processes read, write and pack meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jug_native::Key;
use jug_native::background::Background;
use jug_native::codec::{Codec, Encoded};
use jug_native::jugdir::Jugdir;
use jug_native::result_store::{ResultStore, RunMetadata, State};
use jug_native::store::{CompactOptions, CompactReport, Durability, SkipReason, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::packs::{ALL, filled, named, names, only_pack};
use crate::support::temp_jugdir::{TempJugdir, key, load, noise, save};

#[test]
fn answers_are_the_same_for_few_keys_and_for_so_many_that_all_is_read() {
    let temp = TempJugdir::new();
    let key = |number: u32| Key::new(blake3::hash(&number.to_le_bytes()).into());
    let save = |store: &Store, number: u32| {
        store.save(key(number), &Encoded::new(Codec::Pickle, &b"x"[..]), &RunMetadata::default()).unwrap();
    };
    for (range, removed) in [(0..400, 7), (400..500, 8), (8..9, 450)] {
        let store = temp.open();
        range.for_each(|number| save(&store, number));
        store.remove(&[key(removed)]).unwrap();
        store.close().unwrap();
        temp.open().pack(CompactOptions::default()).unwrap();
    }
    let keys: Vec<Key> = (0..600).map(key).collect();
    let expected: Vec<bool> = (0..600).map(|number| number < 500 && number != 7 && number != 450).collect();
    // From one key at a time, which looks for each, to all at once.
    for step in [1, 20, 150, 600] {
        let store = temp.open();
        let mut found = Vec::new();
        for keys in keys.chunks(step) {
            found.extend(store.contains_many(keys).unwrap());
        }
        assert!(found == expected, "{step} at a time");
        let again = temp.open();
        assert_eq!((again.keys().unwrap().len(), again.epoch()), (498, store.epoch()));
    }
}

#[test]
fn a_packed_store_has_the_same_results_in_fewer_files() {
    let temp = filled(0..20);
    for number in 20..40 {
        let store = temp.open();
        named(&store, number, &[number; 20]);
        store.close().unwrap();
    }
    let store = temp.open();
    let packed = store.pack(ALL).unwrap();
    assert_eq!((packed.results, packed.segments, packed.packs, packed.beaten), (40, 21, 0, false));
    assert_eq!((packed.before.files, packed.after.files), (21, 3), "a pack, its index, the manifest");
    assert_eq!(names(&temp, "segments"), [""; 0]);
    for reader in [&store, &temp.open()] {
        let mut keys = reader.keys().unwrap();
        keys.sort();
        assert_eq!(keys, (0..40).map(key).collect::<Vec<Key>>());
        for number in 0..40 {
            assert_eq!(load(reader, number).unwrap(), [number; 20]);
            let found = reader.facts(&key(number)).unwrap().unwrap();
            assert_eq!((found.facts.name, found.size), (format!("jobs.f{}", number % 3), 20));
            assert!(found.worker.contains('.'), "the worker that made it: {}", found.worker);
        }
        assert_eq!(load(reader, 99), None);
    }
    // There is nothing more to do.
    assert_eq!(store.pack(ALL).unwrap().segments, 0);
}

#[test]
fn what_a_living_worker_writes_is_left_alone() {
    let temp = filled(0..3);
    let living = temp.open();
    save(&living, 7, b"seven").unwrap();
    living.flush().unwrap();
    let packed = temp.open().pack(ALL).unwrap();
    assert_eq!((packed.segments, packed.left.len()), (1, 1));
    assert_eq!(packed.left[0].1, SkipReason::Open);
    save(&living, 8, b"eight").unwrap();
    living.close().unwrap();
    assert_eq!(temp.open().keys().unwrap().len(), 5);
    assert_eq!((load(&living, 1).unwrap(), load(&living, 8).unwrap()), (vec![1; 20], b"eight".to_vec()));
}

#[test]
fn a_reader_that_held_the_segments_open_goes_on() {
    let temp = filled(0..10);
    let reader = temp.open();
    assert_eq!(load(&reader, 1).unwrap(), [1; 20]);
    temp.open().pack(ALL).unwrap();
    // Without a refresh, of what it has not read from yet as well.
    for number in 0..10 {
        assert_eq!(load(&reader, number).unwrap(), [number; 20]);
    }
    assert_eq!(reader.refresh().unwrap(), [], "what was packed is no news");
    assert_eq!(load(&reader, 9).unwrap(), [9; 20]);
}

#[test]
fn a_reader_that_missed_a_worker_learns_of_its_results_from_the_pack() {
    let temp = filled(0..3);
    let reader = temp.open();
    let late = temp.open();
    save(&late, 5, b"five").unwrap();
    late.remove(&[key(1)]).unwrap();
    late.close().unwrap();
    drop(late);
    temp.open().pack(ALL).unwrap();
    let mut changes = reader.refresh().unwrap();
    changes.sort_by_key(|(key, _)| *key);
    assert_eq!(changes, [(key(1), State::Absent), (key(5), State::Result)]);
    assert_eq!(load(&reader, 5).unwrap(), b"five");
}

#[test]
fn a_paused_worker_cannot_revive_what_was_removed_and_packed() {
    let temp = filled(0..3);
    let paused = temp.open();
    save(&paused, 9, b"nine").unwrap();
    paused.flush().unwrap();
    let epoch = paused.epoch();
    let other = temp.open();
    other.remove(&[key(1), key(4)]).unwrap();
    other.close().unwrap();
    drop(other);
    for _ in 0..2 {
        temp.open().pack(ALL).unwrap();
    }
    for number in [1, 4] {
        let value = Encoded::new(Codec::Pickle, b"stale");
        paused.save_claimed(key(number), &value, &RunMetadata::default(), epoch).unwrap();
    }
    paused.close().unwrap();
    let mut keys = temp.open().keys().unwrap();
    keys.sort();
    assert_eq!(keys, [key(0), key(2), key(9)]);
}

#[test]
fn what_was_removed_takes_no_room_once_nobody_can_speak_of_it() {
    let temp = filled(0..200);
    let store = temp.open();
    store.remove(&(0..200).map(key).collect::<Vec<Key>>()).unwrap();
    let epoch = store.epoch();
    store.close().unwrap();
    let packed = store.pack(ALL).unwrap();
    assert_eq!((packed.results, packed.after.files), (0, 1), "the manifest is left: {packed:?}");
    let later = temp.open();
    assert_eq!((later.keys().unwrap(), later.epoch()), (vec![], epoch));
}

#[test]
fn of_two_packers_one_wins_and_the_other_does_no_harm() {
    let temp = filled(0..50);
    let outcomes: Vec<CompactReport> = std::thread::scope(|scope| {
        let packers: Vec<_> = (0..4).map(|_| scope.spawn(|| temp.open().pack(ALL).unwrap())).collect();
        packers.into_iter().map(|packer| packer.join().unwrap()).collect()
    });
    assert!(outcomes.iter().any(|packed| packed.segments == 1));
    assert_eq!(temp.open().keys().unwrap().len(), 50);
    temp.open().pack(ALL).unwrap();
    assert_eq!(names(&temp, "packs").len(), 3 + usize::from(names(&temp, "packs").len() > 3));
    only_pack(&temp, "pack");
}

#[test]
fn what_a_killed_packer_left_counts_for_nothing_and_is_swept() {
    let temp = filled(0..10);
    let segments = names(&temp, "segments");
    let segment = fs::read(temp.segments().join(&segments[0])).unwrap();
    temp.open().pack(ALL).unwrap();
    let packs = temp.root().join("packs");
    // Killed before the segments were removed, before another pack was published, and while it was written.
    fs::write(temp.segments().join(&segments[0]), &segment).unwrap();
    for (ending, path) in ["pack", "idx"].map(|ending| (ending, only_pack(&temp, ending))) {
        fs::copy(path, packs.join(format!("2-host.1.dead-0.{ending}"))).unwrap();
    }
    fs::write(packs.join("3-host.1.dead-1.pack"), b"JUGpa").unwrap();
    fs::write(packs.join(".MANIFEST-host.1.dead-00ff"), b"jug-rs").unwrap();
    let store = temp.open();
    assert_eq!((store.keys().unwrap().len(), store.damage().unwrap().files.len()), (10, 0));
    store.pack(ALL).unwrap();
    assert_eq!(names(&temp, "segments"), [""; 0]);
    only_pack(&temp, "pack");
    assert_eq!(names(&temp, "packs").len(), 3);
    assert_eq!(temp.open().keys().unwrap().len(), 10);
}

/// Another process packs and ends before the directory of packs is listed for the second time.
#[derive(Debug)]
struct Meanwhile(PathBuf, AtomicUsize);

impl Hooks for Meanwhile {
    fn listed(&self, dir: &Path) {
        if dir.ends_with("packs") && self.1.fetch_add(1, Ordering::SeqCst) == 1 {
            let packer = Store::open(&self.0, Durability::Group).unwrap();
            assert_eq!(packer.pack(ALL).unwrap().segments, 1);
        }
    }
}

/// Another process packs and ends before a segment is opened for the so many-th time.
#[derive(Debug)]
struct PacksFirst(PathBuf, AtomicUsize);

impl Hooks for PacksFirst {
    fn opens(&self, path: &Path) -> io::Result<()> {
        let left = |left: usize| left.checked_sub(1);
        if path.extension().is_some_and(|ending| ending == "seg")
            && self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) == Ok(1)
        {
            let packer = Store::open(&self.0, Durability::Group).unwrap();
            assert_eq!(packer.pack(ALL).unwrap().segments, 1);
        }
        Ok(())
    }
}

#[test]
fn a_packer_whose_segment_another_one_packs_at_any_moment_has_nothing_to_do() {
    let mut opened = 1;
    loop {
        let temp = filled(0..10);
        let other = Arc::new(PacksFirst(temp.root(), AtomicUsize::new(0)));
        let jugdir = Jugdir::open_on(HookedFs::on(other.clone()), &temp.root()).unwrap();
        let store = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
        other.1.store(opened, Ordering::SeqCst);
        let packed = store.pack(ALL).unwrap();
        let is_over = other.1.load(Ordering::SeqCst) > 0;
        assert_eq!(packed.segments, usize::from(is_over), "before it is opened for the {opened}. time");
        assert_eq!((temp.open().keys().unwrap().len(), store.keys().unwrap().len()), (10, 10));
        only_pack(&temp, "pack");
        if is_over {
            break;
        }
        opened += 1;
    }
    assert!(opened > 2, "a segment is read, and read again when it is copied");
}

#[test]
fn a_pack_that_is_published_while_others_look_for_leftovers_is_none() {
    let temp = filled(0..10);
    let meanwhile = Arc::new(Meanwhile(temp.root(), AtomicUsize::new(9)));
    let jugdir = Jugdir::open_on(HookedFs::on(meanwhile.clone()), &temp.root()).unwrap();
    let background = Background::spawn();
    let store = Store::open_in(jugdir, background, Durability::Group).unwrap();
    meanwhile.1.store(0, Ordering::SeqCst);
    let leftovers = store.leftovers().unwrap();
    assert!(meanwhile.1.load(Ordering::SeqCst) > 1, "it was packed meanwhile");
    assert!(leftovers.is_empty(), "{leftovers:?}");
    assert_eq!(temp.open().keys().unwrap().len(), 10);
}

#[test]
fn small_packs_become_one_and_large_ones_stay() {
    let temp = TempJugdir::new();
    let mut number = 0;
    for round in 0..40 {
        let store = temp.open();
        for _ in 0..if round == 0 { 100 } else { 2 } {
            save(&store, number, &noise(300)).unwrap();
            number += 1;
        }
        store.close().unwrap();
        drop(store);
        temp.open().pack(CompactOptions::default()).unwrap();
    }
    let packs = names(&temp, "packs").iter().filter(|name| name.strip_suffix(".pack").is_some()).count();
    assert!((2..8).contains(&packs), "{packs}");
    assert_eq!(temp.open().keys().unwrap().len(), usize::from(number));
}

#[test]
fn names_and_failures_survive() {
    let temp = TempJugdir::new();
    let store = temp.open();
    store.alias(key(1), b"my result").unwrap();
    save(&store, 1, b"one").unwrap();
    let report = BTreeMap::from([("type".to_owned(), serde_pickle::Value::String("KeyError".into()))]);
    store.save_failure(key(2), &report, &RunMetadata::default()).unwrap();
    store.save_failure(key(3), &report, &RunMetadata::default()).unwrap();
    store.clear_failures(&[key(3)]).unwrap();
    store.close().unwrap();
    drop(store);
    for _ in 0..2 {
        temp.open().pack(ALL).unwrap();
        let store = temp.open();
        assert_eq!(store.aliases().unwrap(), [(key(1), b"my result".to_vec())]);
        assert_eq!(store.failed_keys(), [key(2)]);
        assert_eq!(store.failure(&key(2)).unwrap().unwrap(), report);
    }
}

#[test]
fn files_that_no_result_refers_to_are_found_and_others_never() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, &noise(70_000)).unwrap();
    save(&store, 2, &noise(80_000)).unwrap();
    save(&store, 2, &noise(90_000)).unwrap();
    store.flush().unwrap();
    assert_eq!(temp.open().orphaned_blobs().unwrap(), [], "a living worker may be about to refer to it");
    store.close().unwrap();
    drop(store);
    let hex = key(1).to_hex();
    let leftover = temp.root().join("blobs").join(&hex[..2]).join(".host.1.dead-3-00ff");
    fs::write(&leftover, b"half").unwrap();
    for _ in 0..2 {
        let store = temp.open();
        let orphans = store.orphaned_blobs().unwrap();
        let mut sizes: Vec<u64> = orphans.iter().map(|orphan| orphan.bytes).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [4, 80_000]);
        store.pack(ALL).unwrap();
    }
    let store = temp.open();
    assert_eq!(store.sweep().unwrap(), (2, 80_004));
    assert_eq!((load(&store, 1).unwrap().len(), load(&store, 2).unwrap().len()), (70_000, 90_000));
}
