//! Copying what counts of one file to a pack.

use std::path::Path;

use super::draft::{CHUNK, Draft, is_small};
use super::merge::{DIFFERENT, EVIDENCE, Merge};
use crate::error::{IoContext, StoreError};
use crate::os::File;
use crate::store::index::Location;
use crate::store::log::batch::Item;
use crate::store::log::record::{self, HEADER_LEN, Header, Kind};
use crate::store::log::scanned::{Payload, ScannedRecord};
use crate::store::media_error::or_reason;
use crate::store::pack::runs::Run;
use crate::{Error, Result};

/// Copies what counts of one file.
pub(super) struct Copy<'c, 'a> {
    merge: &'c Merge<'a>,
    draft: &'c mut Draft,
    file: &'c dyn File,
    path: &'c Path,
    segment: u32,
    /// The segment that the records at hand come from, while none of them was copied.
    origin: Option<String>,
    /// The names of the segment so far, and whether they were copied.
    names: Vec<(u32, Box<[u8]>, bool)>,
    /// A span of the file that is to be copied as it is.
    span: (u64, u64),
    /// Whether it is a pack.
    pub(super) is_pack: bool,
    /// A part of the file, and where it begins.
    window: (u64, Vec<u8>),
    /// How many sound records there were.
    sound: u64,
    outcome: Result<()>,
}

impl<'c, 'a> Copy<'c, 'a> {
    pub(super) fn new(
        merge: &'c Merge<'a>,
        draft: &'c mut Draft,
        file: &'c dyn File,
        path: &'c Path,
    ) -> Copy<'c, 'a> {
        let (names, outcome, is_pack) = (Vec::new(), Ok(()), false);
        Copy {
            merge,
            draft,
            file,
            path,
            segment: 0,
            origin: None,
            names,
            span: (0, 0),
            window: (0, Vec::new()),
            is_pack,
            sound: 0,
            outcome,
        }
    }

    pub(super) fn begin(&mut self, origin: &str) {
        self.segment = self.merge.index.number(origin).unwrap_or(0);
        self.origin = Some(origin.to_owned());
        self.names.clear();
    }

    /// Goes on in the middle of a run of a pack, as its index describes it.
    pub(super) fn resume(&mut self, run: &Run) {
        self.begin(&run.origin);
        let names = run.names.iter();
        self.names = names.map(|(id, name)| (*id, name.as_bytes().into(), false)).collect();
    }

    pub(super) fn take(&mut self, event: &ScannedRecord) {
        self.sound += u64::from(event.is_sound());
        if self.outcome.is_ok() {
            self.outcome = self.try_take(event);
        }
    }

    fn try_take(&mut self, event: &ScannedRecord) -> Result<()> {
        let header = &event.header;
        let text = match &event.body {
            Payload::Damaged if self.is_pack && !self.merge.leaves_out => {
                let (path, what) = (self.path.to_owned(), EVIDENCE);
                return Err(Error::Store(StoreError::Unreadable { path, what }));
            }
            Payload::Damaged => return Ok(()),
            Payload::Unreadable(what) => return self.merge.check_tolerated(self.path, Some(*what), None),
            Payload::Text(text) => Some(&**text),
            Payload::Sound => None,
        };
        match (header.kind, text) {
            (Kind::Origin, Some(origin)) => {
                self.copy_span()?;
                self.begin(&String::from_utf8_lossy(origin));
            }
            (Kind::Name, Some(text)) => self.names.push((header.name, text.into(), false)),
            _ if self.merge.keeps(header, Location::in_segment(self.segment, event.offset), text) => {
                if is_small(header) {
                    let value = self.value_at(event.offset, event.length)?;
                    return self.keep_small(header, value);
                }
                self.keep(header, event.offset)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a record, or a result of a batch, that was read already.
    pub(super) fn take_read(&mut self, header: &Header, offset: u64, payload: &[u8]) {
        let text = (header.kind == Kind::Alias).then_some(payload);
        self.sound += 1;
        if self.outcome.is_err()
            || !self.merge.keeps(header, Location::in_segment(self.segment, offset), text)
        {
            return;
        }
        self.outcome = if is_small(header) {
            self.keep_small(header, payload.to_vec())
        } else {
            self.keep(header, offset)
        };
    }

    fn keep_small(&mut self, header: &Header, value: Vec<u8>) -> Result<()> {
        self.prepare(header)?;
        self.draft.put_small(header.clone(), value);
        if !self.draft.is_batch_full() {
            return Ok(());
        }
        self.copy_span()?;
        self.draft.put_waiting()
    }

    fn keep(&mut self, header: &Header, offset: u64) -> Result<()> {
        self.prepare(header)?;
        let end = offset + header.record_len();
        if self.span.1 != offset || self.span.1 - self.span.0 > CHUNK as u64 {
            self.copy_span()?;
            self.span.0 = offset;
        }
        self.span.1 = end;
        self.draft.enter(header, offset - self.span.0);
        Ok(())
    }

    /// Has the run that is at hand be begun, and the name be in it that a record refers to.
    fn prepare(&mut self, header: &Header) -> Result<()> {
        if let Some(origin) = self.origin.take() {
            self.copy_span()?;
            self.draft.begin_run(&origin)?;
        }
        let name = self.names.iter_mut().rev().find(|(id, _, _)| *id == header.name);
        if let Some((id, text, copied @ false)) = name {
            *copied = true;
            let (id, text) = (*id, text.clone());
            self.copy_span()?;
            if let Some(run) = self.draft.runs.last_mut() {
                run.names.push((id, String::from_utf8_lossy(&text).into_owned()));
            }
            self.draft.put_record(Header { name: id, ..Header::keyless(Kind::Name) }, &text)?;
        }
        Ok(())
    }

    /// The value of a sound result, from its record or its batch.
    fn value_at(&mut self, offset: u64, length: u64) -> Result<Vec<u8>> {
        let value = value_in(self.bytes(offset, usize::try_from(length).unwrap_or(0))?);
        let (path, what) = (self.path, DIFFERENT);
        value.ok_or_else(|| Error::Store(StoreError::Unreadable { path: path.to_owned(), what }))
    }

    fn bytes(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let (start, bytes) = &mut self.window;
        if offset < *start || offset + length as u64 > *start + bytes.len() as u64 {
            *start = offset;
            bytes.resize(CHUNK, 0);
            // Behind what is wanted there may be something that cannot be read.
            let count = match or_reason(self.file.read_full_at(bytes, offset).context("reading", self.path))?
            {
                Ok(count) => count,
                Err(_) => {
                    self.file.read_full_at(&mut bytes[..length], offset).context("reading", self.path)?
                }
            };
            bytes.truncate(count);
        }
        let from = usize::try_from(offset - *start).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[from..(from + length).min(bytes.len())])
    }

    fn copy_span(&mut self) -> Result<()> {
        let (mut at, end) = self.span;
        let mut bytes = Vec::new();
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            bytes.resize(length, 0);
            if self.file.read_full_at(&mut bytes, at).context("reading", self.path)? < length {
                let what = "it became shorter while it was packed".to_owned();
                return Err(Error::Store(StoreError::Damaged { path: self.path.to_owned(), what }));
            }
            self.draft.put(&bytes)?;
            at += length as u64;
        }
        self.span = (end, end);
        Ok(())
    }

    /// How many sound records there were.
    pub(super) fn end(mut self) -> Result<u64> {
        std::mem::replace(&mut self.outcome, Ok(()))?;
        self.copy_span()?;
        Ok(self.sound)
    }
}

/// The value of the record or the result of a batch that these bytes are; `None` where they are neither.
fn value_in(bytes: &[u8]) -> Option<Vec<u8>> {
    if !record::is_marked(bytes) {
        return Item::read(bytes).filter(|item| item.is_sound).map(|item| item.value());
    }
    let header = Header::decode(bytes)?;
    let (payload, crc) = bytes[HEADER_LEN..].split_at_checked(header.length as usize)?;
    (crc32c::crc32c(payload).to_le_bytes() == crc).then(|| payload.to_vec())
}
