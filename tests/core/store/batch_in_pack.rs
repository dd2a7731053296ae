//! Small results in packs: an index that knows the beginning of their keys, and what becomes of them if it is damaged.

use std::fs;
use std::path::PathBuf;

use jug_native::Key;
use jug_native::codec::{Codec, Encoded};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::Store;
use jug_native::store::compaction::build::build;
use jug_native::store::compaction::merge::{End, Input, Merge};
use jug_native::store::corruption::Report;
use jug_native::store::log::batch::{self, Found};
use jug_native::store::log::record::{HEADER_LEN, Header, Kind};
use jug_native::store::pack::format::{IndexHeader, VERSION};
use jug_native::store::pack::manifest::Manifest;
use nix::errno::Errno;

use crate::support::bad_sectors::{Disk, repair};
use crate::support::packs::{ALL, only_pack};
use crate::support::temp_jugdir::{Draft, TempJugdir, UUID, digest_key, key, load, noise};

/// Where the files of the golden pack are.
const STEM: &str = "1-host.7.0123456789ab-0";

fn golden(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn this_version_writes_the_bytes_of_the_golden_pack() {
    let temp = TempJugdir::with_segment(&golden("segment_v1.seg"));
    let (local, packs, segments) = (jug_native::os::local(), temp.root().join("packs"), temp.segments());
    fs::create_dir(&packs).unwrap();
    fs::write(segments.join("ghost-1.seg"), golden("batch_v1.seg")).unwrap();
    let mut merge = Merge::new(&*local, &segments, UUID);
    let names = ["ghost-0.seg", "ghost-1.seg"].map(str::to_owned);
    let inputs = names.clone().map(|name| Input::Segment { name, end: End::Sealed });
    let (inputs, left) = merge.read_inputs(inputs.into(), false).unwrap();
    assert_eq!(left, []);
    let built = build(&merge, &inputs, &packs, STEM, false).unwrap().unwrap();
    let manifest = Manifest {
        number: 1,
        epoch: merge.epoch(),
        nonce: *b"sixteen  letters",
        packs: vec![built.listed],
        replaced: names.into(),
        ..Manifest::empty(UUID)
    };
    for (name, bytes) in [
        ("pack_v1_index_v2.pack", fs::read(only_pack(&temp, "pack")).unwrap()),
        ("pack_v1_index_v2.idx", fs::read(only_pack(&temp, "idx")).unwrap()),
        ("pack_v1_index_v2.manifest", manifest.to_bytes()),
    ] {
        // On a mismatch, here is what was written instead.
        fs::write(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name), &bytes).unwrap();
        assert!(bytes == golden(name), "{name}");
    }
}

#[test]
fn the_golden_pack_is_read_for_ever() {
    let temp = TempJugdir::with_segment(&Draft::new().bytes);
    let packs = temp.root().join("packs");
    fs::create_dir(&packs).unwrap();
    for (ending, to) in [
        ("pack", format!("{STEM}.pack")),
        ("idx", format!("{STEM}.idx")),
        ("manifest", "MANIFEST-1".to_owned()),
    ] {
        fs::write(packs.join(to), golden(&format!("pack_v1_index_v2.{ending}"))).unwrap();
    }
    let store = temp.open();
    let mut keys = store.keys().unwrap();
    keys.sort();
    assert_eq!(keys, [1, 11, 12, 13, 14, 15, 16].map(key));
    assert_eq!((load(&store, 1).unwrap(), load(&store, 15).unwrap()), (b"\x80\x05N.".to_vec(), vec![5; 255]));
    assert_eq!(
        (store.failed_keys(), store.aliases().unwrap()),
        (vec![key(3)], vec![(key(5), b"a name".to_vec())])
    );
    let found = store.facts(&key(12)).unwrap().unwrap();
    assert_eq!((&*found.facts.name, &*found.worker, found.size), ("primes.is_prime", "ghost", 17));
    assert_eq!((found.facts.started, found.facts.duration), (1_700_000_000_000_002, 14));
    assert_eq!((store.epoch(), store.damage().unwrap()), (3, Report::default()));
    let index = IndexHeader::decode(&golden("pack_v1_index_v2.idx"), &packs).unwrap().unwrap();
    assert_eq!((index.version, index.smalls, index.batches, index.results), (VERSION, 6, 1, 7));
}

fn save_all(store: &Store, keys: &[Key]) {
    let facts = RunMetadata { name: "jobs.f".into(), started: 5, duration: 7, ..RunMetadata::default() };
    for key in keys {
        store.save(*key, &Encoded::new(Codec::Pickle, &key.as_bytes()[20..]), &facts).unwrap();
    }
}

/// A jugdir with a pack of these keys.
fn packed(keys: &[Key]) -> TempJugdir {
    let temp = TempJugdir::new();
    let store = temp.open();
    save_all(&store, keys);
    store.close().unwrap();
    drop(store);
    temp.open().pack(ALL).unwrap();
    temp
}

fn digests(range: std::ops::Range<u64>) -> Vec<Key> {
    range.map(digest_key).collect()
}

#[test]
fn an_index_of_small_results_takes_a_few_bytes_for_each() {
    let temp = packed(&digests(0..5000));
    let length = |ending| fs::metadata(only_pack(&temp, ending)).unwrap().len();
    let (pack, index) = (length("pack"), length("idx"));
    assert!(pack <= 5000 * (50 + 12) + 2000, "{pack}");
    assert!(index <= 5000 * 12 + 3 * 4096, "{index}");
    let store = temp.open();
    assert_eq!(store.keys().unwrap().len(), 5000);
    for number in (0..5000).step_by(100) {
        let one = temp.open();
        assert_eq!(
            one.contains_many(&[digest_key(number), digest_key(number + 5000)]).unwrap(),
            [true, false]
        );
        let found = store.load(&digest_key(number)).unwrap().unwrap();
        assert_eq!(found.bytes, digest_key(number).as_bytes()[20..]);
    }
}

#[test]
fn keys_that_begin_alike_are_not_taken_for_each_other() {
    let alike = |last: u8| {
        let mut bytes = [7; Key::LEN];
        bytes[31] = last;
        Key::new(bytes)
    };
    // More than two pages of the index begin alike, and others are around them.
    let mut keys: Vec<Key> = (0..200).map(alike).collect();
    keys.extend(digests(0..2000));
    let temp = packed(&keys);
    for number in 0..=255 {
        let store = temp.open();
        assert_eq!(store.contains(&alike(number)).unwrap(), number < 200, "{number}");
        assert_eq!(store.load(&alike(number)).unwrap().is_some(), number < 200, "{number}");
    }
    let store = temp.open();
    let asked: Vec<Key> = (0..=255).map(alike).collect();
    let expected: Vec<bool> = (0..=255).map(|number| number < 200).collect();
    assert_eq!(store.contains_many(&asked).unwrap(), expected);
}

#[test]
fn results_of_all_sizes_are_in_one_pack() {
    let temp = TempJugdir::new();
    let size = |number: u64| match number % 4 {
        0 => 3,
        1 => 200,
        2 => 300,
        _ => 9000,
    };
    for part in 0..4 {
        let store = temp.open();
        for number in part * 500..(part + 1) * 500 {
            let value = noise(size(number));
            store
                .save(digest_key(number), &Encoded::new(Codec::Pickle, value), &RunMetadata::default())
                .unwrap();
        }
        store.remove(&[digest_key(part * 500 + 7)]).unwrap();
        store.close().unwrap();
        drop(store);
        // Packs of what was packed before.
        temp.open().pack(ALL).unwrap();
    }
    for step in [1, 100, 2000] {
        let store = temp.open();
        for keys in digests(0..2000).chunks(step) {
            store.contains_many(keys).unwrap();
        }
        for number in 0..2000 {
            let found = store.load(&digest_key(number)).unwrap().map(|found| found.bytes.len());
            assert_eq!(found, (number % 500 != 7).then_some(size(number)), "{number}");
        }
        assert_eq!(store.verify(&mut |_, _| Ok(())).unwrap(), []);
    }
}

/// The first batch of a pack: where it begins, and the offsets and keys of its results.
fn first_batch(pack: &[u8]) -> (usize, Vec<(usize, Key)>) {
    let at = (0..pack.len())
        .find(|at| Header::decode(&pack[*at..]).is_some_and(|it| it.kind == Kind::Batch))
        .unwrap();
    let header = Header::decode(&pack[at..]).unwrap();
    let payload = at + HEADER_LEN;
    let mut results = Vec::new();
    batch::read(&pack[payload..payload + header.length as usize], true, &mut |from, found| {
        let Found::Sound(item) = found else { panic!("it is damaged") };
        results.push((at + from, item.key()));
    });
    (at, results)
}

#[test]
fn a_damaged_batch_costs_what_is_damaged_in_it_and_is_reported() {
    let keys = digests(0..50);
    let temp = packed(&keys);
    let path = only_pack(&temp, "pack");
    let good = fs::read(&path).unwrap();
    let (start, results) = first_batch(&good);
    let (third, third_key) = results[2];
    // The header of the batch, its summary, a length, a key, and a value.
    for (at, costs) in [(start + 9, 0), (start + 90, 0), (third + 1, 1), (third + 20, 1), (third + 50, 1)] {
        let mut bytes = good.clone();
        bytes[at] ^= 4;
        fs::write(&path, &bytes).unwrap();
        // One after the other, and all at once.
        for all in [false, true] {
            let store = temp.open();
            if all {
                // It is there, until somebody learns that it is damaged.
                assert_eq!(store.contains_many(&keys).unwrap(), [true; 50], "byte {at}");
            }
            let lost: Vec<Key> =
                keys.iter().filter(|key| !matches!(store.load(key), Ok(Some(_)))).copied().collect();
            assert_eq!(lost, vec![third_key; costs], "byte {at}, all: {all}");
            assert_eq!(store.damage().unwrap().keys.len(), costs, "byte {at}");
        }
        let faults = temp.open().verify(&mut |_, _| Ok(())).unwrap();
        assert_eq!(faults.len(), 1, "byte {at}: {faults:?}");
    }
}

#[test]
fn a_repair_keeps_all_of_a_damaged_batch_that_is_sound() {
    for (in_header, costs) in [(true, 0), (false, 1)] {
        let temp = packed(&digests(0..50));
        let path = only_pack(&temp, "pack");
        let mut bytes = fs::read(&path).unwrap();
        let (start, results) = first_batch(&bytes);
        bytes[if in_header { start + 9 } else { results[2].0 + 20 }] ^= 4;
        fs::write(&path, &bytes).unwrap();
        repair(&temp.open());
        assert_eq!(temp.open().keys().unwrap().len(), 50 - costs);
        assert_eq!(temp.open().verify(&mut |_, _| Ok(())).unwrap(), []);
    }
}

#[test]
fn results_of_a_batch_on_a_bad_sector_are_reported_when_they_are_loaded() {
    let keys = digests(0..500);
    let temp = packed(&keys);
    let disk = Disk::new(Errno::EIO);
    disk.spoil(&only_pack(&temp, "pack"), 8192..12288);
    for all in [false, true] {
        let store = disk.open(&temp).unwrap();
        if all {
            store.contains_many(&keys).unwrap();
        }
        let lost = keys.iter().filter(|key| store.load(key).is_err()).count();
        assert!((60..72).contains(&lost), "{lost} of 62 bytes are on a page");
    }
}
