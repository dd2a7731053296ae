//! A segment file: its name and the header that says whose it is.

use std::path::Path;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::StoreError;
use crate::{Error, Result};

/// The version of the segment header that this build writes and reads.
pub const VERSION: u32 = 1;
/// The longest segment header: what is before the worker's id, the id, the checksum.
pub const HEADER_MAX: usize = size_of::<OnDisk>() + WID_MAX + size_of::<U32>();
const WID_MAX: usize = 200;
const MAGIC: [u8; 8] = *b"JUGsegm\n";

/// What is before the worker's id, field by field as docs/format.md has it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    magic: [u8; 8],
    version: U32,
    wid_length: U32,
    uuid: [u8; 16],
}

/// What the head of a segment says.
#[derive(Debug, PartialEq, Eq)]
pub enum SegmentHeader {
    /// A segment of the store with this uuid; the records begin at `length`.
    Good {
        /// The store's uuid.
        uuid: [u8; 16],
        /// Where the first record begins.
        length: usize,
    },
    /// Fewer bytes than a header has, or zeros.
    Incomplete,
    /// Bytes that are no segment header.
    Bad,
}

/// The bytes at the start of a segment.
pub fn encode(uuid: [u8; 16], wid: &str) -> Vec<u8> {
    let wid_length = u32::try_from(wid.len()).unwrap_or(u32::MAX).into();
    let header = OnDisk { magic: MAGIC, version: VERSION.into(), wid_length, uuid };
    let mut out = [header.as_bytes(), wid.as_bytes()].concat();
    let checksum = crc32c::crc32c(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Reads the head of a segment from the first bytes of its file.
///
/// # Errors
///
/// [`StoreError::NewerFormat`] where a sound header carries a later version.
pub fn decode(bytes: &[u8], path: &Path) -> Result<SegmentHeader> {
    if bytes.iter().all(|&byte| byte == 0) {
        return Ok(SegmentHeader::Incomplete);
    }
    let Ok((header, rest)) = OnDisk::ref_from_prefix(bytes) else { return Ok(SegmentHeader::Incomplete) };
    let wid = header.wid_length.get() as usize;
    if header.magic != MAGIC || wid > WID_MAX {
        return Ok(SegmentHeader::Bad);
    }
    let end = size_of::<OnDisk>() + wid;
    let Some(checksum) = rest.get(wid..).and_then(<[u8]>::first_chunk) else {
        return Ok(SegmentHeader::Incomplete);
    };
    if crc32c::crc32c(&bytes[..end]).to_le_bytes() != *checksum {
        return Ok(SegmentHeader::Bad);
    }
    let found = header.version.get();
    if found > VERSION {
        return Err(Error::Store(StoreError::NewerFormat {
            path: path.to_owned(),
            found,
            supported: VERSION,
        }));
    }
    Ok(SegmentHeader::Good { uuid: header.uuid, length: end + checksum.len() })
}

/// The name of a worker's n-th segment.
pub fn file_name(wid: &str, number: u32) -> String {
    format!("{wid}-{number}.seg")
}

/// The worker whose segment carries this file name; `None` if it is no segment's name.
pub fn owner(file_name: &str) -> Option<&str> {
    let (wid, number) = file_name.strip_suffix(".seg")?.rsplit_once('-')?;
    let sound = !wid.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    sound.then_some(wid)
}
