//! What would come of results that are known to be there, before they count.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scheduler, State};
use crate::sched::lists::Node;

impl Scheduler {
    /// Whether there would be something to run or to look for, or nothing left, if the results of these were there, and nobody
    /// held those `released`. False where they are busy, or for others to run, and nothing waits for them here but what needs
    /// others, too.
    pub fn would_matter(&self, finished: &BTreeSet<Node>, released: &[Node]) -> bool {
        let mut met: BTreeMap<Node, u32> = BTreeMap::new();
        let mut selected = 0;
        for node in finished {
            match self.state(*node) {
                State::Done => continue,
                State::Busy => {}
                // What is for others to run is never known to be claimed.
                State::Ready | State::Waiting if !self.is_selected(*node) => {}
                _ => return true,
            }
            selected += usize::from(self.is_selected(*node));
            for dependent in self.graph.dependents(*node) {
                let met = met.entry(*dependent).or_default();
                *met += 1;
                let is_met = *met >= self.unmet.get(&self.graph.dependencies, *dependent);
                if is_met && self.is_selected(*dependent) && self.state(*dependent) == State::Waiting {
                    return true;
                }
            }
        }
        let is_over = selected > 0 && selected == self.counts.unfinished;
        is_over || released.iter().any(|it| self.state(*it) == State::Busy && !finished.contains(it))
    }
}
