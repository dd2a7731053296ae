//! LZ4 where it pays: blocks of at most 1 MiB, so that memory and lengths stay bounded.
//!
//! Layout: length of the whole (u64), then blocks of {raw length (u32), stored length (u32), bytes}. A block
//! whose two lengths are equal is stored as it is. All integers are little-endian.

use lz4_flex::block;

/// Shorter values are not compressed.
pub const MIN_LEN: usize = 512;
const BLOCK: usize = 1024 * 1024;
/// Of a large value so many bytes are tried, in so many places, before all of it is.
const SAMPLE: usize = 16 * 1024;
const SAMPLES: usize = 4;
/// LZ4 cannot make bytes more than this many times smaller, so that a greater claim is a lie.
const MAX_RATIO: u64 = 256;

/// The compressed form of `parts`, one after the other; `None` unless it saves at least an eighth.
pub fn compress(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    if total < MIN_LEN || !sample_pays(parts, total) {
        return None;
    }
    let budget = total - total / 8;
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

/// Looks at pieces of a large value.
fn sample_pays(parts: &[&[u8]], total: usize) -> bool {
    let Some(longest) = parts.iter().max_by_key(|part| part.len()) else { return false };
    if total < 4 * SAMPLES * SAMPLE || longest.len() < 2 * SAMPLES * SAMPLE {
        return true;
    }
    let places = longest.chunks(longest.len() / SAMPLES).take(SAMPLES);
    let samples = places.map(|place| &place[place.len() / 2..][..SAMPLE]);
    let packed: usize = samples.map(|sample| block::compress(sample).len()).sum();
    packed <= SAMPLES * SAMPLE / 8 * 7
}

/// The bytes that were compressed; `None` if these are no such form.
pub fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let (total, mut rest) = bytes.split_first_chunk::<8>()?;
    let total = u64::from_le_bytes(*total);
    if total > (bytes.len() as u64).saturating_mul(MAX_RATIO) {
        return None;
    }
    let total = usize::try_from(total).ok()?;
    let mut out = vec![0; total];
    let mut at = 0_usize;
    while !rest.is_empty() {
        let (raw, after) = rest.split_first_chunk::<4>()?;
        let (stored, after) = after.split_first_chunk::<4>()?;
        let raw = u32::from_le_bytes(*raw) as usize;
        let stored = u32::from_le_bytes(*stored) as usize;
        let target = out.get_mut(at..at.checked_add(raw)?)?;
        let packed = after.get(..stored)?;
        if raw == stored {
            target.copy_from_slice(packed);
        } else if block::decompress_into(packed, target).ok()? != raw {
            return None;
        }
        at += raw;
        rest = &after[stored..];
    }
    (at == total).then_some(out)
}
