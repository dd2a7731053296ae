//! Finding results in batches. The index knows the beginning of their keys, and the results all of them.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::Pack;
use crate::error::IoContext;
use crate::store::log::batch::{self, Found, ITEM_MAX, Item, RECORD_MAX};
use crate::store::log::record::{HEADER_LEN, Header, Kind, TRAILER_LEN};
use crate::store::media_error::or_reason;
use crate::store::pack::format::Entry;
use crate::store::pack::pages::{Pages, Top};
use crate::store::pack::small;
use crate::{Key, Result};

/// From how many bytes between two results on they are not read together.
const GAP: u64 = 4096;
/// How many results are read together at most: with the bytes between them about 1 MiB.
const TOGETHER: usize = 256;

/// Where a result may be, and the number of the key that may be its.
type Candidate = (u64, usize);

impl Pack {
    /// Calls `found` as [`Pack::find`] does, for results in batches; false where the index is damaged.
    pub(super) fn find_small(&self, keys: &[Key], found: &mut dyn FnMut(usize, &Entry)) -> Result<bool> {
        let Some(top) = self.top()? else { return Ok(false) };
        if top.head.smalls == 0 {
            return Ok(true);
        }
        let Some(mut candidates) = self.candidates(top, keys)? else { return Ok(false) };
        candidates.sort_unstable();
        let mut bytes = Vec::new();
        for near in candidates.chunk_by(|(one, _), (next, _)| next - one <= GAP) {
            for some in near.chunks(TOGETHER) {
                let (first, last) = (some[0].0, some[some.len() - 1].0);
                self.read_some(&mut bytes, first, last - first + ITEM_MAX as u64)?;
                for &(offset, at) in some {
                    let from = usize::try_from(offset - first).unwrap_or(usize::MAX);
                    let item = bytes.get(from..).and_then(Item::read).filter(|item| item.is_sound);
                    // In the place of one that is damaged is hardly another one: whoever loads it learns of the damage.
                    if item.is_none_or(|item| item.key() == keys[at]) {
                        let (key, epoch) = (keys[at], top.epoch_at(offset));
                        found(at, &Entry { key, epoch, kind: Kind::Result, offset });
                    }
                }
            }
        }
        Ok(true)
    }

    /// Where the results of these keys may be; `None` where the index is damaged.
    fn candidates(&self, top: &Top, keys: &[Key]) -> Result<Option<Vec<Candidate>>> {
        let fences = &top.small_fences;
        let mut pages = Pages::new(&self.index, &top.head, keys.len() as u64 * 2 >= top.head.small_pages());
        let (mut candidates, mut page) = (Vec::new(), 0);
        for (at, key) in keys.iter().enumerate() {
            let prefix = small::prefix(key);
            // Entries with this prefix may begin on the page before.
            page += fences[page..].partition_point(|&first| first < prefix).saturating_sub(1);
            for number in page..fences.len() {
                let Some(entries) = pages.get_small(number)? else { return Ok(None) };
                candidates.extend(entries.of(prefix).map(|offset| (offset, at)));
                if fences.get(number + 1).is_none_or(|&next| next > prefix) {
                    break;
                }
            }
        }
        Ok(Some(candidates))
    }

    /// Calls `each` with the results in batches; false where the index is damaged.
    pub(super) fn each_in_batches(&self, each: &mut dyn FnMut(&Entry)) -> Result<bool> {
        let Some(top) = self.top()? else { return Ok(false) };
        let (mut bytes, mut damaged) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for (number, batch) in top.batches.iter().enumerate() {
            let next = top.batches.get(number + 1).map_or(self.listed().length, |next| next.offset);
            self.read_some(
                &mut bytes,
                batch.offset,
                next.saturating_sub(batch.offset).min(RECORD_MAX as u64),
            )?;
            let (mut is_whole, mut items) = (true, Vec::new());
            let is_batch = read_batch(&bytes, &mut |from, found| match found {
                Found::Sound(item) | Found::Damaged(item) => items.push((from, item.key())),
                Found::Unknown => is_whole = false,
            });
            for (from, key) in &items {
                let offset = batch.offset + *from as u64;
                each(&Entry { key: *key, epoch: batch.epoch, kind: Kind::Result, offset });
            }
            if !is_batch {
                self.has_headless.store(true, Ordering::Relaxed);
            }
            if !is_batch || !is_whole {
                seen.extend(items.iter().map(|(from, _)| batch.offset + *from as u64));
                damaged.push(batch.offset..next);
            }
        }
        if damaged.is_empty() {
            return Ok(true);
        }
        let Some(offsets) = self.small_offsets()? else { return Ok(false) };
        for offset in offsets {
            if seen.contains(&offset) || !damaged.iter().any(|range| range.contains(&offset)) {
                continue;
            }
            self.read_some(&mut bytes, offset, ITEM_MAX as u64)?;
            if let Some(item) = Item::read(&bytes).filter(|item| item.is_sound) {
                let (key, epoch) = (item.key(), top.epoch_at(offset));
                each(&Entry { key, epoch, kind: Kind::Result, offset });
            } else {
                self.has_unnamed.store(true, Ordering::Relaxed);
            }
        }
        Ok(true)
    }

    /// Where the results in batches begin, in order, as the index says; `None` where that is damaged.
    ///
    /// # Errors
    ///
    /// Where the index is gone.
    pub fn small_offsets(&self) -> Result<Option<Vec<u64>>> {
        let Some(top) = self.top()? else { return Ok(None) };
        let mut pages = Pages::new(&self.index, &top.head, true);
        let mut offsets = Vec::new();
        for number in 0..top.small_fences.len() {
            let Some(entries) = pages.get_small(number)? else { return Ok(None) };
            offsets.extend(entries.all().map(|entry| entry.offset));
        }
        offsets.sort_unstable();
        Ok(Some(offsets))
    }

    /// Reads a part of the pack; less where it ends, and nothing where it cannot be read.
    fn read_some(&self, bytes: &mut Vec<u8>, offset: u64, length: u64) -> Result<()> {
        bytes.resize(usize::try_from(length).unwrap_or(0), 0);
        let count = or_reason(self.file().read_full_at(bytes, offset).context("reading", self.path()))?;
        bytes.truncate(count.unwrap_or(0));
        Ok(())
    }
}

impl Top {
    /// The epoch of the batch that the result at this offset is in.
    fn epoch_at(&self, offset: u64) -> u64 {
        let before = self.batches.partition_point(|batch| batch.offset <= offset);
        before.checked_sub(1).map_or(0, |at| self.batches[at].epoch)
    }
}

/// Calls `each` with what is in the batch that begins with these bytes; false if they begin with no batch.
fn read_batch<'b>(bytes: &'b [u8], each: &mut dyn FnMut(usize, Found<'b>)) -> bool {
    let Some(header) = Header::decode(bytes).filter(|header| header.kind == Kind::Batch) else {
        return false;
    };
    let Some((payload, rest)) = bytes[HEADER_LEN..].split_at_checked(header.length as usize) else {
        return false;
    };
    let is_sound = rest.get(..TRAILER_LEN).is_some_and(|crc| crc32c::crc32c(payload).to_le_bytes() == crc);
    batch::read(payload, is_sound, each);
    true
}
