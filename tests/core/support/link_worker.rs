//! A worker with claims by hard links, whose background thread is the test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jug_native::background::{Background, Periodic};
use jug_native::claim::{Claims, Link, WriteProgress};
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use jug_native::os::{FileSystem, local};
use jug_native::{Key, Result};

use crate::support::temp_jugdir::digest_key as key;

/// Records that are on disk when a test says so.
#[derive(Default)]
pub(crate) struct ManualProgress {
    pub(crate) stored: AtomicU64,
    pub(crate) durable: AtomicU64,
    /// Whether it is still to be recorded what became of tasks whose workers died.
    pub(crate) is_unsettled: AtomicBool,
}

impl WriteProgress for ManualProgress {
    fn stored(&self) -> u64 {
        self.stored.load(Ordering::SeqCst)
    }

    fn is_visible(&self) -> bool {
        true
    }

    fn durable(&self) -> u64 {
        self.durable.load(Ordering::SeqCst)
    }

    fn publish(&self) -> Result<()> {
        self.durable.store(self.stored(), Ordering::SeqCst);
        Ok(())
    }

    fn is_settled(&self, _key: &Key) -> bool {
        !self.is_unsettled.load(Ordering::SeqCst)
    }
}

/// A worker whose background jobs are done when the test says so.
pub(crate) struct LinkWorker {
    pub(crate) jugdir: Arc<Jugdir>,
    pub(crate) background: Arc<Background>,
    pub(crate) progress: Arc<ManualProgress>,
    pub(crate) claims: Arc<Link>,
}

pub(crate) const LEASE: Duration = Duration::from_secs(120);

impl LinkWorker {
    pub(crate) fn at(dir: &Path) -> LinkWorker {
        LinkWorker::with(dir, LeaseTiming { treat_as_remote: true, ..LeaseTiming::of(LEASE) })
    }

    pub(crate) fn with(dir: &Path, timing: LeaseTiming) -> LinkWorker {
        LinkWorker::on(local(), dir, timing)
    }

    pub(crate) fn on(fs: Arc<dyn FileSystem>, dir: &Path, timing: LeaseTiming) -> LinkWorker {
        let jugdir = Jugdir::open_as(fs, dir, Some(ClaimMode::Link), timing).unwrap();
        let background = Background::manual(local());
        let progress = Arc::new(ManualProgress::default());
        let claims = Link::new(Arc::clone(&jugdir), Arc::clone(&background), progress.clone());
        LinkWorker { jugdir, background, progress, claims }
    }

    pub(crate) fn claim(&self, number: u64) -> bool {
        let key = key(number);
        let won = self.claims.try_claim(&key).unwrap();
        self.claims.confirm(&[key]).unwrap()[0] && won
    }

    pub(crate) fn free(&self, number: u64) {
        self.claims.release(&key(number)).unwrap();
        self.claims.drain_releases().unwrap();
    }

    pub(crate) fn id(&self) -> String {
        self.jugdir.registered().unwrap().id().to_owned()
    }

    /// Beats, and looks at others, as after this time.
    pub(crate) fn after(&self, time: Duration) {
        self.jugdir.poll(Instant::now() + time);
        self.claims.poll(Instant::now() + time);
    }

    /// Watches for so long as others do not beat.
    pub(crate) fn watch(&self, from: Duration, time: Duration) -> Duration {
        let beat = LeaseTiming::of(LEASE).heartbeat;
        let mut at = from;
        while at < from + time {
            at += beat;
            self.after(at);
        }
        at
    }
}

pub(crate) fn path_of(dir: &Path, generation: u64, number: u64) -> PathBuf {
    dir.join("claims").join(generation.to_string()).join(key(number).to_hex())
}
