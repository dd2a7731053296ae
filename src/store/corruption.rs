//! What was found to be damaged, until a later result heals it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::Key;
use crate::result_store::State;
use crate::store::index::{Index, Location};
use crate::store::log::record::{Header, Kind};
use crate::store::media_error;

/// Corruption found by this process.
#[derive(Debug, Default)]
pub struct CorruptionLog {
    records: HashMap<Location, (Corruption, &'static str)>,
    /// By path: where they cannot be read on, and why.
    files: BTreeMap<PathBuf, Vec<(u64, &'static str)>>,
}

/// What is said of a record whose payload is not what was stored.
pub const BAD_RECORD: &str = "the record does not match its checksum";

#[derive(Debug)]
enum Corruption {
    /// A result or a failure report that did not survive until it was first read.
    Value(Key, u64),
    /// A result that was found damaged when it was loaded.
    Loaded(Key),
    /// A record about no task.
    Other,
}

impl Corruption {
    /// Whose record it is (`None` inside: of no task); `None` if it was healed.
    #[expect(clippy::option_option, reason = "healed or not, and of a task or not")]
    fn key(&self, index: &Index) -> Option<Option<Key>> {
        let has_result = |key: &Key| index.state(key) == State::Result;
        match self {
            Corruption::Value(key, epoch) if has_result(key) || index.removed_epoch(key) > *epoch => None,
            Corruption::Loaded(key) if has_result(key) => None,
            Corruption::Value(key, _) | Corruption::Loaded(key) => Some(Some(*key)),
            Corruption::Other => Some(None),
        }
    }
}

/// Corruption that nothing has resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records are damaged.
    pub records: usize,
    /// The tasks among them, each once.
    pub keys: Vec<Key>,
    /// Files that cannot be read from an offset on, and why.
    pub files: Vec<(PathBuf, u64, &'static str)>,
}

impl CorruptionLog {
    /// A record whose payload is damaged, and how.
    pub fn add_record(&mut self, header: &Header, place: Location, what: &'static str) {
        let corruption = match header.kind {
            Kind::Name | Kind::Origin | Kind::Seal | Kind::Batch | Kind::Other(_) => Corruption::Other,
            _ => Corruption::Value(header.key, header.epoch),
        };
        self.records.insert(place, (corruption, what));
    }

    /// A record that was not all there yet is.
    pub fn resolve(&mut self, place: Location) {
        if matches!(self.records.get(&place), Some((Corruption::Value(..) | Corruption::Other, _))) {
            self.records.remove(&place);
        }
    }

    /// What is damaged in a segment from `offset` on may only not be all there yet: it will be looked at again.
    pub fn retract_from(&mut self, segment: u32, offset: u64) {
        self.records.retain(|place, corruption| {
            let is_there = place.pack == 0 && place.segment == segment && place.offset >= offset;
            !is_there || matches!(corruption, (Corruption::Loaded(_), _))
        });
    }

    /// A result that turned out to be damaged when it was loaded.
    pub fn add_loaded(&mut self, key: Key, place: Location, what: &'static str) {
        self.records.insert(place, (Corruption::Loaded(key), what));
    }

    /// A file whose bytes from `offset` on are no records.
    pub fn add_file(&mut self, path: PathBuf, offset: u64, what: &'static str) {
        let known = self.files.entry(path).or_default();
        if !known.iter().any(|(at, _)| *at == offset) {
            known.push((offset, what));
        }
    }

    /// A file that could not be read can.
    pub fn resolve_file(&mut self, path: &Path) {
        if let Some(known) = self.files.get_mut(path) {
            known.retain(|(_, what)| !media_error::is_reason(what));
            if known.is_empty() {
                self.files.remove(path);
            }
        }
    }

    /// Whether there is something that could not be read, so that nobody knows what it says.
    pub fn has_unreadable(&self) -> bool {
        let mut reasons = self
            .records
            .values()
            .map(|corruption| corruption.1)
            .chain(self.files.values().flatten().map(|file| file.1));
        reasons.any(media_error::is_reason)
    }

    /// The keys that [`CorruptionLog::report`] will ask about.
    pub fn keys(&self) -> Vec<Key> {
        let keys = self.records.values().map(|(corruption, _)| match corruption {
            Corruption::Value(key, _) | Corruption::Loaded(key) => Some(*key),
            Corruption::Other => None,
        });
        keys.flatten().collect()
    }

    /// The damaged records that nothing has healed: the key, if it was a result or a failure, the place, and what is
    /// wrong.
    pub fn unhealed(&self, index: &Index) -> Vec<(Option<Key>, Location, &'static str)> {
        let unhealed = self.records.iter();
        unhealed
            .filter_map(|(place, (corruption, what))| Some((corruption.key(index)?, *place, *what)))
            .collect()
    }

    /// What is still to be reported, given what is stored now.
    pub fn report(&self, index: &Index) -> Report {
        let mut report = Report::default();
        for (path, known) in &self.files {
            report.files.extend(known.iter().map(|(offset, what)| (path.clone(), *offset, *what)));
        }
        for (corruption, _) in self.records.values() {
            let Some(key) = corruption.key(index) else { continue };
            report.records += 1;
            report.keys.extend(key);
        }
        report.keys.sort_unstable();
        report.keys.dedup();
        report
    }
}
