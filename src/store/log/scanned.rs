//! What is found in a file of records.

use super::record::Header;

/// One record with a good header, or one result of a batch.
#[derive(Debug)]
pub struct ScannedRecord {
    /// The record's header; of a result in a batch the one that it would have as a record of its own.
    pub header: Header,
    /// Where it begins in its file.
    pub offset: u64,
    /// How many bytes of the file it takes.
    pub length: u64,
    /// Where the record begins that it is, or is in.
    pub record: u64,
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
    /// A record of its own.
    pub fn whole(header: Header, offset: u64, body: Payload) -> ScannedRecord {
        let length = header.record_len();
        ScannedRecord { header, offset, length, record: offset, body }
    }

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
