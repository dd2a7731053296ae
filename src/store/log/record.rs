//! One record of a segment: a fixed header with its checksum, a payload with its own.

use std::mem::offset_of;

use zerocopy::little_endian::{I64, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::Key;

/// Bytes of a record before its payload, the header's checksum included.
pub const HEADER_LEN: usize = size_of::<OnDisk>();
/// Bytes after the payload: its checksum.
pub const TRAILER_LEN: usize = 4;
/// The version that this build writes. Later versions keep the layout of the header.
pub const VERSION: u8 = 1;
/// A payload above this goes into a blob.
pub const INLINE_MAX: usize = 64 * 1024;

/// Flag: a reader that does not know the record's type or version must not go on without it.
pub const CRITICAL: u8 = 1;
/// Flag: the payload (or the blob) is compressed as described in [`crate::codec::compress`].
pub const COMPRESSED: u8 = 2;

const MAGIC: [u8; 4] = *b"JUGr";

/// A header as it is on disk, field by field as docs/format.md has it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    magic: [u8; 4],
    version: u8,
    kind: u8,
    flags: u8,
    codec: u8,
    epoch: U64,
    length: U32,
    name: U32,
    started: I64,
    duration: U64,
    code: U64,
    attempt: U32,
    key: [u8; Key::LEN],
    checksum: U32,
}

impl OnDisk {
    /// What its checksum should be.
    fn computed_checksum(&self) -> U32 {
        crc32c::crc32c(&self.as_bytes()[..offset_of!(OnDisk, checksum)]).into()
    }
}

/// What a record says about its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The text of a name id, for the records after it in the same segment.
    Name,
    /// A value, in the payload.
    Result,
    /// A value, in a blob that the payload names.
    ResultBlob,
    /// A failed run; the payload is a pickled dictionary.
    Failed,
    /// Failures of a lower epoch no longer count.
    Cleared,
    /// Results of a lower epoch no longer count.
    Removed,
    /// The last record of a segment that was closed in order.
    Seal,
    /// The payload is the name that a user gave where jug expects a key.
    Alias,
    /// In a pack: the records after it were in the segment whose file name the payload is.
    Origin,
    /// Many small results, as [`super::batch`] describes it.
    Batch,
    /// A type that a later version wrote.
    Other(u8),
}

impl Kind {
    /// The type that this byte stands for.
    pub fn from_byte(byte: u8) -> Kind {
        match byte {
            1 => Kind::Name,
            2 => Kind::Result,
            3 => Kind::ResultBlob,
            4 => Kind::Failed,
            5 => Kind::Cleared,
            6 => Kind::Removed,
            7 => Kind::Seal,
            8 => Kind::Alias,
            9 => Kind::Origin,
            10 => Kind::Batch,
            other => Kind::Other(other),
        }
    }

    /// The byte that stands for this type on disk.
    pub fn to_byte(self) -> u8 {
        match self {
            Kind::Name => 1,
            Kind::Result => 2,
            Kind::ResultBlob => 3,
            Kind::Failed => 4,
            Kind::Cleared => 5,
            Kind::Removed => 6,
            Kind::Seal => 7,
            Kind::Alias => 8,
            Kind::Origin => 9,
            Kind::Batch => 10,
            Kind::Other(byte) => byte,
        }
    }
}

/// A record without its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version of the record; what this build writes is [`VERSION`].
    pub version: u8,
    /// What the record says.
    pub kind: Kind,
    /// [`CRITICAL`] and [`COMPRESSED`].
    pub flags: u8,
    /// The [`crate::codec::Codec`] of a value; 0 elsewhere.
    pub codec: u8,
    /// The Lamport clock of removals, as known to the writer.
    pub epoch: u64,
    /// Length of the payload in bytes.
    pub length: u32,
    /// Which name the task has: the id of a NAME record earlier in this segment; 0 is "none".
    pub name: u32,
    /// When the task started, in microseconds since the Unix epoch; 0 is "unknown".
    pub started: i64,
    /// How long the task ran, in microseconds.
    pub duration: u64,
    /// A fingerprint of what the value was stored with, versions of Python and libraries and code; 0 is "unknown".
    pub code: u64,
    /// Attempt number, starting at 1; 0 is "unknown".
    pub attempt: u32,
    /// The task; zeros where the record is about no task.
    pub key: Key,
}

impl Header {
    /// A header about `key` without facts.
    pub fn new(kind: Kind, key: Key, epoch: u64) -> Header {
        Header {
            version: VERSION,
            kind,
            flags: 0,
            codec: 0,
            epoch,
            length: 0,
            name: 0,
            started: 0,
            duration: 0,
            code: 0,
            attempt: 0,
            key,
        }
    }

    /// A header about no task.
    pub fn keyless(kind: Kind) -> Header {
        Header::new(kind, Key::new([0; Key::LEN]), 0)
    }

    /// Bytes of the whole record.
    pub fn record_len(&self) -> u64 {
        HEADER_LEN as u64 + u64::from(self.length) + TRAILER_LEN as u64
    }

    /// True if this build knows what the record means.
    pub fn is_known(&self) -> bool {
        self.version == VERSION && !matches!(self.kind, Kind::Other(_))
    }

    /// The header's bytes, checksum included.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut header = OnDisk {
            magic: MAGIC,
            version: self.version,
            kind: self.kind.to_byte(),
            flags: self.flags,
            codec: self.codec,
            epoch: self.epoch.into(),
            length: self.length.into(),
            name: self.name.into(),
            started: self.started.into(),
            duration: self.duration.into(),
            code: self.code.into(),
            attempt: self.attempt.into(),
            key: *self.key.as_bytes(),
            checksum: U32::ZERO,
        };
        header.checksum = header.computed_checksum();
        transmute!(header)
    }

    /// Reads a header; `None` where the magic or the checksum is wrong or bytes are missing.
    pub fn decode(bytes: &[u8]) -> Option<Header> {
        let (header, _) = OnDisk::ref_from_prefix(bytes).ok()?;
        if header.magic != MAGIC || header.checksum != header.computed_checksum() {
            return None;
        }
        Some(Header {
            version: header.version,
            kind: Kind::from_byte(header.kind),
            flags: header.flags,
            codec: header.codec,
            epoch: header.epoch.get(),
            length: header.length.get(),
            name: header.name.get(),
            started: header.started.get(),
            duration: header.duration.get(),
            code: header.code.get(),
            attempt: header.attempt.get(),
            key: Key::new(header.key),
        })
    }
}

/// Whether bytes are those of a record, even where its header is damaged.
pub fn is_marked(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Appends a whole record whose payload is the concatenation of `parts`, and sets the header's length.
///
/// # Panics
/// If the payload is 4 GiB or more: whatever may be that large belongs into a blob.
pub fn append(out: &mut Vec<u8>, header: &mut Header, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    header.length = u32::try_from(length).expect("payloads above 64 KiB are blobs");
    out.extend_from_slice(&header.encode());
    let mut crc = 0;
    for part in parts {
        let start = out.len();
        out.extend_from_slice(part);
        // The checksum is that of the copy, so that it holds even if the caller's bytes change meanwhile.
        crc = crc32c::crc32c_append(crc, &out[start..]);
    }
    out.extend_from_slice(&crc.to_le_bytes());
}
