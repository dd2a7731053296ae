//! The index of a pack as bytes: entries sorted by key in pages, each with its checksum, and what helps to
//! find the page.

use std::path::Path;

use crate::store::log::record::Kind;
use crate::{Error, Key, Result};

/// Bytes of a page, the first one, which is the head, included.
pub const PAGE: usize = 4096;
/// Entries of a page that is full.
pub const PER_PAGE: usize = (PAGE - CRC) / ENTRY;
/// Bytes of the head that mean something.
const HEAD: usize = 88;
const ENTRY: usize = 48;
const CRC: usize = 4;
const MAGIC: [u8; 8] = *b"JUGindx\n";
const OFFSET_BITS: u32 = 56;

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

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.key.as_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        let place = self.offset | u64::from(self.kind.to_byte()) << OFFSET_BITS;
        out.extend_from_slice(&place.to_le_bytes());
    }

    fn decode(bytes: &[u8; ENTRY]) -> Entry {
        let word = |at: usize| u64_at(bytes, at);
        let mut key = [0; Key::LEN];
        key.copy_from_slice(&bytes[..Key::LEN]);
        let place = word(40);
        let kind = Kind::from_byte(place.to_le_bytes()[7]);
        Entry { key: Key::new(key), epoch: word(32), kind, offset: place & ((1 << OFFSET_BITS) - 1) }
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
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
        let mut out = vec![0; PAGE];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&super::VERSION.to_le_bytes());
        out[16..32].copy_from_slice(&self.uuid);
        let words = [self.pack, self.entries, self.results, self.specials, self.runs, self.epoch];
        for (at, word) in (32..).step_by(8).zip(words) {
            out[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out[..HEAD - CRC]);
        out[HEAD - CRC..HEAD].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the head of the index at `path`; `None` where it is damaged.
    ///
    /// Fails with [`Error::NewerFormat`] where a sound head carries a later version.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Option<IndexHeader>> {
        let Some(bytes) = bytes.get(..HEAD) else { return Ok(None) };
        let (body, crc) = bytes.split_at(HEAD - CRC);
        if body[..8] != MAGIC || crc32c::crc32c(body).to_le_bytes() != *crc {
            return Ok(None);
        }
        let found = u32::from_le_bytes([body[8], body[9], body[10], body[11]]);
        if found > super::VERSION {
            return Err(Error::NewerFormat { path: path.to_owned(), found, supported: super::VERSION });
        }
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&body[16..32]);
        let word = |number: usize| u64_at(body, 32 + 8 * number);
        let head = IndexHeader {
            uuid,
            pack: word(0),
            entries: word(1),
            results: word(2),
            specials: word(3),
            runs: word(4),
            epoch: word(5),
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
            entry.encode(&mut out);
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
pub struct Page<'p>(&'p [[u8; ENTRY]]);

impl<'p> Page<'p> {
    /// A page with `count` entries; `None` where its checksum is wrong.
    pub fn check(page: &'p [u8], count: usize) -> Option<Page<'p>> {
        let (body, crc) = page.split_at_checked(PAGE - CRC)?;
        let (entries, _) = body.as_chunks();
        (crc32c::crc32c(body).to_le_bytes() == *crc).then(|| Page(&entries[..count.min(entries.len())]))
    }

    /// The same for a page that was checked before.
    pub fn trusted(page: &'p [u8], count: usize) -> Page<'p> {
        let (entries, _) = page.as_chunks();
        Page(&entries[..count.min(PER_PAGE).min(entries.len())])
    }

    /// The entries from the given one on.
    pub fn from(self, start: usize) -> impl Iterator<Item = Entry> + use<'p> {
        self.0[start.min(self.0.len())..].iter().map(Entry::decode)
    }

    /// The entries of a key.
    pub fn of(self, key: &Key) -> impl Iterator<Item = Entry> {
        let start = self.0.partition_point(|entry| entry[..Key::LEN] < key.as_bytes()[..]);
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
