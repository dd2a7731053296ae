//! Entries of results in batches: enough of the key to find the result, which has all of it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::page::{CHECKSUM, PAGE, fence};
use crate::Key;

/// Entries of a page that is full.
pub const PER_PAGE: usize = (PAGE - CHECKSUM) / size_of::<SmallOnDisk>();
/// Bytes of a batch in the table of batches.
pub const BATCH: usize = 2 * size_of::<u64>();
/// Bytes of a key that an entry has.
const PREFIX: usize = 6;

/// An entry, field by field as docs/format.md has it.
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SmallOnDisk {
    prefix: [u8; 6],
    offset: [u8; 6],
}

/// Where a result of a batch is in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SmallEntry {
    /// The [`prefix`] of its key.
    pub prefix: u64,
    /// Where it begins: in the batch, not where that begins.
    pub offset: u64,
}

/// The first bytes of a key, as a number that sorts like the key.
pub fn prefix(key: &Key) -> u64 {
    fence(key) >> (8 * (8 - PREFIX))
}

impl SmallEntry {
    pub(super) fn encode(&self) -> SmallOnDisk {
        // No pack is so long that its offsets need the seventh byte.
        let [offset @ .., _, _] = self.offset.to_le_bytes();
        let [_, _, prefix @ ..] = self.prefix.to_be_bytes();
        SmallOnDisk { prefix, offset }
    }

    fn decode(entry: &SmallOnDisk) -> SmallEntry {
        let (mut prefix, mut offset) = ([0; 8], [0; 8]);
        prefix[8 - PREFIX..].copy_from_slice(&entry.prefix);
        offset[..6].copy_from_slice(&entry.offset);
        SmallEntry { prefix: u64::from_be_bytes(prefix), offset: u64::from_le_bytes(offset) }
    }
}

/// The entries of a page whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub struct SmallPage<'p>(&'p [SmallOnDisk]);

impl<'p> SmallPage<'p> {
    /// A page with `count` entries.
    pub fn new(page: &'p [u8], count: usize) -> SmallPage<'p> {
        let entries = <[SmallOnDisk]>::ref_from_prefix(page).map_or(&[][..], |(entries, _)| entries);
        SmallPage(&entries[..count.min(PER_PAGE).min(entries.len())])
    }

    /// All entries.
    pub fn all(self) -> impl Iterator<Item = SmallEntry> + use<'p> {
        self.0.iter().map(SmallEntry::decode)
    }

    /// Where results are whose keys may be one with this prefix.
    pub fn of(self, prefix: u64) -> impl Iterator<Item = u64> + use<'p> {
        let start = self.0.partition_point(|entry| SmallEntry::decode(entry).prefix < prefix);
        let found = self.0[start..].iter().map(SmallEntry::decode);
        found.take_while(move |entry| entry.prefix == prefix).map(|entry| entry.offset)
    }
}

/// A batch of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// Where it begins.
    pub offset: u64,
    /// The epoch of its results.
    pub epoch: u64,
}

impl BatchEntry {
    pub(super) fn encode(&self) -> Vec<u8> {
        [self.offset.to_le_bytes(), self.epoch.to_le_bytes()].concat()
    }

    /// The batches in the table of an index.
    pub fn decode_all(table: &[u8]) -> Vec<BatchEntry> {
        let (words, _) = table.as_chunks::<{ size_of::<u64>() }>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let (batches, _) = words.as_chunks::<2>();
        batches.iter().map(|&[offset, epoch]| BatchEntry { offset, epoch }).collect()
    }
}
