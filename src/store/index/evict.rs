//! Records that turned out to be no results after all, or that are elsewhere.

use super::{Index, Location, Version};
use crate::Key;

impl Index {
    /// The result at `place` is no result after all. False if another record had taken its place already.
    pub fn lose(&mut self, key: Key, place: Location) -> bool {
        let Some(at) = self.position(&key) else { return false };
        let Some(result) = self.entries.result(at).filter(|result| result.place == place) else {
            return false;
        };
        self.change(key, |index, _| {
            index.losses += 1;
            index.entries.set(at, None);
            let extra = index.extra(key);
            extra.lost.push(result);
            extra.lost_epoch = extra.lost_epoch.max(result.epoch);
        });
        true
    }

    /// The failure report at `place` was never written.
    pub fn lose_failure(&mut self, key: Key, place: Location) {
        if self.extras.contains_key(&key) {
            self.change(key, |index, _| {
                let extra = index.extra(key);
                extra.failure = extra.failure.filter(|failure| failure.place != place);
            });
        }
    }

    /// A record was written again elsewhere: what referred to `old` refers to `new`.
    pub fn relocate(&mut self, key: Key, old: Location, new: Location) {
        if let Some(at) = self.position(&key)
            && let Some(result) = self.entries.result(at).filter(|result| result.place == old)
        {
            self.entries.set(at, Some(Version { place: new, ..result }));
        }
        if let Some(extra) = self.extras.get_mut(&key)
            && let Some(failure) = extra.failure.filter(|failure| failure.place == old)
        {
            extra.failure = Some(Version { place: new, ..failure });
        }
    }

    /// The epoch that a new result of `key` needs at least to win over what was lost here.
    pub fn epoch_to_heal(&self, key: &Key) -> u64 {
        match self.extras.get(key) {
            Some(extra) if !extra.lost.is_empty() => extra.lost_epoch + 1,
            _ => 0,
        }
    }
}
