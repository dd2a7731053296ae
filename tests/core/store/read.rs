//! Reading what is there, also where it cannot be written.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use jug_native::Error;
use jug_native::error::StoreError;
use jug_native::result_store::ResultStore;
use jug_native::store::Store;

use crate::support::files::files_below;
use crate::support::temp_jugdir::{Draft, TempJugdir, key, load, noise, save};

#[test]
fn a_segment_that_goes_bad_after_it_was_read_is_noticed_when_a_value_is_loaded() {
    let draft = Draft::new().result(key(0), b"zero").result(key(1), b"one");
    let temp = TempJugdir::with_segment(&draft.bytes);
    let store = temp.open();
    for (number, at) in [(0, draft.ends[0] - 1), (1, draft.ends[0] + 3)] {
        let mut bytes = draft.bytes.clone();
        bytes[at] ^= 1;
        temp.put(&bytes);
        assert!(matches!(store.load(&key(number)), Err(Error::Store(StoreError::DamagedResult { .. }))));
    }
    assert_eq!(store.keys().unwrap(), []);
}

#[test]
fn a_read_only_jugdir_can_be_read() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, b"one").unwrap();
    save(&store, 2, &noise(70_000)).unwrap();
    store.close().unwrap();
    drop(store);
    let before = files_below(&temp.root());
    let set_modes = |file, dir| {
        for path in files_below(&temp.root()) {
            fs::set_permissions(&path, fs::Permissions::from_mode(file)).unwrap();
            fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(dir)).unwrap();
        }
    };
    set_modes(0o444, 0o555);
    let reader = temp.open();
    assert_eq!((reader.keys().unwrap().len(), load(&reader, 1).unwrap()), (2, b"one".to_vec()));
    assert_eq!(load(&reader, 2).unwrap().len(), 70_000);
    assert!(!reader.wait(Duration::from_millis(1)).unwrap());
    reader.close().unwrap();
    set_modes(0o644, 0o755);
    assert_eq!(files_below(&temp.root()), before, "reading creates nothing");
}

#[test]
fn many_segments_are_read_at_the_same_time() {
    let temp = TempJugdir::new();
    for writer in 0..4_u8 {
        let store = temp.open();
        for number in 0..20 {
            save(&store, 20 * writer + number, &noise(60_000)).unwrap();
        }
        store.close().unwrap();
    }
    let store: Store = temp.open();
    assert_eq!(store.keys().unwrap().len(), 80);
    assert!((0..80).all(|number| load(&store, number).unwrap() == noise(60_000)));
}
