//! A pack under construction: records, results in batches, and the index of both.

use std::path::PathBuf;
use std::sync::Arc;

use super::merge::Merge;
use crate::error::IoContext;
use crate::os::File;
use crate::store::log::batch::{self, Builder, ITEM_MIN};
use crate::store::log::record::{self, CRITICAL, Header, Kind};
use crate::store::pack::format::{self, Contents, Entry, IndexHeader};
use crate::store::pack::runs::{Run, encode_runs};
use crate::store::pack::small::{self, BatchEntry, SmallEntry};
use crate::{Key, Result};

/// How much is written at a time.
pub(super) const CHUNK: usize = 1024 * 1024;
/// How many bytes of results go into one batch.
const BATCH: usize = 60 * 1024;
/// Up to how many results take less room as records of their own than as a batch.
const FEW: usize = 2;

/// A pack under construction.
pub(super) struct Draft {
    pub(super) file: Arc<dyn File>,
    pub(super) path: PathBuf,
    /// How many of its results were in no pack before.
    pub(super) fresh: u64,
    pub(super) runs: Vec<Run>,
    buffer: Vec<u8>,
    length: u64,
    results: u64,
    entries: Vec<Entry>,
    smalls: Vec<SmallEntry>,
    batches: Vec<BatchEntry>,
    /// Small results of the last run that are not written yet.
    waiting: Vec<(Header, Vec<u8>)>,
    waiting_bytes: usize,
}

impl Draft {
    /// A pack without any bytes.
    pub(super) fn new(file: Arc<dyn File>, path: PathBuf) -> Draft {
        Draft {
            file,
            path,
            fresh: 0,
            runs: Vec::new(),
            buffer: Vec::with_capacity(CHUNK + 4096),
            length: 0,
            results: 0,
            entries: Vec::new(),
            smalls: Vec::new(),
            batches: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
        }
    }

    /// Its length so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// How many records and results in batches are in it.
    pub(super) fn count(&self) -> usize {
        self.entries.len() + self.smalls.len()
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.count() + self.waiting.len() == 0
    }

    /// How many results were added.
    pub(super) fn results(&self) -> u64 {
        self.results
    }

    /// Adds bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.buffer.len() >= CHUNK { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        self.file.append(&self.buffer).context("writing", &self.path)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes all that was added.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.put_waiting()?;
        self.write()
    }

    /// Enters a record that begins so many bytes behind those that were added.
    pub(super) fn enter(&mut self, header: &Header, ahead: u64) {
        let entry = self.entry(header, ahead);
        self.results += u64::from(entry.is_result());
        self.entries.push(entry);
    }

    fn entry(&self, header: &Header, ahead: u64) -> Entry {
        let Header { key, epoch, kind, .. } = *header;
        Entry { key, epoch, kind, offset: self.length + ahead }
    }

    /// Adds a record that no input holds as it is.
    pub(super) fn put_record(&mut self, mut header: Header, payload: &[u8]) -> Result<()> {
        let mut bytes = Vec::new();
        record::append(&mut bytes, &mut header, &[payload]);
        self.put(&bytes)
    }

    /// Adds a small result to those that will be in a batch.
    pub(super) fn put_small(&mut self, header: Header, value: Vec<u8>) {
        self.waiting_bytes += ITEM_MIN + value.len();
        self.results += 1;
        self.waiting.push((header, value));
    }

    /// Whether those are enough for a batch.
    pub(super) fn is_batch_full(&self) -> bool {
        self.waiting_bytes >= BATCH
    }

    /// Writes the results that are to be in a batch.
    pub(super) fn put_waiting(&mut self) -> Result<()> {
        self.waiting_bytes = 0;
        let mut waiting = std::mem::take(&mut self.waiting);
        // What has the same facts shares a batch.
        waiting.sort_by_key(|(header, _)| (header.epoch, header.attempt, header.code));
        let (mut bytes, mut open): (_, Option<Builder>) = (Vec::new(), None);
        let is_few = waiting.len() <= FEW;
        for (header, value) in waiting {
            if !is_few && self.put_in_batch(&mut bytes, &mut open, &header, &value) {
                continue;
            }
            if let Some(open) = open.take() {
                open.finish(&mut bytes);
            }
            let entry = self.entry(&header, bytes.len() as u64);
            self.entries.push(entry);
            record::append(&mut bytes, &mut { header }, &[&value]);
        }
        if let Some(open) = open {
            open.finish(&mut bytes);
        }
        self.put(&bytes)
    }

    /// Adds a result to the open batch, or to a new one; false where it can be in none.
    fn put_in_batch(
        &mut self,
        bytes: &mut Vec<u8>,
        open: &mut Option<Builder>,
        header: &Header,
        value: &[u8],
    ) -> bool {
        let mut at = open.as_mut().and_then(|open| Some(open.start() + open.push(bytes, header, &[value])?));
        if at.is_none() {
            if let Some(open) = open.take() {
                open.finish(bytes);
            }
            let mut new = Builder::begin(bytes, header);
            let start = new.start();
            let Some(from) = new.push(bytes, header, &[value]) else {
                bytes.truncate(start);
                return false;
            };
            self.batches.push(BatchEntry { offset: self.length + start as u64, epoch: header.epoch });
            (at, *open) = (Some(start + from), Some(new));
        }
        let offset = self.length + at.unwrap_or(0) as u64;
        self.smalls.push(SmallEntry { prefix: small::prefix(&header.key), offset });
        true
    }

    /// Begins the records of another segment.
    pub(super) fn begin_run(&mut self, origin: &str) -> Result<()> {
        self.put_waiting()?;
        self.runs.push(Run { offset: self.length, origin: origin.to_owned(), names: Vec::new() });
        self.put_record(Header::keyless(Kind::Origin), origin.as_bytes())
    }

    /// What keeps records from counting that are not packed yet.
    pub(super) fn put_tombstones(&mut self, merge: &Merge) -> Result<()> {
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
                    let header = Header { flags: CRITICAL, ..Header::new(kind, key, epoch) };
                    self.enter(&header, 0);
                    self.put_record(header, &[])?;
                }
            }
        }
        Ok(())
    }

    /// The index of all that was added.
    pub(super) fn index(mut self, merge: &Merge) -> (IndexHeader, Vec<u8>) {
        self.entries.sort_unstable_by_key(Entry::rank);
        self.smalls.sort_unstable();
        let Draft { entries, smalls, batches, runs, .. } = &self;
        let head = IndexHeader {
            version: format::VERSION,
            uuid: merge.uuid,
            pack: self.length,
            entries: entries.len() as u64,
            smalls: smalls.len() as u64,
            batches: batches.len() as u64,
            results: self.results(),
            specials: entries.iter().filter(|entry| entry.is_special()).count() as u64,
            runs: encode_runs(runs).len() as u64,
            epoch: merge.epoch(),
        };
        (head, Contents { entries, smalls, batches, runs }.encode())
    }
}

/// Whether a result of a record or of a batch goes into a batch.
pub(super) fn is_small(header: &Header) -> bool {
    batch::is_small(header, header.length as usize)
}
