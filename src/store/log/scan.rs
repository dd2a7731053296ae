//! Reading the records of one segment, in bounded memory.

use std::path::Path;

use crate::error::{IoContext, StoreError};
use crate::os::{File, FileSystem};
use crate::store::log::record::{CRITICAL, HEADER_LEN, Header, Kind, TRAILER_LEN};
use crate::store::log::segment::{self, SegmentHeader};
use crate::store::media_error::{self, or_reason};
use crate::store::pack;
use crate::{Error, Result};

/// More zeros than a power cut leaves of what was written and not synced.
const ZEROS_MAX: u64 = 16 * 1024 * 1024;
const BAD_HEAD: &str = "the file's header is damaged";
/// How much of a file is in memory at a time.
const CHUNK: usize = 256 * 1024;
/// The smallest part of a file that a disk reads or cannot read.
const PAGE: u64 = 4096;
/// The longest text of a NAME or ALIAS record that is kept.
const TEXT_MAX: u32 = 64 * 1024;

/// One record with a good header.
#[derive(Debug)]
pub struct ScannedRecord {
    /// The record's header.
    pub header: Header,
    /// Where the record begins in its file.
    pub offset: u64,
    /// What is known about its payload.
    pub body: Payload,
}

/// The payload of a record, as far as the index needs it.
#[derive(Debug)]
pub enum Payload {
    /// Sound, and left in the file.
    Sound,
    /// The payload of a NAME, ALIAS or ORIGIN record.
    Text(Box<[u8]>),
    /// The payload does not match its checksum.
    Damaged,
    /// The payload cannot be read, for the reason given.
    Unreadable(&'static str),
}

impl ScannedRecord {
    /// Whether it is what was stored.
    pub fn is_sound(&self) -> bool {
        matches!(self.body, Payload::Sound | Payload::Text(_))
    }

    /// Why its payload cannot be read, if it cannot.
    pub fn unreadable(&self) -> Option<&'static str> {
        match self.body {
            Payload::Unreadable(what) => Some(what),
            Payload::Sound | Payload::Text(_) | Payload::Damaged => None,
        }
    }
}

/// Why the reading of a segment stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanEnd {
    /// At the end of the file, right after a record.
    End,
    /// After a SEAL: nothing will ever follow.
    Sealed,
    /// At a record that is not all there, or at zeros.
    Incomplete,
    /// At bytes that are no record, for the reason given.
    Garbage(&'static str),
    /// At bytes that cannot be read now, for the reason given.
    Unreadable(&'static str),
}

impl ScanEnd {
    /// Why what follows cannot be read, if it cannot.
    pub fn unreadable(self) -> Option<&'static str> {
        match self {
            ScanEnd::Unreadable(what) => Some(what),
            ScanEnd::End | ScanEnd::Sealed | ScanEnd::Incomplete | ScanEnd::Garbage(_) => None,
        }
    }
}

/// Reads records from `from` on (0: the start of the file) and hands each to `sink`.
///
/// No record that begins at `until` or later is read: who writes faster than this process reads must not
/// keep it reading for ever. Returns where the next record begins and why the reading stopped there. It stops at what
/// cannot be read; all other errors are returned.
///
/// # Errors
///
/// Where the file is gone or of a later version.
pub fn scan(
    fs: &dyn FileSystem,
    path: &Path,
    uuid: Option<[u8; 16]>,
    (from, until): (u64, u64),
    sink: &mut dyn FnMut(ScannedRecord),
) -> Result<(u64, ScanEnd)> {
    match or_reason(fs.open_to_read(path))? {
        Ok(file) => scan_open(&ScanRequest { file: &*file, path, uuid, from, until }, sink),
        Err(what) => Ok((from, ScanEnd::Unreadable(what))),
    }
}

/// Which part of which file is read.
pub struct ScanRequest<'a> {
    /// The file, open.
    pub file: &'a dyn File,
    /// What errors call it.
    pub path: &'a Path,
    /// The jugdir that it has to belong to, if that is known.
    pub uuid: Option<[u8; 16]>,
    /// Where a record begins; at 0 the file's header is read first.
    pub from: u64,
    /// Where to end, at the next record.
    pub until: u64,
}

impl<'a> ScanRequest<'a> {
    /// All of a file.
    pub fn whole(file: &'a dyn File, path: &'a Path, uuid: Option<[u8; 16]>) -> ScanRequest<'a> {
        ScanRequest { file, path, uuid, from: 0, until: u64::MAX }
    }
}

/// How the header of a file is read.
type ReadHead = fn(&[u8], &Path) -> Result<SegmentHeader>;

/// Like [`scan`], for a file that is open already.
///
/// # Errors
///
/// [`StoreError::NewerRecord`] at a record that must not be skipped, and where the file cannot be read at all.
pub fn scan_open(request: &ScanRequest, sink: &mut dyn FnMut(ScannedRecord)) -> Result<(u64, ScanEnd)> {
    read_all(request, segment::decode, sink)
}

/// Reads the records of a pack, in the same way.
///
/// # Errors
///
/// As [`scan_open`].
pub fn scan_pack(request: &ScanRequest, sink: &mut dyn FnMut(ScannedRecord)) -> Result<(u64, ScanEnd)> {
    read_all(request, pack::decode_head, sink)
}

fn read_all(
    request: &ScanRequest,
    head: ReadHead,
    sink: &mut dyn FnMut(ScannedRecord),
) -> Result<(u64, ScanEnd)> {
    let mut at = request.from;
    match or_reason(read_on(request, head, &mut at, sink))? {
        Ok(stop) => Ok((at, stop)),
        Err(what) => Ok((at, ScanEnd::Unreadable(what))),
    }
}

/// Where the first record of a file begins, or why there is none.
fn after_head(window: &mut Window, head: ReadHead, uuid: Option<[u8; 16]>) -> Result<Result<u64, ScanEnd>> {
    let path = window.path;
    let stop = match head(window.at(0, segment::HEADER_MAX)?, path)? {
        SegmentHeader::Good { uuid: found, .. } if uuid.is_some_and(|uuid| uuid != found) => {
            ScanEnd::Garbage("it belongs to another jugdir")
        }
        SegmentHeader::Good { length, .. } => return Ok(Ok(length as u64)),
        // Zeros, or fewer bytes than a header has.
        SegmentHeader::Incomplete if window.at(0, segment::HEADER_MAX)?.iter().all(|&byte| byte == 0) => {
            match window.what_is_here(0)? {
                ScanEnd::Garbage(_) => ScanEnd::Garbage(BAD_HEAD),
                stop => stop,
            }
        }
        SegmentHeader::Incomplete => ScanEnd::Incomplete,
        SegmentHeader::Bad => ScanEnd::Garbage(BAD_HEAD),
    };
    Ok(Err(stop))
}

/// Reads records from `at` on, which is where the next one begins in the end.
fn read_on(
    request: &ScanRequest,
    head: ReadHead,
    at: &mut u64,
    sink: &mut dyn FnMut(ScannedRecord),
) -> Result<ScanEnd> {
    let ScanRequest { file, path, uuid, until, .. } = *request;
    let length = file.length(path)?;
    // Most segments are much shorter than a chunk.
    let chunk = usize::try_from(length.saturating_sub(*at)).unwrap_or(CHUNK).min(CHUNK) + 1;
    let mut window = Window { file, path, bytes: Vec::new(), base: 0, chunk, is_careful: false };
    if *at == 0 {
        match after_head(&mut window, head, uuid)? {
            Ok(first) => *at = first,
            Err(stop) => return Ok(stop),
        }
    }
    loop {
        if *at >= until {
            return Ok(ScanEnd::End);
        }
        let head = window.at(*at, HEADER_LEN)?;
        if head.is_empty() {
            return Ok(ScanEnd::End);
        }
        let Some(header) = Header::decode(head) else {
            return window.what_is_here(*at);
        };
        let body = match window.body(&header, *at) {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(ScanEnd::Incomplete),
            // Its header says where the next one is, if the file is that long.
            Err(error) => match media_error::reason(&error) {
                Some(what) if at.saturating_add(header.record_len()) <= length => Payload::Unreadable(what),
                _ => return Err(error),
            },
        };
        if !header.is_known() {
            refuse_if_critical(&header, path)?;
        }
        let offset = *at;
        *at += header.record_len();
        let sealed = header.kind == Kind::Seal;
        sink(ScannedRecord { header, offset, body });
        if sealed {
            return Ok(ScanEnd::Sealed);
        }
    }
}

fn refuse_if_critical(header: &Header, path: &Path) -> Result<()> {
    if header.flags & CRITICAL == 0 {
        return Ok(());
    }
    let (version, kind) = (header.version, header.kind.to_byte());
    Err(Error::Store(StoreError::NewerRecord { path: path.to_owned(), version, kind }))
}

/// The part of a file that is in memory.
struct Window<'f> {
    file: &'f dyn File,
    path: &'f Path,
    bytes: Vec<u8>,
    base: u64,
    /// How much is read at a time, unless more is asked for.
    chunk: usize,
    /// A part of the file cannot be read: from here on only those pages are read that are asked for.
    is_careful: bool,
}

impl Window<'_> {
    /// Up to `length` bytes (at most [`CHUNK`]) from `offset`; fewer where the file ends.
    fn at(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
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
    fn body(&mut self, header: &Header, at: u64) -> Result<Option<Payload>> {
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

    /// Tells a tail that was not written to its end from damage.
    fn what_is_here(&mut self, at: u64) -> Result<ScanEnd> {
        if self.at(at, HEADER_LEN)?.len() < HEADER_LEN {
            return Ok(ScanEnd::Incomplete);
        }
        let mut offset = at;
        loop {
            let part = self.at(offset, CHUNK)?;
            if part.is_empty() {
                return Ok(ScanEnd::Incomplete);
            }
            if part.iter().any(|&byte| byte != 0) || offset - at > ZEROS_MAX {
                return Ok(ScanEnd::Garbage("a record's header is damaged; what follows it cannot be read"));
            }
            offset += part.len() as u64;
        }
    }
}

/// A record as it was found in its file.
#[derive(Debug)]
pub enum RecordAt {
    /// All of it, and sound.
    Whole(Header, Vec<u8>),
    /// Not what was stored, for this reason.
    Damaged(&'static str),
}

/// How much of a record is read at first: header and payload of most.
const FIRST_READ: usize = 4096;

/// The header of a record, whatever became of its payload.
pub fn header_at(file: &dyn File, offset: u64) -> Option<Header> {
    let mut bytes = [0; HEADER_LEN];
    file.read_full_at(&mut bytes, offset).ok()?;
    Header::decode(&bytes)
}

/// Reads one record and checks it; one that cannot be read is damaged. No more memory is asked for than there is file.
///
/// # Errors
///
/// Where the file is gone, and where a later version wrote the record.
pub fn record_at(file: &dyn File, path: &Path, offset: u64) -> Result<RecordAt> {
    Ok(or_reason(try_record_at(file, path, offset))?.unwrap_or_else(RecordAt::Damaged))
}

fn try_record_at(file: &dyn File, path: &Path, offset: u64) -> Result<RecordAt> {
    // What is remembered of the file may be older than the record.
    if file.length(path)? < offset.saturating_add(FIRST_READ as u64) {
        file.ask(path)?;
    }
    let mut bytes = vec![0; FIRST_READ];
    let count = match or_reason(file.read_full_at(&mut bytes, offset).context("reading", path))? {
        Ok(count) => count,
        // The record may end before what cannot be read.
        Err(_) => file.read_full_at(&mut bytes[..HEADER_LEN], offset).context("reading", path)?,
    };
    let Some(header) = Header::decode(&bytes[..count]) else {
        return Ok(RecordAt::Damaged("its record's header is damaged"));
    };
    let end = HEADER_LEN + header.length as usize;
    let length = file.length(path)?;
    if length.saturating_sub(offset) < header.record_len() {
        return Ok(RecordAt::Damaged("its record is cut off"));
    }
    let total = end + TRAILER_LEN;
    bytes.resize(total, 0);
    if total > count {
        let rest = offset + count as u64;
        file.read_full_at(&mut bytes[count..], rest).context("reading", path)?;
    }
    let payload = &bytes[HEADER_LEN..end];
    if crc32c::crc32c(payload).to_le_bytes() != bytes[end..] {
        return Ok(RecordAt::Damaged("its record does not match its checksum"));
    }
    bytes.truncate(end);
    bytes.drain(..HEADER_LEN);
    Ok(RecordAt::Whole(header, bytes))
}
