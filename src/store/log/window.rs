//! The part of a file that is in memory while its records are read.

use std::path::Path;

use crate::Result;
use crate::error::IoContext;
use crate::os::File;
use crate::store::log::batch::{self, Found};
use crate::store::log::record::{HEADER_LEN, Header, Kind, TRAILER_LEN};
use crate::store::log::scanned::{Payload, ScanEnd, ScannedRecord};
use crate::store::media_error::{self, or_reason};

/// More zeros than a power cut leaves of what was written and not synced.
const ZEROS_MAX: u64 = 16 * 1024 * 1024;
/// The smallest part of a file that a disk reads or cannot read.
const PAGE: u64 = 4096;
/// The longest text of a NAME or ALIAS record that is kept.
const TEXT_MAX: u32 = 64 * 1024;
/// How much of a file is in memory at a time.
pub(super) const CHUNK: usize = 256 * 1024;

/// The part of a file that is in memory.
pub(super) struct Window<'f> {
    file: &'f dyn File,
    pub(super) path: &'f Path,
    bytes: Vec<u8>,
    base: u64,
    /// How much is read at a time, unless more is asked for.
    chunk: usize,
    /// A part of the file cannot be read: from here on only those pages are read that are asked for.
    is_careful: bool,
}

impl<'f> Window<'f> {
    /// A file of which `chunk` bytes are read at a time, and nothing so far.
    pub(super) fn new(file: &'f dyn File, path: &'f Path, chunk: usize) -> Window<'f> {
        Window { file, path, bytes: Vec::new(), base: 0, chunk, is_careful: false }
    }

    /// Up to `length` bytes (at most [`CHUNK`]) from `offset`; fewer where the file ends.
    pub(super) fn at(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let end = self.base + self.bytes.len() as u64;
        if offset < self.base || offset + length as u64 > end {
            self.load(offset, length)?;
        }
        let start = usize::try_from(offset - self.base).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = (start + length).min(self.bytes.len());
        Ok(&self.bytes[start..end])
    }

    fn load(&mut self, offset: u64, length: usize) -> Result<()> {
        let pages = (offset + length as u64).next_multiple_of(PAGE) - offset;
        let wanted = if self.is_careful { usize::try_from(pages).unwrap_or(length) } else { self.chunk };
        self.bytes.resize(wanted.max(length), 0);
        self.base = offset;
        let read = self.file.read_full_at(&mut self.bytes, offset).context("reading", self.path);
        self.bytes.truncate(*read.as_ref().unwrap_or(&0));
        match read {
            Err(error) if !self.is_careful && media_error::reason(&error).is_some() => {
                self.is_careful = true;
                self.load(offset, length)
            }
            read => read.map(|_| ()),
        }
    }

    /// Checks the payload of the record at `at`; `None` if the file ends before the record does.
    pub(super) fn body(&mut self, header: &Header, at: u64) -> Result<Option<Payload>> {
        let payload = at + HEADER_LEN as u64;
        let mut left = header.length as usize;
        let mut crc = 0;
        let mut text = None;
        if matches!(header.kind, Kind::Name | Kind::Alias | Kind::Origin) && header.length <= TEXT_MAX {
            text = Some(Box::from(self.at(payload, left)?));
        }
        while left > 0 {
            let offset = payload + (header.length as usize - left) as u64;
            let part = self.at(offset, left.min(CHUNK))?;
            if part.is_empty() {
                return Ok(None);
            }
            crc = crc32c::crc32c_append(crc, part);
            left -= part.len();
        }
        let stored = self.at(payload + u64::from(header.length), TRAILER_LEN)?;
        if stored.len() < TRAILER_LEN {
            return Ok(None);
        }
        Ok(Some(match text {
            _ if stored != crc.to_le_bytes() => Payload::Damaged,
            Some(text) => Payload::Text(text),
            None => Payload::Sound,
        }))
    }

    /// Reads the results of the batch at `at`; false if the file ends before the record does.
    pub(super) fn batch(
        &mut self,
        header: &Header,
        at: u64,
        sink: &mut dyn FnMut(ScannedRecord),
    ) -> Result<bool> {
        let length = header.length as usize;
        let (start, total) = (at + HEADER_LEN as u64, length + TRAILER_LEN);
        let in_parts;
        let (bytes, what) = match or_reason(self.is_unfinished(start, length))? {
            Ok(true) => {
                // Those that were written before its end count.
                batch::read_beginning(self.at(start, total)?, &mut |from, item| {
                    let (offset, length) = (at + from as u64, item.length() as u64);
                    let header = item.header(header);
                    sink(ScannedRecord { header, offset, length, record: at, body: Payload::Sound });
                });
                return Ok(false);
            }
            Ok(false) => (self.at(start, total)?, None),
            Err(what) if at.saturating_add(header.record_len()) <= self.file.length(self.path)? => {
                in_parts = self.in_parts(start, total)?;
                (&*in_parts, Some(what))
            }
            Err(_) => return self.at(start, total).map(|_| false),
        };
        let (payload, crc) = bytes.split_at(length.min(bytes.len()));
        let is_sound = what.is_none() && crc32c::crc32c(payload).to_le_bytes() == crc;
        batch::read(payload, is_sound, &mut |from, found| {
            let (item, body) = match found {
                Found::Sound(item) => (item, Payload::Sound),
                Found::Damaged(item) => (item, Payload::Damaged),
                Found::Unknown => {
                    let body = what.map_or(Payload::Damaged, Payload::Unreadable);
                    return sink(ScannedRecord::whole(header.clone(), at, body));
                }
            };
            let (offset, length) = (at + from as u64, item.length() as u64);
            sink(ScannedRecord { header: item.header(header), offset, length, record: at, body });
        });
        Ok(true)
    }

    /// Whether a batch with so long a payload ends with the file, or with zeros to the end of the file, before it is whole.
    fn is_unfinished(&mut self, start: u64, length: usize) -> Result<bool> {
        let bytes = self.at(start, length + TRAILER_LEN)?;
        let Some((payload, crc)) = bytes.split_at_checked(length).filter(|(_, crc)| crc.len() == TRAILER_LEN)
        else {
            return Ok(true);
        };
        let end = start + (length + TRAILER_LEN) as u64;
        Ok(crc == [0; TRAILER_LEN] && batch::is_unfinished(payload) && self.is_zero_from(end)?)
    }

    /// What can be read of a part of the file, page by page, and zeros for the rest.
    fn in_parts(&mut self, start: u64, length: usize) -> Result<Vec<u8>> {
        let (mut bytes, end) = (vec![0; length], start + length as u64);
        let (mut offset, mut from) = (start, 0);
        while offset < end {
            let next = (offset + 1).next_multiple_of(PAGE).min(end);
            let count = usize::try_from(next - offset).unwrap_or(length);
            if let Ok(part) = or_reason(self.at(offset, count).map(<[u8]>::to_vec))? {
                bytes[from..from + part.len()].copy_from_slice(&part);
            }
            (offset, from) = (next, from + count);
        }
        Ok(bytes)
    }

    /// Tells a tail that was not written to its end from damage.
    pub(super) fn what_is_here(&mut self, at: u64) -> Result<ScanEnd> {
        if self.at(at, HEADER_LEN)?.len() < HEADER_LEN {
            return Ok(ScanEnd::Incomplete);
        }
        Ok(if self.is_zero_from(at)? {
            ScanEnd::Incomplete
        } else {
            ScanEnd::Garbage("a record's header is damaged; what follows it cannot be read")
        })
    }

    /// Whether only zeros follow, and not more than a power cut leaves.
    fn is_zero_from(&mut self, from: u64) -> Result<bool> {
        let mut offset = from;
        loop {
            let part = self.at(offset, CHUNK)?;
            if part.is_empty() {
                return Ok(true);
            }
            if part.iter().any(|&byte| byte != 0) || offset - from > ZEROS_MAX {
                return Ok(false);
            }
            offset += part.len() as u64;
        }
    }
}
