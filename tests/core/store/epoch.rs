//! Epochs: removals, and what is learnt of those of others.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jug_native::background::Background;
use jug_native::jugdir::Jugdir;
use jug_native::result_store::ResultStore;
use jug_native::store::{Durability, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::{TempJugdir, key, load, save};

#[test]
fn an_epoch_is_learnt_from_others() {
    let temp = TempJugdir::new();
    let (one, other) = (temp.open(), temp.open());
    save(&one, 1, b"one").unwrap();
    one.remove(&[key(1)]).unwrap();
    one.flush().unwrap();
    assert_eq!((one.epoch(), other.epoch()), (1, 0));
    other.refresh().unwrap();
    assert_eq!(other.epoch(), 1);
    save(&other, 1, b"two").unwrap();
    other.flush().unwrap();
    one.refresh().unwrap();
    assert_eq!(load(&one, 1).unwrap(), b"two");
}

#[test]
fn of_two_removals_at_once_the_later_one_has_the_higher_epoch() {
    let temp = TempJugdir::new();
    let (one, other) = (temp.open(), temp.open());
    save(&one, 1, b"one").unwrap();
    save(&one, 2, b"two").unwrap();
    one.flush().unwrap();
    other.refresh().unwrap();
    assert_eq!(one.remove(&[key(1)]).unwrap(), [true]);
    assert_eq!(other.remove(&[key(2)]).unwrap(), [true], "it has not seen the other removal");
    assert_eq!((one.epoch(), temp.open().epoch()), (1, 2));
}

/// Two stores, one after the other in the order in which others read them, that are to remove something each.
#[derive(Default)]
struct Meanwhile(Mutex<Option<[Store; 2]>>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Hooks for Meanwhile {
    /// The first segment was read when the second is opened.
    fn opened(&self, path: &Path) {
        let mut stores = self.0.lock().unwrap();
        if stores.as_ref().is_some_and(|stores| path == segment_of(&stores[1])) {
            let [first, second] = stores.take().unwrap();
            assert_eq!(first.remove(&[key(1)]).unwrap(), [true]);
            assert_eq!(second.remove(&[key(2)]).unwrap(), [true]);
        }
    }
}

/// The only segment of a store.
pub(super) fn segment_of(store: &Store) -> PathBuf {
    let worker = store.jugdir().registered().unwrap();
    store.jugdir().segments().join(format!("{}-0.seg", worker.id()))
}

#[test]
fn a_refresh_that_brings_a_higher_epoch_is_repeated_until_no_removal_below_it_can_have_been_missed() {
    let temp = TempJugdir::new();
    let meanwhile = Arc::<Meanwhile>::default();
    let jugdir = Jugdir::open_on(HookedFs::on(meanwhile.clone()), &temp.root()).unwrap();
    let reader = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    let mut stores = [temp.open(), temp.open()];
    save(&stores[0], 3, b"registers").unwrap();
    save(&stores[1], 3, b"registers").unwrap();
    stores.sort_by_key(segment_of);
    save(&stores[0], 1, b"one").unwrap();
    save(&stores[1], 2, b"two").unwrap();
    for store in &stores {
        store.flush().unwrap();
    }
    *meanwhile.0.lock().unwrap() = Some(stores);
    reader.refresh().unwrap();
    assert!(meanwhile.0.lock().unwrap().is_none(), "the removals came while it was reading");
    // With this epoch it would stamp what it makes of the results that it sees.
    assert_eq!(reader.epoch(), 2);
    assert_eq!(reader.contains_many(&[key(1), key(2)]).unwrap(), [false, false]);
}
