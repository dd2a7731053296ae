//! The writer of this process, which exists from its first record on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::background::{Background, Periodic};
use crate::jugdir::{ClaimMode, Jugdir};
use crate::lock::lock;
use crate::os::pid;
use crate::store::index::Index;
use crate::store::log::active_segment::SegmentDir;
use crate::store::log::writer::Writer;
use crate::store::metadata::WriteStats;
use crate::{Error, Result};

/// When a record is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Soon: a background thread syncs many records at once.
    Group,
    /// Before the call that adds it returns.
    Always,
}

/// This process as a writer, once it is one.
pub(super) struct OwnWriter {
    jugdir: Arc<Jugdir>,
    background: Arc<Background>,
    durability: Durability,
    index: Arc<Mutex<Index>>,
    current: Mutex<Option<Own>>,
    closed: AtomicBool,
    pid: u32,
}

/// A registered worker and its writer.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) wid: Arc<str>,
    pub(super) writer: Arc<Writer>,
}

impl OwnWriter {
    /// The writer that this process will have, whose records go into `index` too. Nothing is created yet.
    pub(super) fn new(
        jugdir: Arc<Jugdir>,
        background: Arc<Background>,
        durability: Durability,
        index: Arc<Mutex<Index>>,
    ) -> OwnWriter {
        let (current, closed) = (Mutex::default(), AtomicBool::new(false));
        OwnWriter { jugdir, background, durability, index, current, closed, pid: pid::id() }
    }

    /// The writer, if there is one. In a forked child nothing belongs to it.
    pub(super) fn get(&self) -> Option<Own> {
        if self.forked() {
            return None;
        }
        lock(&self.current).clone()
    }

    /// The writer; the jugdir is created if need be.
    pub(super) fn get_or_create(&self) -> Result<Own> {
        self.check_not_forked()?;
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed { what: "the store" });
        }
        let mut current = lock(&self.current);
        if let Some(own) = &*current {
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
        *current = Some(new.clone());
        Ok(new)
    }

    pub(super) fn check_not_forked(&self) -> Result<()> {
        if self.forked() { Err(Error::Forked { what: "the store" }) } else { Ok(()) }
    }

    pub(super) fn forked(&self) -> bool {
        self.pid != pid::id()
    }

    /// The ids under which this process writes.
    pub(super) fn worker_ids(&self) -> Vec<Arc<str>> {
        self.get().map(|own| own.writer.worker_ids()).unwrap_or_default()
    }

    /// What was written so far.
    pub(super) fn stats(&self) -> WriteStats {
        self.get().map(|own| own.writer.stats()).unwrap_or_default()
    }

    /// Returns once all records so far are in their file.
    pub(super) fn flush(&self) -> Result<()> {
        self.get().map_or(Ok(()), |own| own.writer.flush())
    }

    /// Returns once all records so far are on disk, and others who wait have news of them.
    pub(super) fn sync(&self) -> Result<()> {
        self.get().map_or(Ok(()), |own| own.writer.sync())?;
        self.jugdir.news().give_now();
        Ok(())
    }

    /// Returns once all records so far are on disk and others find them.
    pub(super) fn publish(&self) -> Result<()> {
        self.get().map_or(Ok(()), |own| own.publish())
    }

    /// How much was stored so far, and how much of that is on disk where others find it.
    pub(super) fn progress(&self) -> (u64, u64) {
        self.get().map(|own| own.writer.progress()).unwrap_or_default()
    }

    /// Whether everything that was stored was written.
    pub(super) fn is_written(&self) -> bool {
        self.get().is_none_or(|own| own.writer.is_written())
    }

    /// Writes and syncs what is left and seals the segment; there is no writer any more.
    pub(super) fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Release);
        self.get().map_or(Ok(()), |own| own.writer.close())
    }
}

impl Own {
    /// Returns once all records so far are on disk and others find them.
    pub(super) fn publish(&self) -> Result<()> {
        self.writer.sync().and_then(|()| self.writer.announce())
    }
}
