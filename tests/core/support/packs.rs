//! Jugdirs to pack, and the packs in them.

use std::fs;
use std::path::PathBuf;

use jug_native::codec::{Codec, Encoded};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::{CompactOptions, Store};

use crate::support::temp_jugdir::{Shelf, key};

pub(crate) const ALL: CompactOptions = CompactOptions { all: true, damaged: false, smaller: false };

pub(crate) fn names(shelf: &Shelf, dir: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(shelf.root().join(dir)) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A file of the only pack there is.
pub(crate) fn only_pack(shelf: &Shelf, ending: &str) -> PathBuf {
    let packs = names(shelf, "packs");
    let packs: Vec<&str> = packs.iter().filter_map(|name| name.strip_suffix(".pack")).collect();
    assert_eq!(packs.len(), 1, "{packs:?}");
    shelf.root().join("packs").join(format!("{}.{ending}", packs[0]))
}

/// A jugdir with these results in one segment of a worker that is gone.
pub(crate) fn filled(numbers: std::ops::Range<u8>) -> Shelf {
    let shelf = Shelf::new();
    let store = shelf.open();
    for number in numbers {
        named(&store, number, &[number; 20]);
    }
    store.close().unwrap();
    shelf
}

pub(crate) fn named(store: &Store, number: u8, value: &[u8]) {
    let facts = RunMetadata {
        name: format!("jobs.f{}", number % 3),
        started: 5,
        duration: 7,
        ..RunMetadata::default()
    };
    store.save(key(number), &Encoded::new(Codec::Pickle, value), &facts).unwrap();
}
