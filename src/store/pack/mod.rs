//! Packs: many segments in one file that never changes, with a sorted index.
//!
//! A pack holds the records of the segments it replaced, without those that no longer count, in runs of one
//! segment each. Which packs count, and which segments they replaced, is said by the newest [`manifest`].
//! A pack's index ([`mod@format`]) is read a page at a time ([`reader`]), so that a store of a million results
//! opens at once.

pub mod format;
pub mod index_file;
pub mod manifest;
pub mod page;
pub mod pages;
pub mod publish;
pub mod reader;
pub mod rebuilt_index;
pub mod runs;
pub mod small;

use std::mem::offset_of;
use std::path::Path;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::error::StoreError;
use crate::store::log::segment::SegmentHeader;
use crate::{Error, Result};

/// The version of packs and their indexes that this build writes and reads.
pub const VERSION: u32 = 1;
/// Bytes before the first record of a pack.
pub const HEAD_LEN: usize = size_of::<OnDisk>();
const MAGIC: [u8; 8] = *b"JUGpack\n";

/// The head of a pack, field by field as docs/format.md has it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    magic: [u8; 8],
    version: U32,
    zero: U32,
    uuid: [u8; 16],
    checksum: U32,
}

impl OnDisk {
    /// What its checksum should be.
    fn computed_checksum(&self) -> U32 {
        crc32c::crc32c(&self.as_bytes()[..offset_of!(OnDisk, checksum)]).into()
    }
}

/// The bytes at the start of a pack.
pub fn encode_head(uuid: [u8; 16]) -> [u8; HEAD_LEN] {
    let (version, zero, checksum) = (VERSION.into(), U32::ZERO, U32::ZERO);
    let mut head = OnDisk { magic: MAGIC, version, zero, uuid, checksum };
    head.checksum = head.computed_checksum();
    transmute!(head)
}

/// Reads the head of a pack from the first bytes of its file.
///
/// # Errors
///
/// [`StoreError::NewerFormat`] where a sound head carries a later version.
pub fn decode_head(bytes: &[u8], path: &Path) -> Result<SegmentHeader> {
    let Ok((head, _)) = OnDisk::ref_from_prefix(bytes) else { return Ok(SegmentHeader::Incomplete) };
    if head.as_bytes().iter().all(|&byte| byte == 0) {
        return Ok(SegmentHeader::Incomplete);
    }
    if head.magic != MAGIC || head.checksum != head.computed_checksum() {
        return Ok(SegmentHeader::Bad);
    }
    let found = head.version.get();
    if found > VERSION {
        return Err(Error::Store(StoreError::NewerFormat {
            path: path.to_owned(),
            found,
            supported: VERSION,
        }));
    }
    Ok(SegmentHeader::Good { uuid: head.uuid, length: HEAD_LEN })
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
