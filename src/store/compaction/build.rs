//! Writing a pack: what counts of several segments and packs, one after the other, and the index of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::merge::{Input, Merge, ReadSummary};
use crate::error::{IoContext, StoreError};
use crate::os::File;
use crate::store::index::Location;
use crate::store::log::record::{self, CRITICAL, Header, Kind};
use crate::store::log::scan::{self, Payload, RecordAt, ScanEnd, ScanRequest, ScannedRecord};
use crate::store::media_error::or_reason;
use crate::store::pack;
use crate::store::pack::format::{self, Entry, IndexHeader, Run};
use crate::store::pack::manifest::PackEntry;
use crate::store::pack::reader::Pack;
use crate::{Error, Key, Result};

/// How much is written at a time.
const CHUNK: usize = 1024 * 1024;

/// A new pack.
#[derive(Clone, Debug)]
pub struct Built {
    /// As the manifest is to list it.
    pub listed: PackEntry,
    /// How many of its results were in no pack before.
    pub fresh: u64,
}

/// A pack under construction.
struct Draft {
    file: Arc<dyn File>,
    path: PathBuf,
    buffer: Vec<u8>,
    length: u64,
    entries: Vec<Entry>,
    runs: Vec<Run>,
    fresh: u64,
}

/// Writes the pack of these inputs and its index, durably, under names that nobody else uses. `None` if there
/// is nothing in it.
///
/// With `forget`, nothing is kept of what was removed: no record can appear any more that it speaks of.
///
/// # Errors
///
/// Where an input cannot be read, reads otherwise than before, or the pack cannot be written.
pub fn build(
    merge: &Merge,
    inputs: &[Input],
    packs: &Path,
    stem: &str,
    forget: bool,
) -> Result<Option<Built>> {
    let path = packs.join(format!("{stem}.pack"));
    let index_path = packs.join(format!("{stem}.idx"));
    let written = write(merge, inputs, path.clone(), forget).and_then(|draft| {
        if draft.entries.is_empty() {
            return Ok(None);
        }
        let fresh = draft.fresh;
        check(merge, &draft)?;
        let listed = finish(merge, draft, &index_path, stem)?;
        merge.fs.sync_dir(packs).context("syncing", packs)?;
        Ok(Some(Built { listed, fresh }))
    });
    if !matches!(written, Ok(Some(_))) {
        // The first error is the one to report; what is left over is swept later.
        let _ = merge.fs.unlink(&path);
        let _ = merge.fs.unlink(&index_path);
    }
    written
}

fn write(merge: &Merge, inputs: &[Input], path: PathBuf, forget: bool) -> Result<Draft> {
    let file = merge.fs.create_new(&path)?;
    let (buffer, length) = (Vec::with_capacity(CHUNK + 4096), 0);
    let mut draft = Draft { file, path, buffer, length, entries: Vec::new(), runs: Vec::new(), fresh: 0 };
    draft.put(&pack::encode_head(merge.uuid))?;
    for input in inputs {
        match input {
            Input::Segment { name, .. } => {
                let path = merge.segments.join(name);
                let before = draft.entries.len();
                // Where it cannot be opened there is nothing to copy, if that was known.
                match or_reason(merge.fs.open_to_read(&path))? {
                    Ok(file) => copy_segment(merge, &mut draft, name, &*file, &path)?,
                    Err(what) => merge.check_tolerated(&path, Some(what), Some(0))?,
                }
                draft.fresh +=
                    draft.entries[before..].iter().filter(|entry| entry.is_result()).count() as u64;
            }
            Input::Pack(pack) => copy_pack(merge, &mut draft, pack)?,
        }
    }
    if !forget {
        draft.put_tombstones(merge)?;
    }
    draft.flush()?;
    Ok(draft)
}

fn copy_segment(merge: &Merge, draft: &mut Draft, name: &str, file: &dyn File, path: &Path) -> Result<()> {
    let mut copy = Copy::new(merge, draft, file, path);
    copy.begin(name);
    let (end, stop) =
        scan::scan_open(&ScanRequest::whole(file, path, Some(merge.uuid)), &mut |event| copy.take(&event))?;
    let sound = copy.end()?;
    merge.check_unchanged(path, ReadSummary { end, stop, sound })
}

fn copy_pack(merge: &Merge, draft: &mut Draft, pack: &Pack) -> Result<()> {
    let mut copy = Copy::new(merge, draft, &**pack.file(), pack.path());
    copy.is_pack = true;
    let (end, stop) = pack.scan(&mut |event| copy.take(&event))?;
    merge.check_tolerated(pack.path(), stop.unreadable(), Some(end))?;
    if let ScanEnd::End | ScanEnd::Sealed = stop {
        return copy.end().map(|_| ());
    }
    // The index still says where the records behind that are.
    let mut behind = Vec::new();
    pack.each(&mut |entry| behind.extend((entry.offset >= end).then_some(*entry)))?;
    behind.sort_unstable_by_key(|entry| entry.offset);
    let runs = pack.runs()?;
    let mut current = None;
    for entry in behind {
        let RecordAt::Whole(header, payload) = scan::record_at(&**pack.file(), pack.path(), entry.offset)?
        else {
            continue;
        };
        let run = pack.run_at(entry.offset)?;
        if current != Some(run) {
            current = Some(run);
            runs.get(run).into_iter().for_each(|run| copy.resume(run));
        }
        let is_text = matches!(header.kind, Kind::Alias);
        let body = if is_text { Payload::Text(payload.into()) } else { Payload::Sound };
        copy.take(&ScannedRecord { header, offset: entry.offset, body });
    }
    copy.end().map(|_| ())
}

/// Reads what was written: what it is made of is about to be removed, and was read once more to be copied.
fn check(merge: &Merge, draft: &Draft) -> Result<()> {
    let file = merge.fs.open_to_read(&draft.path)?;
    let (mut entries, mut is_whole) = (0, true);
    let written = ScanRequest::whole(&*file, &draft.path, Some(merge.uuid));
    let (end, stop) = scan::scan_pack(&written, &mut |event| {
        is_whole &= event.is_sound();
        entries += usize::from(!matches!(event.header.kind, Kind::Name | Kind::Origin));
    })?;
    if is_whole && stop == ScanEnd::End && end == draft.length && entries == draft.entries.len() {
        return Ok(());
    }
    let what = "what was written is not what was read; nothing was removed for it".to_owned();
    Err(Error::Store(StoreError::Damaged { path: draft.path.clone(), what }))
}

fn finish(merge: &Merge, mut draft: Draft, index_path: &Path, stem: &str) -> Result<PackEntry> {
    draft.file.sync().context("syncing", &draft.path)?;
    draft.entries.sort_unstable_by_key(Entry::rank);
    let body = format::encode_body(&draft.entries, &draft.runs);
    let results = draft.entries.iter().filter(|entry| entry.is_result()).count() as u64;
    let head = IndexHeader {
        uuid: merge.uuid,
        pack: draft.length,
        entries: draft.entries.len() as u64,
        results,
        specials: draft.entries.iter().filter(|entry| entry.is_special()).count() as u64,
        runs: format::encode_runs(&draft.runs).len() as u64,
        epoch: merge.epoch(),
    };
    let file = merge.fs.create_new(index_path)?;
    let written = file.append(&head.encode()).and_then(|()| file.append(&body));
    written.and_then(|()| file.sync()).context("writing", index_path)?;
    Ok(PackEntry { stem: stem.to_owned(), length: draft.length, index: head.length(), results })
}

impl Draft {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.append(&self.buffer).context("writing", &self.path)?;
        self.buffer.clear();
        Ok(())
    }

    /// A record that no input holds as it is.
    fn put_record(&mut self, mut header: Header, payload: &[u8]) -> Result<()> {
        let mut bytes = Vec::new();
        record::append(&mut bytes, &mut header, &[payload]);
        self.put(&bytes)
    }

    fn begin_run(&mut self, origin: &str) -> Result<()> {
        self.runs.push(Run { offset: self.length, origin: origin.to_owned(), names: Vec::new() });
        self.put_record(Header::keyless(Kind::Origin), origin.as_bytes())
    }

    /// What keeps records from counting that are not packed yet.
    fn put_tombstones(&mut self, merge: &Merge) -> Result<()> {
        let mut keys: Vec<Key> = merge.index.unusual_keys().copied().collect();
        keys.sort_unstable();
        let mut begun = false;
        for key in keys {
            let summary = merge.index.summary(&key);
            // A result that is left out still says that failures before it are over.
            let left_out = summary.result.filter(|result| result.epoch < summary.removed);
            let cleared = left_out.map_or(summary.cleared, |result| summary.cleared.max(result.epoch + 1));
            for (kind, epoch) in [(Kind::Cleared, cleared), (Kind::Removed, summary.removed)] {
                if epoch > 0 {
                    if !begun {
                        self.begin_run("")?;
                        begun = true;
                    }
                    self.entries.push(Entry { key, epoch, kind, offset: self.length });
                    self.put_record(Header { flags: CRITICAL, ..Header::new(kind, key, epoch) }, &[])?;
                }
            }
        }
        Ok(())
    }
}

/// Copies what counts of one file.
struct Copy<'c, 'a> {
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
    is_pack: bool,
    /// How many sound records there were.
    sound: u64,
    outcome: Result<()>,
}

impl<'c, 'a> Copy<'c, 'a> {
    fn new(merge: &'c Merge<'a>, draft: &'c mut Draft, file: &'c dyn File, path: &'c Path) -> Copy<'c, 'a> {
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
            is_pack,
            sound: 0,
            outcome,
        }
    }

    fn begin(&mut self, origin: &str) {
        self.segment = self.merge.index.number(origin).unwrap_or(0);
        self.origin = Some(origin.to_owned());
        self.names.clear();
    }

    /// Goes on in the middle of a run of a pack, as its index describes it.
    fn resume(&mut self, run: &Run) {
        self.begin(&run.origin);
        let names = run.names.iter();
        self.names = names.map(|(id, name)| (*id, name.as_bytes().into(), false)).collect();
    }

    fn take(&mut self, event: &ScannedRecord) {
        self.sound += u64::from(event.is_sound());
        if self.outcome.is_ok() {
            self.outcome = self.try_take(event);
        }
    }

    fn try_take(&mut self, event: &ScannedRecord) -> Result<()> {
        let header = &event.header;
        let text = match &event.body {
            Payload::Damaged if self.is_pack && !self.merge.leaves_out => {
                let what = "holds corruption, which is evidence";
                return Err(Error::Store(StoreError::Unreadable { path: self.path.to_owned(), what }));
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
                self.keep(header, event.offset)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, header: &Header, offset: u64) -> Result<()> {
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
        let end = offset + header.record_len();
        if self.span.1 != offset || self.span.1 - self.span.0 > CHUNK as u64 {
            self.copy_span()?;
            self.span.0 = offset;
        }
        let to = self.draft.length + (offset - self.span.0);
        self.span.1 = end;
        let Header { key, epoch, kind, .. } = *header;
        self.draft.entries.push(Entry { key, epoch, kind, offset: to });
        Ok(())
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
    fn end(mut self) -> Result<u64> {
        std::mem::replace(&mut self.outcome, Ok(()))?;
        self.copy_span()?;
        Ok(self.sound)
    }
}
