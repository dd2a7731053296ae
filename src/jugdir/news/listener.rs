//! Asking for news of others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::News;
use super::slot::{MOST, Mark, SIZE, Slot};
use crate::os::{File, Modified, Open};

/// How many slots it reads behind those that there were when it asked.
const SPARE: usize = 8;

/// How many slots it reads without asking whether anything changed, and how often before it asks whether the file is still there.
const CHEAP: usize = 64;
const READS: u32 = 16;

/// What came of asking for news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There may be some since the last time.
    News,
    /// There may be some, and to read them may not show it.
    Hidden,
    /// There are none.
    Nothing,
    /// There is no file in which anybody could give news.
    Unknown,
}

/// What one process knows of the news of all.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    file: Option<Arc<dyn File>>,
    known: Option<Modified>,
    length: u64,
    /// Whether the slots said all when they were read last.
    is_whole: bool,
    /// Who gave news between the last two times.
    givers: Vec<String>,
    /// Whether what is read is what is there.
    is_direct: bool,
    /// How often it was read since the time of the file was asked for.
    reads: u32,
    /// What the slots said when they were read last.
    slots: Option<BTreeMap<usize, Slot>>,
    /// Whether there were news the last time, and the server's clock may be in the same tick for long.
    may_hide: bool,
}

impl Listener {
    /// Asks for news: one request, unless the file is not open yet. More of them may come in the same tick of the server's
    /// clock, which nobody notices: that is for the caller to wait for. Where the clock may show whole seconds, there are
    /// some the next time too.
    pub(crate) fn ask(&mut self, news: &News) -> Answer {
        let Some(modified) = self.modified(news) else {
            *self = Listener::default();
            return Answer::Unknown;
        };
        let is_new = self.known.replace(modified) != Some(modified);
        let may_hide = std::mem::replace(&mut self.may_hide, is_new && modified.nanoseconds == 0);
        match (is_new, may_hide) {
            (true, _) => Answer::News,
            (false, true) => {
                if self.is_direct {
                    Answer::News
                } else {
                    Answer::Hidden
                }
            }
            (false, false) => Answer::Nothing,
        }
    }

    /// Whether to read at once instead of asking for the time: of a file that is short, or that changes all the time, that costs
    /// no more.
    pub(crate) fn reads_at_once(&self) -> bool {
        let is_short = self.length <= (CHEAP * SIZE) as u64;
        self.is_direct && self.is_whole && self.reads < READS && (is_short || !self.givers.is_empty())
    }

    /// Who gave news between the last two times that they were read.
    pub(crate) fn givers(&self) -> &[String] {
        &self.givers
    }

    /// Reads what all have done since the last time: one request, or two where it cannot be read
    /// past what is remembered. `None` where only a look at everything tells: the first
    /// time, where there was more than slots have room for, or where one of those `alive` has no slot.
    pub(crate) fn read(&mut self, alive: &BTreeSet<String>) -> Option<Vec<Mark>> {
        self.is_whole = false;
        self.givers.clear();
        let file = self.file.as_ref()?;
        self.reads += 1;
        if !self.is_direct {
            // What a client remembers may be from the moment in which it was asked last.
            file.fresh_stat().ok()?;
        }
        // Some more than there were: where there are as many by now, the next answer says how long the file is.
        let length = usize::try_from(self.length).ok()?.min(MOST * SIZE) + SPARE * SIZE;
        let mut bytes = vec![0; length];
        let read = read_all(&**file, &mut bytes)?;
        if read == length {
            return None;
        }
        let before = self.slots.take();
        let mut slots = BTreeMap::new();
        for (at, bytes) in bytes[..read].chunks_exact(SIZE).enumerate() {
            // What is torn has no owner that lives, or is read again; one of a living worker is missed below.
            if let Ok(Some(slot)) = Slot::parse(bytes) {
                slots.insert(at, slot);
            }
        }
        let marks = before.and_then(|before| {
            let givers = slots.iter().filter(|(at, slot)| before.get(at) != Some(slot));
            self.givers = givers.map(|(_, slot)| slot.owner.clone()).collect();
            let new: Option<Vec<_>> = slots.iter().map(|(at, slot)| slot.since(before.get(at))).collect();
            new.map(|new| new.concat())
        });
        let owners: BTreeSet<&str> = slots.values().map(|slot| slot.owner.as_str()).collect();
        let are_known = alive.iter().all(|id| owners.contains(id.as_str()));
        self.slots = Some(slots);
        self.is_whole = are_known;
        marks.filter(|_| are_known)
    }

    fn modified(&mut self, news: &News) -> Option<Modified> {
        // The file that is open may have been removed, and another one created.
        for _ in 0..2 {
            if self.file.is_none() {
                (self.known, self.slots) = (None, None);
                let shared = news.fs.open(&news.path, Open::Shared).ok();
                let shared = shared.filter(|file| file.read_at(&mut [0; SIZE], 0).is_ok());
                self.is_direct = shared.is_some();
                self.file = shared.or_else(|| news.fs.open(&news.path, Open::Read).ok());
            }
            match self.file.as_ref()?.fresh_stat() {
                Ok(stat) if stat.links > 0 => {
                    self.reads = 0;
                    self.length = stat.length;
                    return (!stat.is_finished).then_some(stat.modified);
                }
                _ => self.file = None,
            }
        }
        None
    }
}

/// Reads as much as there is; `None` where that is not possible.
pub(super) fn read_all(file: &dyn File, buffer: &mut [u8]) -> Option<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], read as u64).ok()? {
            0 => break,
            more => read += more,
        }
        // What is there is read at once; the rest is behind the end.
        if read % SIZE == 0 {
            break;
        }
    }
    Some(read)
}
