//! What a power cut leaves of a batch: its beginning, and zeros in the place of what had not reached the disk.

use std::fs;

use jug_native::codec::Codec;
use jug_native::result_store::ResultStore;
use jug_native::store::corruption::Report;
use jug_native::store::log::batch::ITEM_MIN;
use jug_native::store::log::record::{HEADER_LEN, Header, Kind};

use crate::support::bad_sectors::verify;
use crate::support::packs::ALL;
use crate::support::temp_jugdir::{Draft, TempJugdir, key, load};

/// Bytes of each value.
const VALUE: usize = 20;
/// Bytes of each result.
const ITEM: usize = ITEM_MIN + VALUE;
/// How many results there are.
const COUNT: u8 = 20;

/// A segment that ends with a batch, and where that begins.
fn batch() -> (Vec<u8>, usize) {
    let draft = Draft::new().result(key(200), b"before");
    let start = draft.bytes.len();
    let header =
        |number| Header { codec: Codec::Pickle.to_byte(), ..Header::new(Kind::Result, key(number), 0) };
    let values: Vec<Vec<u8>> = (0..COUNT).map(|number| vec![number + 1; VALUE]).collect();
    let results: Vec<(Header, &[u8])> =
        (0_u8..).zip(&values).map(|(it, value)| (header(it + 1), &**value)).collect();
    (draft.batch(&results).bytes, start)
}

#[test]
fn zeros_to_the_end_of_a_segment_are_an_unfinished_end_as_bytes_that_are_not_there_are() {
    let (bytes, start) = batch();
    let first = start + HEADER_LEN + 8;
    for from in (start + HEADER_LEN..bytes.len() - 5).step_by(7) {
        for more in [0, 5000] {
            let mut torn = bytes.clone();
            torn[from..].fill(0);
            torn.resize(torn.len() + more, 0);
            let temp = TempJugdir::with_segment(&torn);
            let store = temp.open();
            let whole = from.saturating_sub(first) / ITEM;
            assert_eq!(store.keys().unwrap().len(), 1 + whole, "byte {from}");
            let faults = verify(&store);
            assert_eq!(faults.len(), 1, "byte {from}: {faults:?}");
            assert!(faults[0].harmless, "byte {from}: {faults:?}");
            assert_eq!(faults[0].offset, start as u64);
            // It is packed without that.
            drop(store);
            assert_eq!(temp.open().pack(ALL).unwrap().left, []);
            let store = temp.open();
            assert_eq!((store.keys().unwrap().len(), verify(&store)), (1 + whole, vec![]));
            assert_eq!(load(&store, 200).unwrap(), b"before");
        }
    }
}

#[test]
fn zeros_in_a_batch_are_damage_where_something_follows_or_a_result_does() {
    let (bytes, start) = batch();
    let item = |number: usize| start + HEADER_LEN + 8 + number * ITEM;
    let end = bytes.len();
    let more = Draft::new().result(key(201), b"behind").bytes;
    let behind = &more[Draft::new().bytes.len()..];
    for (zeros, behind) in [(item(5)..end, behind), (item(5)..item(7), &[][..]), (item(5)..end - 1, &[][..])]
    {
        let mut hurt = bytes.clone();
        hurt[zeros.clone()].fill(0);
        hurt.extend_from_slice(behind);
        let temp = TempJugdir::with_segment(&hurt);
        let store = temp.open();
        assert_ne!(store.damage().unwrap(), Report::default(), "{zeros:?}");
        assert!(verify(&store).iter().any(|fault| !fault.harmless), "{zeros:?}");
        assert_eq!(load(&store, 201).is_some(), !behind.is_empty());
    }
    // A result that is damaged before that is reported, too.
    let mut hurt = bytes.clone();
    hurt[item(2) + 50] ^= 1;
    hurt[item(8) + 30..].fill(0);
    let temp = TempJugdir::with_segment(&hurt);
    let store = temp.open();
    assert!(verify(&store).iter().any(|fault| !fault.harmless));
    assert_eq!(store.keys().unwrap().len(), 1 + 8 - 1);
}

#[test]
fn what_takes_the_place_of_zeros_is_read_when_it_is_there() {
    let (bytes, start) = batch();
    let temp = TempJugdir::new();
    let writer = temp.open();
    // A living worker's segment, of which a client of a network filesystem has got the beginning.
    for number in 1..=COUNT {
        crate::support::temp_jugdir::save(&writer, number, &[number; VALUE]).unwrap();
    }
    writer.flush().unwrap();
    assert!(bytes.len() > start);
    let path = fs::read_dir(temp.segments()).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    let mut torn = whole.clone();
    torn[whole.len() - 5 * ITEM..].fill(0);
    fs::write(&path, &torn).unwrap();
    let reader = temp.open();
    let there = reader.keys().unwrap().len();
    assert!((13..17).contains(&there), "{there}");
    assert_eq!(reader.damage().unwrap(), Report::default());
    fs::write(&path, &whole).unwrap();
    reader.refresh().unwrap();
    assert_eq!(
        (reader.keys().unwrap().len(), reader.damage().unwrap()),
        (usize::from(COUNT), Report::default())
    );
}
