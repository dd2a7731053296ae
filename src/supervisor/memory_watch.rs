//! Whose fault it is that a worker has too much memory: that of the task that runs, or of those before.

use std::time::Duration;

/// For how long what the task before has taken may still be there, which is not the fault of the one that runs.
const SETTLING: Duration = Duration::from_millis(200);

/// For how many samples in a row a worker may have too much that no task is to blame for.
const PATIENCE: u32 = 10;

/// What is seen of a worker in one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// How many bytes it may have.
    pub limit: u64,
    /// How many bytes it has, where pages that processes share count for each of them.
    pub resident: u64,
    /// The task that runs: when it began, and how long ago.
    pub run: Option<(Duration, Duration)>,
    /// Whether it has run another task before.
    pub has_run: bool,
}

/// What is to become of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Spare,
    /// The task that runs has taken so many bytes, and ends with its worker.
    Blame(u64),
    /// Tasks before have left so many bytes: another worker takes its place, and the task that runs is tried again.
    Replace(u64),
}

/// The memory of a worker, from sample to sample.
#[derive(Debug, Default)]
pub struct MemoryWatch {
    /// When the task began that ran when the last sample was taken.
    run: Option<Duration>,
    /// How many bytes there were before that.
    found: u64,
    last: u64,
    /// How many samples in a row had too much.
    over: u32,
}

impl MemoryWatch {
    /// What is to become of a worker by this sample; `proportional` says how many bytes it has where pages that processes share
    /// count once, and takes long.
    pub fn judge(&mut self, sample: &Sample, proportional: impl FnOnce() -> u64) -> Verdict {
        let Sample { limit, resident, run, has_run } = *sample;
        let start = run.map(|(start, _)| start);
        if start != self.run {
            // Most of what is there by now was there when it began. Who takes that much in no time is tried again, and to blame
            // as soon as it is the first task of a worker.
            let at_first = if run.is_some_and(|(_, age)| age < SETTLING) { resident } else { 0 };
            (self.run, self.found) = (start, self.last.max(at_first));
        }
        self.last = resident;
        if resident <= limit {
            self.over = 0;
            return Verdict::Spare;
        }
        let taken = proportional();
        if taken <= limit {
            self.over = 0;
            return Verdict::Spare;
        }
        self.over += 1;
        let is_settled = run.is_some_and(|(_, age)| age >= SETTLING);
        if is_settled && !(has_run && self.found > limit) {
            return Verdict::Blame(taken);
        }
        if has_run && (is_settled || self.over >= PATIENCE) {
            return Verdict::Replace(taken);
        }
        Verdict::Spare
    }
}
