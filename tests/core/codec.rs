//! Stored forms of values: compression and arrays.

use jug_native::codec::Codec;
use jug_native::codec::compress::{MIN_LEN, Unpacking, compress, decompress};
use jug_native::codec::ndarray::{ALIGNMENT, ArrayHeader, Order};
use jug_native::codec::pickle::{Buffers, Kind, LARGE, split};
use jug_native::codec::receive::Source;
use proptest::prelude::*;

use crate::support::temp_jugdir::noise;

/// Bytes, one after the other.
struct Bytes<'a>(&'a [u8]);

impl Source for Bytes<'_> {
    fn left(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&mut self, buffer: &mut [u8]) -> bool {
        let Some((now, after)) = self.0.split_at_checked(buffer.len()) else { return false };
        buffer.copy_from_slice(now);
        self.0 = after;
        true
    }
}

type Found = Vec<(Kind, Vec<u8>)>;

/// The buffers of a pickle.
#[derive(Default)]
struct Parts(Found);

impl Buffers for Parts {
    fn next(&mut self, kind: Kind, length: usize) -> Option<&mut [u8]> {
        self.0.push((kind, vec![0; length]));
        self.0.last_mut().map(|(_, buffer)| buffer.as_mut_slice())
    }
}

/// A pickle without its large buffers, and those.
fn split_all(pickle: &[u8]) -> Option<(Vec<u8>, Found)> {
    let (mut stream, mut buffers) = (vec![0; pickle.len()], Parts::default());
    let used = split(&mut Bytes(pickle), &mut stream, &mut buffers)?;
    stream.truncate(used);
    Some((stream, buffers.0))
}

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
    fn what_was_compressed_comes_back_in_pieces_of_any_length(
        parts in prop::collection::vec((any::<u8>(), 0..1_500_000_usize), 1..4), pieces in prop::collection::vec(1..1_200_000_usize, 1..9),
    ) {
        let parts: Vec<Vec<u8>> = parts.into_iter().map(|(byte, length)| vec![byte; length]).collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        if let Some(packed) = compress(&slices) {
            let (mut packed, mut read) = (Bytes(&packed), Vec::new());
            let mut source = Unpacking::begin(&mut packed).unwrap();
            for piece in pieces.iter().cycle() {
                let start = read.len();
                let count = usize::try_from(source.left()).unwrap().min(*piece);
                read.resize(start + count, 0);
                prop_assert!(source.read(&mut read[start..]));
                if count == 0 {
                    break;
                }
            }
            prop_assert!(!source.read(&mut [0]), "nothing is behind the end");
            prop_assert_eq!(packed.left(), 0);
            prop_assert!(read == parts.concat());
        }
    }

    #[test]
    fn a_pickle_is_split_at_its_large_buffers_and_nowhere_else(
        items in prop::collection::vec((0..6_usize, 0..LARGE + LARGE / 2), 0..9),
    ) {
        let (mut whole, mut stream, mut large) = (b"\x80\x05".to_vec(), b"\x80\x05".to_vec(), Vec::new());
        for (kind, length) in items {
            let bytes = noise(length);
            let mut item = match kind {
                0 => [b"B".as_slice(), &u32::try_from(length).unwrap().to_le_bytes()].concat(),
                1 => [b"\x8e".as_slice(), &(length as u64).to_le_bytes()].concat(),
                2 => [b"\x96".as_slice(), &(length as u64).to_le_bytes()].concat(),
                3 => [b"X".as_slice(), &u32::try_from(length).unwrap().to_le_bytes()].concat(),
                4 => [b"\x95".as_slice(), &(length as u64).to_le_bytes()].concat(),
                _ => b"K\x07\x94(ee0".to_vec(),
            };
            if kind < 5 {
                item.extend_from_slice(&bytes);
            }
            whole.extend_from_slice(&item);
            if kind < 3 && length >= LARGE {
                stream.push(0x97);
                large.push((if kind == 2 { Kind::ByteArray } else { Kind::Bytes }, bytes));
            } else {
                stream.extend_from_slice(&item);
            }
        }
        let (found, buffers) = split_all(&whole).unwrap();
        prop_assert!(found == stream);
        prop_assert!(buffers == large);
        // Cut off, it is a shorter pickle or none, and never has more than was there.
        for cut in [whole.len() / 3, whole.len() / 2, whole.len().saturating_sub(1)] {
            if let Some((found, buffers)) = split_all(&whole[..cut]) {
                prop_assert!(found.len() + buffers.iter().map(|it| it.1.len()).sum::<usize>() <= cut);
            }
        }
    }

    #[test]
    fn no_bytes_make_decompression_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = (decompress(&bytes), split_all(&bytes));
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
        prop_assert_eq!(ArrayHeader::length(&bytes[..ALIGNMENT]), Some(length));
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

#[test]
fn a_buffer_longer_than_its_pickle_gets_no_memory() {
    for (code, digits) in [(b'B', 4), (0x8e, 8), (0x96, 8)] {
        for claim in [u64::MAX, 1 << 31, 1_000_000] {
            let pickle = [&[0x80, 5, code], &claim.to_le_bytes()[..digits], &noise(300_000)].concat();
            let (mut stream, mut buffers) = (vec![0; pickle.len()], Parts::default());
            assert_eq!(split(&mut Bytes(&pickle), &mut stream, &mut buffers), None);
            assert!(buffers.0.is_empty(), "{code} {claim}");
        }
    }
}

#[test]
fn instructions_that_are_not_known_and_buffers_from_outside_are_left_to_the_unpickler() {
    for code in [0x97, 0x98, b'c', b'I', 0xff, 0x00] {
        assert_eq!(split_all(&[0x80, 5, code, b'.']), None, "{code}");
    }
    assert_eq!(split_all(b"\x80\x05N."), Some((b"\x80\x05N.".to_vec(), Vec::new())));
}

#[test]
fn a_large_value_is_compressed_where_that_saves_a_third() {
    let mixed = |noisy: usize| -> Vec<u8> {
        let block = |number: usize| if number % 10 < noisy { noise(100_000) } else { vec![1; 100_000] };
        (0..30).flat_map(block).collect()
    };
    assert!(compress(&[&mixed(9)]).is_none() && compress(&[&mixed(7)]).is_none());
    assert!(compress(&[&mixed(5)]).is_some());
    // Of a small one an eighth is enough.
    let small = [noise(8_000), vec![1; 2_000]].concat();
    assert!(compress(&[&small]).is_some() && compress(&[&noise(8_000)]).is_none());
}

#[test]
fn pieces_of_all_parts_are_tried_and_not_of_the_longest_alone() {
    let (zeros, noise) = (vec![0; 1_000_000], noise(1_100_000));
    assert!(compress(&[&zeros, &zeros, &zeros, &noise]).is_some());
    assert!(compress(&[&noise, &noise, &noise, &vec![0; 1_200_000]]).is_none());
    // Of many small parts, too.
    assert!(compress(&vec![&zeros[..1000]; 3000]).is_some());
    assert!(compress(&vec![&noise[..1000]; 300]).is_none());
}
