//! Pages and sections of an index: bytes, each with a checksum behind them.

use zerocopy::{Immutable, IntoBytes};

use crate::Key;

/// Bytes of a page, the first one, which is the head, included.
pub const PAGE: usize = 4096;
/// Bytes of the checksum of a page or a section, which is behind it.
pub const CHECKSUM: usize = 4;

/// Adds a page: what is on it, zeros, and the checksum.
pub fn add_page<T: IntoBytes + Immutable>(out: &mut Vec<u8>, entries: impl Iterator<Item = T>) {
    let start = out.len();
    entries.for_each(|entry| out.extend_from_slice(entry.as_bytes()));
    out.resize(start + PAGE - CHECKSUM, 0);
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// What a section holds, from its bytes and the checksum after them; `None` where that is wrong.
pub fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, crc) = bytes.split_last_chunk::<CHECKSUM>()?;
    (crc32c::crc32c(body).to_le_bytes() == *crc).then_some(body)
}

/// The first eight bytes of a key as a number that sorts like the key.
pub fn fence(key: &Key) -> u64 {
    key.prefix().swap_bytes()
}
