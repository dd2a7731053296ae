//! Adding to what is stored, and taking away from it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_pickle::{HashableValue, SerOptions, Value};

use crate::codec::{Encoded, compress};
use crate::error::StoreError;
use crate::jugdir::Jugdir;
use crate::result_store::{OUTPUT, Report, RunMetadata, State};
use crate::store::blob::{self, BlobRef, Folders};
use crate::store::catalog::Catalog;
use crate::store::log::record::{COMPRESSED, CRITICAL, Header, INLINE_MAX, Kind};
use crate::store::own_writer::{Own, OwnWriter};
use crate::store::read::Reader;
use crate::{Error, Key, Result};

/// The longest text in a failure report; of a longer one the end is kept, where the reason is.
const TEXT_MAX: usize = 32 * 1024;
/// The same of what the task printed, of which whoever collected it has left out the middle.
const OUTPUT_MAX: usize = 4 * 1024 * 1024;
/// How many results are removed first where the disk is full: their records fit into the room that is kept for it.
const FEW: usize = 32;

/// Adds records.
pub(super) struct Appender {
    jugdir: Arc<Jugdir>,
    own: Arc<OwnWriter>,
    catalog: Arc<Catalog>,
    /// Says which blobs go away with their results.
    reader: Arc<Reader>,
    /// How many blobs were begun, so that no two have one name.
    blobs: AtomicU64,
    folders: Folders,
}

impl Appender {
    /// An appender that has written nothing yet.
    pub(super) fn new(
        jugdir: Arc<Jugdir>,
        own: Arc<OwnWriter>,
        catalog: Arc<Catalog>,
        reader: Arc<Reader>,
    ) -> Appender {
        Appender { jugdir, own, catalog, reader, blobs: AtomicU64::new(0), folders: Folders::default() }
    }

    /// Stores the value of a task that was claimed at `epoch`.
    ///
    /// Without an epoch the value replaces whatever result there is. With one, it counts only if the task was
    /// not invalidated since. With `at_once` it is in a file when this returns.
    pub(super) fn save(
        &self,
        key: Key,
        value: &Encoded,
        facts: &RunMetadata,
        epoch: Option<u64>,
        at_once: bool,
    ) -> Result<()> {
        let own = self.own.get_or_create()?;
        let raw: Vec<&[u8]> = value.parts.iter().map(Cow::as_ref).collect();
        let compressed = compress::compress(&raw);
        let parts = compressed.as_deref().map_or(raw, |bytes| vec![bytes]);
        let mut header = self.header(Kind::Result, key, facts, epoch)?;
        header.codec = value.codec.to_byte();
        if compressed.is_some() {
            header.flags |= COMPRESSED;
        }
        if parts.iter().map(|part| part.len()).sum::<usize>() <= INLINE_MAX {
            return own.writer.append_and_write(header, &facts.name, &parts, at_once);
        }
        let blob = self.save_blob(&own, &key, &parts)?;
        header.kind = Kind::ResultBlob;
        let stored = own.writer.append_and_write(header, &facts.name, &[&blob.encode()], at_once);
        if stored.is_err() {
            // Nothing refers to the file.
            let _ = blob::remove(&**self.jugdir.fs(), &self.jugdir.blobs(), &key, &blob);
        }
        stored
    }

    fn save_blob(&self, own: &Own, key: &Key, parts: &[&[u8]]) -> Result<BlobRef> {
        let number = self.blobs.fetch_add(1, Ordering::Relaxed);
        // Should this process be killed now, what it leaves behind is known by a worker that is dead then.
        let worker = self.jugdir.registered();
        let name = format!("{}-{number}", worker.as_ref().map_or(&*own.wid, |worker| worker.id()));
        blob::write((&**self.jugdir.fs(), &self.folders), &self.jugdir.blobs(), key, &name, parts)
    }

    fn header(&self, kind: Kind, key: Key, facts: &RunMetadata, epoch: Option<u64>) -> Result<Header> {
        let epoch = match epoch {
            Some(epoch) => epoch,
            None => self.catalog.ask_about(&key, |index| index.epoch_to_replace(&key))?,
        };
        // Where a damaged result was found, the new one must win over it in every process.
        let epoch = epoch.max(self.catalog.index().epoch_to_heal(&key));
        let RunMetadata { started, duration, code, attempt, .. } = *facts;
        Ok(Header { started, duration, code, attempt, ..Header::new(kind, key, epoch) })
    }

    /// Takes results away; whether each key had one.
    ///
    /// Results that were claimed before this do not count, even if they arrive later.
    pub(super) fn remove(&self, keys: &[Key]) -> Result<Vec<bool>> {
        if keys.is_empty() || !self.jugdir.exists() {
            return Ok(vec![false; keys.len()]);
        }
        let own = self.jugdir.by_all_means(|| self.own.get_or_create())?;
        let blobs = self.blobs_of(keys)?;
        let had = self.catalog.are(State::Result, keys)?;
        let outcome = self.remove_with_blobs(&own, keys, &blobs);
        match outcome {
            Err(error) if error.is_full() => {
                self.jugdir.give_back_reserve()?;
                self.remove_in_portions(&own, keys, &blobs)?;
            }
            outcome => outcome?,
        }
        Ok(had)
    }

    fn remove_with_blobs(&self, own: &Own, keys: &[Key], blobs: &HashMap<Key, BlobRef>) -> Result<()> {
        self.remove_records(own, keys)?;
        for (key, blob) in keys.iter().filter_map(|key| blobs.get_key_value(key)) {
            blob::remove(&**self.jugdir.fs(), &self.jugdir.blobs(), key, blob)?;
        }
        Ok(())
    }

    /// On a full disk: a few keys at a time, the blobs first, because each makes more room than its record takes.
    fn remove_in_portions(&self, own: &Own, keys: &[Key], blobs: &HashMap<Key, BlobRef>) -> Result<()> {
        let mut rest: Vec<Key> = keys.to_vec();
        // The largest last, from where they are taken.
        rest.sort_by_key(|key| blobs.get(key).map_or(0, |blob| blob.length));
        let mut count = FEW;
        while !rest.is_empty() {
            let start = rest.len().saturating_sub(count);
            match self.remove_with_blobs(own, &rest[start..], blobs) {
                Ok(()) => {
                    rest.truncate(start);
                    count = count.saturating_mul(2);
                }
                Err(error) if error.is_full() && count > 1 => count /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes REMOVED for each key, on disk when this returns, so that no result counts that was claimed before.
    fn remove_records(&self, own: &Own, keys: &[Key]) -> Result<()> {
        loop {
            let epoch = self.catalog.epoch() + 1;
            for key in keys {
                let header = Header { flags: CRITICAL, ..Header::new(Kind::Removed, *key, epoch) };
                own.writer.append(header, "", &[])?;
            }
            own.publish()?;
            // Somebody else may have taken the same epoch at the same time. A worker that has seen his records and
            // not these would stamp with it what it makes of results that are taken away here.
            self.catalog.poll_segments()?;
            if self.catalog.index().others_epoch() < epoch {
                return Ok(());
            }
        }
    }

    fn blobs_of(&self, keys: &[Key]) -> Result<HashMap<Key, BlobRef>> {
        let mut blobs = HashMap::new();
        for key in keys {
            let is_blob = self.catalog.ask_about(key, |index| index.blob(key).is_some())?;
            if is_blob && let Some(blob) = self.reader.blob_of(key)? {
                blobs.insert(*key, blob);
            }
        }
        Ok(blobs)
    }

    /// Records that a run failed; a report's texts are cut to their last 32 KiB, but for what the task printed.
    pub(super) fn save_failure(&self, key: Key, report: &Report, facts: &RunMetadata) -> Result<()> {
        let own = self.own.get_or_create()?;
        let fields = report.iter().map(|(name, value)| {
            let value = match value {
                Value::String(text) => {
                    let most = if name == OUTPUT { OUTPUT_MAX } else { TEXT_MAX };
                    Value::String(last(text, most).to_owned())
                }
                other => other.clone(),
            };
            (HashableValue::String(name.clone()), value)
        });
        let payload = serde_pickle::value_to_vec(&Value::Dict(fields.collect()), SerOptions::new());
        let epoch = self.catalog.epoch();
        let payload =
            payload.map_err(|error| Error::Store(StoreError::Unstorable { key, what: error.to_string() }))?;
        let mut header = self.header(Kind::Failed, key, facts, Some(epoch))?;
        let compressed = compress::compress(&[&payload]);
        if compressed.is_some() {
            header.flags |= COMPRESSED;
        }
        own.writer.append(header, &facts.name, &[&compressed.unwrap_or(payload)])
    }

    /// Forgets failures; returns how many there were.
    pub(super) fn clear_failures(&self, keys: &[Key]) -> Result<usize> {
        let (epoch, failed) = self.catalog.ask(|index| {
            index.load_from_packs(keys)?;
            let failed = keys.iter().filter(|key| index.state(key) == State::Failed);
            Ok((index.epoch() + 1, failed.copied().collect::<Vec<Key>>()))
        })?;
        if failed.is_empty() {
            return Ok(0);
        }
        let own = self.jugdir.by_all_means(|| self.own.get_or_create())?;
        self.jugdir.by_all_means(|| {
            for key in &failed {
                let header = Header { flags: CRITICAL, ..Header::new(Kind::Cleared, *key, epoch) };
                own.writer.append(header, "", &[])?;
            }
            own.writer.flush()
        })?;
        Ok(failed.len())
    }

    /// Remembers that `key` stands for `name`, which is no key.
    pub(super) fn alias(&self, key: Key, name: &[u8]) -> Result<()> {
        if self.catalog.index().aliases().get(&key).is_some_and(|known| **known == *name) {
            return Ok(());
        }
        self.own.get_or_create()?.writer.append(Header::new(Kind::Alias, key, 0), "", &[name])
    }
}

/// The end of a long text.
fn last(text: &str, most: usize) -> &str {
    let start = (text.len().saturating_sub(most)..=text.len()).find(|&at| text.is_char_boundary(at));
    &text[start.unwrap_or(0)..]
}
