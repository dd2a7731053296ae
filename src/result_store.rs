//! What every store of results does, wherever it keeps them.
//!
//! Each store has further methods of its own: for claims, for waiting, for packing and for checks.

use std::collections::BTreeMap;

use serde_pickle::Value;

use crate::codec::receive::{Receiver, Source};
use crate::codec::{Codec, Encoded, Loaded, Stored};
use crate::{Key, Result};

/// What there is of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Neither a result nor a failure.
    Absent,
    /// A result.
    Result,
    /// Its last run failed.
    Failed,
}

/// What is known of the run that gave a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunMetadata {
    /// The task's name; empty where it has none.
    pub name: String,
    /// When it started, in microseconds since the Unix epoch; 0 is "unknown".
    pub started: i64,
    /// How long it ran, in microseconds.
    pub duration: u64,
    /// Attempt number, starting at 1; 0 is "unknown".
    pub attempt: u32,
    /// A fingerprint of what it was stored with, versions of Python and libraries and code; 0 is "unknown".
    pub code: u64,
}

/// What is known of a stored result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultInfo {
    /// The run that gave it.
    pub facts: RunMetadata,
    /// The worker that ran it.
    pub worker: String,
    /// Bytes of its value as stored.
    pub size: u64,
}

/// A failure report: what is known of a run that failed, by name.
pub type Report = BTreeMap<String, Value>;

/// The field of a report with what the task printed. It may be long, so that only [`ResultStore::failure`] has it.
pub const OUTPUT: &str = "output";

/// Whether a report says that its task stays failed until somebody clears the failure.
pub fn is_kept(report: &Report) -> bool {
    matches!(report.get("kept"), Some(Value::Bool(true)))
}

/// Results and failures by key.
///
/// # Errors
///
/// Every call fails where the store cannot be reached, read or written. What writes fails with
/// [`Error::Forked`](crate::Error::Forked) in a forked child, and with [`Error::Closed`](crate::Error::Closed) after
/// [`ResultStore::close`].
#[expect(clippy::missing_errors_doc, reason = "the errors are those of all calls, and said once")]
pub trait ResultStore {
    /// Reads what others stored since the last call; each key whose state is another now, with that state.
    fn refresh(&self) -> Result<Vec<(Key, State)>>;

    /// So many results will be stored, here or elsewhere: room may be made for what is known of them.
    fn expect(&self, _count: usize) {}

    /// Whether there is a result, as of the last refresh.
    fn contains(&self, key: &Key) -> Result<bool> {
        Ok(self.contains_many(&[*key])?[0])
    }

    /// For each key, whether there is a result, as of the last refresh.
    fn contains_many(&self, keys: &[Key]) -> Result<Vec<bool>>;

    /// A number that changes whenever a result may have gone that was there at an earlier refresh.
    fn losses(&self) -> u64;

    /// All keys with a result, as of the last refresh.
    fn keys(&self) -> Result<Vec<Key>>;

    /// The stored value; `None` if there is no result.
    ///
    /// Where the value is not what was stored, this is an [`StoreError::DamagedResult`](crate::StoreError::DamagedResult): from then
    /// on there is no result for this key, and the next refresh says so.
    fn load(&self, key: &Key) -> Result<Option<Stored>> {
        Ok(match self.load_into(key, &mut Declining)? {
            Some(Loaded::Stored(stored)) => Some(stored),
            Some(Loaded::Received) | None => None,
        })
    }

    /// The same, where a large value is read into the receiver, if that takes it.
    fn load_into(&self, key: &Key, receiver: &mut dyn Receiver) -> Result<Option<Loaded>>;

    /// What is known of a stored result; `None` if there is none.
    fn facts(&self, key: &Key) -> Result<Option<ResultInfo>>;

    /// How long the run of each result took, in microseconds; `None` where there is none, or it is not known.
    fn durations(&self, keys: &[Key]) -> Result<Vec<Option<u64>>>;

    /// The [fingerprint](RunMetadata::code) of what each result was stored with; `None` where there is no result, or it is not
    /// known.
    fn codes(&self, keys: &[Key]) -> Result<Vec<Option<u64>>>;

    /// Stores a value in place of whatever result there is. Others see it after [`ResultStore::flush`], or soon.
    fn save(&self, key: Key, value: &Encoded, facts: &RunMetadata) -> Result<()>;

    /// Removes results; whether each key had one. A result of a task that runs now will not count either.
    fn remove(&self, keys: &[Key]) -> Result<Vec<bool>>;

    /// Records that a run of a task failed, in place of an earlier failure. A server takes that only from the worker that
    /// has claimed the task.
    fn save_failure(&self, key: Key, report: &Report, facts: &RunMetadata) -> Result<()>;

    /// All that is known of the failure of one key; `None` if its last run did not fail. A report that cannot be read any more is
    /// an empty one.
    fn failure(&self, key: &Key) -> Result<Option<Report>>;

    /// The report of every failure, as of the last refresh, without what the tasks [printed](OUTPUT).
    fn failures(&self) -> Result<Vec<(Key, Report)>>;

    /// The same of some keys: those that failed, in their order.
    fn reports(&self, keys: &[Key]) -> Result<Vec<(Key, Report)>>;

    /// The keys whose failure [is kept](is_kept), as of the last refresh.
    fn kept_failures(&self) -> Result<Vec<Key>> {
        let kept = self.failures()?.into_iter().filter(|(_, report)| is_kept(report));
        Ok(kept.map(|(key, _)| key).collect())
    }

    /// Forgets failures; how many there were.
    fn clear_failures(&self, keys: &[Key]) -> Result<usize>;

    /// Remembers that `key` stands for `name`, which is no key.
    fn alias(&self, key: Key, name: &[u8]) -> Result<()>;

    /// The names that users gave where jug expects keys.
    fn aliases(&self) -> Result<Vec<(Key, Vec<u8>)>>;

    /// Returns once others see what was stored so far.
    fn flush(&self) -> Result<()>;

    /// Flushes and ends the writing. What is stored can still be read.
    fn close(&self) -> Result<()>;
}

/// Takes nothing.
struct Declining;

impl Receiver for Declining {
    fn receive(&mut self, _: Codec, _: &mut dyn Source) -> bool {
        false
    }
}
