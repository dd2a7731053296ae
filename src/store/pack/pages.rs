//! Reading the pages of an index.

use super::format::{IndexHeader, PER_PAGE, Page};
use super::index_file::IndexFile;
use super::page::{self, PAGE};
use super::small::{self, BatchEntry, SmallPage};
use crate::Result;

/// How many pages are read at a time where most of them are wanted.
const AHEAD: u64 = 64;

/// The beginning of an index, and what helps to find the rest.
#[derive(Debug)]
pub(super) struct Top {
    pub(super) head: IndexHeader,
    /// For each page, with what its first key begins.
    pub(super) fences: Vec<u64>,
    /// The same for the pages of small entries.
    pub(super) small_fences: Vec<u64>,
    pub(super) batches: Vec<BatchEntry>,
}

/// The pages of an index, of which a few are in memory.
pub(super) struct Pages<'p> {
    file: &'p IndexFile,
    head: &'p IndexHeader,
    ahead: u64,
    bytes: Vec<u8>,
    first: u64,
    /// The page whose checksum was computed last.
    sound: Option<u64>,
}

impl<'p> Pages<'p> {
    /// The pages of an index, of which most are wanted if it `is_dense`.
    pub(super) fn new(file: &'p IndexFile, head: &'p IndexHeader, is_dense: bool) -> Pages<'p> {
        let ahead = if is_dense { AHEAD } else { 1 };
        Pages { file, head, ahead, bytes: Vec::new(), first: 0, sound: None }
    }

    /// A page; `None` where it is damaged.
    pub(super) fn get(&mut self, page: usize) -> Result<Option<Page<'_>>> {
        let count = left(self.head.entries, page, PER_PAGE);
        Ok(self.checked(page as u64)?.map(|bytes| Page::new(bytes, count)))
    }

    /// A page of small entries; `None` where it is damaged.
    pub(super) fn get_small(&mut self, page: usize) -> Result<Option<SmallPage<'_>>> {
        let count = left(self.head.smalls, page, small::PER_PAGE);
        let number = self.head.pages() + page as u64;
        Ok(self.checked(number)?.map(|bytes| SmallPage::new(bytes, count)))
    }

    /// What is on a page; `None` where that does not match its checksum.
    fn checked(&mut self, number: u64) -> Result<Option<&[u8]>> {
        let held = (self.bytes.len() / PAGE) as u64;
        if number < self.first || number >= self.first + held {
            let all = self.head.pages() + self.head.small_pages();
            let count = self.ahead.min(all.saturating_sub(number));
            self.bytes.resize(usize::try_from(count).unwrap_or(0) * PAGE, 0);
            let count = self.file.read(&mut self.bytes, (1 + number) * PAGE as u64)?;
            self.bytes.truncate(count / PAGE * PAGE);
            (self.first, self.sound) = (number, None);
        }
        let start = usize::try_from(number - self.first).unwrap_or(0) * PAGE;
        let Some(bytes) = self.bytes.get(start..start + PAGE) else { return Ok(None) };
        if self.sound == Some(number) {
            return Ok(Some(bytes));
        }
        let checked = page::checked(bytes);
        self.sound = checked.map(|_| number);
        Ok(checked)
    }
}

/// How many of so many entries are on a page.
fn left(entries: u64, page: usize, per_page: usize) -> usize {
    let left = entries.saturating_sub(page as u64 * per_page as u64).min(per_page as u64);
    usize::try_from(left).unwrap_or(0)
}
