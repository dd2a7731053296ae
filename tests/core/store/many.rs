//! How long runs took and what results were stored with, of many results at a time.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jug_native::Key;
use jug_native::background::Background;
use jug_native::codec::{Codec, Encoded};
use jug_native::jugdir::Jugdir;
use jug_native::os::File;
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::log::record::{Header, Kind};
use jug_native::store::{CompactOptions, Durability, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::{Draft, TempJugdir, digest_key, key, noise};

/// Results of all sizes, so that some are read together and some are not, and some are blobs.
fn size(number: u64) -> usize {
    match number % 50 {
        0 => 70_000,
        1..5 => 9_000,
        _ => 10,
    }
}

fn save(store: &Store, number: u64) {
    let facts = RunMetadata {
        started: i64::from(!number.is_multiple_of(9)),
        duration: number,
        code: number % 4,
        ..RunMetadata::default()
    };
    store.save(digest_key(number), &Encoded::new(Codec::Pickle, &*noise(size(number))), &facts).unwrap();
}

#[test]
fn of_many_results_they_are_what_is_known_of_each() {
    let temp = TempJugdir::new();
    // Two workers took turns, so that no file has the results in the order of the keys.
    let (one, other) = (temp.open(), temp.open());
    for number in 0..1000_u64 {
        save(if number.is_multiple_of(3) { &one } else { &other }, number);
    }
    one.remove(&[digest_key(10), digest_key(500)]).unwrap();
    // What is not written yet is known too.
    let keys: Vec<Key> = (0..1010).rev().map(digest_key).collect();
    let expected: Vec<Option<u64>> = (0..1010)
        .rev()
        .map(|number: u64| {
            (number < 1000 && !number.is_multiple_of(9) && number != 10 && number != 500).then_some(number)
        })
        .collect();
    other.refresh().unwrap();
    other.flush().unwrap();
    one.refresh().unwrap();
    assert_eq!(one.durations(&keys).unwrap(), expected);
    let codes: Vec<Option<u64>> = (0..1010)
        .rev()
        .map(|number: u64| {
            (number < 1000 && !number.is_multiple_of(4) && number != 10 && number != 500)
                .then_some(number % 4)
        })
        .collect();
    assert_eq!(one.codes(&keys).unwrap(), codes);
    one.close().unwrap();
    other.close().unwrap();
    for is_packed in [false, true] {
        if is_packed {
            temp.open().pack(CompactOptions { all: true, ..CompactOptions::default() }).unwrap();
        }
        let store = temp.open();
        save(&store, 1005);
        let now: Vec<Option<u64>> =
            expected.iter().enumerate().map(|(at, it)| if at == 4 { Some(1005) } else { *it }).collect();
        assert_eq!(store.durations(&keys).unwrap(), now, "packed: {is_packed}");
        let now: Vec<Option<u64>> =
            codes.iter().enumerate().map(|(at, it)| if at == 4 { Some(1) } else { *it }).collect();
        assert_eq!(store.codes(&keys).unwrap(), now, "packed: {is_packed}");
        store.remove(&[digest_key(1005)]).unwrap();
        store.close().unwrap();
    }
}

#[test]
fn a_damaged_header_hides_what_is_known_of_its_result_only() {
    let facts = |number: u8| Header {
        codec: Codec::Pickle.to_byte(),
        started: 1,
        duration: number.into(),
        ..Header::new(Kind::Result, key(number), 0)
    };
    let draft = (0..5).fold(Draft::new(), |draft, number| draft.record(facts(number), b"value"));
    let temp = TempJugdir::with_segment(&draft.bytes);
    let store = temp.open();
    let keys: Vec<Key> = (0..5).map(key).collect();
    assert_eq!(store.durations(&keys).unwrap(), [0, 1, 2, 3, 4].map(Some));
    let mut bytes = draft.bytes.clone();
    bytes[draft.ends[1] + 5] ^= 1;
    temp.put(&bytes);
    assert_eq!(store.durations(&keys).unwrap(), [Some(0), Some(1), None, Some(3), Some(4)]);
    temp.put(&bytes[..draft.ends[3] + 3]);
    assert_eq!(store.durations(&keys).unwrap(), [Some(0), Some(1), None, Some(3), None]);
}

/// Counts how often files are read.
#[derive(Debug, Default)]
struct Reads(AtomicUsize);

impl Hooks for Reads {
    fn read_at(&self, _path: &Path, file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        file.read_at(buffer, offset)
    }
}

#[test]
fn headers_that_lie_close_together_are_read_together() {
    let temp = TempJugdir::new();
    let store = temp.open();
    let facts = RunMetadata { started: 1, ..RunMetadata::default() };
    let keys: Vec<Key> = (0..1000).map(digest_key).collect();
    for key in &keys {
        store.save(*key, &Encoded::new(Codec::Pickle, &b"value"[..]), &facts).unwrap();
    }
    store.close().unwrap();
    let reads = Arc::new(Reads::default());
    let jugdir = Jugdir::open_on(HookedFs::on(reads.clone()), &temp.root()).unwrap();
    let store = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    store.refresh().unwrap();
    let before = reads.0.load(Ordering::Relaxed);
    assert!(store.durations(&keys).unwrap().iter().all(Option::is_some));
    assert!(reads.0.load(Ordering::Relaxed) - before < 20);
}
