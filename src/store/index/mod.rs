//! What is stored where: a function of the set of valid records, whatever their order.
//!
//! Per key: the RESULT that counts is the one with the highest epoch, among equals the one at the smallest
//! (segment name, offset); it counts unless a REMOVED has a higher epoch. The same goes for FAILED and
//! CLEARED, and a failure counts only where no result does and no RESULT of its own or a higher epoch is
//! known, removed or not: the worker that ran the task again has left the failure behind.
//!
//! Of what is in packs only those keys are known here that somebody asked for: see [`Index::load_from_packs`].

mod changes;
mod entries;
mod evict;
mod packed;
mod version;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entries::Entries;
use version::Resolved;
pub use version::{Location, Version, Versions};

use crate::Key;
use crate::result_store::State;
use crate::store::log::record::{Header, Kind};
use crate::store::pack::reader::Pack;

/// For fewer keys no room is made in advance.
const MANY: usize = 10_000;

/// What only few keys have.
#[derive(Debug, Default)]
struct Extra {
    removed: u64,
    cleared: u64,
    failure: Option<Version>,
    /// Results that turned out to be damaged or were never written, and the highest epoch among them.
    lost: Vec<Version>,
    lost_epoch: u64,
}

/// A pack that counts, and the numbers of the segments that its runs come from, as far as somebody asked.
#[derive(Debug)]
struct Slot {
    number: u16,
    pack: Arc<Pack>,
    segments: Vec<Option<u32>>,
}

/// The index of a store.
#[derive(Debug, Default)]
pub struct Index {
    entries: Entries,
    extras: HashMap<Key, Extra>,
    segments: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    names: HashMap<(u32, u32), Arc<str>>,
    texts: HashSet<Arc<str>>,
    aliases: HashMap<Key, Box<[u8]>>,
    epoch: u64,
    /// The highest epoch of what other processes wrote.
    others_epoch: u64,
    /// Whether a record of this process brought a higher epoch, since this was last asked.
    raised: bool,
    /// What was known before the first change since changes were last taken; `None` while nobody asks.
    changes: Option<HashMap<Key, Resolved>>,
    packs: Vec<Slot>,
    last_slot: u16,
    losses: u64,
}

impl Index {
    /// The number by which places refer to the segment with this file name.
    ///
    /// # Panics
    /// At 2^32 segments.
    pub fn segment(&mut self, file_name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(file_name) {
            return number;
        }
        let number = u32::try_from(self.segments.len()).expect("a directory holds fewer than 2^32 files");
        let name: Arc<str> = file_name.into();
        self.segments.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// The number of the segment with this file name, if it has one.
    pub fn number(&self, file_name: &str) -> Option<u32> {
        self.numbers.get(file_name).copied()
    }

    /// About so many further keys will come.
    pub fn make_room(&mut self, count: usize) {
        self.entries.make_room(count);
    }

    /// So many further keys will come one by one. To grow with them would leave holes in memory, half as large as the index.
    pub fn expect(&mut self, count: usize) {
        if count >= MANY && count > self.entries.len() / 4 {
            self.make_room(count);
        }
    }

    /// Some other process wrote a record of this epoch.
    pub fn see_epoch(&mut self, epoch: u64) {
        self.epoch = self.epoch.max(epoch);
        self.others_epoch = self.others_epoch.max(epoch);
    }

    /// The file name of a segment.
    pub fn segment_name(&self, segment: u32) -> Arc<str> {
        Arc::clone(&self.segments[segment as usize])
    }

    /// The highest epoch of all records seen.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The highest epoch of the records that other processes wrote.
    pub fn others_epoch(&self) -> u64 {
        self.others_epoch
    }

    /// Whether a record of this process brought a higher epoch since the last call.
    pub fn take_epoch_raised(&mut self) -> bool {
        std::mem::take(&mut self.raised)
    }

    /// Takes in one valid record of another process; `text` is the payload of a NAME or an ALIAS.
    pub fn apply(&mut self, header: &Header, place: Location, text: Option<&[u8]>) {
        if header.is_known() {
            self.others_epoch = self.others_epoch.max(header.epoch);
            self.apply_record(header, place, text);
        }
    }

    fn apply_record(&mut self, header: &Header, place: Location, text: Option<&[u8]>) {
        self.epoch = self.epoch.max(header.epoch);
        let ranked = Version { epoch: header.epoch, place, blob: header.kind == Kind::ResultBlob };
        match header.kind {
            Kind::Result | Kind::ResultBlob => self.consider_result(header.key, ranked),
            Kind::Failed => self.change(header.key, |index, key| index.consider_failure(key, ranked)),
            Kind::Removed => self.change(header.key, |index, key| {
                index.losses += 1;
                let extra = index.extra(key);
                extra.removed = extra.removed.max(ranked.epoch);
            }),
            Kind::Cleared => self.change(header.key, |index, key| {
                let extra = index.extra(key);
                extra.cleared = extra.cleared.max(ranked.epoch);
            }),
            Kind::Name => self.name(place.segment, header.name, text.unwrap_or_default()),
            Kind::Alias => self.alias(header.key, text.unwrap_or_default()),
            Kind::Seal | Kind::Origin | Kind::Batch | Kind::Other(_) => {}
        }
    }

    fn consider_result(&mut self, key: Key, new: Version) {
        if self.extras.get(&key).is_some_and(|extra| extra.lost.iter().any(|lost| lost.is(&new))) {
            return;
        }
        let at = self.entries.position_or_new(key);
        let old = self.entries.result(at);
        if old.is_none_or(|old| self.beats(new, old)) {
            self.change(key, |index, _| index.entries.set(at, Some(new)));
        }
    }

    fn consider_failure(&mut self, key: Key, new: Version) {
        let old = self.extra(key).failure;
        if old.is_none_or(|old| self.beats(new, old)) {
            self.extra(key).failure = Some(new);
        }
    }

    fn beats(&self, new: Version, old: Version) -> bool {
        // A pack is where the record stays; its segment may go.
        let rank = |r: Version| (&self.segments[r.place.segment as usize], r.place.pack == 0, r.place.offset);
        new.epoch > old.epoch || (new.epoch == old.epoch && rank(new) < rank(old))
    }

    fn name(&mut self, segment: u32, id: u32, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let shared = match self.texts.get(&*text) {
            Some(shared) => Arc::clone(shared),
            None => Arc::from(&*text),
        };
        self.texts.insert(Arc::clone(&shared));
        self.names.insert((segment, id), shared);
    }

    fn alias(&mut self, key: Key, name: &[u8]) {
        // Two names for one key should not be; the smaller one wins, so that order does not matter.
        let kept = self.aliases.entry(key).or_insert_with(|| name.into());
        if name < &**kept {
            *kept = name.into();
        }
    }

    /// All that is known of a key.
    pub fn summary(&self, key: &Key) -> Versions {
        let result = self.best_result(key);
        match self.extras.get(key) {
            Some(&Extra { removed, cleared, failure, .. }) => Versions { result, failure, removed, cleared },
            None => Versions { result, ..Versions::default() },
        }
    }

    /// The keys that were removed, cleared or failed, or may have been.
    pub fn unusual_keys(&self) -> impl Iterator<Item = &Key> {
        self.extras.keys()
    }

    fn position(&self, key: &Key) -> Option<usize> {
        self.entries.position(key)
    }

    /// The best result that was seen of a key.
    fn best_result(&self, key: &Key) -> Option<Version> {
        self.entries.result(self.position(key)?)
    }

    fn extra(&mut self, key: Key) -> &mut Extra {
        self.entries.position_or_new(key);
        self.extras.entry(key).or_default()
    }

    /// What is known of `key`.
    pub fn state(&self, key: &Key) -> State {
        match self.position(key) {
            Some(at) => self.state_at(at),
            None => State::Absent,
        }
    }

    fn state_at(&self, at: usize) -> State {
        let result = self.entries.result(at);
        let key = self.entries.key(at);
        let Some(extra) = (if self.extras.is_empty() { None } else { self.extras.get(key) }) else {
            return if result.is_some() { State::Result } else { State::Absent };
        };
        if result.is_some_and(|result| result.epoch >= extra.removed) {
            return State::Result;
        }
        match extra.failure {
            Some(failure) if failure.epoch < extra.cleared => State::Absent,
            Some(failure) if result.is_some_and(|result| result.epoch >= failure.epoch) => State::Absent,
            Some(_) => State::Failed,
            None => State::Absent,
        }
    }

    /// Where the result of `key` is.
    pub fn result(&self, key: &Key) -> Option<Location> {
        let at = self.position(key)?;
        (self.state_at(at) == State::Result).then(|| self.entries.result(at).map(|result| result.place))?
    }

    /// Where the record of the blob of `key` is, if its result is one.
    pub fn blob(&self, key: &Key) -> Option<Location> {
        let result = self.best_result(key).filter(|result| result.blob)?;
        (self.state(key) == State::Result).then_some(result.place)
    }

    /// All results that are blobs, in no particular order.
    pub fn blobs(&self) -> Vec<(Key, Location)> {
        let blobs = (0..self.entries.len()).filter_map(|at| {
            let result = self.entries.result(at).filter(|result| result.blob)?;
            (self.state_at(at) == State::Result).then_some((*self.entries.key(at), result.place))
        });
        blobs.collect()
    }

    /// Where the report of the failure of `key` is.
    pub fn failure(&self, key: &Key) -> Option<Location> {
        if self.state(key) != State::Failed {
            return None;
        }
        self.extras.get(key)?.failure.map(|failure| failure.place)
    }

    /// All keys with the given state, in no particular order.
    pub fn keys(&self, state: State) -> Vec<Key> {
        let mut keys = Vec::new();
        if state == State::Failed {
            // Failures are few: there is no need to walk over all results.
            keys.extend(self.extras.keys().filter(|key| self.state(key) == state));
        } else {
            let found = (0..self.entries.len()).filter(|at| self.state_at(*at) == state);
            keys.extend(found.map(|at| *self.entries.key(at)));
        }
        keys
    }

    /// The text of a name id in a segment; empty for id 0 and for unknown ids.
    pub fn name_of(&self, segment: u32, id: u32) -> Arc<str> {
        self.names.get(&(segment, id)).cloned().unwrap_or_else(|| Arc::from(""))
    }

    /// Names that users gave where jug expects keys.
    pub fn aliases(&self) -> &HashMap<Key, Box<[u8]>> {
        &self.aliases
    }

    /// The epoch with which a new result of `key` wins over all that is known.
    pub fn epoch_to_replace(&self, key: &Key) -> u64 {
        let result = self.best_result(key);
        result.map_or(self.epoch, |result| self.epoch.max(result.epoch + 1))
    }

    /// The highest REMOVED epoch of a key; 0 if it was never removed.
    pub fn removed_epoch(&self, key: &Key) -> u64 {
        self.extras.get(key).map_or(0, |extra| extra.removed)
    }

    /// How many keys have been removed at some time. Together with the epoch it changes with every removal.
    pub fn removals(&self) -> usize {
        self.extras.values().filter(|extra| extra.removed > 0).count()
    }

    /// Changes whenever a result may have gone that was there: as long as it stays the same, what has a result keeps it.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Takes in a record of this process itself, which is no news to it.
    pub fn apply_own(&mut self, header: &Header, place: Location, text: Option<&[u8]>) {
        let changes = self.changes.take();
        let before = self.epoch;
        self.apply_record(header, place, text);
        self.raised |= self.epoch > before;
        self.changes = changes;
    }
}
