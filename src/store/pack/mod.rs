//! Packs: many segments in one file that never changes, with a sorted index.
//!
//! A pack holds the records of the segments it replaced, without those that no longer count, in runs of one
//! segment each. Which packs count, and which segments they replaced, is said by the newest [`manifest`].
//! A pack's index ([`mod@format`]) is read a page at a time ([`reader`]), so that a store of a million results
//! opens at once.

pub mod format;
pub mod manifest;
pub mod publish;
pub mod reader;

use std::path::Path;

use crate::store::log::segment::SegmentHeader;
use crate::{Error, Result};

/// The version of packs and their indexes that this build writes and reads.
pub const VERSION: u32 = 1;
/// Bytes before the first record of a pack.
pub const HEAD_LEN: usize = 36;
const MAGIC: [u8; 8] = *b"JUGpack\n";

/// The bytes at the start of a pack.
pub fn encode_head(uuid: [u8; 16]) -> [u8; HEAD_LEN] {
    let mut out = [0; HEAD_LEN];
    out[..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[16..32].copy_from_slice(&uuid);
    let crc = crc32c::crc32c(&out[..32]);
    out[32..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Reads the head of a pack from the first bytes of its file.
///
/// Fails with [`Error::NewerFormat`] where a sound head carries a later version.
pub fn decode_head(bytes: &[u8], path: &Path) -> Result<SegmentHeader> {
    let Some(head) = bytes.first_chunk::<HEAD_LEN>() else { return Ok(SegmentHeader::Incomplete) };
    if head.iter().all(|&byte| byte == 0) {
        return Ok(SegmentHeader::Incomplete);
    }
    if head[..8] != MAGIC || crc32c::crc32c(&head[..32]).to_le_bytes() != head[32..] {
        return Ok(SegmentHeader::Bad);
    }
    let found = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    if found > VERSION {
        return Err(Error::NewerFormat { path: path.to_owned(), found, supported: VERSION });
    }
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&head[16..32]);
    Ok(SegmentHeader::Good { uuid, length: HEAD_LEN })
}

/// The name of a pack without its ending: the number of the manifest it was made for, the worker that made it,
/// and how many that worker had made before.
pub fn stem(generation: u64, wid: &str, count: u32) -> String {
    format!("{generation}-{wid}-{count}")
}

/// The generation and the maker of a pack or an index with this file name; `None` if it is neither's name.
pub fn maker(file_name: &str) -> Option<(u64, &str)> {
    let stem = file_name.strip_suffix(".pack").or_else(|| file_name.strip_suffix(".idx"))?;
    let (generation, rest) = stem.split_once('-')?;
    let (wid, count) = rest.rsplit_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(generation) || !digits(count) || wid.is_empty() {
        return None;
    }
    Some((generation.parse().ok()?, wid))
}
