//! What the store and the claims of a jugdir promise together.

use jug_native::background::Background;
use jug_native::codec::{Codec, Encoded};
use jug_native::engine::Engine;
use jug_native::jugdir::Jugdir;
use jug_native::os::local;
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::Durability;

use crate::support::temp_jugdir::{TempJugdir, key, load, save};

/// An engine whose background thread does nothing by itself.
fn open(temp: &TempJugdir) -> Engine {
    let jugdir = Jugdir::open(&temp.root()).unwrap();
    Engine::open(jugdir, Background::manual(local()), Durability::Group).unwrap()
}

fn save_claimed(engine: &Engine, number: u8, value: &[u8]) {
    let epoch = engine.epoch();
    engine.save(key(number), &Encoded::new(Codec::Pickle, value), &RunMetadata::default(), epoch).unwrap();
}

#[test]
fn c2_a_claim_is_released_when_what_was_stored_can_be_seen() {
    let temp = TempJugdir::new();
    let (engine, other) = (open(&temp), open(&temp));
    assert_eq!(engine.prefetch().claim(&[key(1)]).unwrap(), [true]);
    save(engine.store(), 1, b"value").unwrap();
    engine.release(&[key(1)]).unwrap();
    assert_eq!(other.prefetch().claim(&[key(1)]).unwrap(), [true]);
    other.refresh().unwrap();
    assert_eq!(load(other.store(), 1).unwrap(), b"value");
}

#[test]
fn c2_claims_that_are_closed_are_released_when_what_was_stored_can_be_seen() {
    let temp = TempJugdir::new();
    let (engine, other) = (open(&temp), open(&temp));
    assert_eq!(engine.prefetch().claim(&[key(1)]).unwrap(), [true]);
    save(engine.store(), 1, b"value").unwrap();
    engine.close_claims().unwrap();
    assert_eq!(other.prefetch().claim(&[key(1)]).unwrap(), [true]);
    other.refresh().unwrap();
    assert_eq!(load(other.store(), 1).unwrap(), b"value");
}

#[test]
fn s3_a_result_is_as_old_as_its_claim_whichever_process_looks_into_the_store_meanwhile() {
    let temp = TempJugdir::new();
    let (slow, other) = (open(&temp), open(&temp));
    save(slow.store(), 1, b"before").unwrap();
    slow.store().flush().unwrap();
    assert_eq!(slow.prefetch().claim(&[key(1)]).unwrap(), [true]);
    slow.refresh().unwrap();
    other.refresh().unwrap();
    assert_eq!(other.store().remove(&[key(1)]).unwrap(), [true]);
    // The task that runs looks into the store.
    slow.store().refresh().unwrap();
    save_claimed(&slow, 1, b"stale");
    assert_eq!(load(slow.store(), 1), None);
    other.refresh().unwrap();
    assert_eq!(load(other.store(), 1), None);
    slow.refresh().unwrap();
    save_claimed(&slow, 1, b"fresh");
    assert_eq!(load(slow.store(), 1).unwrap(), b"fresh");
}

#[test]
fn s3_a_result_is_as_old_as_its_claim_whatever_is_claimed_meanwhile() {
    let temp = TempJugdir::new();
    let (slow, other) = (open(&temp), open(&temp));
    assert_eq!(slow.prefetch().claim(&[key(1)]).unwrap(), [true]);
    slow.refresh().unwrap();
    let epoch = slow.epoch();
    other.refresh().unwrap();
    other.store().remove(&[key(1)]).unwrap();
    assert_eq!(slow.prefetch().claim(&[key(2)]).unwrap(), [true]);
    slow.refresh().unwrap();
    let value = Encoded::new(Codec::Pickle, &b"stale"[..]);
    slow.save(key(1), &value, &RunMetadata::default(), epoch).unwrap();
    assert_eq!(load(slow.store(), 1), None);
    slow.save(key(2), &value, &RunMetadata::default(), slow.epoch()).unwrap();
    assert_eq!(load(slow.store(), 2).unwrap(), b"stale");
}

#[test]
fn a_result_is_written_at_once_where_none_was_for_longer_than_a_write_takes() {
    let temp = TempJugdir::new();
    let (engine, other) = (open(&temp), open(&temp));
    engine.refresh().unwrap();
    save_claimed(&engine, 1, b"value");
    other.refresh().unwrap();
    assert_eq!(load(other.store(), 1).unwrap(), b"value");
}
