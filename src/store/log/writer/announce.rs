//! Having other hosts learn of what was written.

use std::time::Instant;

use super::Writer;
use super::state::State;
use crate::Result;
use crate::error::IoContext;
use crate::jugdir::Event;
use crate::lock::lock;
use crate::store::log::record::{Header, Kind};

impl Writer {
    /// Returns once others find all segments.
    ///
    /// # Errors
    ///
    /// Where the directory of segments cannot be changed.
    pub fn announce(&self) -> Result<()> {
        let Some((due, _)) = lock(&self.state).unannounced else { return Ok(()) };
        self.fs.sleep(due.saturating_duration_since(self.fs.now()));
        self.announce_due(due)
    }

    pub(super) fn announce_due(&self, now: Instant) -> Result<()> {
        let is_due = lock(&self.state).unannounced.is_some_and(|(due, _)| due <= now);
        if let (true, Some(segments)) = (is_due, self.shared.get()) {
            self.fs.touch_dir(segments).context("setting the time of", segments)?;
            let mut state = lock(&self.state);
            state.unannounced = None;
            self.note_news(&mut state);
        }
        Ok(())
    }

    /// Keeps what a record is about, until others have news of it.
    pub(super) fn remember(&self, state: &mut State, header: &Header) {
        if self.news.get().is_some_and(|news| news.is_given()) {
            let is_result = matches!(header.kind, Kind::Result | Kind::ResultBlob);
            state.unnoted.add(if is_result { Event::Result(header.key) } else { Event::Other });
        }
    }

    /// So much of what was written is on disk: others have news of it, if they find it.
    pub(super) fn note_synced(&self, state: &mut State, written: u64) {
        state.unnoted.synced(written);
        self.note_news(state);
    }

    /// Has others learn that there is something on disk which they can find.
    pub(super) fn note_news(&self, state: &mut State) {
        // Others do not find a new segment yet.
        let events = if state.unannounced.is_none() { state.unnoted.take() } else { Vec::new() };
        if self.news.get().is_some_and(|news| news.note(events))
            && let Some(background) = self.background.upgrade()
        {
            background.wake();
        }
    }
}
