//! Records and segments as bytes: the golden file, torn tails, flipped bytes.

use std::fs;
use std::path::Path;

use jug_native::Error;
use jug_native::error::StoreError;
use jug_native::os::local::Local;
use jug_native::result_store::ResultStore;
use jug_native::store::Store;
use jug_native::store::corruption::Report;
use jug_native::store::log::record::{self, CRITICAL, HEADER_LEN, Header, Kind};
use jug_native::store::log::scanned::ScanEnd;
use jug_native::store::log::{scan, segment};
use serde_pickle::{SerOptions, Value};

use crate::support::temp_jugdir::{Draft, TempJugdir, UUID, key, load};

/// One record of each type, with every field of the header in use.
fn one_of_each() -> Draft {
    let facts = |kind, number, epoch| Header {
        name: 1,
        started: 1_700_000_000_123_456,
        duration: 98_765,
        code: 0x0123_4567_89ab_cdef,
        attempt: 2,
        codec: 1,
        ..Header::new(kind, key(number), epoch)
    };
    let report = Value::Dict([("type".to_owned(), "ValueError".to_owned())].map(text_pair).into());
    let report = serde_pickle::value_to_vec(&report, SerOptions::new()).unwrap();
    Draft::new()
        .record(Header { name: 1, ..Header::keyless(Kind::Name) }, b"primes.is_prime")
        .record(facts(Kind::Result, 1, 0), b"\x80\x05N.")
        .record(facts(Kind::Result, 2, 0), b"\x80\x05K\x07.")
        .record(facts(Kind::Failed, 3, 1), &report)
        .record(facts(Kind::Failed, 4, 1), &report)
        .record(Header { flags: CRITICAL, ..Header::new(Kind::Cleared, key(4), 2) }, b"")
        .record(Header { flags: CRITICAL, ..Header::new(Kind::Removed, key(2), 3) }, b"")
        .record(Header::new(Kind::Alias, key(5), 0), b"a name")
        .record(Header::keyless(Kind::Seal), b"")
}

fn text_pair((name, value): (String, String)) -> (serde_pickle::HashableValue, Value) {
    (serde_pickle::HashableValue::String(name), Value::String(value))
}

fn golden() -> Vec<u8> {
    fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/segment_v1.seg")).unwrap()
}

#[test]
fn this_version_writes_the_bytes_of_the_golden_segment() {
    let written = one_of_each().bytes;
    // On a mismatch, here is what was written instead.
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("segment_v1.seg");
    fs::write(here, &written).unwrap();
    assert!(written == golden());
}

#[test]
fn the_golden_segment_is_read_for_ever() {
    let temp = TempJugdir::with_segment(&golden());
    let store = temp.open();
    assert_eq!(store.keys().unwrap(), [key(1)]);
    assert_eq!(load(&store, 1).unwrap(), b"\x80\x05N.");
    assert_eq!(store.failed_keys(), [key(3)]);
    assert_eq!(store.failure(&key(3)).unwrap().unwrap()["type"], Value::String("ValueError".into()));
    assert_eq!(store.aliases().unwrap(), [(key(5), b"a name".to_vec())]);
    assert_eq!(store.epoch(), 3);
    let found = store.facts(&key(1)).unwrap().unwrap();
    assert_eq!((&*found.facts.name, &*found.worker, found.size), ("primes.is_prime", "ghost", 4));
    assert_eq!((found.facts.started, found.facts.duration), (1_700_000_000_123_456, 98_765));
    assert_eq!((found.facts.attempt, found.facts.code), (2, 0x0123_4567_89ab_cdef));
    assert_eq!(store.damage().unwrap(), Report::default());
}

#[test]
fn a_record_about_nothing_much_takes_less_than_a_hundred_bytes() {
    let mut bytes = Vec::new();
    record::append(&mut bytes, &mut Header::new(Kind::Result, key(1), 0), &[b"\x80\x05", b"N."]);
    assert_eq!(bytes.len(), 96);
}

/// What is reported of a tail that a dead writer did not finish.
fn incomplete(temp: &TempJugdir, offset: usize) -> Report {
    let file = (temp.segment(), offset as u64, "its last record is incomplete");
    Report { files: vec![file], ..Report::default() }
}

#[test]
fn a_tail_torn_at_any_byte_costs_the_torn_record_only() {
    let draft = Draft::new().result(key(0), b"zero").result(key(1), b"").result(key(2), &[7; 300]);
    let temp = TempJugdir::with_segment(&[]);
    let head = Draft::new().bytes.len();
    for cut in 0..=draft.bytes.len() {
        temp.put(&draft.bytes[..cut]);
        let store = temp.open();
        let whole = draft.ends.iter().filter(|&&end| end <= cut).count();
        assert_eq!(store.keys().unwrap().len(), whole, "cut at {cut}");
        for number in 0..3 {
            assert_eq!(load(&store, number).is_some(), usize::from(number) < whole);
        }
        let torn = if cut < head { 0 } else { draft.ends[..whole].last().copied().unwrap_or(head) };
        let reported = if torn == cut { Report::default() } else { incomplete(&temp, torn) };
        assert_eq!(store.damage().unwrap(), reported, "cut at {cut}");
    }
}

#[test]
fn a_tail_of_zeros_at_any_record_is_a_tail_that_was_not_written() {
    let draft = Draft::new().result(key(0), b"zero").result(key(1), b"one");
    let temp = TempJugdir::with_segment(&[]);
    for (whole, &end) in draft.ends.iter().enumerate() {
        let mut bytes = draft.bytes[..end].to_vec();
        bytes.resize(end + 5000, 0);
        temp.put(&bytes);
        let store = temp.open();
        assert_eq!(store.keys().unwrap().len(), whole + 1);
        assert_eq!(store.damage().unwrap(), incomplete(&temp, end));
    }
}

#[test]
fn a_flipped_byte_anywhere_never_gives_a_wrong_value_and_never_goes_unnoticed() {
    let values: [&[u8]; 3] = [b"zero", b"the first", &[7; 200]];
    let draft = Draft::new().result(key(0), values[0]).result(key(1), values[1]).result(key(2), values[2]);
    let temp = TempJugdir::with_segment(&[]);
    for at in 0..draft.bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut bytes = draft.bytes.clone();
            bytes[at] ^= mask;
            temp.put(&bytes);
            let store = temp.open();
            let mut missing = 0;
            for (number, value) in (0..).zip(values) {
                match load(&store, number) {
                    Some(found) => assert_eq!(found, value, "byte {at} ^ {mask:#x}"),
                    None => missing += 1,
                }
            }
            let damage = store.damage().unwrap();
            assert!(missing > 0 && damage.records + damage.files.len() > 0, "byte {at} ^ {mask:#x}");
        }
    }
}

#[test]
fn a_bad_payload_costs_one_record_and_its_key_is_known() {
    let draft = Draft::new().result(key(0), b"zero").result(key(1), b"one").result(key(2), b"two");
    let mut bytes = draft.bytes.clone();
    bytes[draft.ends[0] + HEADER_LEN] ^= 1;
    let temp = TempJugdir::with_segment(&bytes);
    let store = temp.open();
    assert_eq!((load(&store, 0), load(&store, 1)), (Some(b"zero".to_vec()), None));
    assert_eq!(load(&store, 2).unwrap(), b"two");
    let damage = store.damage().unwrap();
    assert_eq!((damage.records, damage.keys, damage.files.len()), (1, vec![key(1)], 0));
    // A later result heals it.
    crate::support::temp_jugdir::save(&store, 1, b"again").unwrap();
    assert_eq!(store.damage().unwrap(), Report::default());
    store.close().unwrap();
    assert_eq!(temp.open().damage().unwrap(), Report::default());
}

#[test]
fn bad_bytes_in_a_dead_writers_file_are_reported_with_their_place() {
    let draft = Draft::new().result(key(0), b"zero").result(key(1), b"one");
    let mut bytes = draft.bytes.clone();
    bytes[draft.ends[0]] ^= 1;
    let temp = TempJugdir::with_segment(&bytes);
    let store = temp.open();
    assert_eq!(store.keys().unwrap(), [key(0)]);
    let (path, offset, _) = &store.damage().unwrap().files[0];
    assert_eq!((path, *offset), (&temp.segment(), draft.ends[0] as u64));
    // Looking again finds nothing more.
    store.refresh().unwrap();
    assert_eq!(store.damage().unwrap().files.len(), 1);
}

#[test]
fn a_header_that_promises_more_than_the_file_holds_is_a_torn_tail() {
    let mut huge = Header { length: u32::MAX, ..Header::new(Kind::Result, key(9), 0) };
    for kind in [Kind::Result, Kind::Name, Kind::Alias, Kind::Failed] {
        huge.kind = kind;
        let mut draft = Draft::new().result(key(0), b"zero");
        draft.bytes.extend_from_slice(&huge.encode());
        draft.bytes.extend_from_slice(b"a little");
        let temp = TempJugdir::with_segment(&draft.bytes);
        let store = temp.open();
        assert_eq!(
            (store.keys().unwrap(), store.damage().unwrap()),
            (vec![key(0)], incomplete(&temp, draft.ends[0]))
        );
    }
}

#[test]
fn a_segment_of_another_jugdir_does_not_count() {
    let mut bytes = segment::encode(*b"not this jugdir.", "ghost");
    bytes.extend_from_slice(
        &Draft::new().result(key(1), b"one").bytes[segment::encode(UUID, "ghost").len()..],
    );
    let temp = TempJugdir::with_segment(&bytes);
    let store = temp.open();
    assert!(!store.contains(&key(1)).unwrap());
    assert_eq!(store.damage().unwrap().files.len(), 1);
}

#[test]
fn a_record_of_a_later_version_is_skipped_unless_it_is_critical() {
    let later = Header { version: 2, ..Header::new(Kind::Result, key(1), 0) };
    let unknown = Header::new(Kind::Other(77), key(1), 0);
    for header in [later, unknown] {
        let draft = Draft::new().record(header.clone(), b"?").result(key(2), b"two");
        let store = TempJugdir::with_segment(&draft.bytes).open();
        assert_eq!((store.keys().unwrap(), store.damage().unwrap()), (vec![key(2)], Report::default()));

        let critical = Header { flags: CRITICAL, ..header };
        let temp = TempJugdir::with_segment(&Draft::new().record(critical, b"?").bytes);
        let refusal = Store::open(&temp.root(), jug_native::store::Durability::Group).unwrap_err();
        assert!(matches!(refusal, Error::Store(StoreError::NewerRecord { .. })), "{refusal}");
        assert!(refusal.to_string().contains("upgrade jug-rs"));
    }
}

#[test]
fn a_value_in_a_form_of_a_later_version_is_no_damage() {
    let header = Header { codec: 200, ..Header::new(Kind::Result, key(1), 0) };
    let temp = TempJugdir::with_segment(&Draft::new().record(header, b"?").bytes);
    let store = temp.open();
    assert!(matches!(store.load(&key(1)), Err(Error::Store(StoreError::NewerRecord { .. }))));
    assert!(store.contains(&key(1)).unwrap());
}

#[test]
fn a_segment_of_a_later_version_is_refused() {
    let mut head = segment::encode(UUID, "ghost");
    head[8] = 2;
    let end = head.len() - 4;
    let crc = crc32c::crc32c(&head[..end]);
    head[end..].copy_from_slice(&crc.to_le_bytes());
    let temp = TempJugdir::with_segment(&head);
    let refusal = Store::open(&temp.root(), jug_native::store::Durability::Group).unwrap_err();
    assert!(
        matches!(refusal, Error::Store(StoreError::NewerFormat { found: 2, supported: 1, .. })),
        "{refusal}"
    );
}

#[test]
fn what_was_appended_after_the_look_at_the_length_is_left_for_the_next_time() {
    let draft = Draft::new().result(key(0), b"zero").result(key(1), b"one").result(key(2), b"two");
    let temp = TempJugdir::with_segment(&draft.bytes);
    let mut found = Vec::new();
    let until = draft.ends[0] as u64 + 1;
    let scanned =
        scan::scan(&Local, &temp.segment(), None, (0, until), &mut |event| found.push(event.header.key));
    assert_eq!(scanned.unwrap(), (draft.ends[1] as u64, ScanEnd::End));
    assert_eq!(found, [key(0), key(1)]);
}

#[test]
fn what_follows_a_seal_is_not_read() {
    let draft = Draft::new().result(key(0), b"zero").record(Header::keyless(Kind::Seal), b"");
    let temp = TempJugdir::with_segment(&draft.result(key(1), b"one").bytes);
    assert_eq!(temp.open().keys().unwrap(), [key(0)]);
}

#[test]
fn names_of_segments_contain_their_worker() {
    assert_eq!(segment::owner("host.12.ab-0.seg"), Some("host.12.ab"));
    assert_eq!(segment::owner(&segment::file_name("a", 7)), Some("a"));
    for other in ["", "-0.seg", "a-.seg", "a.seg", "a-x.seg", "a-0.seg~", ".a-0.tmp"] {
        assert_eq!(segment::owner(other), None, "{other}");
    }
}

#[test]
fn a_record_larger_than_what_is_read_at_a_time_is_checked_all_the_same() {
    let large = vec![3; 1_000_000];
    let draft = Draft::new().result(key(0), &large).result(key(1), b"one");
    let temp = TempJugdir::with_segment(&draft.bytes);
    assert_eq!(load(&temp.open(), 0).unwrap(), large);
    assert_eq!(load(&temp.open(), 1).unwrap(), b"one");
    let mut bytes = draft.bytes.clone();
    bytes[700_000] ^= 1;
    temp.put(&bytes);
    let store = temp.open();
    assert_eq!((store.keys().unwrap(), store.damage().unwrap().keys), (vec![key(1)], vec![key(0)]));
}
