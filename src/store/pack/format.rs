//! The index of a pack as bytes: entries sorted by key in pages, each with its checksum, and what helps to
//! find the page.

use std::mem::offset_of;
use std::path::Path;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::StoreError;
use crate::store::log::record::Kind;
use crate::{Error, Key, Result};

/// Bytes of a page, the first one, which is the head, included.
pub const PAGE: usize = 4096;
/// Entries of a page that is full.
pub const PER_PAGE: usize = (PAGE - CRC) / ENTRY;
const ENTRY: usize = size_of::<EntryOnDisk>();
const CRC: usize = 4;
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

/// The records of one segment in a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the first of them begins.
    pub offset: u64,
    /// The segment's file name; empty for records that no segment held as they are.
    pub origin: String,
    /// The texts of the name ids in them.
    pub names: Vec<(u32, String)>,
}

/// The head of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexHeader {
    /// The jugdir's uuid.
    pub uuid: [u8; 16],
    /// Length of the pack in bytes.
    pub pack: u64,
    /// How many entries there are.
    pub entries: u64,
    /// How many of them are results.
    pub results: u64,
    /// How many of them are special, see [`Entry::is_special`].
    pub specials: u64,
    /// Bytes of the table of runs.
    pub runs: u64,
    /// The highest epoch of all records that were read to make the pack.
    pub epoch: u64,
}

/// How many entries an index of this length can have.
pub fn most_entries(length: u64) -> u64 {
    length / PAGE as u64 * PER_PAGE as u64
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
        self.start + self.length + CRC as u64
    }
}

impl IndexHeader {
    /// How many pages of entries follow the head.
    pub fn pages(&self) -> u64 {
        self.entries.div_ceil(PER_PAGE as u64)
    }

    /// The first eight bytes of the first key of each page.
    pub fn fences(&self) -> Section {
        Section { start: (1 + self.pages()) * PAGE as u64, length: 8 * self.pages() }
    }

    /// The numbers of the special entries.
    pub fn special_numbers(&self) -> Section {
        Section { start: self.fences().end(), length: 4 * self.specials }
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
            version: super::VERSION.into(),
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
        let mut out = head.as_bytes().to_vec();
        out.resize(PAGE, 0);
        out
    }

    /// Reads the head of the index at `path`; `None` where it is damaged.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerFormat`] where a sound head carries a later version.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Option<IndexHeader>> {
        let Ok((head, _)) = HeadOnDisk::ref_from_prefix(bytes) else { return Ok(None) };
        if head.magic != MAGIC || head.checksum != head.computed_checksum() {
            return Ok(None);
        }
        let found = head.version.get();
        if found > super::VERSION {
            return Err(Error::Store(StoreError::NewerFormat {
                path: path.to_owned(),
                found,
                supported: super::VERSION,
            }));
        }
        let head = IndexHeader {
            uuid: head.uuid,
            pack: head.pack.get(),
            entries: head.entries.get(),
            results: head.results.get(),
            specials: head.specials.get(),
            runs: head.runs.get(),
            epoch: head.epoch.get(),
        };
        // What follows is computed from these; no file is that long.
        let sound = [head.entries, head.specials, head.runs].iter().all(|&count| count < 1 << 40);
        Ok(sound.then_some(head))
    }
}

/// The pages, the fences, the specials and the runs of an index whose entries are sorted.
pub fn encode_body(entries: &[Entry], runs: &[Run]) -> Vec<u8> {
    let mut out = Vec::with_capacity((entries.len() / PER_PAGE + 2) * PAGE);
    let mut fences = Vec::new();
    for page in entries.chunks(PER_PAGE) {
        let start = out.len();
        fences.extend_from_slice(&fence(&page[0].key).to_le_bytes());
        for entry in page {
            out.extend_from_slice(entry.encode().as_bytes());
        }
        out.resize(start + PAGE - CRC, 0);
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }
    let specials = (0_u32..).zip(entries).filter(|(_, entry)| entry.is_special());
    let specials: Vec<u8> = specials.flat_map(|(number, _)| number.to_le_bytes()).collect();
    for section in [fences, specials, encode_runs(runs)] {
        out.extend_from_slice(&section);
        out.extend_from_slice(&crc32c::crc32c(&section).to_le_bytes());
    }
    out
}

/// The bytes of the table of runs.
pub fn encode_runs(runs: &[Run]) -> Vec<u8> {
    let mut out = Vec::new();
    for run in runs {
        out.extend_from_slice(&run.offset.to_le_bytes());
        text(&mut out, &run.origin);
        let count = u32::try_from(run.names.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_le_bytes());
        for (id, name) in &run.names {
            out.extend_from_slice(&id.to_le_bytes());
            text(&mut out, name);
        }
    }
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Reads the table of runs; `None` where it makes no sense.
pub fn decode_runs(mut bytes: &[u8]) -> Option<Vec<Run>> {
    let mut runs = Vec::new();
    while !bytes.is_empty() {
        let offset = u64::from_le_bytes(take(&mut bytes)?);
        let origin = take_text(&mut bytes)?;
        let count = u32::from_le_bytes(take(&mut bytes)?);
        let mut names = Vec::new();
        for _ in 0..count {
            names.push((u32::from_le_bytes(take(&mut bytes)?), take_text(&mut bytes)?));
        }
        runs.push(Run { offset, origin, names });
    }
    Some(runs)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let length = u32::from_le_bytes(take(bytes)?) as usize;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

/// A page whose checksum is right: entries that are decoded when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Page<'p>(&'p [EntryOnDisk]);

impl<'p> Page<'p> {
    /// A page with `count` entries; `None` where its checksum is wrong.
    pub fn check(page: &'p [u8], count: usize) -> Option<Page<'p>> {
        let (body, crc) = page.split_at_checked(PAGE - CRC)?;
        (crc32c::crc32c(body).to_le_bytes() == *crc).then(|| Page::trusted(body, count))
    }

    /// The same for a page that was checked before.
    pub fn trusted(page: &'p [u8], count: usize) -> Page<'p> {
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

/// What a section holds, from its bytes and the checksum after them; `None` where that is wrong.
pub fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, crc) = bytes.split_last_chunk::<CRC>()?;
    (crc32c::crc32c(body).to_le_bytes() == *crc).then_some(body)
}

/// Bytes of the checksum after a section.
pub const CHECKSUM: u64 = CRC as u64;

/// The first eight bytes of a key as a number that sorts like the key.
pub fn fence(key: &Key) -> u64 {
    key.prefix().swap_bytes()
}
