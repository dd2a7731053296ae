//! Small results that share a record: what is stored is read, cut off, damaged, in doubt, and for ever.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use jug_native::Key;
use jug_native::codec::{Codec, Encoded};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::corruption::Report;
use jug_native::store::log::batch::{Builder, ITEM_MIN, VALUE_MAX};
use jug_native::store::log::record::{COMPRESSED, CRITICAL, HEADER_LEN, Header, Kind, TRAILER_LEN};
use jug_native::store::{Durability, Store};
use nix::errno::Errno;
use proptest::prelude::*;

use crate::support::bad_sectors::{Disk, EIO};
use crate::support::failing_disk::on_failing_disk;
use crate::support::temp_jugdir::{Draft, TempJugdir, digest_key, key, load, save};

/// A pickle of an int, as Python writes it.
fn pickled(number: u32) -> Vec<u8> {
    [b"\x80\x05\x95\x06\0\0\0\0\0\0\0J", &number.to_le_bytes()[..], b"."].concat()
}

/// The key of the result with this number in the golden batch.
fn its_key(number: u8) -> Key {
    key(10 + number)
}

fn result(number: u8) -> Header {
    Header {
        codec: Codec::Pickle.to_byte(),
        name: 1,
        started: 1_700_000_000_000_000 + i64::from(number),
        duration: 7 * u64::from(number),
        attempt: 2,
        code: 0x0123_4567_89ab_cdef,
        ..Header::new(Kind::Result, its_key(number), 3)
    }
}

/// A name, a batch of all forms of a value, and a record of its own behind it.
fn golden() -> Draft {
    let (framed, none) = (pickled(1_000_000), b"\x80\x05N.");
    let compressed = Header { flags: COMPRESSED, codec: Codec::Ndarray.to_byte(), ..result(3) };
    let unknown = Header { started: 0, duration: 0, name: 0, ..result(4) };
    let earlier = Header { started: 1_700_000_000_000_000 - 999, ..result(5) };
    Draft::new()
        .record(Header { name: 1, ..Header::keyless(Kind::Name) }, b"primes.is_prime")
        .batch(&[
            (result(1), none),
            (result(2), &framed),
            (compressed, &[9; 8]),
            (unknown, b""),
            (earlier, &[5; VALUE_MAX]),
        ])
        .record(result(6), none)
        .record(Header::keyless(Kind::Seal), b"")
}

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/batch_v1.seg");

#[test]
fn this_version_writes_the_bytes_of_the_golden_batch() {
    let written = golden().bytes;
    // On a mismatch, here is what was written instead.
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("batch_v1.seg"), &written).unwrap();
    assert!(written == fs::read(GOLDEN).unwrap());
}

#[test]
fn the_golden_batch_is_read_for_ever() {
    let temp = TempJugdir::with_segment(&fs::read(GOLDEN).unwrap());
    let store = temp.open();
    assert_eq!(store.keys().unwrap().len(), 6);
    for (number, value) in
        [(1, &b"\x80\x05N."[..]), (2, &pickled(1_000_000)), (4, b""), (5, &[5; 255]), (6, b"\x80\x05N.")]
    {
        assert_eq!(load(&store, 10 + number).unwrap(), value);
    }
    // What is said to be compressed, and is not.
    assert!(store.load(&its_key(3)).is_err());
    let facts = |number| store.facts(&its_key(number)).unwrap().unwrap();
    let found = facts(2);
    assert_eq!((&*found.facts.name, &*found.worker, found.size), ("primes.is_prime", "ghost", 17));
    assert_eq!((found.facts.started, found.facts.duration), (1_700_000_000_000_002, 14));
    assert_eq!((found.facts.attempt, found.facts.code), (2, 0x0123_4567_89ab_cdef));
    assert_eq!((facts(4).facts.started, &*facts(4).facts.name), (0, ""));
    assert_eq!(facts(5).facts.started, 1_699_999_999_999_001);
    assert_eq!(store.epoch(), 3);
}

#[test]
fn who_does_not_know_batches_must_not_read_on() {
    let bytes = golden().bytes;
    let name = golden().ends[0];
    let header = Header::decode(&bytes[name..]).unwrap();
    assert_eq!((header.kind, header.kind.to_byte(), header.flags), (Kind::Batch, 10, CRITICAL));
}

#[test]
fn a_small_result_takes_its_key_its_value_and_little_more() {
    let temp = TempJugdir::new();
    let store = temp.open();
    let facts = RunMetadata { name: "jobs.f".into(), started: 5, duration: 7, attempt: 1, code: 0 };
    let count = 5000;
    for number in 0..count {
        let value = pickled(u32::try_from(number).unwrap());
        store.save(digest_key(number), &Encoded::new(Codec::Pickle, value), &facts).unwrap();
    }
    store.close().unwrap();
    let stats = store.stats();
    // For each write at most: the first result as a record of its own, and what is around a batch.
    let around = stats.writes * (HEADER_LEN + TRAILER_LEN + 100 + 8) as u64 + 200;
    assert_eq!(ITEM_MIN, 50);
    assert!(stats.bytes <= count * (50 + 6) + around, "{stats:?}");
}

#[test]
fn a_result_alone_takes_no_more_than_a_record() {
    let temp = TempJugdir::new();
    let store = temp.open();
    for number in 0..10 {
        save(&store, number, b"a value").unwrap();
        store.flush().unwrap();
    }
    assert_eq!(store.stats().bytes, 10 * (92 + 7));
}

#[test]
fn a_batch_that_is_cut_off_at_any_byte_has_the_results_before_that() {
    let draft = golden();
    let temp = TempJugdir::with_segment(&[]);
    for cut in draft.ends[0]..=draft.bytes.len() {
        temp.put(&draft.bytes[..cut]);
        let store = temp.open();
        // Of each item its last byte, then the end of the batch and of the record behind it.
        let items = [54, 56, 58, 50, 305].iter().scan(draft.ends[0] + HEADER_LEN + 8, |end, length| {
            *end += length;
            Some(*end)
        });
        let expected = items.filter(|end| *end <= cut).count() + usize::from(cut >= draft.ends[2]);
        assert_eq!(store.keys().unwrap().len(), expected, "cut at {cut}");
        let at = draft.ends.iter().rev().find(|&&end| end <= cut).copied().unwrap() as u64;
        let files = if at == cut as u64 {
            vec![]
        } else {
            vec![(temp.segment(), at, "its last record is incomplete")]
        };
        assert_eq!(store.damage().unwrap(), Report { files, ..Report::default() }, "cut at {cut}");
    }
}

#[test]
fn a_flipped_byte_in_a_batch_costs_one_result_at_most_and_never_goes_unnoticed() {
    let draft = golden();
    let value = |number: u8| match number {
        1 | 6 => b"\x80\x05N.".to_vec(),
        2 => pickled(1_000_000),
        4 => vec![],
        _ => vec![5; VALUE_MAX],
    };
    let temp = TempJugdir::with_segment(&[]);
    let payload = draft.ends[0] + HEADER_LEN;
    for at in draft.ends[0]..draft.ends[1] {
        for mask in [0x01, 0x80, 0xff] {
            let mut bytes = draft.bytes.clone();
            bytes[at] ^= mask;
            temp.put(&bytes);
            let store = temp.open();
            let mut missing = 0;
            for number in [1, 2, 4, 5, 6] {
                match load(&store, 10 + number) {
                    Some(found) => assert_eq!(found, value(number), "byte {at} ^ {mask:#x}"),
                    None => missing += 1,
                }
            }
            let damage = store.damage().unwrap();
            assert!(damage.records + damage.files.len() > 0, "byte {at} ^ {mask:#x}");
            assert!(at < payload || missing <= 1, "byte {at} ^ {mask:#x}: {missing}");
        }
    }
}

#[test]
fn a_result_of_a_batch_whose_value_is_damaged_is_named() {
    let draft = golden();
    let temp = TempJugdir::with_segment(&[]);
    let mut bytes = draft.bytes.clone();
    // The last byte of the longest value.
    let at = draft.ends[1] - 9;
    assert_eq!(bytes[at], 5);
    bytes[at] ^= 1;
    temp.put(&bytes);
    let store = temp.open();
    assert_eq!(store.damage().unwrap(), Report { records: 1, keys: vec![its_key(5)], files: vec![] });
    assert_eq!(load(&store, 12).unwrap(), pickled(1_000_000));
    let faults = store.verify(&mut |_, _| Ok(())).unwrap();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].key, &*faults[0].name), (Some(its_key(5)), "primes.is_prime"));
    save(&store, 15, b"again").unwrap();
    assert_eq!(store.damage().unwrap(), Report::default());
}

#[test]
fn a_bad_sector_in_a_batch_costs_what_is_there() {
    let results: Vec<(Header, Vec<u8>)> = (0..200).map(|number| (result(number), vec![number; 40])).collect();
    let results: Vec<(Header, &[u8])> =
        results.iter().map(|(header, value)| (header.clone(), &**value)).collect();
    let temp = TempJugdir::with_segment(&Draft::new().batch(&results).bytes);
    let disk = Disk::new(Errno::EIO);
    disk.spoil(&temp.segment(), 8192..12288);
    let store = disk.open(&temp).unwrap();
    let there = store.keys().unwrap().len();
    assert!((153..158).contains(&there), "{there} results, of which 90 bytes each are on a page");
    assert_eq!(store.damage().unwrap().records, 1);
    let faults = store.verify(&mut |_, _| Ok(())).unwrap();
    assert_eq!((faults.len(), &*faults[0].what, faults[0].key), (1, EIO, None));
}

#[test]
fn a_batch_goes_to_a_new_segment_as_a_whole_where_its_segment_fails() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Group);
    for number in 0..50 {
        save(&store, number, &[number]).unwrap();
    }
    disk.writes.store(1, Ordering::SeqCst);
    // What is in the batch by now can be loaded.
    for number in 0..50 {
        assert_eq!(load(&store, number).unwrap(), [number]);
    }
    assert_eq!(store.stats().replays, 1);
    store.close().unwrap();
    let store = temp.open();
    assert!((0..50).all(|number| load(&store, number).unwrap() == [number]));
    assert_eq!(store.damage().unwrap(), Report::default());
}

#[test]
fn what_cannot_be_written_is_lost_to_its_writer_too() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Group);
    for number in 0..50 {
        save(&store, number, &[number]).unwrap();
    }
    disk.writes.store(1000, Ordering::SeqCst);
    assert!(store.flush().is_err());
    assert_eq!(store.keys().unwrap(), []);
}

#[test]
fn others_read_results_as_they_are_written() {
    let temp = TempJugdir::new();
    let (writer, reader) = (temp.open(), temp.open());
    for round in 0..5_u8 {
        for number in 0..30 {
            save(&writer, round * 30 + number, &[round]).unwrap();
        }
        writer.flush().unwrap();
        let news = reader.refresh().unwrap();
        assert_eq!(news.len(), 30, "round {round}");
        assert_eq!(load(&reader, round * 30 + 29).unwrap(), [round]);
    }
}

#[test]
fn a_batch_that_is_not_all_there_yet_is_read_again_from_its_beginning() {
    let temp = TempJugdir::new();
    let writer = temp.open();
    for number in 0..30 {
        save(&writer, number, &[number; 9]).unwrap();
    }
    writer.flush().unwrap();
    let path = fs::read_dir(temp.segments()).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    // The server has got what is behind it first.
    let mut bytes = whole.clone();
    let gap = bytes.len() - 900;
    bytes[gap..gap + 200].fill(0);
    fs::write(&path, &bytes).unwrap();
    let reader = temp.open();
    let there = reader.keys().unwrap().len();
    assert!((24..28).contains(&there), "{there}");
    assert_eq!(reader.damage().unwrap(), Report::default());
    fs::write(&path, &whole).unwrap();
    assert_eq!(reader.refresh().unwrap().len(), 30 - there);
    assert_eq!((reader.keys().unwrap().len(), reader.damage().unwrap()), (30, Report::default()));
}

/// Values of tasks, most of them small, some in frames.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    let framed = bytes(300_usize)
        .prop_map(|bytes| [&b"\x80\x05\x95"[..], &(bytes.len() as u64).to_le_bytes(), &bytes].concat());
    prop_oneof![4 => bytes(20), 4 => framed, 1 => bytes(300), 1 => bytes(2000)]
}

fn facts() -> impl Strategy<Value = RunMetadata> {
    let started = prop_oneof![Just(0_i64), 1_700_000_000_000_000..1_700_000_001_000_000_i64, any::<i64>()];
    let duration = prop_oneof![0..1000_u64, any::<u64>()];
    let attempt = prop_oneof![9 => Just(1_u32), 1 => any::<u32>()];
    let names = prop::sample::select(vec!["", "jobs.f", "jobs.g", "jobs.h"]);
    (names, started, duration, attempt).prop_map(|(name, started, duration, attempt)| RunMetadata {
        name: name.to_owned(),
        started,
        duration,
        attempt,
        code: 0,
    })
}

/// What is stored, key by key.
fn all_of(store: &Store, keys: &[Key]) -> Vec<(Vec<u8>, RunMetadata, Option<u64>)> {
    let durations = store.durations(keys).unwrap();
    let load = |key: &Key| store.load(key).unwrap().unwrap().bytes;
    let facts = |key: &Key| store.facts(key).unwrap().unwrap().facts;
    keys.iter().zip(durations).map(|(key, duration)| (load(key), facts(key), duration)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_results_read_back_equal_in_segments_and_in_packs(
        results in prop::collection::vec((value(), facts()), 1..60),
        flush_every in 1..40_usize,
    ) {
        let temp = TempJugdir::new();
        let store = temp.open();
        let keys: Vec<Key> = (0..results.len() as u64).map(digest_key).collect();
        for (at, (value, facts)) in results.iter().enumerate() {
            store.save(keys[at], &Encoded::new(Codec::Pickle, value), facts).unwrap();
            if at % flush_every == 0 {
                store.flush().unwrap();
            }
        }
        let expected: Vec<_> = results
            .iter()
            .map(|(value, facts)| {
                (value.clone(), facts.clone(), (facts.started != 0).then_some(facts.duration))
            })
            .collect();
        prop_assert_eq!(all_of(&store, &keys), expected.clone());
        store.close().unwrap();
        let store = temp.open();
        prop_assert_eq!(all_of(&store, &keys), expected.clone());
        store.pack(crate::support::packs::ALL).unwrap();
        prop_assert_eq!(all_of(&store, &keys), expected.clone());
        let store = temp.open();
        prop_assert_eq!(all_of(&store, &keys), expected);
        prop_assert_eq!(store.verify(&mut |_, _| Ok(())).unwrap(), vec![]);
    }

    #[test]
    fn no_bytes_make_a_reader_of_batches_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), is_sound: bool) {
        use jug_native::store::log::batch;
        batch::read(&bytes, is_sound, &mut |_, _| {});
        let _ = (batch::walk(&bytes), batch::whose(&bytes), batch::value_length(&bytes));
        // A sound record around them.
        let header = Header { length: u32::try_from(bytes.len()).unwrap(), ..Header::keyless(Kind::Batch) };
        let crc = crc32c::crc32c(&bytes).to_le_bytes();
        bytes.extend_from_slice(&crc);
        let _ = batch::walk(&[&header.encode()[..], &bytes].concat());
        let temp = TempJugdir::with_segment(&[&Draft::new().bytes, &header.encode()[..], &bytes].concat());
        let _ = temp.open().keys();
    }
}

#[test]
fn what_does_not_fit_into_a_batch_is_refused_by_it() {
    let mut bytes = Vec::new();
    let mut batch = Builder::begin(&mut bytes, &result(1));
    let before = bytes.len();
    let others = [
        Header { epoch: 4, ..result(2) },
        Header { attempt: 1, ..result(2) },
        Header { code: 1, ..result(2) },
        Header { name: 70_000, ..result(2) },
        Header { duration: 1 << 40, ..result(2) },
        Header { started: 5, ..result(2) },
        Header { codec: 200, ..result(2) },
        Header { flags: CRITICAL, ..result(2) },
        Header { version: 2, ..result(2) },
        Header { kind: Kind::ResultBlob, ..result(2) },
    ];
    for other in others {
        assert_eq!(batch.push(&mut bytes, &other, &[b"x"]), None, "{other:?}");
    }
    assert_eq!(batch.push(&mut bytes, &result(2), &[&[0; VALUE_MAX + 1]]), None);
    assert_eq!(bytes.len(), before);
    assert_eq!(batch.push(&mut bytes, &result(2), &[b"in ", b"parts"]), Some(96));
}
