//! A segment file: its name and the header that says whose it is.

use std::path::Path;

use crate::{Error, Result};

/// The version of the segment header that this build writes and reads.
pub const VERSION: u32 = 1;
/// Bytes before the worker's id.
const FIXED: usize = 32;
/// The longest segment header: `FIXED`, a worker's id, the checksum.
pub const HEADER_MAX: usize = FIXED + WID_MAX + 4;
const WID_MAX: usize = 200;
const MAGIC: [u8; 8] = *b"JUGsegm\n";

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
    let mut out = Vec::with_capacity(FIXED + wid.len() + 4);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    let length = u32::try_from(wid.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&uuid);
    out.extend_from_slice(wid.as_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Reads the head of a segment from the first bytes of its file.
///
/// Fails with [`Error::NewerFormat`] where a sound header carries a later version.
pub fn decode(bytes: &[u8], path: &Path) -> Result<SegmentHeader> {
    if bytes.len() < FIXED || bytes.iter().all(|&byte| byte == 0) {
        return Ok(SegmentHeader::Incomplete);
    }
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let wid = word(12) as usize;
    if bytes[..8] != MAGIC || wid > WID_MAX {
        return Ok(SegmentHeader::Bad);
    }
    let end = FIXED + wid;
    if bytes.len() < end + 4 {
        return Ok(SegmentHeader::Incomplete);
    }
    if crc32c::crc32c(&bytes[..end]) != word(end) {
        return Ok(SegmentHeader::Bad);
    }
    let found = word(8);
    if found > VERSION {
        return Err(Error::NewerFormat { path: path.to_owned(), found, supported: VERSION });
    }
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&bytes[16..32]);
    Ok(SegmentHeader::Good { uuid, length: end + 4 })
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
