//! Many small results in one record, a BATCH. What they share is in its header, once.
//!
//! Its payload is a summary and then one result after the other: what is its own, its value, a checksum of both. So a
//! result is read and checked without the rest; and where the record is damaged, those that are not are still found.

use zerocopy::little_endian::{I32, U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::record::{COMPRESSED, CRITICAL, HEADER_LEN, Header, Kind, TRAILER_LEN, VERSION};
use crate::Key;

/// The longest value that is stored in a batch, without [the beginning](FRAMED) that is left out.
pub const VALUE_MAX: usize = u8::MAX as usize;
/// Bytes of the shortest result in a batch, which has no value.
pub const ITEM_MIN: usize = size_of::<ItemOnDisk>() + CRC;
/// Bytes of the longest result in a batch.
pub const ITEM_MAX: usize = ITEM_MIN + VALUE_MAX;
/// Bytes of the longest batch, with its header and its checksum.
pub const RECORD_MAX: usize = u16::MAX as usize + ITEM_MAX + TRAILER_LEN;

const CRC: usize = size_of::<U32>();
/// The part of the form's byte that is a [`crate::codec::Codec`].
const CODEC: u8 = 0x0f;
/// Flag in the form's byte: the value is compressed.
const IS_COMPRESSED: u8 = 0x10;
/// Flag in the form's byte: it is known when the task began.
const HAS_START: u8 = 0x20;
/// Flag in the form's byte: the value is a pickle of one frame, of which what is before the contents is left out.
pub const FRAMED: u8 = 0x80;
/// How a pickle of protocol 5 in one frame begins; the length of what follows comes next, in eight bytes.
const FRAME: [u8; 3] = [0x80, 5, 0x95];
const FRAME_LEN: usize = FRAME.len() + size_of::<u64>();
/// The same as a part of a length on disk.
const FRAMED_BY: u32 = 11;
const _: () = assert!(FRAMED_BY as usize == FRAME_LEN);

/// What comes first in the payload, field by field as docs/format.md has it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Summary {
    count: U32,
    checksum: U32,
}

/// A result before its value, field by field as docs/format.md has it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ItemOnDisk {
    form: u8,
    length: u8,
    distance: U16,
    name: U16,
    started: I32,
    duration: U32,
    key: [u8; Key::LEN],
}

/// A batch at the end of a buffer, to which results are added.
#[derive(Debug)]
pub struct Builder {
    /// Where in the buffer it begins.
    start: usize,
    shared: Header,
    count: u32,
    /// Checksum of all that is before the values.
    checksum: u32,
}

impl Builder {
    /// Begins a batch for results like this one.
    pub fn begin(out: &mut Vec<u8>, like: &Header) -> Builder {
        let Header { epoch, started, code, attempt, .. } = *like;
        let shared =
            Header { flags: CRITICAL, epoch, started, code, attempt, ..Header::keyless(Kind::Batch) };
        let start = out.len();
        out.resize(start + HEADER_LEN + size_of::<Summary>(), 0);
        Builder { start, shared, count: 0, checksum: 0 }
    }

    /// Adds a result whose value is the concatenation of `parts`; how far behind the beginning of the batch it is. `None`
    /// where it cannot be in this batch.
    pub fn push(&mut self, out: &mut Vec<u8>, header: &Header, parts: &[&[u8]]) -> Option<usize> {
        if !self.is_like(header) || !is_small(header, total(parts)) {
            return None;
        }
        let at = out.len() - self.start;
        let (distance, name) = (u16::try_from(at).ok()?, u16::try_from(header.name).ok()?);
        let duration = u32::try_from(header.duration).ok()?;
        let (mut form, mut started) = (header.codec, I32::ZERO);
        if header.flags & COMPRESSED != 0 {
            form |= IS_COMPRESSED;
        }
        if header.started != 0 {
            form |= HAS_START;
            started = i32::try_from(header.started.checked_sub(self.shared.started)?).ok()?.into();
        }
        let left_out = left_out(parts);
        if left_out > 0 {
            form |= FRAMED;
        }
        let length = u8::try_from(total(parts) - left_out).ok()?;
        let (distance, name, duration) = (distance.into(), name.into(), duration.into());
        let item =
            ItemOnDisk { form, length, distance, name, started, duration, key: *header.key.as_bytes() };
        let from = out.len();
        out.extend_from_slice(item.as_bytes());
        self.checksum = crc32c::crc32c_append(self.checksum, item.as_bytes());
        let mut skip = left_out;
        for part in parts {
            out.extend_from_slice(&part[skip.min(part.len())..]);
            skip = skip.saturating_sub(part.len());
        }
        // The checksum is that of the copy, so that it holds even if the caller's bytes change meanwhile.
        let crc = crc32c::crc32c(&out[from..]);
        out.extend_from_slice(&crc.to_le_bytes());
        self.count += 1;
        Some(at)
    }

    /// Whether what a batch has once is the same.
    fn is_like(&self, header: &Header) -> bool {
        let Header { epoch, code, attempt, .. } = self.shared;
        (header.epoch, header.code, header.attempt) == (epoch, code, attempt)
    }

    /// Completes the record.
    ///
    /// # Panics
    /// If the buffer is not the one to which it was added.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let payload = self.start + HEADER_LEN;
        let summary = Summary { count: self.count.into(), checksum: self.checksum.into() };
        out[payload..payload + size_of::<Summary>()].copy_from_slice(summary.as_bytes());
        let crc = crc32c::crc32c(&out[payload..]);
        self.shared.length = u32::try_from(out.len() - payload).expect("a batch is shorter than 70 KB");
        out[self.start..payload].copy_from_slice(&self.shared.encode());
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Where in the buffer the batch begins.
    pub fn start(&self) -> usize {
        self.start
    }
}

/// Whether a result may be in a batch, as far as its kind and its length tell.
pub fn is_small(header: &Header, length: usize) -> bool {
    let is_plain =
        header.kind == Kind::Result && header.version == VERSION && header.flags & !COMPRESSED == 0;
    is_plain && header.codec & !CODEC == 0 && length <= VALUE_MAX
}

/// Bytes of a value in pieces.
pub fn total(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// How many bytes at the beginning of a value follow from its length.
fn left_out(parts: &[&[u8]]) -> usize {
    let is_framed =
        parts.first().and_then(|part| part.split_at_checked(FRAME_LEN)).is_some_and(|(head, _)| {
            head[..FRAME.len()] == FRAME
                && head[FRAME.len()..] == ((total(parts) - FRAME_LEN) as u64).to_le_bytes()
        });
    if is_framed { FRAME_LEN } else { 0 }
}

/// One result of a batch, in memory.
#[derive(Clone, Copy)]
pub struct Item<'b> {
    head: &'b ItemOnDisk,
    stored: &'b [u8],
    /// Whether it is what was written.
    pub is_sound: bool,
}

impl<'b> Item<'b> {
    /// The result that begins with these bytes; `None` where some of it is missing.
    pub fn read(bytes: &'b [u8]) -> Option<Item<'b>> {
        let (head, rest) = ItemOnDisk::ref_from_prefix(bytes).ok()?;
        let length = usize::from(head.length);
        let checksum = rest.get(length..)?.first_chunk::<CRC>()?;
        let is_sound = crc32c::crc32c(&bytes[..size_of::<ItemOnDisk>() + length]).to_le_bytes() == *checksum;
        Some(Item { head, stored: &rest[..length], is_sound })
    }

    /// Bytes of it.
    pub fn length(&self) -> usize {
        ITEM_MIN + self.stored.len()
    }

    /// Whose result it is.
    pub fn key(&self) -> Key {
        Key::new(self.head.key)
    }

    /// How far it is behind the beginning of its batch.
    pub fn distance(&self) -> u64 {
        u64::from(self.head.distance.get())
    }

    /// How long its task ran, in microseconds; `None` where it is not known.
    pub fn duration(&self) -> Option<u64> {
        (self.head.form & HAS_START != 0).then_some(u64::from(self.head.duration.get()))
    }

    /// The header of a RESULT that says the same. What it shares with others is in the header of its batch.
    pub fn header(&self, shared: &Header) -> Header {
        let head = self.head;
        let is_compressed = head.form & IS_COMPRESSED != 0;
        let delta = i64::from(head.started.get());
        Header {
            flags: if is_compressed { COMPRESSED } else { 0 },
            codec: head.form & CODEC,
            length: u32::from(head.length) + if head.form & FRAMED == 0 { 0 } else { FRAMED_BY },
            name: u32::from(head.name.get()),
            started: if head.form & HAS_START == 0 { 0 } else { shared.started.wrapping_add(delta) },
            duration: u64::from(head.duration.get()),
            code: shared.code,
            attempt: shared.attempt,
            ..Header::new(Kind::Result, self.key(), shared.epoch)
        }
    }

    /// The value as it was before it was stored.
    pub fn value(&self) -> Vec<u8> {
        if self.head.form & FRAMED == 0 {
            return self.stored.to_vec();
        }
        [&FRAME[..], &(self.stored.len() as u64).to_le_bytes(), self.stored].concat()
    }
}

/// A result of a batch, or what is wrong in its place.
pub enum Found<'b> {
    /// A result.
    Sound(Item<'b>),
    /// A result that is not what was written; its key is.
    Damaged(Item<'b>),
    /// Somewhere in the batch are bytes of which is not known what they were.
    Unknown,
}

/// Calls `each` with all that is in a batch with this payload, and where in the record that begins.
///
/// `is_sound` says whether the payload matches its checksum.
pub fn read<'b>(payload: &'b [u8], is_sound: bool, each: &mut dyn FnMut(usize, Found<'b>)) {
    let items = walk_payload(payload).filter(|items| is_sound || are_all_heads_sound(payload, items));
    let mut is_explained = is_sound && items.is_some();
    if let Some(items) = items {
        for (at, item) in items {
            is_explained |= !item.is_sound;
            each(at, if item.is_sound { Found::Sound(item) } else { Found::Damaged(item) });
        }
    } else {
        // Lengths cannot be trusted. Whatever matches its checksum was written.
        let mut at = size_of::<Summary>();
        while at < payload.len() {
            let item = sound_item(payload, at);
            if let Some(item) = item {
                each(HEADER_LEN + at, Found::Sound(item));
            }
            at += item.map_or(1, |item| item.length());
        }
    }
    if !is_explained {
        each(0, Found::Unknown);
    }
}

/// Calls `each` with the results at the beginning of a payload whose end was not written, as far as they are whole.
pub fn read_beginning<'b>(payload: &'b [u8], each: &mut dyn FnMut(usize, Item<'b>)) {
    let mut at = size_of::<Summary>();
    while let Some(item) = payload.get(at..).and_then(|_| sound_item(payload, at)) {
        each(HEADER_LEN + at, item);
        at += item.length();
    }
}

/// Whether a payload, whose checksum is zeros, has zeros in the place of its end from within a result or from behind the
/// last one on: that is how a power cut leaves it.
pub fn is_unfinished(payload: &[u8]) -> bool {
    let mut end = size_of::<Summary>();
    read_beginning(payload, &mut |from, item| end = from - HEADER_LEN + item.length());
    if end >= payload.len() {
        return crc32c::crc32c(payload) != 0;
    }
    let zeros = payload.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let length = value_length(&payload[end..]);
    zeros < end + ITEM_MIN + length
}

/// Whether everything but the values is what was written.
fn are_all_heads_sound(payload: &[u8], items: &[(usize, Item)]) -> bool {
    let checksum = items.iter().fold(0, |crc, (_, item)| crc32c::crc32c_append(crc, item.head.as_bytes()));
    Summary::ref_from_prefix(payload).is_ok_and(|(summary, _)| {
        summary.checksum.get() == checksum && summary.count.get() as usize == items.len()
    })
}

fn sound_item(payload: &[u8], at: usize) -> Option<Item<'_>> {
    let item = Item::read(&payload[at..])?;
    (item.is_sound && item.distance() == (HEADER_LEN + at) as u64).then_some(item)
}

/// The results of a payload, by their lengths; `None` where these are not right.
fn walk_payload(payload: &[u8]) -> Option<Vec<(usize, Item<'_>)>> {
    let (mut items, mut at) = (Vec::new(), size_of::<Summary>());
    while at < payload.len() {
        let item = Item::read(&payload[at..])?;
        items.push((HEADER_LEN + at, item));
        at += item.length();
    }
    Some(items)
}

/// Where each key is in whole, known good records in memory.
pub fn walk(bytes: &[u8]) -> Vec<(usize, Key)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(header) = bytes.get(at..).and_then(Header::decode) {
        let payload = at + HEADER_LEN;
        let end = payload + header.length as usize;
        match bytes.get(payload..end) {
            Some(payload) if header.kind == Kind::Batch => {
                let items = walk_payload(payload).unwrap_or_default();
                found.extend(items.into_iter().map(|(offset, item)| (at + offset, item.key())));
            }
            _ => found.push((at, header.key)),
        }
        at = end + TRAILER_LEN;
    }
    found
}

/// How long the value of a result is, of which these are the first bytes.
pub fn value_length(bytes: &[u8]) -> usize {
    ItemOnDisk::ref_from_prefix(bytes).map_or(0, |(head, _)| usize::from(head.length))
}

/// The key and the name id of a result, of which these are the first bytes; they are not checked.
pub fn whose(bytes: &[u8]) -> Option<(Key, u32)> {
    let (head, _) = ItemOnDisk::ref_from_prefix(bytes).ok()?;
    Some((Key::new(head.key), u32::from(head.name.get())))
}
