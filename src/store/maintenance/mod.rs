//! Finding what is damaged ([`verify`]), replacing a damaged manifest ([`repair`]), keeping damaged files aside
//! ([`quarantine`]), and removing what nobody needs ([`gc`]): all that is done to a store beside its use, packing included.

pub(crate) mod gc;
pub(crate) mod quarantine;
pub(crate) mod repair;
pub(crate) mod verify;

use std::path::PathBuf;

use self::gc::{Collector, Orphan};
use self::quarantine::keep_aside;
use self::verify::{Finding, Progress, Verifier};
use crate::Result;
use crate::result_store::ResultStore;
use crate::store::Store;
use crate::store::compaction::{self, CompactOptions, CompactReport, Compactor, DiskUsage};

impl Store {
    /// Packs what nobody will add to any more. Others may go on reading and writing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`](crate::StoreError::Damaged) where the manifest is damaged, and where files cannot be written.
    pub fn pack(&self, what: CompactOptions) -> Result<CompactReport> {
        if !self.jugdir.exists() {
            return Ok(CompactReport::default());
        }
        self.own.check_not_forked()?;
        self.flush()?;
        self.compactor().compact(what)
    }

    /// Packs if that is worth the time: if there are many finished segments, and nobody else is at it.
    ///
    /// # Errors
    ///
    /// As [`Store::pack`].
    pub fn pack_if_worthwhile(&self) -> Result<Option<CompactReport>> {
        if !self.compactor().is_worthwhile()? {
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

    /// Reads all packs and all blobs, and says what is damaged in them and in the segments. Changes nothing.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read, and whatever `progress` returns.
    pub fn verify(&self, progress: Progress) -> Result<Vec<Finding>> {
        self.verifier().verify(progress)
    }

    /// Posix mode: segments whose worker has no file, so that nobody can tell whether it lives. They count.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn ownerless_segments(&self) -> Result<Vec<PathBuf>> {
        self.verifier().ownerless_segments()
    }

    /// Keeps damaged files for later inspection: gives them a second name in `quarantine`.
    ///
    /// # Errors
    ///
    /// Where that name cannot be given.
    pub fn quarantine(&self, paths: &[PathBuf]) -> Result<PathBuf> {
        self.jugdir.by_all_means(|| keep_aside(&**self.jugdir.fs(), &self.jugdir, paths))
    }

    /// The files of blobs that dead workers left and that no result refers to: of results that were replaced,
    /// removed while they were stored, or never finished.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn orphaned_blobs(&self) -> Result<Vec<Orphan>> {
        self.collector().orphaned_blobs()
    }

    /// Files that count for nothing: packs that were never published or have been replaced, and names that were
    /// given for a moment by processes that are dead.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn leftovers(&self) -> Result<Vec<Orphan>> {
        self.collector().leftovers()
    }

    /// Removes [`Store::orphaned_blobs`] and [`Store::leftovers`]; how many files and bytes that were.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed; [`ClaimError::PosixModeOnNetwork`](crate::ClaimError::PosixModeOnNetwork) where nobody
    /// could tell which workers are dead.
    pub fn sweep(&self) -> Result<(usize, u64)> {
        self.collector().sweep()
    }

    fn compactor(&self) -> Compactor<'_> {
        Compactor { jugdir: &self.jugdir, catalog: &self.catalog }
    }

    fn verifier(&self) -> Verifier<'_> {
        Verifier { jugdir: &self.jugdir, catalog: &self.catalog, reader: &self.reader }
    }

    fn collector(&self) -> Collector<'_> {
        Collector { jugdir: &self.jugdir, catalog: &self.catalog, reader: &self.reader }
    }
}
