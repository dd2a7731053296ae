//! The index of a pack as bytes: entries sorted by key in pages, each with its checksum, and what helps to
//! find the page.
//!
//! Of results in batches there are [`small`] entries, in pages of their own.

use std::mem::offset_of;
use std::path::Path;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::page::{CHECKSUM, PAGE, add_page, fence};
use super::runs::{Run, encode_runs};
use super::small::{self, BatchEntry, SmallEntry};
use crate::error::StoreError;
use crate::store::log::record::Kind;
use crate::{Error, Key, Result};

/// Entries of a page that is full.
pub const PER_PAGE: usize = (PAGE - CHECKSUM) / ENTRY;
/// The version of indexes that this build writes.
pub const VERSION: u32 = 2;
/// The version of indexes without small entries.
const VERSION_1: u32 = 1;
const ENTRY: usize = size_of::<EntryOnDisk>();
const MAGIC: [u8; 8] = *b"JUGindx\n";

/// What the head of an index says, field by field as docs/format.md has it; zeros fill the page.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct HeadOnDisk {
    magic: [u8; 8],
    version: U32,
    zero: U32,
    uuid: [u8; 16],
    pack: U64,
    entries: U64,
    results: U64,
    specials: U64,
    runs: U64,
    epoch: U64,
    also_zero: U32,
    checksum: U32,
}

impl HeadOnDisk {
    /// What its checksum should be.
    fn computed_checksum(&self) -> U32 {
        crc32c::crc32c(&self.as_bytes()[..offset_of!(HeadOnDisk, checksum)]).into()
    }
}

/// What follows it from version 2 on, field by field as docs/format.md has it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct MoreOnDisk {
    smalls: U64,
    batches: U64,
    checksum: U32,
}

impl MoreOnDisk {
    /// What its checksum should be: that of the head goes before it, so that they belong together.
    fn computed_checksum(&self, head: &HeadOnDisk) -> U32 {
        let more = &self.as_bytes()[..offset_of!(MoreOnDisk, checksum)];
        crc32c::crc32c_append(head.checksum.get(), more).into()
    }
}

/// An entry, field by field as docs/format.md has it.
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct EntryOnDisk {
    key: [u8; Key::LEN],
    epoch: U64,
    offset: [u8; 7],
    kind: u8,
}

/// Where a record is in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The record's key.
    pub key: Key,
    /// Its epoch.
    pub epoch: u64,
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub offset: u64,
}

impl Entry {
    /// What entries are sorted by.
    pub fn rank(&self) -> (Key, u8, u64) {
        (self.key, self.kind.to_byte(), self.offset)
    }

    /// Whether it is in the list of those that are wanted without knowing their keys.
    pub fn is_special(&self) -> bool {
        self.kind != Kind::Result
    }

    /// Whether it is a result.
    pub fn is_result(&self) -> bool {
        matches!(self.kind, Kind::Result | Kind::ResultBlob)
    }

    fn encode(&self) -> EntryOnDisk {
        // No file is so long that its offsets need the eighth byte.
        let [offset @ .., _] = self.offset.to_le_bytes();
        let kind = self.kind.to_byte();
        EntryOnDisk { key: *self.key.as_bytes(), epoch: self.epoch.into(), offset, kind }
    }

    fn decode(entry: &EntryOnDisk) -> Entry {
        let mut offset = [0; 8];
        offset[..7].copy_from_slice(&entry.offset);
        Entry {
            key: Key::new(entry.key),
            epoch: entry.epoch.get(),
            kind: Kind::from_byte(entry.kind),
            offset: u64::from_le_bytes(offset),
        }
    }
}

/// The head of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexHeader {
    /// The version of the file.
    pub version: u32,
    /// The jugdir's uuid.
    pub uuid: [u8; 16],
    /// Length of the pack in bytes.
    pub pack: u64,
    /// How many entries there are, without the small ones.
    pub entries: u64,
    /// How many small entries there are.
    pub smalls: u64,
    /// How many batches they are in.
    pub batches: u64,
    /// How many of all of them are results.
    pub results: u64,
    /// How many are special, see [`Entry::is_special`].
    pub specials: u64,
    /// Bytes of the table of runs.
    pub runs: u64,
    /// The highest epoch of all records that were read to make the pack.
    pub epoch: u64,
}

/// How many entries an index of this length can have.
pub fn most_entries(length: u64) -> u64 {
    length / PAGE as u64 * PER_PAGE.max(small::PER_PAGE) as u64
}

/// A part of an index: where it begins, and its length without the checksum that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The first byte.
    pub start: u64,
    /// How many bytes.
    pub length: u64,
}

impl Section {
    fn end(self) -> u64 {
        self.start + self.length + CHECKSUM as u64
    }
}

impl IndexHeader {
    /// How many pages of entries follow the head.
    pub fn pages(&self) -> u64 {
        self.entries.div_ceil(PER_PAGE as u64)
    }

    /// How many pages of small entries follow those.
    pub fn small_pages(&self) -> u64 {
        self.smalls.div_ceil(small::PER_PAGE as u64)
    }

    /// The first eight bytes of the first key of each page.
    pub fn fences(&self) -> Section {
        Section { start: (1 + self.pages() + self.small_pages()) * PAGE as u64, length: 8 * self.pages() }
    }

    /// What the first small entry of each of their pages knows of its key.
    pub fn small_fences(&self) -> Section {
        Section { start: self.fences().end(), length: 8 * self.small_pages() }
    }

    /// The batches.
    pub fn batch_table(&self) -> Section {
        Section { start: self.small_fences().end(), length: small::BATCH as u64 * self.batches }
    }

    /// The numbers of the special entries.
    pub fn special_numbers(&self) -> Section {
        let before = if self.version == VERSION_1 { self.fences() } else { self.batch_table() };
        Section { start: before.end(), length: 4 * self.specials }
    }

    /// The table of runs.
    pub fn run_table(&self) -> Section {
        Section { start: self.special_numbers().end(), length: self.runs }
    }

    /// The length of the whole file.
    pub fn length(&self) -> u64 {
        self.run_table().end()
    }

    /// The first page.
    pub fn encode(&self) -> Vec<u8> {
        let mut head = HeadOnDisk {
            magic: MAGIC,
            version: self.version.into(),
            zero: U32::ZERO,
            uuid: self.uuid,
            pack: self.pack.into(),
            entries: self.entries.into(),
            results: self.results.into(),
            specials: self.specials.into(),
            runs: self.runs.into(),
            epoch: self.epoch.into(),
            also_zero: U32::ZERO,
            checksum: U32::ZERO,
        };
        head.checksum = head.computed_checksum();
        let (smalls, batches) = (self.smalls.into(), self.batches.into());
        let mut more = MoreOnDisk { smalls, batches, checksum: U32::ZERO };
        more.checksum = more.computed_checksum(&head);
        let mut out = [head.as_bytes(), more.as_bytes()].concat();
        out.resize(PAGE, 0);
        out
    }

    /// Reads the head of the index at `path`; `None` where it is damaged.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerFormat`] where a sound head carries a later version.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Option<IndexHeader>> {
        let Ok((head, rest)) = HeadOnDisk::ref_from_prefix(bytes) else { return Ok(None) };
        if head.magic != MAGIC || head.checksum != head.computed_checksum() {
            return Ok(None);
        }
        let found = head.version.get();
        if found > VERSION {
            return Err(Error::Store(StoreError::NewerFormat {
                path: path.to_owned(),
                found,
                supported: VERSION,
            }));
        }
        let (smalls, batches) = match MoreOnDisk::ref_from_prefix(rest) {
            _ if found == VERSION_1 => (0, 0),
            Ok((more, _)) if more.checksum == more.computed_checksum(head) => {
                (more.smalls.get(), more.batches.get())
            }
            _ => return Ok(None),
        };
        let head = IndexHeader {
            version: found,
            smalls,
            batches,
            uuid: head.uuid,
            pack: head.pack.get(),
            entries: head.entries.get(),
            results: head.results.get(),
            specials: head.specials.get(),
            runs: head.runs.get(),
            epoch: head.epoch.get(),
        };
        // What follows is computed from these; no file is that long.
        let counts = [head.entries, head.specials, head.runs, head.smalls, head.batches];
        let sound = counts.iter().all(|&count| count < 1 << 40);
        Ok(sound.then_some(head))
    }
}

/// What an index holds, sorted.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'c> {
    /// The entries of all but results in batches.
    pub entries: &'c [Entry],
    /// Those of results in batches.
    pub smalls: &'c [SmallEntry],
    /// The batches, by their offsets.
    pub batches: &'c [BatchEntry],
    /// The runs, by their offsets.
    pub runs: &'c [Run],
}

impl Contents<'_> {
    /// All that follows the head.
    pub fn encode(&self) -> Vec<u8> {
        let pages = self.entries.len() / PER_PAGE + self.smalls.len() / small::PER_PAGE + 3;
        let mut out = Vec::with_capacity(pages * PAGE);
        let mut fences = Vec::new();
        for page in self.entries.chunks(PER_PAGE) {
            fences.extend_from_slice(&fence(&page[0].key).to_le_bytes());
            add_page(&mut out, page.iter().map(Entry::encode));
        }
        let mut small_fences = Vec::new();
        for page in self.smalls.chunks(small::PER_PAGE) {
            small_fences.extend_from_slice(&page[0].prefix.to_le_bytes());
            add_page(&mut out, page.iter().map(SmallEntry::encode));
        }
        let specials = (0_u32..).zip(self.entries).filter(|(_, entry)| entry.is_special());
        let specials: Vec<u8> = specials.flat_map(|(number, _)| number.to_le_bytes()).collect();
        let batches = self.batches.iter().flat_map(BatchEntry::encode).collect();
        for section in [fences, small_fences, batches, specials, encode_runs(self.runs)] {
            out.extend_from_slice(&section);
            out.extend_from_slice(&crc32c::crc32c(&section).to_le_bytes());
        }
        out
    }
}

/// A page whose checksum is right: entries that are decoded when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Page<'p>(&'p [EntryOnDisk]);

impl<'p> Page<'p> {
    /// A page with `count` entries whose checksum is right.
    pub fn new(page: &'p [u8], count: usize) -> Page<'p> {
        let entries = <[EntryOnDisk]>::ref_from_prefix(page).map_or(&[][..], |(entries, _)| entries);
        Page(&entries[..count.min(PER_PAGE).min(entries.len())])
    }

    /// The entries from the given one on.
    pub fn from(self, start: usize) -> impl Iterator<Item = Entry> + use<'p> {
        self.0[start.min(self.0.len())..].iter().map(Entry::decode)
    }

    /// The entries of a key.
    pub fn of(self, key: &Key) -> impl Iterator<Item = Entry> {
        let start = self.0.partition_point(|entry| entry.key < *key.as_bytes());
        self.from(start).take_while(move |entry| entry.key == *key)
    }
}
