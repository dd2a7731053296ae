//! The results of a jugdir.
//!
//! Every worker appends records to segments of its own ([`log`]); every process reads those of all others ([`follow`]) into
//! its [`index`]. Large values are files of their own ([`blob`]). Old segments become packs ([`pack`], [`compaction`]). What
//! cannot be read is in the [`corruption`] log.

mod append;
pub mod blob;
mod catalog;
pub mod compaction;
pub mod corruption;
pub mod follow;
pub mod index;
pub mod log;
mod maintenance;
pub mod media_error;
pub mod metadata;
mod own_writer;
pub mod pack;
mod read;
mod wait;
mod waiter;

use std::path::Path;
use std::sync::{Arc, Mutex};

pub use compaction::merge::SkipReason;
pub use compaction::{CompactOptions, CompactReport, DiskUsage, MANY_BYTES, MANY_SEGMENTS};
pub use log::active_segment::SegmentDir;
pub use maintenance::gc::Orphan;
pub use maintenance::repair::{damaged_manifest, repair_manifest};
pub use maintenance::verify::{Finding, Progress};
pub use metadata::WriteStats;
pub use own_writer::Durability;

use crate::background::Background;
use crate::codec::receive::Receiver;
use crate::codec::{Encoded, Loaded};
use crate::jugdir::Jugdir;
use crate::result_store::{Report, ResultInfo, ResultStore, RunMetadata, State};
use crate::store::append::Appender;
use crate::store::catalog::Catalog;
use crate::store::index::Index;
use crate::store::own_writer::OwnWriter;
use crate::store::read::Reader;
use crate::store::waiter::Waiter;
use crate::{Key, Result};

/// The results of a jugdir, which need not exist: nothing is created before something is stored.
pub struct Store {
    jugdir: Arc<Jugdir>,
    background: Arc<Background>,
    own: Arc<OwnWriter>,
    catalog: Arc<Catalog>,
    reader: Arc<Reader>,
    appender: Appender,
    waiter: Waiter,
}

impl Store {
    /// Opens the store at `path` and reads all there is.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read, is of another kind, or of a later version.
    pub fn open(path: &Path, durability: Durability) -> Result<Store> {
        Store::open_in(Jugdir::open(path)?, Background::spawn(), durability)
    }

    /// Opens the store of a jugdir and reads all there is. The background thread will write and sync in the background.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn open_in(
        jugdir: Arc<Jugdir>,
        background: Arc<Background>,
        durability: Durability,
    ) -> Result<Store> {
        let index: Arc<Mutex<Index>> = Arc::default();
        let own =
            OwnWriter::new(Arc::clone(&jugdir), Arc::clone(&background), durability, Arc::clone(&index));
        let own = Arc::new(own);
        let catalog = Arc::new(Catalog::new(Arc::clone(&jugdir), Arc::clone(&own), index));
        let reader = Arc::new(Reader::new(Arc::clone(&jugdir), Arc::clone(&own), Arc::clone(&catalog)));
        let appender =
            Appender::new(Arc::clone(&jugdir), Arc::clone(&own), Arc::clone(&catalog), Arc::clone(&reader));
        let store = Store { jugdir, background, own, catalog, reader, appender, waiter: Waiter::default() };
        store.jugdir.news().want();
        store.catalog.poll_segments()?;
        store.catalog.index().track_changes();
        Ok(store)
    }

    /// The directory.
    pub fn jugdir(&self) -> &Arc<Jugdir> {
        &self.jugdir
    }

    /// The background thread of this store, which may have other jobs too.
    pub fn background(&self) -> &Arc<Background> {
        &self.background
    }

    /// The highest epoch seen: with what a task claimed now will be stamped.
    pub fn epoch(&self) -> u64 {
        self.catalog.epoch()
    }

    /// All keys whose last run failed.
    pub fn failed_keys(&self) -> Vec<Key> {
        self.catalog.index().keys(State::Failed)
    }

    /// Whether a result of each key was removed at some time, as far as that is remembered.
    ///
    /// # Errors
    ///
    /// Where a pack cannot be read.
    pub fn removed(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.reader.removed(keys)
    }

    /// How many keys have been removed at some time.
    pub fn removals(&self) -> usize {
        self.catalog.index().removals()
    }

    /// What is damaged and was not healed by a later result.
    ///
    /// # Errors
    ///
    /// Where a pack cannot be read.
    pub fn damage(&self) -> Result<corruption::Report> {
        self.catalog.damage()
    }

    /// Looks whether the file of every blob is there and as long as it should be. Where it is not, there is no
    /// result from then on, as after a [`ResultStore::load`] that found the corruption.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn check_blobs(&self) -> Result<()> {
        self.reader.check_blobs()
    }

    /// Stores the value of a task that was claimed at `epoch`: it counts only if the task was not removed since.
    ///
    /// # Errors
    ///
    /// As [`ResultStore::save`].
    pub fn save_claimed(&self, key: Key, value: &Encoded, facts: &RunMetadata, epoch: u64) -> Result<()> {
        self.appender.save(key, value, facts, Some(epoch), false)
    }

    /// The same, and it is in a file when this returns, with all that was stored before.
    ///
    /// # Errors
    ///
    /// As [`ResultStore::save`].
    pub fn save_at_once(&self, key: Key, value: &Encoded, facts: &RunMetadata, epoch: u64) -> Result<()> {
        self.appender.save(key, value, facts, Some(epoch), true)
    }

    /// What this process has written so far.
    pub fn stats(&self) -> WriteStats {
        self.own.stats()
    }

    /// Returns once all records so far are on disk.
    ///
    /// # Errors
    ///
    /// Where they cannot be written.
    pub fn sync(&self) -> Result<()> {
        self.own.sync()
    }

    /// Returns once all records so far are on disk and others find them.
    ///
    /// # Errors
    ///
    /// Where they cannot be written.
    pub fn publish(&self) -> Result<()> {
        self.own.publish()
    }

    /// How much was stored so far, and how much of that is on disk where others find it. Both only grow.
    pub fn progress(&self) -> (u64, u64) {
        self.own.progress()
    }

    /// Whether everything that was stored was written.
    pub fn is_written(&self) -> bool {
        self.own.is_written()
    }
}

impl ResultStore for Store {
    /// Repeated until it brings no higher epoch: reading takes its time, and a process that learns of one removal may miss
    /// another of the same epoch. What is stamped with [`Store::epoch`] afterwards loses against every removal that was not
    /// seen, because a process that removes sees that epoch in turn ([`ResultStore::remove`]).
    fn refresh(&self) -> Result<Vec<(Key, State)>> {
        self.catalog.refresh()
    }

    fn expect(&self, count: usize) {
        self.catalog.index().expect(count);
    }

    fn contains_many(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.catalog.are(State::Result, keys)
    }

    fn losses(&self) -> u64 {
        self.catalog.index().losses()
    }

    fn keys(&self) -> Result<Vec<Key>> {
        self.catalog.ask(Index::all_results)
    }

    fn load_into(&self, key: &Key, receiver: &mut dyn Receiver) -> Result<Option<Loaded>> {
        self.reader.load(key, receiver)
    }

    fn facts(&self, key: &Key) -> Result<Option<ResultInfo>> {
        self.reader.facts(key)
    }

    fn durations(&self, keys: &[Key]) -> Result<Vec<Option<u64>>> {
        self.reader.durations(keys)
    }

    fn codes(&self, keys: &[Key]) -> Result<Vec<Option<u64>>> {
        self.reader.codes(keys)
    }

    fn save(&self, key: Key, value: &Encoded, facts: &RunMetadata) -> Result<()> {
        self.appender.save(key, value, facts, None, false)
    }

    fn remove(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.appender.remove(keys)
    }

    fn save_failure(&self, key: Key, report: &Report, facts: &RunMetadata) -> Result<()> {
        self.appender.save_failure(key, report, facts)
    }

    fn failure(&self, key: &Key) -> Result<Option<Report>> {
        self.reader.failure(key)
    }

    fn failures(&self) -> Result<Vec<(Key, Report)>> {
        self.reader.reports(&self.failed_keys())
    }

    fn reports(&self, keys: &[Key]) -> Result<Vec<(Key, Report)>> {
        self.reader.reports(keys)
    }

    fn clear_failures(&self, keys: &[Key]) -> Result<usize> {
        self.appender.clear_failures(keys)
    }

    fn alias(&self, key: Key, name: &[u8]) -> Result<()> {
        self.appender.alias(key, name)
    }

    fn aliases(&self) -> Result<Vec<(Key, Vec<u8>)>> {
        let index = self.catalog.index();
        Ok(index.aliases().iter().map(|(key, name)| (*key, name.to_vec())).collect())
    }

    fn flush(&self) -> Result<()> {
        self.own.flush()
    }

    /// Syncs what is left and seals the segment.
    fn close(&self) -> Result<()> {
        let closed = self.own.close();
        self.jugdir.news().give_now();
        self.jugdir.restore_reserve();
        self.jugdir.leave();
        closed
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // A process that wants to know of errors calls `close`.
        let _ = self.close();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("root", &self.jugdir.root()).finish_non_exhaustive()
    }
}
