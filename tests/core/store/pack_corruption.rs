//! Packs that are damaged or missing, and segments that are not packed because they are.

use std::fs;

use jug_native::Error;
use jug_native::error::StoreError;
use jug_native::result_store::ResultStore;
use jug_native::store::{CompactOptions, SkipReason};

use crate::support::packs::{ALL, filled, only_pack};
use crate::support::temp_jugdir::{Draft, TempJugdir, key, load, save};

#[test]
fn a_segment_with_damage_that_nothing_healed_is_kept_as_evidence() {
    let draft = Draft::new().result(key(0), b"zero").result(key(1), b"one");
    let mut bytes = draft.bytes.clone();
    bytes[draft.ends[0] + 88] ^= 1;
    let temp = TempJugdir::with_segment(&bytes);
    let packed = temp.open().pack(ALL).unwrap();
    assert_eq!(packed.left, [("ghost-0.seg".to_owned(), SkipReason::Damaged)]);
    let store = temp.open();
    save(&store, 1, b"again").unwrap();
    store.close().unwrap();
    drop(store);
    assert_eq!(temp.open().pack(ALL).unwrap().segments, 2);
    assert_eq!(load(&temp.open(), 1).unwrap(), b"again");
}

#[test]
fn a_flipped_byte_anywhere_in_a_pack_never_gives_a_wrong_value() {
    let temp = filled(0..4);
    temp.open().pack(ALL).unwrap();
    let path = only_pack(&temp, "pack");
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        let store = temp.open();
        for number in 0..4 {
            match store.load(&key(number)) {
                Ok(found) => assert_eq!(found.unwrap().bytes, [number; 20], "byte {at}"),
                Err(error) => {
                    assert!(matches!(error, Error::Store(StoreError::DamagedResult { .. })), "{error}");
                    assert!(error.to_string().contains(".pack"), "{error}");
                    // It can be computed again, and then counts.
                    assert!(!store.contains(&key(number)).unwrap());
                }
            }
        }
    }
}

#[test]
fn a_damaged_or_missing_index_is_rebuilt_from_the_pack() {
    let temp = filled(0..250);
    let store = temp.open();
    store.remove(&[key(3)]).unwrap();
    store.close().unwrap();
    drop(store);
    temp.open().pack(CompactOptions::default()).unwrap();
    let path = only_pack(&temp, "idx");
    let good = fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(61) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let store = temp.open();
        for number in (0..250).filter(|number| *number != 3) {
            assert_eq!(load(&store, number).unwrap(), [number; 20], "byte {at}");
        }
        assert_eq!((store.keys().unwrap().len(), load(&store, 3)), (249, None));
    }
    for length in [0, 100, 5000] {
        fs::write(&path, &good[..length]).unwrap();
        assert_eq!(temp.open().keys().unwrap().len(), 249);
    }
    fs::remove_file(&path).unwrap();
    let store = temp.open();
    assert_eq!(store.facts(&key(7)).unwrap().unwrap().facts.name, "jobs.f1");
    store.pack(ALL).unwrap();
    assert_eq!(temp.open().keys().unwrap().len(), 249);
}

#[test]
fn a_pack_that_is_gone_costs_its_results_and_is_reported() {
    let temp = filled(0..5);
    temp.open().pack(ALL).unwrap();
    fs::remove_file(only_pack(&temp, "pack")).unwrap();
    let store = temp.open();
    assert_eq!(store.keys().unwrap(), []);
    assert_eq!(store.damage().unwrap().files.len(), 1);
    save(&store, 1, b"again").unwrap();
    store.close().unwrap();
    assert_eq!(load(&temp.open(), 1).unwrap(), b"again");
}
