//! Records in a redis server, as bytes.

use jug_native::codec::{Codec, Encoded};
use jug_native::redis::record::{self, Unreadable};
use jug_native::result_store::RunMetadata;
use proptest::prelude::*;

use super::resp::read;

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_take_much_memory(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = read(&[b"$99999999999\r\n".as_slice(), &bytes].concat());
        let _ = record::decode(&bytes);
        let _ = record::describe(&bytes);
    }

    #[test]
    fn a_record_gives_back_what_it_was_made_of(
        value in prop::collection::vec(0_u8..3, 0..2000), name in ".{0,20}", started: i64, attempt: u32
    ) {
        let facts = RunMetadata { name, started, duration: 7, attempt, code: 0 };
        let bytes = record::encode(&facts, "host.1.ab", &Encoded::new(Codec::Pickle, value.clone()));
        prop_assert_eq!(record::decode(&bytes).unwrap().bytes, value);
        let described = record::describe(&bytes).unwrap();
        prop_assert_eq!((described.facts, described.worker.as_str()), (facts, "host.1.ab"));
        let expected = (started != 0).then_some(7);
        prop_assert_eq!(record::duration(&bytes[8..24]), expected);
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_record_is_noticed(at: prop::sample::Index, bit in 0_u8..8) {
        let facts = RunMetadata { name: "f".into(), started: 1, duration: 2, attempt: 1, code: 0 };
        let mut bytes = record::encode(&facts, "w", &Encoded::new(Codec::Pickle, b"value".as_slice()));
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(record::decode(&bytes).is_err());
    }
}

#[test]
fn a_record_of_a_later_version_is_distinguished_from_a_damaged_one() {
    let mut bytes =
        record::encode(&RunMetadata::default(), "", &Encoded::new(Codec::Pickle, b"value".as_slice()));
    bytes[0] = 2;
    assert_eq!(record::decode(&bytes), Err(Unreadable::Newer(2)));
    assert!(matches!(record::decode(b""), Err(Unreadable::Damaged(_))));
}
