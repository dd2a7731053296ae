//! Asking a pack: a page of its index at a time, so that a pack of a million results opens at once.
//!
//! Where the index is damaged, a new one is made in memory from the pack itself, which takes reading all of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::format::{self, Entry, IndexHeader, PAGE, PER_PAGE, Page, Run, Section};
use super::manifest::PackEntry;
use super::rebuilt_index::RebuiltIndex;
use crate::error::IoContext;
use crate::os::{File, FileSystem};
use crate::store::log::record::{HEADER_LEN, TRAILER_LEN};
use crate::store::log::scan::{self, ScanEnd, ScanRequest};
use crate::store::media_error::or_reason;
use crate::{Error, Key, Result};

/// How many pages are read at a time where most of them are wanted.
const AHEAD: u64 = 64;
/// Bytes of the shortest record.
const RECORD_MIN: u64 = (HEADER_LEN + TRAILER_LEN) as u64;

/// A pack that is open: its files can be read from even after they were removed.
#[derive(Debug)]
pub struct Pack {
    fs: Arc<dyn FileSystem>,
    uuid: Option<[u8; 16]>,
    listed: PackEntry,
    path: PathBuf,
    index_path: PathBuf,
    file: Arc<dyn File>,
    /// `None` if it is missing or cannot be opened.
    index: Option<Arc<dyn File>>,
    /// How many entries the two files have room for.
    capacity: u64,
    /// Why the index cannot be read, or a part of it.
    unreadable_index: OnceLock<&'static str>,
    /// The head and the fences; `None` inside where the index is damaged.
    top: OnceLock<Option<(IndexHeader, Vec<u64>)>>,
    runs: OnceLock<Option<Vec<Run>>>,
    /// What stands in for a damaged index.
    substitute: OnceLock<RebuiltIndex>,
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
        let unreadable_index = OnceLock::new();
        let index = or_reason(fs.open_if_exists(&index_path))?.unwrap_or_else(|what| {
            let _ = unreadable_index.set(what);
            None
        });
        let lengths = (file.length(&path), index.as_ref().map_or(Ok(0), |index| index.length(&index_path)));
        let (length, index_length) = (or_reason(lengths.0)?.unwrap_or(0), or_reason(lengths.1)?.unwrap_or(0));
        let capacity = format::most_entries(index_length).max(length / RECORD_MIN);
        Ok(Pack {
            fs: Arc::clone(fs),
            uuid,
            listed: listed.clone(),
            path,
            index_path,
            file,
            index,
            capacity,
            unreadable_index,
            top: OnceLock::new(),
            runs: OnceLock::new(),
            substitute: OnceLock::new(),
        })
    }

    /// What the manifest says about it.
    pub fn listed(&self) -> &PackEntry {
        &self.listed
    }

    /// How many entries it can have at most, as far as the lengths of its files tell.
    pub fn most_entries(&self) -> u64 {
        self.capacity
    }

    /// Whether the manifest says that more results are in it than there is room for, in the index or in the pack.
    pub fn is_overstated(&self) -> bool {
        let PackEntry { index, results, .. } = self.listed;
        results > self.capacity || index > 0 && results > format::most_entries(index)
    }

    /// Where its records are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its index is.
    pub fn index_path(&self) -> &Path {
        &self.index_path
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
        self.unreadable_index.get().copied()
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
            match self.find_in_pages(keys, found)? {
                Some(at) => from = at,
                None => return Ok(()),
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
        let Some((head, fences)) = self.top()? else { return Ok(Some(0)) };
        let dense = keys.len() as u64 * 2 >= head.pages();
        let mut pages = Pages::new(self, head, if dense { AHEAD } else { 1 });
        let mut page = 0;
        for (at, key) in keys.iter().enumerate() {
            let fence = format::fence(key);
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

    /// Calls `each` with all entries, in the order of their keys.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn each(&self, each: &mut dyn FnMut(&Entry)) -> Result<()> {
        if self.substitute.get().is_none() {
            let mut last = None;
            if self.each_in_pages(&mut |entry| {
                last = Some(entry.rank());
                each(entry);
            })? {
                return Ok(());
            }
            let rest = self.substituted()?.entries.iter().filter(|entry| Some(entry.rank()) > last);
            rest.for_each(each);
            return Ok(());
        }
        self.substituted()?.entries.iter().for_each(each);
        Ok(())
    }

    fn each_in_pages(&self, each: &mut dyn FnMut(&Entry)) -> Result<bool> {
        let Some((head, fences)) = self.top()? else { return Ok(false) };
        let mut pages = Pages::new(self, head, AHEAD);
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
        let Some((head, _)) = self.top()? else { return Ok(None) };
        if head.specials == 0 {
            return Ok(Some(Vec::new()));
        }
        let Some(numbers) = self.section(head.special_numbers())? else { return Ok(None) };
        let dense = head.specials * 2 >= head.pages();
        let mut pages = Pages::new(self, head, if dense { AHEAD } else { 1 });
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
            && let Some((head, _)) = self.top()?
        {
            return Ok(head.epoch);
        }
        Ok(self.substituted()?.epoch)
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
                    Some((head, _)) => self.section(head.run_table())?,
                    None => None,
                };
                let _ = self.runs.set(table.and_then(|table| format::decode_runs(&table)));
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

    fn top(&self) -> Result<Option<&(IndexHeader, Vec<u64>)>> {
        if self.top.get().is_none() {
            let top = self.read_top()?;
            let _ = self.top.set(top);
        }
        Ok(self.top.get().and_then(Option::as_ref))
    }

    fn read_top(&self) -> Result<Option<(IndexHeader, Vec<u64>)>> {
        let mut bytes = vec![0; PAGE];
        let count = self.read_index(&mut bytes, 0)?;
        let Some(head) = IndexHeader::decode(&bytes[..count], &self.index_path)? else { return Ok(None) };
        let as_listed = head.length() == self.listed.index && head.pack == self.listed.length;
        if !as_listed || self.is_overstated() || self.uuid.is_some_and(|uuid| uuid != head.uuid) {
            return Ok(None);
        }
        let Some(fences) = self.section(head.fences())? else { return Ok(None) };
        let word = |it: &[u8]| u64::from_le_bytes([it[0], it[1], it[2], it[3], it[4], it[5], it[6], it[7]]);
        Ok(Some((head, fences.chunks_exact(8).map(word).collect())))
    }

    /// How many bytes of the index were read; none where it cannot be read.
    fn read_index(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let Some(index) = &self.index else { return Ok(0) };
        let read = index.read_full_at(bytes, offset).context("reading", &self.index_path);
        Ok(or_reason(read)?.unwrap_or_else(|what| {
            let _ = self.unreadable_index.set(what);
            0
        }))
    }

    /// A section of the index; `None` where it is damaged or beyond the end of the file.
    fn section(&self, section: Section) -> Result<Option<Vec<u8>>> {
        let length = section.length + format::CHECKSUM;
        // The head was sound, and still must not make this process ask for more memory than there is file.
        let Some(index) = &self.index else { return Ok(None) };
        match or_reason(index.length(&self.index_path))? {
            Ok(found) if section.start + length <= found => {}
            _ => return Ok(None),
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        let count = self.read_index(&mut bytes, section.start)?;
        let Some(body) = format::checked(&bytes[..count]).map(<[u8]>::len) else { return Ok(None) };
        bytes.truncate(body);
        Ok((body as u64 == section.length).then_some(bytes))
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
    pub fn scan(&self, sink: &mut dyn FnMut(scan::ScannedRecord)) -> Result<(u64, ScanEnd)> {
        scan::scan_pack(&ScanRequest::whole(&*self.file, &self.path, self.uuid), sink)
    }

    /// The filesystem it is on.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }
}

/// The pages of an index, of which a few are in memory.
struct Pages<'p> {
    pack: &'p Pack,
    head: &'p IndexHeader,
    ahead: u64,
    bytes: Vec<u8>,
    first: u64,
    /// The page whose checksum was computed last.
    sound: Option<usize>,
}

impl<'p> Pages<'p> {
    fn new(pack: &'p Pack, head: &'p IndexHeader, ahead: u64) -> Pages<'p> {
        Pages { pack, head, ahead, bytes: Vec::new(), first: 0, sound: None }
    }

    /// A page; `None` where it is damaged.
    fn get(&mut self, page: usize) -> Result<Option<Page<'_>>> {
        let number = page as u64;
        let held = (self.bytes.len() / PAGE) as u64;
        if number < self.first || number >= self.first + held {
            let count = self.ahead.min(self.head.pages().saturating_sub(number));
            self.bytes.resize(usize::try_from(count).unwrap_or(0) * PAGE, 0);
            let count = self.pack.read_index(&mut self.bytes, (1 + number) * PAGE as u64)?;
            self.bytes.truncate(count / PAGE * PAGE);
            self.first = number;
        }
        let start = usize::try_from(number - self.first).unwrap_or(0) * PAGE;
        let Some(bytes) = self.bytes.get(start..start + PAGE) else { return Ok(None) };
        let left = self.head.entries.saturating_sub(number * PER_PAGE as u64).min(PER_PAGE as u64);
        let count = usize::try_from(left).unwrap_or(0);
        if self.sound == Some(page) {
            return Ok(Some(Page::trusted(bytes, count)));
        }
        let checked = Page::check(bytes, count);
        self.sound = checked.map(|_| page);
        Ok(checked)
    }
}
