//! Writing again, to a new segment, what an earlier one may have lost.

use super::state::State;
use super::{Writer, is_removed};
use crate::lock::lock;
use crate::store::log::active_segment::Position;
use crate::store::log::batch;
use crate::{Error, Result};

impl Writer {
    /// Leaves the current segment if that is one of those which packs have replaced: what is not known to be in them
    /// is written again, to a new segment.
    ///
    /// # Errors
    ///
    /// Where that cannot be written.
    pub fn leave(&self, is_replaced: &dyn Fn(&str) -> bool) -> Result<()> {
        if self.forked() {
            return Ok(());
        }
        let mut state = lock(&self.state);
        if state.closed || !state.log.file_name().is_some_and(is_replaced) {
            return Ok(());
        }
        if state.buffer.is_empty() && state.undurable.is_empty() {
            state.log.rotate();
            return Ok(());
        }
        let cause = state.log.packed();
        self.replay(&mut state, cause)
    }

    /// Writes all that is not durable to a new segment; `cause` is returned if that fails too.
    pub(super) fn replay(&self, state: &mut State, cause: Error) -> Result<()> {
        state.log.complete(&mut state.buffer);
        let mut kept = std::mem::take(&mut state.undurable);
        state.stats.bytes += state.buffer.len() as u64;
        kept.append(&mut state.buffer);
        state.written = None;
        state.buffered = None;
        state.stats.replays += 1;
        let old = state.log.detach(kept.len() as u64);
        state.stats.writes += 1;
        state.stats.syncs += 1;
        if is_removed(&cause) && !state.log.has_home() {
            // There may be another jugdir in the place of the old one by now, to which this does not belong.
            self.lost(&kept, old);
            return Err(cause);
        }
        let rewritten = self.open(state).and_then(|()| state.log.rewrite(&kept, &self.index));
        if let Ok(new) = rewritten {
            self.moved(&kept, old, new);
            state.unnoted.wrote();
            self.note_synced(state, state.unnoted.written());
            return Ok(());
        }
        // The first error is the one to report: it says what is wrong with the disk.
        state.log.abandon();
        self.lost(&kept, old);
        Err(cause)
    }

    fn moved(&self, kept: &[u8], old: Position, new: Position) {
        let mut index = lock(&self.index);
        for (offset, key) in batch::walk(kept) {
            index.relocate(key, old.place(offset), new.place(offset));
        }
    }

    fn lost(&self, kept: &[u8], old: Position) {
        let mut index = lock(&self.index);
        for (offset, key) in batch::walk(kept) {
            index.lose(key, old.place(offset));
            index.lose_failure(key, old.place(offset));
        }
    }
}
