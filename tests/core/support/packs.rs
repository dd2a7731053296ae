//! Jugdirs to pack, and the packs in them.

use std::path::PathBuf;

use jug_native::codec::{Codec, Encoded};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::{CompactOptions, Store};

use crate::support::files;
use crate::support::temp_jugdir::{TempJugdir, key};

pub(crate) const ALL: CompactOptions = CompactOptions { all: true, damaged: false, smaller: false };

/// The names in a directory of the jugdir, or none if it is not there.
pub(crate) fn names(temp: &TempJugdir, dir: &str) -> Vec<String> {
    let dir = temp.root().join(dir);
    if dir.exists() { files::names(&dir) } else { Vec::new() }
}

/// A file of the only pack there is.
pub(crate) fn only_pack(temp: &TempJugdir, ending: &str) -> PathBuf {
    let packs = names(temp, "packs");
    let packs: Vec<&str> = packs.iter().filter_map(|name| name.strip_suffix(".pack")).collect();
    assert_eq!(packs.len(), 1, "{packs:?}");
    temp.root().join("packs").join(format!("{}.{ending}", packs[0]))
}

/// A jugdir with these results in one segment of a worker that is gone.
pub(crate) fn filled(numbers: std::ops::Range<u8>) -> TempJugdir {
    let temp = TempJugdir::new();
    let store = temp.open();
    for number in numbers {
        named(&store, number, &[number; 20]);
    }
    store.close().unwrap();
    temp
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
