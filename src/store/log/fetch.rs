//! Reading one record, or one result of a batch, and checking it.

use std::path::Path;

use crate::error::IoContext;
use crate::os::File;
use crate::store::log::batch::{self, ITEM_MIN, Item};
use crate::store::log::record::{self, HEADER_LEN, Header, Kind, TRAILER_LEN};
use crate::store::media_error::or_reason;
use crate::{Key, Result};

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

/// The key and the name id of a record or of a result in a batch, whatever became of its value.
pub fn whose(file: &dyn File, offset: u64) -> Option<(Key, u32)> {
    let mut bytes = [0; HEADER_LEN];
    let count = file.read_full_at(&mut bytes, offset).ok()?;
    match Header::decode(&bytes[..count]) {
        Some(header) => Some((header.key, header.name)),
        None => batch::whose(&bytes[..count]),
    }
}

/// Reads one record, or one result of a batch, and checks it; one that cannot be read is damaged. No more memory is asked
/// for than there is file.
///
/// # Errors
///
/// Where the file is gone, and where a later version wrote the record.
pub fn record_at(file: &dyn File, path: &Path, offset: u64) -> Result<RecordAt> {
    Ok(or_reason(try_record_at(file, path, offset, true))?.unwrap_or_else(RecordAt::Damaged))
}

/// The same for its value alone: of a result in a batch the header lacks the epoch, the start, the attempt and the
/// fingerprint of the code.
///
/// # Errors
///
/// As [`record_at`].
pub fn value_at(file: &dyn File, path: &Path, offset: u64) -> Result<RecordAt> {
    Ok(or_reason(try_record_at(file, path, offset, false))?.unwrap_or_else(RecordAt::Damaged))
}

fn try_record_at(file: &dyn File, path: &Path, offset: u64, all: bool) -> Result<RecordAt> {
    // What is remembered of the file may be older than the record.
    if file.length(path)? < offset.saturating_add(FIRST_READ as u64) {
        file.ask(path)?;
    }
    let mut bytes = vec![0; FIRST_READ];
    let count = match or_reason(file.read_full_at(&mut bytes, offset).context("reading", path))? {
        Ok(count) => count,
        // The record may end before what cannot be read.
        Err(_) => read_beginning(file, path, offset, &mut bytes)?,
    };
    let Some(header) = Header::decode(&bytes[..count]) else {
        if record::is_marked(&bytes[..count]) {
            return Ok(RecordAt::Damaged("its record's header is damaged"));
        }
        return item_at(file, path, offset, &bytes[..count], all);
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

/// Reads the header of a record, or all of a result in a batch.
fn read_beginning(file: &dyn File, path: &Path, offset: u64, bytes: &mut [u8]) -> Result<usize> {
    if let Ok(HEADER_LEN) = file.read_full_at(&mut bytes[..HEADER_LEN], offset)
        && record::is_marked(bytes)
    {
        return Ok(HEADER_LEN);
    }
    file.read_full_at(&mut bytes[..ITEM_MIN], offset).context("reading", path)?;
    let length = ITEM_MIN + batch::value_length(bytes);
    file.read_full_at(&mut bytes[..length], offset).context("reading", path)
}

/// The result of a batch that begins with these bytes at `offset`.
fn item_at(file: &dyn File, path: &Path, offset: u64, bytes: &[u8], all: bool) -> Result<RecordAt> {
    let Some(item) = Item::read(bytes) else { return Ok(RecordAt::Damaged("it is cut off")) };
    if !item.is_sound {
        return Ok(RecordAt::Damaged("it does not match its checksum"));
    }
    if !all {
        // When the task began is known only from the batch: the result has how much later than another one that was.
        let header = Header { started: 0, ..item.header(&Header::keyless(Kind::Batch)) };
        return Ok(RecordAt::Whole(header, item.value()));
    }
    let shared = match offset.checked_sub(item.distance()) {
        Some(start) => header_of(file, path, start)?,
        None => None,
    };
    Ok(match shared {
        Some(shared) if shared.kind == Kind::Batch && item.distance() < shared.record_len() => {
            RecordAt::Whole(item.header(&shared), item.value())
        }
        _ => RecordAt::Damaged("the header of its batch is damaged"),
    })
}

fn header_of(file: &dyn File, path: &Path, offset: u64) -> Result<Option<Header>> {
    let mut bytes = [0; HEADER_LEN];
    file.read_full_at(&mut bytes, offset).context("reading", path)?;
    Ok(Header::decode(&bytes))
}
