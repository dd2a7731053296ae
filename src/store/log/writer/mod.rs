//! Appending records: visible first, durable soon, and never twice into a file that failed once.
//!
//! A record goes into a buffer, from there into the file (at 64 KiB, or when the background thread comes round, at most
//! [`WRITE_AFTER`] later) and onto the disk (`fdatasync`, at most [`SYNC_AFTER`] after that). Bytes are kept
//! until they are durable: where a write or a sync fails they are written again, to a new segment.

mod announce;
mod replay;
mod state;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use state::{State, Unnoted};

use crate::background::{Background, Periodic};
use crate::jugdir::{Jugdir, News};
use crate::lock::lock;
use crate::os::ops::TICK;
use crate::os::{FileSystem, pid};
use crate::store::index::Index;
use crate::store::log::active_segment::{Log, SegmentDir};
use crate::store::log::record::Header;
use crate::store::metadata::WriteStats;
use crate::{Error, Result};

/// How long a record may stay in memory before it is written.
pub const WRITE_AFTER: Duration = Duration::from_millis(5);
/// How long a written record may wait for its sync.
pub const SYNC_AFTER: Duration = Duration::from_millis(50);
/// How much is buffered before it is written.
const BUFFER_MAX: usize = 64 * 1024;
/// How much may be written and not yet synced: a caller that writes faster than the disk waits for it.
const UNDURABLE_MAX: usize = 8 * 1024 * 1024;

/// A process's one way to add records to a store.
pub struct Writer {
    state: Mutex<State>,
    fs: Arc<dyn FileSystem>,
    index: Arc<Mutex<Index>>,
    background: Weak<Background>,
    always: bool,
    /// The directory of the segments, if other hosts list it.
    shared: OnceLock<PathBuf>,
    /// Where others learn that there is something new, if nothing else tells them.
    news: OnceLock<Arc<News>>,
    pid: u32,
}

impl Writer {
    /// A writer that has created nothing yet. With `always`, each record is on disk before `append` returns.
    pub fn new(
        home: SegmentDir,
        fs: Arc<dyn FileSystem>,
        index: Arc<Mutex<Index>>,
        background: Weak<Background>,
        always: bool,
    ) -> Writer {
        let state = State {
            log: Log::new(home, Arc::clone(&fs)),
            buffer: Vec::new(),
            buffered: None,
            undurable: Vec::new(),
            written: None,
            unannounced: None,
            failure: None,
            closed: false,
            stats: WriteStats::default(),
            unnoted: Unnoted::default(),
        };
        Writer {
            state: Mutex::new(state),
            fs,
            index,
            background,
            always,
            shared: OnceLock::new(),
            news: OnceLock::new(),
            pid: pid::id(),
        }
    }

    /// Has each segment belong to whatever worker of this jugdir the process is when it is created: a worker that
    /// was out of touch for too long is replaced. If the jugdir `is_shared` by hosts, others learn of new segments.
    pub fn bind_to_worker(&self, jugdir: Arc<Jugdir>, is_shared: bool) {
        if is_shared {
            _ = self.shared.set(jugdir.segments());
        }
        _ = self.news.set(Arc::clone(jugdir.news()));
        lock(&self.state).log.bind_to_worker(jugdir);
    }

    /// The ids under which this process wrote segments: more than one if it had to register again.
    pub fn worker_ids(&self) -> Vec<Arc<str>> {
        lock(&self.state).log.worker_ids().to_vec()
    }

    /// The file names of all segments that were written so far.
    pub fn files(&self) -> Vec<String> {
        lock(&self.state).log.files().to_vec()
    }

    /// How much was stored so far, and how much of that is on disk where others find it. Both only grow.
    pub fn progress(&self) -> (u64, u64) {
        let state = lock(&self.state);
        let durable = state.stats.bytes - state.undurable.len() as u64;
        let known = state.unannounced.map_or(durable, |(_, before)| durable.min(before));
        (state.stored(), known)
    }

    /// Whether all records so far are in files. It tells without an error if they cannot be.
    pub fn is_written(&self) -> bool {
        lock(&self.state).buffer.is_empty()
    }

    /// Adds a record whose payload is `parts`. `name` is the task's name, empty for none.
    ///
    /// # Errors
    ///
    /// Where an earlier record could not be written, the disk is full, or the writer is closed.
    pub fn append(&self, header: Header, name: &str, parts: &[&[u8]]) -> Result<()> {
        self.append_and_write(header, name, parts, false)
    }

    /// Adds a record in the same way; with `at_once` it is in the file when this returns, and so are all before it.
    ///
    /// # Errors
    ///
    /// As [`Writer::append`].
    pub fn append_and_write(
        &self,
        mut header: Header,
        name: &str,
        parts: &[&[u8]],
        at_once: bool,
    ) -> Result<()> {
        if self.forked() {
            return Err(Error::Forked { what: "the store" });
        }
        let mut state = lock(&self.state);
        state.check()?;
        let first = state.buffer.is_empty();
        let state = &mut *state;
        if state.log.is_lost() {
            let cause = state.log.lost();
            self.replay(state, cause)?;
        }
        self.open(state)?;
        self.remember(state, &header);
        header.name = state.log.name_id(name, &mut state.buffer, &self.index);
        state.log.append(&mut state.buffer, &mut header, parts, &self.index);
        state.stats.records += 1;
        if self.always {
            self.write(state)?;
            return self.sync_now(state);
        }
        let is_sync_due = state.written.is_some();
        if at_once || state.buffer.len() >= BUFFER_MAX {
            self.write(state)?;
            if state.undurable.len() >= UNDURABLE_MAX {
                self.sync_now(state)?;
            }
        }
        let begins_buffer = first && !state.buffer.is_empty();
        if begins_buffer {
            state.buffered = Some(self.fs.now());
        }
        // To wake it for each record that is written already would cost more than the record.
        if (begins_buffer || !is_sync_due && state.written.is_some())
            && let Some(background) = self.background.upgrade()
        {
            background.wake();
        }
        Ok(())
    }

    /// Returns once all records so far are in the file.
    ///
    /// # Errors
    ///
    /// Where they cannot be written.
    pub fn flush(&self) -> Result<()> {
        if self.forked() {
            return Ok(());
        }
        let mut state = lock(&self.state);
        state.report()?;
        self.write(&mut state)
    }

    /// Returns once all records so far are on disk.
    ///
    /// # Errors
    ///
    /// Where they cannot be written or synced.
    pub fn sync(&self) -> Result<()> {
        if self.forked() {
            return Ok(());
        }
        let mut state = lock(&self.state);
        state.report()?;
        self.write(&mut state)?;
        self.sync_now(&mut state)
    }

    /// Writes nothing more to this segment, which cannot be read: the next record begins another one.
    ///
    /// # Errors
    ///
    /// Where what is left cannot be written.
    pub fn rotate_away_from(&self, segment: u32) -> Result<()> {
        if self.forked() || !lock(&self.state).log.is_current(segment) {
            return Ok(());
        }
        self.announce()?;
        let mut state = lock(&self.state);
        self.write(&mut state)?;
        self.sync_now(&mut state)?;
        if state.log.is_current(segment) {
            state.log.rotate();
        }
        Ok(())
    }

    /// Writes and syncs what is left and seals the segment. Nothing can be appended afterwards.
    ///
    /// # Errors
    ///
    /// Where what is left cannot be written or synced.
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
            // A process that removes a jugdir that nobody works on may do so.
            Err(error) if nothing_new && is_removed(&error) => Ok(()),
            // Nothing is lost with the seal: a process that reads the segment asks whether its writer lives.
            Err(error) if nothing_new && error.is_full() => Ok(()),
            outcome => outcome,
        }
    }

    /// What was done so far.
    pub fn stats(&self) -> WriteStats {
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
        self.pid != pid::id()
    }

    fn write(&self, state: &mut State) -> Result<()> {
        if state.buffer.is_empty() {
            return Ok(());
        }
        state.log.complete(&mut state.buffer);
        state.stats.writes += 1;
        match state.log.write(&state.buffer) {
            Ok(()) => {
                state.stats.bytes += state.buffer.len() as u64;
                state.undurable.append(&mut state.buffer);
                state.unnoted.wrote();
                state.buffered = None;
                state.written.get_or_insert_with(|| self.fs.now());
                Ok(())
            }
            Err(error) => {
                // What reached the file before is not in doubt: the file may still be synced.
                if state.log.sync().is_ok() && !state.log.is_lost() {
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
            Ok(()) if state.log.is_lost() => {
                let cause = state.log.lost();
                self.replay(state, cause)
            }
            Ok(()) => {
                state.undurable.clear();
                state.written = None;
                self.note_synced(state, state.unnoted.written());
                Ok(())
            }
            Err(error) => self.replay(state, error),
        }
    }

    /// Opens a segment if there is none.
    fn open(&self, state: &mut State) -> Result<()> {
        if state.log.is_open() {
            return Ok(());
        }
        let before = state.stored();
        state.log.open(&self.index)?;
        if self.shared.get().is_some() {
            state.unannounced = Some((self.fs.now() + TICK, before));
        }
        Ok(())
    }

    /// Syncs in the background, without keeping others from appending meanwhile.
    fn sync_aside(&self) {
        let (file, segment, end, written) = {
            let mut state = lock(&self.state);
            let Some((file, segment)) = state.log.handle() else { return };
            state.stats.syncs += 1;
            state.written = None;
            (file, segment, state.durable_to() + state.undurable.len() as u64, state.unnoted.written())
        };
        let synced = file.sync_named();
        let mut state = lock(&self.state);
        if !state.log.is_current(segment) {
            return; // A write failed meanwhile, and everything was written again.
        }
        let outcome = match synced {
            Ok(()) if state.log.is_lost() => {
                let cause = state.log.lost();
                self.replay(&mut state, cause)
            }
            Ok(()) => {
                // Somebody else may have synced too, and then there is less to forget.
                let length = usize::try_from(end.saturating_sub(state.durable_to())).unwrap_or(0);
                state.undurable.drain(..length);
                self.note_synced(&mut state, written);
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

impl Periodic for Writer {
    fn poll(&self, now: Instant) -> Option<Duration> {
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
        // Tried again at the next round where it fails: until then, claims wait to be released.
        let _announced = self.announce_due(now);
        let state = lock(&self.state);
        let announce = state.unannounced.map(|(due, _)| due.saturating_duration_since(now).max(WRITE_AFTER));
        let next = [left(state.buffered, WRITE_AFTER), left(state.written, SYNC_AFTER), announce];
        next.into_iter().flatten().min()
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("always", &self.always).finish_non_exhaustive()
    }
}

/// Whether the segment was removed, so that what was written to it is lost.
fn is_removed(cause: &Error) -> bool {
    matches!(cause, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound)
}
