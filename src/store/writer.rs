//! Appending records: visible first, durable soon, and never twice into a file that failed once.
//!
//! A record goes into a buffer, from there into the file (at 64 KiB, or when the keeper ticks at most
//! [`WRITE_AFTER`] later) and onto the disk (`fdatasync`, at most [`SYNC_AFTER`] after that). Bytes are kept
//! until they are durable: where a write or a sync fails they are written again, to a new segment.

use std::io;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::fs::FileSystem;
use crate::keeper::{Keeper, Tick};
use crate::store::index::Index;
use crate::store::log::{Home, Log, Spot};
use crate::store::record::{self, Header};
use crate::store::{Stats, lock};
use crate::{Error, Result, process};

/// How long a record may stay in memory before it is written.
pub const WRITE_AFTER: Duration = Duration::from_millis(5);
/// How long a written record may wait for its sync.
pub const SYNC_AFTER: Duration = Duration::from_millis(50);
/// How much is buffered before it is written.
const BUFFER_MAX: usize = 64 * 1024;
/// How much may be written and not yet synced: whoever writes faster than the disk waits for it.
const UNDURABLE_MAX: usize = 8 * 1024 * 1024;

/// A process's one way to add records to a store.
pub struct Writer {
    state: Mutex<State>,
    fs: Arc<dyn FileSystem>,
    index: Arc<Mutex<Index>>,
    keeper: Weak<Keeper>,
    always: bool,
    pid: u32,
}

struct State {
    log: Log,
    buffer: Vec<u8>,
    buffered: Option<Instant>,
    /// Written and not known to be on disk.
    undurable: Vec<u8>,
    written: Option<Instant>,
    /// What went wrong in the background and was not reported yet.
    failure: Option<Error>,
    closed: bool,
    stats: Stats,
}

impl Writer {
    /// A writer that has created nothing yet. With `always`, each record is on disk before `append` returns.
    pub fn new(
        home: Home,
        fs: Arc<dyn FileSystem>,
        index: Arc<Mutex<Index>>,
        keeper: Weak<Keeper>,
        always: bool,
    ) -> Writer {
        let state = State {
            log: Log::new(home, Arc::clone(&fs)),
            buffer: Vec::new(),
            buffered: None,
            undurable: Vec::new(),
            written: None,
            failure: None,
            closed: false,
            stats: Stats::default(),
        };
        Writer { state: Mutex::new(state), fs, index, keeper, always, pid: process::id() }
    }

    /// Adds a record whose payload is `parts`. `name` is the task's name, empty for none.
    pub fn append(&self, mut header: Header, name: &str, parts: &[&[u8]]) -> Result<()> {
        if self.forked() {
            return Err(Error::Forked { what: "the store" });
        }
        let mut state = lock(&self.state);
        state.check()?;
        let first = state.buffer.is_empty();
        let state = &mut *state;
        state.log.open(&self.index)?;
        header.name = state.log.name_id(name, &mut state.buffer, &self.index);
        state.log.append(&mut state.buffer, &mut header, parts, &self.index);
        state.stats.records += 1;
        if self.always {
            self.write(state)?;
            return self.sync_now(state);
        }
        if state.buffer.len() >= BUFFER_MAX {
            self.write(state)?;
            if state.undurable.len() >= UNDURABLE_MAX {
                self.sync_now(state)?;
            }
        }
        if first {
            state.buffered = (!state.buffer.is_empty()).then(|| self.fs.now());
            if let Some(keeper) = self.keeper.upgrade() {
                keeper.nudge();
            }
        }
        Ok(())
    }

    /// Returns once all records so far are in the file.
    pub fn flush(&self) -> Result<()> {
        if self.forked() {
            return Ok(());
        }
        let mut state = lock(&self.state);
        state.report()?;
        self.write(&mut state)
    }

    /// Returns once all records so far are on disk.
    pub fn sync(&self) -> Result<()> {
        if self.forked() {
            return Ok(());
        }
        let mut state = lock(&self.state);
        state.report()?;
        self.write(&mut state)?;
        self.sync_now(&mut state)
    }

    /// Writes and syncs what is left and seals the segment. Nothing can be appended afterwards.
    pub fn close(&self) -> Result<()> {
        if self.forked() {
            return Ok(());
        }
        let mut state = lock(&self.state);
        if state.closed {
            return Ok(());
        }
        state.closed = true;
        state.report()?;
        let state = &mut *state;
        let nothing_new = state.buffer.is_empty() && state.undurable.is_empty();
        state.log.seal(&mut state.buffer);
        match self.write(state).and_then(|()| self.sync_now(state)) {
            // Whoever removes a jugdir that nobody works on may do so.
            Err(error) if nothing_new && is_removed(&error) => Ok(()),
            outcome => outcome,
        }
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        lock(&self.state).stats
    }

    /// True if the bytes at `spot` may not be in the file yet.
    pub fn is_pending(&self, segment: u32, offset: u64) -> bool {
        if self.forked() {
            return false;
        }
        let state = lock(&self.state);
        state.log.is_current(segment) && offset >= state.log.end() - state.buffer.len() as u64
    }

    fn forked(&self) -> bool {
        self.pid != process::id()
    }

    fn write(&self, state: &mut State) -> Result<()> {
        if state.buffer.is_empty() {
            return Ok(());
        }
        state.stats.writes += 1;
        state.stats.bytes += state.buffer.len() as u64;
        match state.log.write(&state.buffer) {
            Ok(()) => {
                state.undurable.append(&mut state.buffer);
                state.buffered = None;
                state.written.get_or_insert_with(|| self.fs.now());
                Ok(())
            }
            Err(error) => {
                // What reached the file before is not in doubt: the file may still be synced.
                if state.log.sync().is_ok() {
                    state.undurable.clear();
                }
                self.replay(state, error)
            }
        }
    }

    fn sync_now(&self, state: &mut State) -> Result<()> {
        if state.undurable.is_empty() {
            return Ok(());
        }
        state.stats.syncs += 1;
        match state.log.sync() {
            Ok(()) => {
                state.undurable.clear();
                state.written = None;
                Ok(())
            }
            Err(error) => self.replay(state, error),
        }
    }

    /// Writes all that is not durable to a new segment; `cause` is returned if that fails too.
    fn replay(&self, state: &mut State, cause: Error) -> Result<()> {
        let mut kept = std::mem::take(&mut state.undurable);
        kept.append(&mut state.buffer);
        state.written = None;
        state.buffered = None;
        state.stats.replays += 1;
        let old = state.log.leave(kept.len() as u64);
        state.stats.writes += 1;
        state.stats.syncs += 1;
        if is_removed(&cause) {
            // There may be another jugdir in the place of the old one by now, to which this does not belong.
            self.lost(&kept, old);
            return Err(cause);
        }
        let rewritten = state.log.open(&self.index).and_then(|()| state.log.rewrite(&kept, &self.index));
        if let Ok(new) = rewritten {
            self.moved(&kept, old, new);
            return Ok(());
        }
        // The first error is the one to report: it says what is wrong with the disk.
        state.log.abandon();
        self.lost(&kept, old);
        Err(cause)
    }

    fn moved(&self, kept: &[u8], old: Spot, new: Spot) {
        let mut index = lock(&self.index);
        for (offset, header) in record::walk(kept) {
            index.relocate(header.key, old.place(offset), new.place(offset));
        }
    }

    fn lost(&self, kept: &[u8], old: Spot) {
        let mut index = lock(&self.index);
        for (offset, header) in record::walk(kept) {
            index.lose(header.key, old.place(offset));
            index.lose_failure(header.key, old.place(offset));
        }
    }

    /// Syncs in the background, without keeping others from appending meanwhile.
    fn sync_aside(&self) {
        let (file, segment, end) = {
            let mut state = lock(&self.state);
            let Some((file, segment)) = state.log.handle() else { return };
            state.stats.syncs += 1;
            state.written = None;
            (file, segment, state.durable_to() + state.undurable.len() as u64)
        };
        let synced = file.sync_named();
        let mut state = lock(&self.state);
        if !state.log.is_current(segment) {
            return; // A write failed meanwhile, and everything was written again.
        }
        let outcome = match synced {
            Ok(()) => {
                // Somebody else may have synced too, and then there is less to forget.
                let length = usize::try_from(end.saturating_sub(state.durable_to())).unwrap_or(0);
                state.undurable.drain(..length);
                Ok(())
            }
            Err(source) => {
                let cause = state.log.failed_sync(source);
                self.replay(&mut state, cause)
            }
        };
        state.failure = outcome.err().or(state.failure.take());
    }
}

/// Whether the segment was removed, so that what was written to it is lost.
fn is_removed(cause: &Error) -> bool {
    matches!(cause, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

impl State {
    fn check(&mut self) -> Result<()> {
        if self.closed {
            return Err(Error::Closed { what: "the store" });
        }
        self.report()
    }

    /// Up to which offset the current segment is known to be on disk.
    fn durable_to(&self) -> u64 {
        self.log.end() - (self.buffer.len() + self.undurable.len()) as u64
    }

    fn report(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }
}

impl Tick for Writer {
    fn tick(&self, now: Instant) -> Option<Duration> {
        let left = |since: Option<Instant>, span: Duration| {
            since.map(|since| span.saturating_sub(now.saturating_duration_since(since)))
        };
        let due = {
            let mut state = lock(&self.state);
            if left(state.buffered, WRITE_AFTER).is_some_and(|left| left.is_zero())
                && let Err(error) = self.write(&mut state)
            {
                state.failure = Some(error);
            }
            left(state.written, SYNC_AFTER).is_some_and(|left| left.is_zero())
        };
        if due {
            self.sync_aside();
        }
        let state = lock(&self.state);
        let next = [left(state.buffered, WRITE_AFTER), left(state.written, SYNC_AFTER)];
        next.into_iter().flatten().min()
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("always", &self.always).finish_non_exhaustive()
    }
}
