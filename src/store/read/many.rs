//! What the headers of many results say: those that lie close together are read together.

use super::Reader;
use crate::store::index::Location;
use crate::store::log::batch::{ITEM_MAX, Item};
use crate::store::log::record::{HEADER_LEN, Header, Kind, is_marked};
use crate::{Key, Result};

/// From how many bytes between two records on they are not read together.
const GAP: u64 = 4096;

/// How many records are read together at most: with the bytes between them about 1 MiB.
const TOGETHER: usize = 256;

/// Where a result is, and the number of its key among those that were asked for.
type Wanted = (Location, usize);

impl Reader {
    /// How long the run of each result took, in microseconds; `None` where there is none, or it is not known.
    pub(in crate::store) fn durations(&self, keys: &[Key]) -> Result<Vec<Option<u64>>> {
        self.of_many(keys, |_, bytes, key| duration_in(bytes, key), |key| self.duration(key))
    }

    /// What each result was stored with; `None` where there is none, or it is not known.
    pub(in crate::store) fn codes(&self, keys: &[Key]) -> Result<Vec<Option<u64>>> {
        // Of a batch, most of whose results are asked for one after the other.
        let mut shared: Option<(Location, Option<u64>)> = None;
        let known = |code: u64| (code != 0).then_some(code);
        let look = |place: Location, bytes: &[u8], key: &Key| {
            if let Some(header) = result_in(bytes, key) {
                return Some(known(header.code));
            }
            let item = Item::read(bytes).filter(|item| item.is_sound && item.key() == *key)?;
            let batch = Location { offset: place.offset.checked_sub(item.distance())?, ..place };
            if shared.is_none_or(|(last, _)| last != batch) {
                shared = Some((batch, self.code_of_batch(batch)));
            }
            shared.and_then(|(_, code)| code).map(known)
        };
        self.of_many(keys, look, |key| Ok(self.facts(key)?.and_then(|found| known(found.facts.code))))
    }

    /// Whether a result of each key was removed at some time, as far as that is remembered.
    pub(in crate::store) fn removed(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.catalog.ask(|index| {
            index.load_from_packs(keys)?;
            Ok(keys.iter().map(|key| index.removed_epoch(key) > 0).collect())
        })
    }

    /// Asks `look` about each result, with its place and the bytes from there on, and `alone` about its key where those are
    /// not that result.
    fn of_many(
        &self,
        keys: &[Key],
        mut look: impl FnMut(Location, &[u8], &Key) -> Option<Option<u64>>,
        alone: impl Fn(&Key) -> Result<Option<u64>>,
    ) -> Result<Vec<Option<u64>>> {
        // What is asked for is in its file then.
        self.own.flush()?;
        let places = self.catalog.ask(|index| {
            index.load_from_packs(keys)?;
            Ok(keys.iter().map(|key| index.result(key)).collect::<Vec<_>>())
        })?;
        let numbered = places.iter().enumerate();
        let mut wanted: Vec<Wanted> =
            numbered.filter_map(|(number, place)| Some(((*place)?, number))).collect();
        wanted.sort_unstable_by_key(|(place, _)| (file_of(*place), place.offset));
        let mut found = vec![None; keys.len()];
        let mut bytes = Vec::new();
        for near in wanted.chunk_by(|(one, _), (next, _)| is_near(*one, *next)) {
            for some in near.chunks(TOGETHER) {
                let first = some[0].0.offset;
                self.read_together(some, &mut bytes);
                for (place, number) in some {
                    let at = usize::try_from(place.offset - first).unwrap_or(usize::MAX);
                    let bytes = bytes.get(at..).unwrap_or_default();
                    found[*number] = match look(*place, bytes, &keys[*number]) {
                        Some(found) => found,
                        // It is elsewhere by now, or cannot be read.
                        None => alone(&keys[*number])?,
                    };
                }
            }
        }
        Ok(found)
    }

    /// The bytes from the first of these headers to the last one; fewer where they cannot be read.
    fn read_together(&self, some: &[Wanted], bytes: &mut Vec<u8>) {
        let (first, last) = (some[0].0, some[some.len() - 1].0);
        bytes.clear();
        // Whoever asks for each of them alone learns why.
        let Ok(Some((file, _))) = self.file_at(first) else { return };
        bytes.resize(usize::try_from(last.offset - first.offset).unwrap_or(0) + ITEM_MAX, 0);
        let count = file.read_full_at(bytes, first.offset).unwrap_or(0);
        bytes.truncate(count);
    }

    /// What the results of the batch at a place were stored with.
    fn code_of_batch(&self, place: Location) -> Option<u64> {
        let (file, _) = self.file_at(place).ok()??;
        let mut bytes = [0; HEADER_LEN];
        file.read_full_at(&mut bytes, place.offset).ok()?;
        Header::decode(&bytes).filter(|header| header.kind == Kind::Batch).map(|header| header.code)
    }

    fn duration(&self, key: &Key) -> Result<Option<u64>> {
        let found = self.facts(key)?.map(|found| found.facts);
        Ok(found.filter(|run| run.started != 0).map(|run| run.duration))
    }
}

/// What the result of `key` that begins with these bytes says; `None` where they are something else.
#[expect(clippy::option_option, reason = "it is that result or not, and its duration is known or not")]
fn duration_in(bytes: &[u8], key: &Key) -> Option<Option<u64>> {
    if !is_marked(bytes) {
        return Item::read(bytes)
            .filter(|item| item.is_sound && item.key() == *key)
            .map(|item| item.duration());
    }
    let header = result_in(bytes, key)?;
    Some((header.started != 0).then_some(header.duration))
}

/// The header of the result of `key`, if these bytes begin with one.
fn result_in(bytes: &[u8], key: &Key) -> Option<Header> {
    let is_result = |header: &Header| matches!(header.kind, Kind::Result | Kind::ResultBlob);
    Header::decode(bytes).filter(|header| header.key == *key && is_result(header))
}

/// In which file a place is: a pack, or a segment.
fn file_of(place: Location) -> (u16, u32) {
    (place.pack, if place.pack == 0 { place.segment } else { 0 })
}

fn is_near(one: Location, next: Location) -> bool {
    file_of(one) == file_of(next) && next.offset - one.offset <= GAP
}
