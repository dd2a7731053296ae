//! How long runs took, of many results at a time: headers that lie close together are read together.

use super::Reader;
use crate::store::index::Location;
use crate::store::log::record::{HEADER_LEN, Header, Kind};
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
                    let header = bytes.get(at..).and_then(Header::decode);
                    let is_result = |header: &Header| matches!(header.kind, Kind::Result | Kind::ResultBlob);
                    found[*number] = match header {
                        Some(header) if header.key == keys[*number] && is_result(&header) => {
                            (header.started != 0).then_some(header.duration)
                        }
                        // It is elsewhere by now, or cannot be read.
                        _ => self.duration(&keys[*number])?,
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
        bytes.resize(usize::try_from(last.offset - first.offset).unwrap_or(0) + HEADER_LEN, 0);
        let count = file.read_full_at(bytes, first.offset).unwrap_or(0);
        bytes.truncate(count);
    }

    fn duration(&self, key: &Key) -> Result<Option<u64>> {
        let found = self.facts(key)?.map(|found| found.facts);
        Ok(found.filter(|run| run.started != 0).map(|run| run.duration))
    }
}

/// In which file a place is: a pack, or a segment.
fn file_of(place: Location) -> (u16, u32) {
    (place.pack, if place.pack == 0 { place.segment } else { 0 })
}

fn is_near(one: Location, next: Location) -> bool {
    file_of(one) == file_of(next) && next.offset - one.offset <= GAP
}
