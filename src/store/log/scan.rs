//! Reading the records of one segment, in bounded memory.

use std::path::Path;

use crate::error::StoreError;
use crate::os::{File, FileSystem};
use crate::store::log::batch::RECORD_MAX;
use crate::store::log::record::{CRITICAL, HEADER_LEN, Header, Kind};
use crate::store::log::scanned::{Payload, ScanEnd, ScannedRecord};
use crate::store::log::segment::{self, SegmentHeader};
use crate::store::log::window::{CHUNK, Window};
use crate::store::media_error::{self, or_reason};
use crate::store::pack;
use crate::{Error, Result};

const BAD_HEAD: &str = "the file's header is damaged";

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
    let mut window = Window::new(file, path, chunk);
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
        if header.kind == Kind::Batch && header.is_known() && header.length as usize <= RECORD_MAX {
            if !window.batch(&header, *at, sink)? {
                return Ok(ScanEnd::Incomplete);
            }
            *at += header.record_len();
            continue;
        }
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
        sink(ScannedRecord::whole(header, offset, body));
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
