//! What a worker runs, in a file of its own that outlives it: `workers/slot-<wid>`, in posix mode.
//!
//! It begins with a status slot, and goes on with a table of what the worker has claimed. A process that finds the worker
//! dead reads what it ran; such a file stays until what became of that task is known and on disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, UNIX_EPOCH};

use crate::error::IoContext;
use crate::os::memory::memory_of;
use crate::os::{FileSystem, Open};
use crate::status_slot::{self, Activity, Counts, StatusSlot};
use crate::{Key, Result};

/// The name of a worker's status file begins like this; no worker's id has a hyphen.
const PREFIX: &str = "slot-";
/// The length of the file.
const LENGTH: usize = 12_288;
/// From where on the file is a table of what the worker has claimed, in words of eight bytes; and how many.
const CLAIMS_AT: usize = status_slot::LENGTH;
const CLAIMS: usize = (LENGTH - CLAIMS_AT) / 8;
/// In how many places of the table, in a row, a claim may be.
const PLACES: usize = 512;
/// A word of the table in which there is a claim has this bit; a claim has 63.
const CLAIMED: u64 = 1 << 63;

/// The status file of a worker of this process.
#[derive(Debug)]
pub struct WorkerStatus {
    path: PathBuf,
    slot: Arc<StatusSlot>,
    /// What the table of claims says.
    claims: Mutex<Vec<u64>>,
}

impl WorkerStatus {
    /// Creates the status file of the worker `id`, which nobody else has.
    pub(super) fn create(fs: &dyn FileSystem, workers: &Path, id: &str) -> Result<WorkerStatus> {
        let path = path_of(workers, id);
        let origin = (fs.now(), fs.uptime());
        let date = fs.date().duration_since(UNIX_EPOCH).unwrap_or_default();
        let file = fs.open(&path, Open::Update).context("creating", &path)?;
        let mut bytes = StatusSlot::idle(origin, date).to_vec();
        bytes.resize(LENGTH, 0);
        // All of it, so that the disk has room for all of it: a store to memory cannot say that there is none.
        if let Err(error) = file.write_at(&bytes, 0) {
            let _removed = fs.unlink(&path);
            return Err(error).context("writing", path);
        }
        let slot = StatusSlot::new(memory_of(&file, LENGTH), origin);
        Ok(WorkerStatus { path, slot, claims: Mutex::new(vec![0; CLAIMS]) })
    }

    /// Says that this worker has a claim. Where there is no place for it, nobody learns whose it is.
    pub(crate) fn holds(&self, claim: u64) {
        self.replace(claim, 0, claim | CLAIMED);
    }

    /// Says that this worker has it no more.
    pub(crate) fn gives_up(&self, claim: u64) {
        self.replace(claim, claim | CLAIMED, 0);
    }

    /// Replaces the first such word where a claim may be.
    fn replace(&self, claim: u64, old: u64, new: u64) {
        if !self.slot.memory().is_free() {
            // That would be two calls a task only for those who look what is claimed ahead.
            return;
        }
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        // Claims are bits of digests, and spread by themselves.
        let start = usize::try_from(claim % CLAIMS as u64).unwrap_or(0);
        let mut places = (start..start + PLACES).map(|place| place % CLAIMS);
        if let Some(place) = places.find(|place| claims[*place] == old) {
            claims[place] = new;
            self.slot.memory().store(CLAIMS_AT + 8 * place, &new.to_le_bytes());
        }
    }

    /// Says that a task starts now. Of a long name the beginning is kept.
    pub(crate) fn runs(&self, key: &Key, name: &str, attempt: u32, now: Instant) {
        let _began = self.slot.runs(key, name, attempt, now);
    }

    /// Says that nothing runs, if nothing but this task did.
    pub(crate) fn ended(&self, key: &Key) {
        self.slot.ended(key);
    }

    /// Says that nothing runs, and what was done so far.
    pub(crate) fn rests(&self, counts: Counts) {
        self.slot.rests(counts);
    }

    /// Removes the file, of which nothing is left to say.
    pub(super) fn remove(&self, fs: &dyn FileSystem) {
        let _removed = fs.unlink(&self.path);
    }
}

/// What the status file of the worker `id` says.
pub(super) fn read(fs: &dyn FileSystem, workers: &Path, id: &str) -> Activity {
    let file = match fs.open_if_exists(&path_of(workers, id)) {
        Ok(Some(file)) => file,
        Ok(None) => return Activity::Idle,
        Err(_) => return Activity::Unknown,
    };
    status_slot::read(id, |head| file.read_full_at(head, 0))
}

/// What the worker `id` has claimed, if it says so: the ids of claims. Some of them it may have given up just now.
pub(super) fn claims(fs: &dyn FileSystem, workers: &Path, id: &str) -> Vec<u64> {
    let read = fs.read_if_exists(&path_of(workers, id));
    let Ok(Some(bytes)) = read else { return Vec::new() };
    if bytes.len() != LENGTH || !status_slot::is_sound(&bytes) {
        return Vec::new();
    }
    let (words, _) = bytes[CLAIMS_AT..].as_chunks();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    words.filter(|word| word & CLAIMED != 0).map(|word| word & !CLAIMED).collect()
}

/// The workers that have a status file, among the names of their directory.
pub(super) fn ids(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().filter_map(|name| name.strip_prefix(PREFIX))
}

/// The status file of a worker.
pub(super) fn path_of(workers: &Path, id: &str) -> PathBuf {
    workers.join(format!("{PREFIX}{id}"))
}
