//! The results of a jugdir.
//!
//! Every worker appends records to segments of its own ([`log`]); every process reads those of all others ([`follow`]) into
//! its [`index`]. Large values are files of their own ([`blob`]). Old segments become packs ([`pack`], [`compaction`]). What
//! cannot be read is in the [`corruption`] log.

pub mod blob;
pub mod compaction;
pub mod corruption;
pub mod follow;
pub mod index;
pub mod log;
mod maintenance;
pub mod media_error;
pub mod metadata;
pub mod pack;
mod read;
mod wait;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use compaction::merge::SkipReason;
pub use compaction::{CompactOptions, CompactReport, DiskUsage, MANY_BYTES, MANY_SEGMENTS};
pub use index::State;
pub use log::active_segment::SegmentDir;
pub use maintenance::gc::Orphan;
pub use maintenance::repair::{damaged_manifest, repair_manifest};
pub use maintenance::verify::{Finding, Progress};
pub use metadata::{ResultInfo, RunMetadata, WriteStats};
pub use read::Report;

use crate::background::{Background, Periodic};
use crate::jugdir::{ClaimMode, Jugdir};
use crate::os::{File, pid};
use crate::store::compaction::Compactor;
use crate::store::corruption::CorruptionLog;
use crate::store::follow::{Follower, ReadInto};
use crate::store::index::Index;
use crate::store::log::writer::Writer;
use crate::store::pack::publish;
use crate::store::wait::{Waiter, Waiting};
use crate::sync::lock;
use crate::{Error, Key, Result};

/// When a record is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Soon: a background thread syncs many records at once.
    Group,
    /// Before the call that adds it returns.
    Always,
}

/// The results of a jugdir, which need not exist: nothing is created before something is stored.
pub struct Store {
    jugdir: Arc<Jugdir>,
    background: Arc<Background>,
    durability: Durability,
    index: Arc<Mutex<Index>>,
    corruption: Mutex<CorruptionLog>,
    follower: Mutex<Follower>,
    writer: Mutex<Option<Own>>,
    waiter: Waiter,
    /// Segments that values were read from, open.
    files: Mutex<HashMap<u32, Arc<dyn File>>>,
    blobs: AtomicU64,
    closed: AtomicBool,
    pid: u32,
}

/// This process as a writer.
#[derive(Clone)]
struct Own {
    wid: Arc<str>,
    writer: Arc<Writer>,
}

impl Store {
    /// Opens the store at `path` and reads all there is.
    pub fn open(path: &Path, durability: Durability) -> Result<Store> {
        Store::open_in(Jugdir::open(path)?, Background::spawn(), durability)
    }

    /// Opens the store of a jugdir and reads all there is. The background thread will write and sync in the background.
    pub fn open_in(
        jugdir: Arc<Jugdir>,
        background: Arc<Background>,
        durability: Durability,
    ) -> Result<Store> {
        let store = Store {
            jugdir,
            background,
            durability,
            index: Arc::default(),
            corruption: Mutex::default(),
            follower: Mutex::default(),
            writer: Mutex::default(),
            waiter: Waiter::default(),
            files: Mutex::default(),
            blobs: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            pid: pid::id(),
        };
        store.poll_segments()?;
        lock(&store.index).track_changes();
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
        lock(&self.index).epoch()
    }

    /// Reads what others wrote since the last call; each key whose state is another now, with that state.
    ///
    /// It is repeated until it brings no higher epoch: reading takes its time, and a process that learns of one removal
    /// may miss another of the same epoch. What is stamped with [`Store::epoch`] afterwards loses against every
    /// removal that was not seen, because a process that removes sees that epoch in turn ([`Store::remove`]).
    pub fn refresh(&self) -> Result<Vec<(Key, State)>> {
        loop {
            if lock(&self.index).take_epoch_raised() {
                self.sync()?;
            }
            let before = self.epoch();
            self.poll_segments()?;
            if self.epoch() == before {
                break;
            }
        }
        self.ask(|index| {
            let changing = index.changing();
            index.load_from_packs(&changing)?;
            Ok(index.take_changes())
        })
    }

    /// Asks the index something for which packs may have to be read, again where they were replaced meanwhile.
    fn ask<T>(&self, question: impl Fn(&mut Index) -> Result<T>) -> Result<T> {
        for _ in 1..publish::TRIES {
            match question(&mut lock(&self.index)) {
                Err(error) if publish::is_gone(&error) => {}
                outcome => return outcome,
            }
            self.poll_segments()?;
        }
        question(&mut lock(&self.index))
    }

    /// Asks the index about one key.
    fn ask_about<T>(&self, key: &Key, question: impl Fn(&Index) -> T) -> Result<T> {
        self.ask(|index| {
            index.load_from_packs(&[*key])?;
            Ok(question(index))
        })
    }

    fn poll_segments(&self) -> Result<()> {
        let own = self.own();
        let writer = own.as_ref().map(|own| &*own.writer);
        let to = ReadInto { jugdir: &self.jugdir, index: &self.index, corruption: &self.corruption, writer };
        lock(&self.follower).refresh(&to)
    }

    /// The ids under which this process writes.
    fn own_worker_ids(&self) -> Vec<Arc<str>> {
        self.own().map(|own| own.writer.worker_ids()).unwrap_or_default()
    }

    /// This process as a writer, if it is one. In a forked child nothing belongs to it.
    fn own(&self) -> Option<Own> {
        if self.forked() {
            return None;
        }
        lock(&self.writer).clone()
    }

    /// This process as a writer; the jugdir is created if need be.
    fn writer(&self) -> Result<Own> {
        if self.forked() {
            return Err(Error::Forked { what: "the store" });
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed { what: "the store" });
        }
        let mut own = lock(&self.writer);
        if let Some(own) = &*own {
            return Ok(own.clone());
        }
        let worker = self.jugdir.worker()?;
        let uuid = self.jugdir.uuid().unwrap_or_default();
        let home = SegmentDir { segments: self.jugdir.segments(), wid: worker.id().to_owned(), uuid };
        let writer = Arc::new(Writer::new(
            home,
            Arc::clone(self.jugdir.fs()),
            Arc::clone(&self.index),
            Arc::downgrade(&self.background),
            self.durability == Durability::Always,
        ));
        if self.jugdir.claim_mode()? == ClaimMode::Link {
            writer.bind_to_worker(Arc::clone(&self.jugdir), self.jugdir.mount()?.is_shared);
            // A worker beats as long as it may write.
            let job: Arc<dyn Periodic> = self.jugdir.clone();
            self.background.add(&job);
        }
        let job: Arc<dyn Periodic> = writer.clone();
        self.background.add(&job);
        let new = Own { wid: worker.id().into(), writer };
        *own = Some(new.clone());
        Ok(new)
    }

    /// Sleeps until another process appended something or gave up claims, be it by dying (true); false after
    /// `timeout` or at a signal. It may return true where nothing of that happened.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        let own = self.own_worker_ids();
        let has_news = || lock(&self.follower).has_news(&own, &self.jugdir);
        let may_watch = !self.forked();
        let on = Waiting { jugdir: &self.jugdir, own: &own, has_news: &has_news, may_watch };
        self.waiter.wait(&on, timeout)
    }

    /// Packs what nobody will add to any more. Others may go on reading and writing.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where the manifest is damaged, and where files cannot be written.
    pub fn pack(&self, what: CompactOptions) -> Result<CompactReport> {
        if !self.jugdir.exists() {
            return Ok(CompactReport::default());
        }
        if self.forked() {
            return Err(Error::Forked { what: "the store" });
        }
        self.flush()?;
        self.compactor(&|| self.poll_segments()).compact(what)
    }

    /// Packs if that is worth the time: if there are many finished segments, and nobody else is at it.
    ///
    /// # Errors
    ///
    /// As [`Store::pack`].
    pub fn pack_if_worthwhile(&self) -> Result<Option<CompactReport>> {
        if !self.compactor(&|| self.poll_segments()).is_worthwhile()? {
            return Ok(None);
        }
        self.pack(CompactOptions::default()).map(Some)
    }

    /// What segments and packs take on the disk.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn disk_usage(&self) -> Result<DiskUsage> {
        compaction::disk_usage(&self.jugdir)
    }

    fn compactor<'a>(&'a self, poll: &'a dyn Fn() -> Result<()>) -> Compactor<'a> {
        Compactor { jugdir: &self.jugdir, index: &self.index, follower: &self.follower, poll }
    }

    fn forked(&self) -> bool {
        self.pid != pid::id()
    }

    /// What this process has written so far.
    pub fn stats(&self) -> WriteStats {
        self.own().map(|own| own.writer.stats()).unwrap_or_default()
    }

    /// Returns once all records so far are in their file, where other processes see them.
    pub fn flush(&self) -> Result<()> {
        self.own().map_or(Ok(()), |own| own.writer.flush())
    }

    /// Returns once all records so far are on disk.
    pub fn sync(&self) -> Result<()> {
        self.own().map_or(Ok(()), |own| own.writer.sync())
    }

    /// How much was stored so far, and how much of that is on disk where others find it. Both only grow.
    pub fn progress(&self) -> (u64, u64) {
        self.own().map(|own| own.writer.progress()).unwrap_or_default()
    }

    /// Whether everything that was stored was written.
    pub fn is_written(&self) -> bool {
        self.own().is_none_or(|own| own.writer.is_written())
    }

    /// Returns once all records so far are on disk and others find them.
    pub fn publish(&self) -> Result<()> {
        self.own().map_or(Ok(()), |own| own.writer.sync().and_then(|()| own.writer.announce()))
    }

    /// Writes and syncs what is left and seals the segment. What is stored can still be read.
    pub fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Release);
        let closed = self.own().map_or(Ok(()), |own| own.writer.close());
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
