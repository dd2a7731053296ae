//! The result of each key, in as few bytes as possible: there is an entry for each stored result.

use std::collections::HashMap;

use hashbrown::HashTable;

use super::version::{Location, Version};
use crate::Key;

/// For how many keys room is made at once.
const ROOM_MAX: usize = 4 * 1024 * 1024;
/// Bytes of an offset in a file: none has 256 TiB.
const OFFSET: usize = 6;
/// In an entry's origin: what packs hold of the key was taken in.
const KNOWN: u32 = 1 << 31;
/// An origin of no result: the entry's key is only known otherwise.
const NOWHERE: u32 = KNOWN - 1;

/// One key. All is bytes, so that nothing is left free between two of them.
#[derive(Debug)]
struct Entry {
    key: Key,
    offset: [u8; OFFSET],
    /// The number of the result's [`Origin`] and [`KNOWN`].
    origin: [u8; 4],
}

/// What the results of a segment, or of a pack, have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Origin {
    epoch: u64,
    segment: u32,
    pack: u16,
    blob: bool,
}

/// All keys that were seen, each with the result that counts, if there is one.
#[derive(Debug, Default)]
pub(super) struct Entries {
    table: HashTable<u32>,
    list: Vec<Entry>,
    origins: Vec<Origin>,
    numbers: HashMap<Origin, u32>,
    /// The origin of the last result, which is that of most.
    last: Option<(Origin, u32)>,
}

impl Entry {
    fn origin(&self) -> u32 {
        u32::from_le_bytes(self.origin)
    }
}

impl Entries {
    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Where the entry of a key is.
    pub(super) fn position(&self, key: &Key) -> Option<usize> {
        self.table.find(key.prefix(), |&at| self.list[at as usize].key == *key).map(|&at| at as usize)
    }

    /// Where the entry of a key is, which is made if there is none.
    ///
    /// # Panics
    /// At 2^32 keys.
    pub(super) fn position_or_new(&mut self, key: Key) -> usize {
        let list = &mut self.list;
        let next = u32::try_from(list.len()).expect("an index holds fewer than 2^32 keys");
        let slot = self.table.entry(
            key.prefix(),
            |&at| list[at as usize].key == key,
            |&at| list[at as usize].key.prefix(),
        );
        let at = *slot.or_insert(next).get();
        if at == next {
            if list.len() == list.capacity() {
                // Doubling would leave up to half of the memory unused.
                list.reserve_exact((list.len() / 4).max(64));
            }
            list.push(Entry { key, offset: [0; OFFSET], origin: NOWHERE.to_le_bytes() });
        }
        at as usize
    }

    /// Makes room for about so many further keys at once, of which some may not come: a file may claim to be long.
    pub(super) fn make_room(&mut self, count: usize) {
        let count = count.min(ROOM_MAX);
        let list = &mut self.list;
        list.reserve_exact(count);
        self.table.reserve(count, |&at| list[at as usize].key.prefix());
    }

    /// The key at this position.
    pub(super) fn key(&self, at: usize) -> &Key {
        &self.list[at].key
    }

    /// The result at this position.
    pub(super) fn result(&self, at: usize) -> Option<Version> {
        let entry = &self.list[at];
        let &Origin { epoch, segment, pack, blob } = self.origins.get((entry.origin() & !KNOWN) as usize)?;
        let mut offset = [0; 8];
        offset[..OFFSET].copy_from_slice(&entry.offset);
        let place = Location { segment, offset: u64::from_le_bytes(offset), pack };
        Some(Version { epoch, place, blob })
    }

    /// Puts a result at this position, or takes it away.
    pub(super) fn set(&mut self, at: usize, result: Option<Version>) {
        let (mut origin, mut offset) = (NOWHERE, 0);
        if let Some(Version { epoch, place, blob }) = result {
            let Location { segment, pack, .. } = place;
            origin = self.number(Origin { epoch, segment, pack, blob });
            // Nothing is where a damaged index may say that something is.
            offset = place.offset.min((1 << (8 * OFFSET)) - 1);
        }
        let entry = &mut self.list[at];
        let known = entry.origin() & KNOWN;
        entry.origin = (origin | known).to_le_bytes();
        entry.offset.copy_from_slice(&offset.to_le_bytes()[..OFFSET]);
    }

    fn number(&mut self, origin: Origin) -> u32 {
        match self.last {
            Some((last, number)) if last == origin => number,
            _ => {
                let next = u32::try_from(self.origins.len()).unwrap_or(NOWHERE);
                let number = *self.numbers.entry(origin).or_insert(next);
                if number == next {
                    self.origins.push(origin);
                }
                self.last = Some((origin, number));
                number
            }
        }
    }

    /// Whether what packs hold of the key was taken in.
    pub(super) fn is_known(&self, at: usize) -> bool {
        self.list[at].origin() & KNOWN != 0
    }

    /// Says whether what packs hold of the key was taken in.
    pub(super) fn set_known(&mut self, at: usize, is_known: bool) {
        let entry = &mut self.list[at];
        let origin = entry.origin() & !KNOWN | if is_known { KNOWN } else { 0 };
        entry.origin = origin.to_le_bytes();
    }

    /// Says of all keys whether what packs hold of them was taken in.
    pub(super) fn set_all_known(&mut self, is_known: bool) {
        (0..self.len()).for_each(|at| self.set_known(at, is_known));
    }
}
