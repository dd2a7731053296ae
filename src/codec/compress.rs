//! LZ4 where it pays: blocks of at most 1 MiB, so that memory and lengths stay bounded.
//!
//! To decompress takes several times as long as to read what the system has in memory, and to compress longer than to
//! write to a local disk. So a large value has to become much smaller, which a few pieces of it tell.
//!
//! Layout: length of the whole (u64), then blocks of {raw length (u32), stored length (u32), bytes}. A block
//! whose two lengths are equal is stored as it is. All integers are little-endian.

use lz4_flex::block;

use super::receive::Source;

/// Shorter values are not compressed.
pub const MIN_LEN: usize = 512;
const BLOCK: usize = 1024 * 1024;
/// Of a value of so many bytes a few pieces are tried first.
const LARGE: usize = 256 * 1024;
/// How many bytes are tried, in how many places.
const SAMPLE: usize = 16 * 1024;
const SAMPLES: usize = 8;
/// LZ4 cannot make bytes more than this many times smaller, so that a greater claim is a lie.
const MAX_RATIO: u64 = 256;

/// To how many bytes so many should shrink, or be left as they are: an eighth less, a third less of a large value.
fn budget(total: usize) -> usize {
    total - if total < LARGE { total / 8 } else { total / 3 }
}

/// The compressed form of `parts`, one after the other; `None` unless it saves at least an eighth, of a large value a
/// third.
pub fn compress(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    if total < MIN_LEN || !sample_pays(parts, total) {
        return None;
    }
    let budget = budget(total);
    let mut out = Vec::with_capacity(budget.min(BLOCK));
    out.extend_from_slice(&(total as u64).to_le_bytes());
    let mut scratch = vec![0; block::get_maximum_output_size(total.min(BLOCK))];
    for raw in parts.iter().flat_map(|part| part.chunks(BLOCK)) {
        push_block(&mut out, raw, &mut scratch)?;
        if out.len() > budget {
            return None;
        }
    }
    Some(out)
}

fn push_block(out: &mut Vec<u8>, raw: &[u8], scratch: &mut [u8]) -> Option<()> {
    let packed = match block::compress_into(raw, scratch) {
        Ok(length) if length < raw.len() => &scratch[..length],
        _ => raw,
    };
    out.extend_from_slice(&u32::try_from(raw.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&u32::try_from(packed.len()).ok()?.to_le_bytes());
    out.extend_from_slice(packed);
    Some(())
}

/// Looks at pieces of a large value, spread over all of it.
fn sample_pays(parts: &[&[u8]], total: usize) -> bool {
    if total < LARGE {
        return true;
    }
    let (mut tried, mut packed) = (0, 0);
    let mut start = 0;
    let mut places = (0..SAMPLES).map(|number| (2 * number + 1) * (total / (2 * SAMPLES))).peekable();
    for part in parts {
        while let Some(place) = places.next_if(|place| *place < start + part.len()) {
            let sample = &part[place - start..];
            let sample = &sample[..sample.len().min(SAMPLE)];
            tried += sample.len();
            packed += block::compress(sample).len();
        }
        start += part.len();
    }
    packed * total <= budget(total) * tried
}

/// The bytes that were compressed; `None` if these are no such form.
pub fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let (total, mut rest) = bytes.split_first_chunk::<8>()?;
    let total = checked_total(*total, bytes.len() as u64)?;
    let mut out = vec![0; usize::try_from(total).ok()?];
    let mut at = 0_usize;
    while !rest.is_empty() {
        let (lengths, after) = rest.split_first_chunk::<8>()?;
        let (raw, stored) = block_lengths(*lengths)?;
        let target = out.get_mut(at..at.checked_add(raw)?)?;
        unpack(after.get(..stored)?, target)?;
        at += raw;
        rest = &after[stored..];
    }
    (at == out.len()).then_some(out)
}

/// The length before compression, if so many bytes can hold that many.
fn checked_total(total: [u8; 8], length: u64) -> Option<u64> {
    let total = u64::from_le_bytes(total);
    (total <= length.saturating_mul(MAX_RATIO)).then_some(total)
}

/// The length of a block before compression, and as stored; `None` for lengths that no block has.
fn block_lengths(lengths: [u8; 8]) -> Option<(usize, usize)> {
    let [r0, r1, r2, r3, s0, s1, s2, s3] = lengths;
    let (raw, stored) = (u32::from_le_bytes([r0, r1, r2, r3]), u32::from_le_bytes([s0, s1, s2, s3]));
    let (raw, stored) = (raw as usize, stored as usize);
    (0 < raw && raw <= BLOCK && stored <= raw).then_some((raw, stored))
}

fn unpack(packed: &[u8], target: &mut [u8]) -> Option<()> {
    if packed.len() == target.len() {
        target.copy_from_slice(packed);
        return Some(());
    }
    (block::decompress_into(packed, target).ok()? == target.len()).then_some(())
}

/// What was compressed, decompressed block by block while it is read.
pub struct Unpacking<'a> {
    packed: &'a mut dyn Source,
    left: u64,
    block: Vec<u8>,
    /// A block of which a part is still to be read, and where that begins.
    pending: Vec<u8>,
    at: usize,
}

impl<'a> Unpacking<'a> {
    /// None of it read yet; `None` if it claims a length that it cannot have.
    pub fn begin(packed: &'a mut dyn Source) -> Option<Unpacking<'a>> {
        let length = packed.left();
        let mut total = [0; 8];
        if !packed.read(&mut total) {
            return None;
        }
        let left = checked_total(total, length)?;
        Some(Unpacking { packed, left, block: Vec::new(), pending: Vec::new(), at: 0 })
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> Option<()> {
        while !buffer.is_empty() {
            if self.at < self.pending.len() {
                let count = buffer.len().min(self.pending.len() - self.at);
                let (now, after) = buffer.split_at_mut(count);
                now.copy_from_slice(&self.pending[self.at..][..count]);
                self.at += count;
                buffer = after;
                continue;
            }
            let raw = self.read_block()?;
            if raw <= buffer.len() {
                let (now, after) = buffer.split_at_mut(raw);
                unpack(&self.block, now)?;
                buffer = after;
            } else {
                self.pending.resize(raw, 0);
                unpack(&self.block, &mut self.pending)?;
                self.at = 0;
            }
        }
        Some(())
    }

    /// Reads the next block as it is stored; its length before compression.
    fn read_block(&mut self) -> Option<usize> {
        let mut lengths = [0; 8];
        if !self.packed.read(&mut lengths) {
            return None;
        }
        let (raw, stored) = block_lengths(lengths)?;
        self.block.resize(stored, 0);
        self.packed.read(&mut self.block).then_some(raw)
    }
}

impl Source for Unpacking<'_> {
    fn left(&self) -> u64 {
        self.left
    }

    fn read(&mut self, buffer: &mut [u8]) -> bool {
        let length = buffer.len() as u64;
        if length > self.left || self.fill(buffer).is_none() {
            return false;
        }
        self.left -= length;
        true
    }
}
