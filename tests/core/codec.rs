//! Stored forms of values: compression and arrays.

use jug_native::codec::Codec;
use jug_native::codec::compress::{MIN_LEN, compress, decompress};
use jug_native::codec::ndarray::{ALIGNMENT, ArrayHeader, Order};
use proptest::prelude::*;

use crate::support::temp_jugdir::noise;

proptest! {
    #[test]
    fn what_was_compressed_comes_back(
        parts in prop::collection::vec((any::<u8>(), 0..40_000_usize, any::<bool>()), 0..6),
    ) {
        let parts = parts.into_iter().map(|(byte, length, noisy)| {
            if noisy { noise(length) } else { vec![byte; length] }
        });
        let parts: Vec<Vec<u8>> = parts.collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let whole = parts.concat();
        if let Some(packed) = compress(&slices) {
            prop_assert!(packed.len() <= whole.len() - whole.len() / 8);
            prop_assert_eq!(decompress(&packed).unwrap(), whole);
        }
    }

    #[test]
    fn no_bytes_make_decompression_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = decompress(&bytes);
        let _ = ArrayHeader::decode(&bytes);
    }

    #[test]
    fn the_head_of_an_array_comes_back(
        fortran in any::<bool>(), shape in prop::collection::vec(any::<u64>(), 0..65), dtype in ".{0,99}",
    ) {
        let order = if fortran { Order::Fortran } else { Order::C };
        let head = ArrayHeader { order, shape, dtype };
        let mut bytes = head.encode().unwrap();
        prop_assert_eq!(bytes.len() % ALIGNMENT, 0);
        let length = bytes.len();
        bytes.extend_from_slice(b"elements");
        prop_assert_eq!(ArrayHeader::decode(&bytes), Some((head, length)));
        for cut in 0..length {
            prop_assert_eq!(ArrayHeader::decode(&bytes[..cut]), None);
        }
    }
}

#[test]
fn small_and_random_values_are_not_compressed() {
    assert_eq!(compress(&[&vec![0; MIN_LEN - 1]]), None);
    assert!(compress(&[&vec![0; MIN_LEN]]).is_some());
    assert_eq!(compress(&[&noise(100_000)]), None);
    assert_eq!(compress(&[&noise(3_000_000)]), None);
}

#[test]
fn blocks_beyond_the_first_come_back() {
    let mut value = vec![1; 5_000_000];
    value[2_500_000..2_600_000].copy_from_slice(&noise(100_000));
    let packed = compress(&[b"head", &value]).unwrap();
    assert!(packed.len() < 200_000);
    assert_eq!(decompress(&packed).unwrap()[4..], value);
}

#[test]
fn a_length_that_cannot_be_true_is_refused_without_being_allocated() {
    for claim in [u64::MAX, 1 << 50, 1 << 40] {
        let mut bytes = claim.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0; 100]);
        assert_eq!(decompress(&bytes), None);
    }
}

#[test]
fn each_form_has_a_byte_of_its_own() {
    for byte in 0..=255 {
        assert!(Codec::from_byte(byte).is_none_or(|codec| codec.to_byte() == byte));
    }
    assert_eq!(Codec::from_byte(0), None);
}
