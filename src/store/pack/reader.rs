//! Asking a pack: a page of its index at a time, so that a pack of a million results opens at once.
//!
//! Where the index is damaged, a new one is made in memory from the pack itself, which takes reading all of it.

mod offsets;
mod small_results;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

pub use offsets::BatchPlace;

use super::format::{self, Entry, IndexHeader, PER_PAGE};
use super::index_file::IndexFile;
use super::manifest::PackEntry;
use super::page::{PAGE, fence};
use super::pages::{Pages, Top};
use super::rebuilt_index::RebuiltIndex;
use super::runs::{self, Run};
use super::small::BatchEntry;
use crate::os::{File, FileSystem};
use crate::store::log::batch::ITEM_MIN;
use crate::store::log::scan::{self, ScanRequest};
use crate::store::log::scanned::{ScanEnd, ScannedRecord};
use crate::store::media_error::or_reason;
use crate::{Error, Key, Result};

/// Bytes of the shortest result.
const RESULT_MIN: u64 = ITEM_MIN as u64;

/// A pack that is open: its files can be read from even after they were removed.
#[derive(Debug)]
pub struct Pack {
    fs: Arc<dyn FileSystem>,
    uuid: Option<[u8; 16]>,
    listed: PackEntry,
    path: PathBuf,
    file: Arc<dyn File>,
    index: IndexFile,
    /// How many entries the two files have room for.
    capacity: u64,
    /// The head and what helps to find a page; `None` inside where the index is damaged.
    top: OnceLock<Option<Top>>,
    runs: OnceLock<Option<Vec<Run>>>,
    /// What stands in for a damaged index.
    substitute: OnceLock<RebuiltIndex>,
    /// Whether [`Pack::each`] has found results in batches that are damaged, so that nobody knows whose they were.
    pub(super) has_unnamed: AtomicBool,
    /// Whether [`Pack::each`] has found batches whose headers are damaged.
    pub(super) has_headless: AtomicBool,
}

impl Pack {
    /// Opens a pack that a manifest lists.
    ///
    /// # Errors
    ///
    /// Where the file is gone, cannot be read, or is not what the manifest says.
    pub fn open(
        fs: &Arc<dyn FileSystem>,
        packs: &Path,
        uuid: Option<[u8; 16]>,
        listed: &PackEntry,
    ) -> Result<Pack> {
        let path = packs.join(format!("{}.pack", listed.stem));
        let index_path = packs.join(format!("{}.idx", listed.stem));
        let file = fs.open_to_read(&path)?;
        let index = IndexFile::open(&**fs, index_path)?;
        let lengths = (file.length(&path), index.length());
        let (length, index_length) = (or_reason(lengths.0)?.unwrap_or(0), or_reason(lengths.1)?.unwrap_or(0));
        let capacity = format::most_entries(index_length).max(length / RESULT_MIN);
        Ok(Pack {
            fs: Arc::clone(fs),
            uuid,
            listed: listed.clone(),
            path,
            file,
            index,
            capacity,
            top: OnceLock::new(),
            runs: OnceLock::new(),
            substitute: OnceLock::new(),
            has_unnamed: AtomicBool::new(false),
            has_headless: AtomicBool::new(false),
        })
    }

    /// What the manifest says about it.
    pub fn listed(&self) -> &PackEntry {
        &self.listed
    }

    /// How many results are in it, as the manifest says, if there is room for so many.
    pub fn results(&self) -> u64 {
        self.listed.results.min(self.capacity)
    }

    /// Whether the manifest says that more results are in it than there is room for, in the index or in the pack.
    pub fn is_overstated(&self) -> bool {
        let PackEntry { index, results, .. } = self.listed;
        results > self.capacity || index > 0 && results > format::most_entries(index)
    }

    /// Whether [`Pack::each`] has left out results that [`Pack::find`] finds by what the index knows of their keys.
    pub fn has_unnamed(&self) -> bool {
        self.has_unnamed.load(Ordering::Relaxed)
    }

    /// Whether [`Pack::each`] has found batches whose headers are damaged: what only these know is lost.
    pub fn has_headless(&self) -> bool {
        self.has_headless.load(Ordering::Relaxed)
    }

    /// Where its records are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its index is.
    pub fn index_path(&self) -> &Path {
        self.index.path()
    }

    /// Its records' file, opened.
    pub fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// The substitute for its index, if that turned out to be damaged.
    pub fn substitute(&self) -> Option<&RebuiltIndex> {
        self.substitute.get()
    }

    /// Why its index cannot be read, if that was tried and could not be done.
    pub fn unreadable_index(&self) -> Option<&'static str> {
        self.index.unreadable()
    }

    /// Calls `found` with the number of a key among `keys`, which are sorted, and each entry of that key; where the index
    /// is damaged, an entry may come twice.
    ///
    /// # Errors
    ///
    /// Where the pack cannot be read.
    pub fn find(&self, keys: &[Key], found: &mut dyn FnMut(usize, &Entry)) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut from = 0;
        if self.substitute.get().is_none() {
            // Where a page is damaged, the keys from that one on are still to be looked for.
            let damaged_from = self.find_in_pages(keys, found)?;
            if self.find_small(keys, found)? {
                let Some(at) = damaged_from else { return Ok(()) };
                from = at;
            }
        }
        let entries = &self.substituted()?.entries;
        for (at, key) in keys.iter().enumerate().skip(from) {
            let start = entries.partition_point(|entry| entry.key < *key);
            entries[start..].iter().take_while(|entry| entry.key == *key).for_each(|entry| found(at, entry));
        }
        Ok(())
    }

    /// The number of the first key that could not be looked for, because the index is damaged there.
    fn find_in_pages(&self, keys: &[Key], found: &mut dyn FnMut(usize, &Entry)) -> Result<Option<usize>> {
        let Some(Top { head, fences, .. }) = self.top()? else { return Ok(Some(0)) };
        let mut pages = Pages::new(&self.index, head, keys.len() as u64 * 2 >= head.pages());
        let mut page = 0;
        for (at, key) in keys.iter().enumerate() {
            let fence = fence(key);
            // Keys that begin with the same eight bytes may begin on the page before.
            page += fences[page..].partition_point(|&first| first < fence).saturating_sub(1);
            for number in page..fences.len() {
                let Some(entries) = pages.get(number)? else { return Ok(Some(at)) };
                entries.of(key).for_each(|entry| found(at, &entry));
                if fences.get(number + 1).is_none_or(|&next| next > fence) {
                    break;
                }
            }
        }
        Ok(None)
    }

    /// Calls `each` with all entries; first those of records of their own. Where the index is damaged, some may come twice.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn each(&self, each: &mut dyn FnMut(&Entry)) -> Result<()> {
        if self.substitute.get().is_none() {
            let mut last = None;
            let is_sound = self.each_in_pages(&mut |entry| {
                last = Some(entry.rank());
                each(entry);
            })?;
            if is_sound && self.each_in_batches(each)? {
                return Ok(());
            }
            let rest =
                self.substituted()?.entries.iter().filter(|entry| is_sound || Some(entry.rank()) > last);
            rest.for_each(each);
            return Ok(());
        }
        self.substituted()?.entries.iter().for_each(each);
        Ok(())
    }

    fn each_in_pages(&self, each: &mut dyn FnMut(&Entry)) -> Result<bool> {
        let Some(Top { head, fences, .. }) = self.top()? else { return Ok(false) };
        let mut pages = Pages::new(&self.index, head, true);
        for number in 0..fences.len() {
            let Some(entries) = pages.get(number)? else { return Ok(false) };
            entries.from(0).for_each(|entry| each(&entry));
        }
        Ok(true)
    }

    /// The special entries, see [`Entry::is_special`].
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn specials(&self) -> Result<Vec<Entry>> {
        if self.substitute.get().is_none()
            && let Some(found) = self.specials_in_pages()?
        {
            return Ok(found);
        }
        let entries = self.substituted()?.entries.iter().filter(|entry| entry.is_special());
        Ok(entries.copied().collect())
    }

    fn specials_in_pages(&self) -> Result<Option<Vec<Entry>>> {
        let Some(Top { head, .. }) = self.top()? else { return Ok(None) };
        if head.specials == 0 {
            return Ok(Some(Vec::new()));
        }
        let Some(numbers) = self.index.section(head.special_numbers())? else { return Ok(None) };
        let mut pages = Pages::new(&self.index, head, head.specials * 2 >= head.pages());
        let mut found = Vec::new();
        for number in numbers.chunks_exact(4) {
            let number = u32::from_le_bytes([number[0], number[1], number[2], number[3]]) as usize;
            let Some(entries) = pages.get(number / PER_PAGE)? else { return Ok(None) };
            found.extend(entries.from(number % PER_PAGE).next().filter(Entry::is_special));
        }
        Ok(Some(found))
    }

    /// The highest epoch of all records that were read to make it.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn epoch(&self) -> Result<u64> {
        if self.substitute.get().is_none()
            && let Some(top) = self.top()?
        {
            return Ok(top.head.epoch);
        }
        Ok(self.substituted()?.epoch)
    }

    /// Whether its index is of a version before the one that this build writes.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn is_of_earlier_version(&self) -> Result<bool> {
        Ok(self.top()?.is_some_and(|top| top.head.version < format::VERSION))
    }

    /// Its runs, in the order in which they are in the pack.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn runs(&self) -> Result<&[Run]> {
        if self.substitute.get().is_none() {
            if self.runs.get().is_none() {
                let table = match self.top()? {
                    Some(top) => self.index.section(top.head.run_table())?,
                    None => None,
                };
                let _ = self.runs.set(table.and_then(|table| runs::decode_runs(&table)));
            }
            if let Some(Some(runs)) = self.runs.get() {
                return Ok(runs);
            }
        }
        Ok(&self.substituted()?.runs)
    }

    /// The number of the run that holds the record at `offset`.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn run_at(&self, offset: u64) -> Result<usize> {
        Ok(self.runs()?.partition_point(|run| run.offset <= offset).saturating_sub(1))
    }

    /// Reads all of the index, so that [`Pack::substitute`] tells whether it is damaged.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn check_index(&self) -> Result<()> {
        let is_sound = self.each_in_pages(&mut |_| {})? && self.small_offsets()?.is_some();
        if !is_sound {
            self.substituted()?;
        }
        self.runs().map(|_| ())
    }

    pub(super) fn top(&self) -> Result<Option<&Top>> {
        if self.top.get().is_none() {
            let top = self.read_top()?;
            let _ = self.top.set(top);
        }
        Ok(self.top.get().and_then(Option::as_ref))
    }

    fn read_top(&self) -> Result<Option<Top>> {
        let mut bytes = vec![0; PAGE];
        let count = self.index.read(&mut bytes, 0)?;
        let Some(head) = IndexHeader::decode(&bytes[..count], self.index.path())? else { return Ok(None) };
        let as_listed = head.length() == self.listed.index && head.pack == self.listed.length;
        if !as_listed || self.is_overstated() || self.uuid.is_some_and(|uuid| uuid != head.uuid) {
            return Ok(None);
        }
        let Some(fences) = self.index.section(head.fences())? else { return Ok(None) };
        let fences = words(&fences);
        if head.smalls == 0 {
            return Ok(Some(Top { head, fences, small_fences: Vec::new(), batches: Vec::new() }));
        }
        let (small, batches) =
            (self.index.section(head.small_fences())?, self.index.section(head.batch_table())?);
        let (Some(small), Some(batches)) = (small, batches) else { return Ok(None) };
        let (small_fences, batches) = (words(&small), BatchEntry::decode_all(&batches));
        Ok(Some(Top { head, fences, small_fences, batches }))
    }

    fn substituted(&self) -> Result<&RebuiltIndex> {
        if self.substitute.get().is_none() {
            let made = self.substitute_from_records()?;
            let _ = self.substitute.set(made);
        }
        self.substitute.get().ok_or(Error::Closed { what: "the pack" })
    }

    /// An index made by reading the pack.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn substitute_from_records(&self) -> Result<RebuiltIndex> {
        RebuiltIndex::read(&mut |sink| self.scan(sink))
    }

    /// Reads all records, as [`scan::scan`] does those of a segment.
    ///
    /// # Errors
    ///
    /// As [`scan::scan`].
    pub fn scan(&self, sink: &mut dyn FnMut(ScannedRecord)) -> Result<(u64, ScanEnd)> {
        self.scan_from(0, sink)
    }

    /// The same from a place on where a record begins.
    ///
    /// # Errors
    ///
    /// As [`scan::scan`].
    pub fn scan_from(&self, from: u64, sink: &mut dyn FnMut(ScannedRecord)) -> Result<(u64, ScanEnd)> {
        scan::scan_pack(&ScanRequest { from, ..ScanRequest::whole(&*self.file, &self.path, self.uuid) }, sink)
    }

    /// The filesystem it is on.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }
}

/// Eight-byte numbers.
fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}
