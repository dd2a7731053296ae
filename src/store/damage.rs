//! What was found to be damaged, until a later result heals it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::Key;
use crate::store::index::{Index, Place, State};
use crate::store::record::{Header, Kind};
use crate::store::unreadable;

/// Damage seen by this process.
#[derive(Debug, Default)]
pub struct Damage {
    records: HashMap<Place, (Hurt, &'static str)>,
    /// By path: where they cannot be read on, and why.
    files: BTreeMap<PathBuf, Vec<(u64, &'static str)>>,
}

/// What is said of a record whose payload is not what was stored.
pub const BAD_RECORD: &str = "the record does not match its checksum";

#[derive(Debug)]
enum Hurt {
    /// A result or a failure report that did not survive until it was first read.
    Value(Key, u64),
    /// A result that was found damaged when it was loaded.
    Loaded(Key),
    /// A record about no task.
    Other,
}

impl Hurt {
    /// Whose record it is (`None` inside: of no task); `None` if it was healed.
    #[expect(clippy::option_option, reason = "healed or not, and of a task or not")]
    fn key(&self, index: &Index) -> Option<Option<Key>> {
        let has_result = |key: &Key| index.state(key) == State::Result;
        match self {
            Hurt::Value(key, epoch) if has_result(key) || index.removed_epoch(key) > *epoch => None,
            Hurt::Loaded(key) if has_result(key) => None,
            Hurt::Value(key, _) | Hurt::Loaded(key) => Some(Some(*key)),
            Hurt::Other => Some(None),
        }
    }
}

/// Damage that nothing has healed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records are damaged.
    pub records: usize,
    /// The tasks among them, each once.
    pub keys: Vec<Key>,
    /// Files that cannot be read from an offset on, and why.
    pub files: Vec<(PathBuf, u64, &'static str)>,
}

impl Damage {
    /// A record whose payload is damaged, and how.
    pub fn add_record(&mut self, header: &Header, place: Place, what: &'static str) {
        let hurt = match header.kind {
            Kind::Name | Kind::Origin | Kind::Seal | Kind::Other(_) => Hurt::Other,
            _ => Hurt::Value(header.key, header.epoch),
        };
        self.records.insert(place, (hurt, what));
    }

    /// A record that was not all there yet is.
    pub fn heal(&mut self, place: Place) {
        if matches!(self.records.get(&place), Some((Hurt::Value(..) | Hurt::Other, _))) {
            self.records.remove(&place);
        }
    }

    /// What is damaged in a segment from `offset` on may only not be all there yet: it will be looked at again.
    pub fn doubt(&mut self, segment: u32, offset: u64) {
        self.records.retain(|place, hurt| {
            let is_there = place.pack == 0 && place.segment == segment && place.offset >= offset;
            !is_there || matches!(hurt, (Hurt::Loaded(_), _))
        });
    }

    /// A result that turned out to be damaged when it was loaded.
    pub fn add_loaded(&mut self, key: Key, place: Place, what: &'static str) {
        self.records.insert(place, (Hurt::Loaded(key), what));
    }

    /// A file whose bytes from `offset` on are no records.
    pub fn add_file(&mut self, path: PathBuf, offset: u64, what: &'static str) {
        let known = self.files.entry(path).or_default();
        if !known.iter().any(|(at, _)| *at == offset) {
            known.push((offset, what));
        }
    }

    /// A file that could not be read can.
    pub fn heal_file(&mut self, path: &Path) {
        if let Some(known) = self.files.get_mut(path) {
            known.retain(|(_, what)| !unreadable::is_reason(what));
            if known.is_empty() {
                self.files.remove(path);
            }
        }
    }

    /// Whether there is something that could not be read, so that nobody knows what it says.
    pub fn is_blind(&self) -> bool {
        let mut said =
            self.records.values().map(|hurt| hurt.1).chain(self.files.values().flatten().map(|file| file.1));
        said.any(unreadable::is_reason)
    }

    /// The keys that [`Damage::report`] will ask about.
    pub fn keys(&self) -> Vec<Key> {
        let keys = self.records.values().map(|(hurt, _)| match hurt {
            Hurt::Value(key, _) | Hurt::Loaded(key) => Some(*key),
            Hurt::Other => None,
        });
        keys.flatten().collect()
    }

    /// The damaged records that nothing has healed: the key, if it was a result or a failure, the place, and what is
    /// wrong.
    pub fn unhealed(&self, index: &Index) -> Vec<(Option<Key>, Place, &'static str)> {
        let unhealed = self.records.iter();
        unhealed.filter_map(|(place, (hurt, what))| Some((hurt.key(index)?, *place, *what))).collect()
    }

    /// What is still to be told, given what is stored now.
    pub fn report(&self, index: &Index) -> Report {
        let mut report = Report::default();
        for (path, known) in &self.files {
            report.files.extend(known.iter().map(|(offset, what)| (path.clone(), *offset, *what)));
        }
        for (hurt, _) in self.records.values() {
            let Some(key) = hurt.key(index) else { continue };
            report.records += 1;
            report.keys.extend(key);
        }
        report.keys.sort_unstable();
        report.keys.dedup();
        report
    }
}
