//! Reading everything there is, to find what is damaged before somebody needs it.
//!
//! Segments are checked whenever a store is opened. What is left are the packs and their indexes, and the blobs.
//! Memory is bounded, whatever lengths the files claim.

mod pack;

use std::collections::HashSet;
use std::path::PathBuf;

use crate::jugdir::{ClaimMode, Jugdir};
use crate::store::blob::{self, BlobRef};
use crate::store::catalog::Catalog;
use crate::store::index::Location;
use crate::store::log::fetch;
use crate::store::log::segment;
use crate::store::read::Reader;
use crate::{Key, Result};

/// Something that is not what was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The task whose result it was; `None` where that is not known.
    pub key: Option<Key>,
    /// The task's name, as far as it was stored; empty where it is not known.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Where in the file.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
    /// Whether it is what a kill or a power cut leaves, and nothing that was acknowledged is lost.
    pub harmless: bool,
}

/// Called now and then with how many bytes were read, of how many; an error ends the reading.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> Result<()>;

/// How much is read between two reports.
const STEP: u64 = 8 * 1024 * 1024;

/// Counts what was read.
struct ProgressCounter<'a> {
    done: u64,
    total: u64,
    reported: u64,
    progress: Progress<'a>,
}

impl ProgressCounter<'_> {
    fn read(&mut self, bytes: u64) -> Result<()> {
        self.done += bytes;
        if self.done - self.reported >= STEP {
            self.reported = self.done;
            (self.progress)(self.done, self.total.max(self.done))?;
        }
        Ok(())
    }
}

/// Looks for damage.
pub(in crate::store) struct Verifier<'a> {
    pub(in crate::store) jugdir: &'a Jugdir,
    pub(in crate::store) catalog: &'a Catalog,
    pub(in crate::store) reader: &'a Reader,
}

impl Verifier<'_> {
    /// Reads all packs and all blobs, and says what is damaged in them and in the segments. Changes nothing.
    pub(in crate::store) fn verify(&self, progress: Progress) -> Result<Vec<Finding>> {
        self.catalog.poll_segments()?;
        let mut faults = self.faults_of_segments()?;
        let (packs, blobs) = self.catalog.ask(|index| {
            index.know_blobs()?;
            Ok((index.packs().cloned().collect::<Vec<_>>(), index.blobs()))
        })?;
        let mut lengths = Vec::new();
        for (key, place) in blobs {
            lengths.push((key, place, self.reader.blob_of(&key)?));
        }
        let of_packs = packs.iter().flat_map(|pack| [pack.listed().length, pack.listed().index]);
        let of_blobs = lengths.iter().filter_map(|(_, _, blob)| Some(blob.as_ref()?.length));
        let total = of_packs.chain(of_blobs).fold(0, u64::saturating_add);
        let mut counter = ProgressCounter { done: 0, total, reported: 0, progress };
        for pack in packs {
            self.verify_pack(&pack, &mut faults, &mut counter)?;
        }
        for (key, place, found) in lengths {
            if let Some(found) = found {
                faults.extend(self.fault_of_blob(&key, place, found, &mut counter)?);
            }
        }
        Ok(faults)
    }

    /// Posix mode: segments whose worker has no file, so that nobody can tell whether it lives. They count.
    pub(in crate::store) fn ownerless_segments(&self) -> Result<Vec<PathBuf>> {
        // In link mode the files of dead workers go away first.
        if self.jugdir.claim_mode()? == ClaimMode::Link {
            return Ok(Vec::new());
        }
        let fs = &**self.jugdir.fs();
        let segments = fs.names(&self.jugdir.segments())?;
        let workers: HashSet<String> = fs.names(&self.jugdir.workers())?.into_iter().collect();
        let is_ownerless =
            |name: &&String| segment::owner(name).is_some_and(|owner| !workers.contains(owner));
        Ok(segments.iter().filter(is_ownerless).map(|name| self.jugdir.segments().join(name)).collect())
    }

    /// What is wrong with a blob, if it still matters: it may be removed, or replaced, while it is looked at.
    fn fault_of_blob(
        &self,
        key: &Key,
        mut place: Location,
        mut blob: BlobRef,
        counter: &mut ProgressCounter,
    ) -> Result<Option<Finding>> {
        loop {
            let path = blob.path(&self.jugdir.blobs(), key);
            let checked = blob::check(&**self.jugdir.fs(), &path, &blob, &mut |bytes| counter.read(bytes))?;
            let Some(what) = checked else { return Ok(None) };
            self.catalog.poll_segments()?;
            let now = self.reader.place_of(key)?;
            if now == Some(place) {
                let name = self.reader.name_in(key, place);
                let (key, what) = (Some(*key), what.to_owned());
                return Ok(Some(Finding { key, name, path, offset: 0, what, harmless: false }));
            }
            let (Some(now), Some(other)) = (now, self.reader.blob_of(key)?) else { return Ok(None) };
            (place, blob) = (now, other);
        }
    }

    fn faults_of_segments(&self) -> Result<Vec<Finding>> {
        let keys = self.catalog.corruption().keys();
        let (hurt, files) = self.catalog.ask(|index| {
            index.load_from_packs(&keys)?;
            let corruption = self.catalog.corruption();
            Ok((corruption.unhealed(index), corruption.report(index).files))
        })?;
        // Who reads on and on waits for a silent worker; who audits once says what there is now.
        let silent = self.catalog.follower().broken(self.jugdir)?;
        let silent = silent.into_iter().map(|it| (it.path, it.offset, it.what));
        let silent: Vec<_> = silent.filter(|it| !files.contains(it)).collect();
        let files = files.into_iter().chain(silent);
        let mut faults = Vec::new();
        for (key, place, what) in hurt {
            let name = key.map(|key| self.name_in_header(&key, place)).unwrap_or_default();
            let (path, what) = (self.reader.path_of(place), what.to_owned());
            faults.push(Finding { key, name, path, offset: place.offset, what, harmless: false });
        }
        for (path, offset, what) in files {
            let (name, harmless) = (String::new(), what == crate::store::follow::INCOMPLETE);
            faults.push(Finding { key: None, name, path, offset, what: what.to_owned(), harmless });
        }
        faults.sort_by(|one, other| (&one.path, one.offset).cmp(&(&other.path, other.offset)));
        Ok(faults)
    }

    /// The name in the header of a record whose payload is damaged.
    fn name_in_header(&self, key: &Key, place: Location) -> String {
        let Ok(Some((file, _))) = self.reader.file_at(place) else { return String::new() };
        match fetch::whose(&*file, place.offset) {
            Some((found, name)) if found == *key => self.reader.name_of(place, name),
            _ => String::new(),
        }
    }
}
