//! The checksums of a blob: BLAKE3, which every blob has, and XXH3 of 128 bits, which takes a tenth of the time.

use blake3::Hasher;
use twox_hash::xxhash3_128;

/// What contents should be.
pub(super) struct Expected {
    pub(super) length: u64,
    pub(super) blake3: [u8; blake3::OUT_LEN],
    /// `None` where the build that wrote it knew of none.
    pub(super) xxh3: Option<u128>,
}

/// Computes checksums a piece at a time.
pub(super) struct Sums {
    blake3: Option<Box<Hasher>>,
    xxh3: Option<Box<xxhash3_128::Hasher>>,
}

impl Sums {
    /// Both, for what is written or checked for its own sake.
    pub(super) fn both() -> Sums {
        Sums { blake3: Some(Box::default()), xxh3: Some(Box::new(xxhash3_128::Hasher::new())) }
    }

    /// One, for what is loaded: the fast one if there is a number to compare it with.
    pub(super) fn one(expected: &Expected) -> Sums {
        match expected.xxh3 {
            Some(_) => Sums { blake3: None, ..Sums::both() },
            None => Sums { xxh3: None, ..Sums::both() },
        }
    }

    /// Whether those that were computed are what they should be.
    pub(super) fn are(&self, expected: &Expected) -> bool {
        let is_xxh3 = |sum| expected.xxh3.is_none_or(|known| sum == known);
        self.blake3().is_none_or(|sum| sum == expected.blake3) && self.xxh3().is_none_or(is_xxh3)
    }

    /// Takes the next bytes in.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.blake3 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.xxh3 {
            hasher.write(bytes);
        }
    }

    /// What BLAKE3 gives, if it was computed.
    pub(super) fn blake3(&self) -> Option<[u8; blake3::OUT_LEN]> {
        self.blake3.as_ref().map(|hasher| hasher.finalize().into())
    }

    /// What XXH3 gives, if it was computed.
    pub(super) fn xxh3(&self) -> Option<u128> {
        self.xxh3.as_ref().map(|hasher| hasher.finish_128())
    }
}
