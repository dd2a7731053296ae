//! Where records begin, as the index has it.

use super::Pack;
use crate::Result;

/// A batch, as the index has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPlace {
    /// Where it begins.
    pub offset: u64,
    /// How many results are in it.
    pub results: usize,
}

impl Pack {
    /// The batches, by their offsets; none where the index is damaged.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn batches(&self) -> Result<Vec<BatchPlace>> {
        let (Some(top), Some(smalls)) = (self.top()?, self.small_offsets()?) else { return Ok(Vec::new()) };
        let mut ends = top.batches.iter().skip(1).map(|batch| batch.offset);
        let places = top.batches.iter().map(|batch| {
            let end = ends.next().unwrap_or(u64::MAX);
            let before = |offset| smalls.partition_point(|&small| small < offset);
            BatchPlace { offset: batch.offset, results: before(end) - before(batch.offset) }
        });
        Ok(places.collect())
    }

    /// Where records begin, in order: all but those of names. None where the index is damaged.
    ///
    /// # Errors
    ///
    /// As [`Pack::find`].
    pub fn record_offsets(&self) -> Result<Vec<u64>> {
        let mut offsets: Vec<u64> = self.batches()?.iter().map(|batch| batch.offset).collect();
        offsets.extend(self.runs()?.iter().map(|run| run.offset));
        if !self.each_in_pages(&mut |entry| offsets.push(entry.offset))? {
            return Ok(Vec::new());
        }
        offsets.sort_unstable();
        offsets.dedup();
        Ok(offsets)
    }
}
