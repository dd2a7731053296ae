//! Results of this worker that are not sent yet.

use std::time::Instant;

use crate::Key;

/// A result that is not sent yet.
#[derive(Clone, Debug)]
pub struct UnsentResult {
    /// The task.
    pub key: Key,
    /// Its record.
    pub record: Vec<u8>,
    /// Whether it counts only if the task is still claimed here.
    pub claimed: bool,
}

/// Results in the order in which they were made.
#[derive(Debug, Default)]
pub struct UnsentResults {
    results: Vec<UnsentResult>,
    bytes: usize,
    since: Option<Instant>,
}

impl UnsentResults {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest of them was made.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Adds a result that has to be sent.
    pub fn push(&mut self, result: UnsentResult) {
        self.bytes += result.record.len();
        self.since.get_or_insert_with(Instant::now);
        self.results.push(result);
    }

    /// Takes the results that have to be sent. A caller that cannot send them puts them back.
    pub fn take(&mut self) -> Vec<UnsentResult> {
        std::mem::take(self).results
    }

    /// Puts back what could not be sent, before what came meanwhile.
    pub fn put_back(&mut self, mut results: Vec<UnsentResult>) {
        results.append(&mut self.results);
        self.bytes = results.iter().map(|it| it.record.len()).sum();
        self.since = (!results.is_empty()).then(Instant::now);
        self.results = results;
    }
}
