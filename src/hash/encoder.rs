//! Writes the canonical encoding of one value into a buffer.

use super::{Tag, digest};
use crate::Key;

/// The longest content or group that stands in an encoding as it is; a longer one is represented by
/// its digest. So buffers stay small, nested values are hashed once, and what is met twice is cheap.
pub const FOLD: usize = 1024;

/// Where a group of values (a list, an object) began.
#[must_use = "a group that is not closed is not an encoding"]
#[derive(Debug)]
pub struct Group {
    pub(super) start: usize,
}

/// A group whose items have no order: where it and each of its items began.
#[must_use = "a group that is not closed is not an encoding"]
#[derive(Debug)]
pub struct Items {
    pub(super) group: Group,
    pub(super) starts: Vec<usize>,
}

/// A group with a gap inside: where it begins and ends, and where each of its items begins if these have no order.
#[derive(Debug)]
pub(super) struct GroupWithGap {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) starts: Vec<usize>,
}

/// A buffer that receives one encoding. Each method appends one value; between `open` and `close`
/// the values of that group are appended.
#[derive(Debug, Default)]
pub struct Encoder {
    pub(super) buffer: Vec<u8>,
    /// Where values are missing that will be filled in later.
    pub(super) gaps: Vec<usize>,
    /// The groups around gaps, inner ones before outer ones.
    pub(super) groups: Vec<GroupWithGap>,
    /// How many bytes stand in the buffer as a digest only.
    folded: usize,
}

impl Encoder {
    /// An empty buffer.
    pub fn new() -> Encoder {
        Encoder { buffer: Vec::with_capacity(128), ..Encoder::default() }
    }

    /// What was encoded so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// The length so far: a place to which `truncate` can return.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing was encoded.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// How many bytes the values encoded so far have, long ones in full length.
    pub fn volume(&self) -> usize {
        self.buffer.len() + self.folded
    }

    /// A value that was encoded before, without gaps.
    pub fn append(&mut self, encoded: &[u8]) {
        self.buffer.extend_from_slice(encoded);
    }

    /// Forgets everything that was encoded after the buffer had `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.buffer.truncate(len);
        self.gaps.truncate(self.gaps.partition_point(|gap| *gap < len));
        self.groups.truncate(self.groups.partition_point(|group| group.end <= len));
    }

    /// The key of what was encoded.
    pub fn key(&self) -> Key {
        Key::new(digest(&self.buffer))
    }

    /// Puts a tag before the value that was encoded last, which begins at `start`.
    pub fn precede(&mut self, start: usize, tag: Tag) {
        // Few bytes are moved: what is longer than `FOLD` was replaced by its digest, unless there is a gap in it.
        self.buffer.insert(start, tag as u8);
        self.gaps.iter_mut().rev().take_while(|gap| **gap >= start).for_each(|gap| *gap += 1);
        for group in self.groups.iter_mut().filter(|group| group.start >= start) {
            group.start += 1;
            group.end += 1;
            group.starts.iter_mut().for_each(|item| *item += 1);
        }
    }

    /// A value that is its tag: `None`, `True`, `False`, `...`, `NotImplemented`.
    pub fn singleton(&mut self, tag: Tag) {
        self.buffer.push(tag as u8);
    }

    /// `True` or `False`.
    pub fn bool(&mut self, value: bool) {
        self.singleton(if value { Tag::True } else { Tag::False });
    }

    /// An int that fits into 64 bits.
    pub fn int(&mut self, value: i64) {
        self.int_bytes(&value.to_le_bytes());
    }

    /// An int of any size, given as two's complement, lowest byte first.
    pub fn int_bytes(&mut self, bytes: &[u8]) {
        let shortest = shortest_integer(bytes);
        self.singleton(Tag::Int);
        self.content(shortest);
    }

    /// A float, by its bits; every NaN is the same.
    pub fn float(&mut self, value: f64) {
        self.singleton(Tag::Float);
        self.float_bits(value);
    }

    /// A complex number.
    pub fn complex(&mut self, real: f64, imaginary: f64) {
        self.singleton(Tag::Complex);
        self.float_bits(real);
        self.float_bits(imaginary);
    }

    /// A str as UTF-8, in which a lone surrogate takes the three bytes of its code point.
    pub fn str(&mut self, utf8: &[u8]) {
        self.singleton(Tag::Str);
        self.content(utf8);
    }

    /// Several pieces that together are one str.
    pub fn str_of(&mut self, pieces: &[&[u8]]) {
        let total = pieces.iter().map(|piece| piece.len()).sum();
        if total > FOLD {
            return self.str(&pieces.concat());
        }
        self.singleton(Tag::Str);
        self.length(total);
        for piece in pieces {
            self.buffer.extend_from_slice(piece);
        }
    }

    /// A bytes object.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.singleton(Tag::Bytes);
        self.content(bytes);
    }

    /// A task among the arguments.
    pub fn task_key(&mut self, key: &Key) {
        self.singleton(Tag::TaskKey);
        self.buffer.extend_from_slice(key.as_bytes());
    }

    /// An object that is being encoded `levels` levels above this place.
    pub fn back_reference(&mut self, levels: usize) {
        self.singleton(Tag::BackReference);
        self.length(levels);
    }

    /// Something that is identified by the module it lives in and its qualified name there.
    pub fn named(&mut self, tag: Tag, module: &str, qualname: &str) {
        self.singleton(tag);
        self.content(module.as_bytes());
        self.content(qualname.as_bytes());
    }

    /// A tag and bytes.
    pub fn tagged(&mut self, tag: Tag, bytes: &[u8]) {
        self.singleton(tag);
        self.content(bytes);
    }

    /// A length or a count: seven bits a byte, lowest first, the high bit set on all but the last.
    pub fn length(&mut self, mut value: usize) {
        loop {
            let [low, ..] = value.to_le_bytes();
            value >>= 7;
            if value == 0 && low < 0x80 {
                return self.buffer.push(low);
            }
            self.buffer.push(low | 0x80);
        }
    }

    /// The length of some bytes, then the bytes; or, beyond `FOLD`, their digest.
    pub fn content(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        if bytes.len() <= FOLD {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.folded += bytes.len();
            self.buffer.extend_from_slice(&digest(bytes));
        }
    }

    /// The same as `content` for bytes (more than `FOLD`) whose digest was computed elsewhere.
    pub fn content_digest(&mut self, length: usize, digest: &[u8; 32]) {
        debug_assert!(length > FOLD, "short contents stand as they are");
        self.length(length);
        self.folded += length;
        self.buffer.extend_from_slice(digest);
    }

    /// Begins a group of `count` values.
    pub fn open(&mut self, tag: Tag, count: usize) -> Group {
        let start = self.buffer.len();
        self.singleton(tag);
        self.length(count);
        Group { start }
    }

    /// Ends a group. One of more than `FOLD` bytes is replaced by its digest.
    pub fn close(&mut self, Group { start }: Group) {
        if self.has_gap_after(start) {
            self.groups.push(GroupWithGap { start, end: self.buffer.len(), starts: Vec::new() });
        } else if self.buffer.len() - start > FOLD {
            self.folded += self.buffer.len() - start;
            let digest = digest(&self.buffer[start..]);
            self.buffer.truncate(start);
            self.folded(&digest);
        }
    }

    /// A closed group that was folded before, by the digest that `fold_of` gave.
    pub fn folded(&mut self, digest: &[u8; 32]) {
        self.singleton(Tag::Folded);
        self.buffer.extend_from_slice(digest);
    }

    /// The digest of the value encoded from `start` on, if it was folded.
    pub fn fold_of(&self, start: usize) -> Option<[u8; 32]> {
        let (tag, digest) = self.buffer[start..].split_first()?;
        if *tag == Tag::Folded as u8 { digest.try_into().ok() } else { None }
    }

    /// Begins a group of `count` items that have no order.
    pub fn open_items(&mut self, tag: Tag, count: usize) -> Items {
        let starts = Vec::with_capacity(count.min(1 << 16));
        Items { group: self.open(tag, count), starts }
    }

    /// The next item of an unordered group begins here. An item may be several values.
    pub fn item(&mut self, items: &mut Items) {
        items.starts.push(self.buffer.len());
    }

    /// Ends an unordered group: its items are put into the order of their bytes.
    pub fn close_items(&mut self, items: Items) {
        let Items { group, starts } = items;
        if self.has_gap_after(group.start) {
            return self.groups.push(GroupWithGap { start: group.start, end: self.buffer.len(), starts });
        }
        if let Some(&first) = starts.first() {
            let ends = starts.iter().skip(1).copied().chain([self.buffer.len()]);
            let mut pieces: Vec<&[u8]> = starts.iter().zip(ends).map(|(&a, b)| &self.buffer[a..b]).collect();
            if !pieces.is_sorted() {
                pieces.sort_unstable();
                let sorted = pieces.concat();
                self.buffer.truncate(first);
                self.buffer.extend_from_slice(&sorted);
            }
        }
        self.close(group);
    }

    fn has_gap_after(&self, start: usize) -> bool {
        self.gaps.last().is_some_and(|gap| *gap > start)
    }

    fn float_bits(&mut self, value: f64) {
        let value = if value.is_nan() { f64::from_bits(0x7ff8 << 48) } else { value };
        self.buffer.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

/// Drops the high bytes that only repeat the sign. Zero is no byte at all.
fn shortest_integer(bytes: &[u8]) -> &[u8] {
    let mut end = bytes.len();
    while end > 0 {
        let high = bytes[end - 1];
        let below_is_negative = end > 1 && bytes[end - 2] & 0x80 != 0;
        let redundant = if below_is_negative { high == 0xff } else { high == 0 };
        if !redundant {
            break;
        }
        end -= 1;
    }
    &bytes[..end]
}
