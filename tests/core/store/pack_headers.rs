//! Packs in which the header of a record is damaged: no result is lost by it, and it never goes unnoticed.

use std::fs;
use std::ops::Range;

use jug_native::Key;
use jug_native::codec::{Codec, Encoded};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::SkipReason;
use jug_native::store::log::record::{HEADER_LEN, Header, Kind};
use jug_native::store::pack::HEAD_LEN;

use crate::support::bad_sectors::{repair, verify};
use crate::support::packs::{ALL, only_pack};
use crate::support::temp_jugdir::{TempJugdir, digest_key};

/// The value of this task: small ones, and now and then one that has a record of its own.
fn value(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(40) { 400 } else { 30 };
    digest_key(number).as_bytes().iter().copied().cycle().take(length).collect()
}

/// A pack of these results: from each of these numbers to the next one what one worker has stored.
fn packed(bounds: &[u64]) -> TempJugdir {
    let temp = TempJugdir::new();
    for range in bounds.windows(2) {
        let store = temp.open();
        for number in range[0]..range[1] {
            let facts = RunMetadata {
                name: format!("jobs.f{}", number % 2),
                started: 1_700_000_000_000_000,
                duration: 7,
                attempt: 1,
                code: 9,
            };
            store.save(digest_key(number), &Encoded::new(Codec::Pickle, value(number)), &facts).unwrap();
        }
        store.close().unwrap();
    }
    temp.open().pack(ALL).unwrap();
    temp
}

/// Where each record begins, and what it is.
fn records(pack: &[u8]) -> Vec<(usize, Kind)> {
    let (mut found, mut at) = (Vec::new(), HEAD_LEN);
    while let Some(header) = Header::decode(&pack[at..]) {
        found.push((at, header.kind));
        at += usize::try_from(header.record_len()).unwrap();
    }
    assert_eq!(at, pack.len());
    found
}

fn starts(pack: &[u8], kind: Kind) -> Vec<usize> {
    records(pack).into_iter().filter(|(_, it)| *it == kind).map(|(at, _)| at).collect()
}

/// Flips a bit of each of these bytes.
fn flip(temp: &TempJugdir, places: &[usize]) {
    let path = only_pack(temp, "pack");
    let mut bytes = fs::read(&path).unwrap();
    for at in places {
        bytes[*at] ^= 0x55;
    }
    fs::write(&path, bytes).unwrap();
}

/// The offsets of what is damaged, none of which is known to be of one task.
fn damaged(temp: &TempJugdir) -> Vec<usize> {
    let mut faults = verify(&temp.open());
    assert!(faults.iter().all(|fault| fault.key.is_none() && !fault.harmless), "{faults:?}");
    faults.sort_by_key(|fault| fault.offset);
    faults.iter().map(|fault| usize::try_from(fault.offset).unwrap()).collect()
}

fn check_results(temp: &TempJugdir, numbers: Range<u64>) {
    let store = temp.open();
    for number in numbers {
        let found = store.load(&digest_key(number)).unwrap().map(|stored| stored.bytes);
        assert_eq!(found, Some(value(number)), "{number}");
    }
}

#[test]
fn each_byte_of_the_header_of_a_batch_is_reported_with_how_many_results_it_concerns() {
    let temp = packed(&[0, 30]);
    let good = fs::read(only_pack(&temp, "pack")).unwrap();
    let start = starts(&good, Kind::Batch)[0];
    assert_eq!(verify(&temp.open()), []);
    for byte in 0..HEADER_LEN {
        flip(&temp, &[start + byte]);
        let faults = verify(&temp.open());
        assert_eq!(faults.len(), 1, "byte {byte}: {faults:?}");
        assert_eq!((faults[0].offset, faults[0].key, faults[0].harmless), (start as u64, None, false));
        assert_eq!(faults[0].path, only_pack(&temp, "pack"));
        assert!(faults[0].what.contains("a batch of 29 results"), "{}", faults[0].what);
        check_results(&temp, 0..30);
        fs::write(only_pack(&temp, "pack"), &good).unwrap();
    }
}

#[test]
fn a_repair_writes_the_results_of_damaged_batches_again_with_what_is_known_of_them() {
    let temp = packed(&[0, 3000, 3200]);
    let batches = starts(&fs::read(only_pack(&temp, "pack")).unwrap(), Kind::Batch);
    assert!(batches.len() > 3, "{batches:?}");
    // Between those that are damaged are some that are not.
    let (first, last) = (batches[0], batches[batches.len() - 1]);
    let without_facts: Vec<Key> = {
        let store = temp.open();
        flip(&temp, &[first + 12, last + 12]);
        (0..3200).map(digest_key).filter(|key| store.facts(key).unwrap().is_none()).collect()
    };
    assert_eq!(damaged(&temp), [first, last]);
    repair(&temp.open());
    assert_eq!(verify(&temp.open()), []);
    // The pack is whole without its index.
    fs::remove_file(only_pack(&temp, "idx")).unwrap();
    check_results(&temp, 0..3200);
    let store = temp.open();
    for number in 0..3200 {
        let key = digest_key(number);
        let facts = store.facts(&key).unwrap().unwrap().facts;
        assert_eq!((facts.name, facts.duration), (format!("jobs.f{}", number % 2), 7), "{number}");
        // What only the header knew is not made up.
        let expected = if without_facts.contains(&key) { (0, 0, 0) } else { (1_700_000_000_000_000, 1, 9) };
        assert_eq!((facts.started, facts.attempt, facts.code), expected, "{number}");
    }
    assert!((500..2500).contains(&without_facts.len()), "{}", without_facts.len());
}

#[test]
fn packing_leaves_a_pack_with_a_damaged_header_as_it_is_and_says_so() {
    for kind in [Kind::Batch, Kind::Result] {
        for has_more in [false, true] {
            let temp = packed(&[0, 100]);
            let path = only_pack(&temp, "pack");
            let at = starts(&fs::read(&path).unwrap(), kind)[0];
            flip(&temp, &[at + 12]);
            let before = fs::read(&path).unwrap();
            if has_more {
                let store = temp.open();
                let new = Encoded::new(Codec::Pickle, value(100));
                store.save(digest_key(100), &new, &RunMetadata::default()).unwrap();
                store.close().unwrap();
            }
            let packed = temp.open().pack(ALL).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            // Where there is nothing to pack, only the headers of batches are read.
            if has_more || kind == Kind::Batch {
                assert_eq!(packed.left, [(name, SkipReason::Unreadable)], "{kind:?}");
            }
            assert_eq!(fs::read(&path).unwrap(), before);
            assert_eq!(verify(&temp.open()).len(), 1, "{kind:?}");
        }
    }
}

#[test]
fn damaged_headers_of_names_and_origins_are_reported_and_mended() {
    let temp = packed(&[0, 50, 100, 101]);
    let good = fs::read(only_pack(&temp, "pack")).unwrap();
    let (names, origins) = (starts(&good, Kind::Name), starts(&good, Kind::Origin));
    assert_eq!((names.len(), origins.len()), (5, 3));
    for at in names.iter().chain(&origins).copied() {
        flip(&temp, &[at + 12]);
        assert_eq!(damaged(&temp), [at]);
        fs::write(only_pack(&temp, "pack"), &good).unwrap();
    }
    let all: Vec<usize> = origins.iter().chain(&starts(&good, Kind::Batch)).map(|at| at + 12).collect();
    flip(&temp, &all);
    let mut expected: Vec<usize> = all.iter().map(|at| at - 12).collect();
    expected.sort_unstable();
    assert_eq!(damaged(&temp), expected);
    repair(&temp.open());
    assert_eq!(verify(&temp.open()), []);
    check_results(&temp, 0..101);
    let store = temp.open();
    assert!((0..101).all(|number| {
        store.facts(&digest_key(number)).unwrap().unwrap().facts.name == format!("jobs.f{}", number % 2)
    }));
}

#[test]
fn a_pack_that_ends_too_early_is_reported_wherever_it_ends() {
    let temp = packed(&[0, 50, 100]);
    let path = only_pack(&temp, "pack");
    let good = fs::read(&path).unwrap();
    for (at, kind) in records(&good) {
        for cut in [at, at + 50] {
            fs::write(&path, &good[..cut]).unwrap();
            let faults = verify(&temp.open());
            assert!(faults.iter().any(|fault| !fault.harmless), "{kind:?} at {at}: {cut}");
        }
    }
}
