//! An encoding with gaps: what stands in them is not known yet.
//!
//! A group around a gap can neither be put into order nor replaced by its digest before the gap is filled. So a
//! template keeps where such groups begin and end, and filling it does both.

use super::encoder::{Encoder, Group, GroupWithGap, Items};

/// An encoding with gaps.
#[derive(Debug, Default)]
pub struct Template {
    /// One byte in the place of each gap.
    bytes: Box<[u8]>,
    gaps: Box<[usize]>,
    /// Inner groups before outer ones.
    groups: Box<[GroupWithGap]>,
}

/// What happens at one place of a template, in the order in which it happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Close,
    Item,
    Open,
    Gap(usize),
}

impl Template {
    /// How many gaps it has.
    pub fn nr_gaps(&self) -> usize {
        self.gaps.len()
    }

    fn events(&self) -> Vec<(usize, Event)> {
        let mut events = Vec::with_capacity(self.gaps.len() + 2 * self.groups.len());
        for group in &self.groups {
            events.push((group.start, Event::Open));
            events.extend(group.starts.iter().map(|at| (*at, Event::Item)));
            events.push((group.end, Event::Close));
        }
        events.extend(self.gaps.iter().enumerate().map(|(index, at)| (*at, Event::Gap(index))));
        // No two gaps and no two groups begin at one place, so only groups that end together are alike.
        events.sort_unstable();
        events
    }
}

impl Encoder {
    /// Leaves a gap for one value, to be filled when there is a template of the whole.
    pub fn gap(&mut self) {
        self.gaps.push(self.buffer.len());
        self.buffer.push(0);
    }

    /// How many gaps there are so far.
    pub fn nr_gaps(&self) -> usize {
        self.gaps.len()
    }

    /// What was encoded, with its gaps; the encoder begins again.
    pub fn take_template(&mut self) -> Template {
        let Encoder { buffer, gaps, groups, .. } = std::mem::take(self);
        Template { bytes: buffer.into(), gaps: gaps.into(), groups: groups.into() }
    }

    /// Appends a template. `contents` has the values for its gaps, one after the other, and `ends` where each ends.
    pub fn fill(&mut self, template: &Template, contents: &[u8], ends: &[usize]) {
        let mut open: Vec<Items> = Vec::new();
        let mut copied = 0;
        for (at, event) in template.events() {
            self.buffer.extend_from_slice(&template.bytes[copied..at]);
            copied = at;
            match event {
                Event::Open => {
                    let group = Group { start: self.buffer.len() };
                    open.push(Items { group, starts: Vec::new() });
                }
                Event::Item => open.last_mut().into_iter().for_each(|items| self.item(items)),
                Event::Close => open.pop().into_iter().for_each(|items| self.close_items(items)),
                Event::Gap(index) => {
                    let start = if index == 0 { 0 } else { ends[index - 1] };
                    self.buffer.extend_from_slice(&contents[start..ends[index]]);
                    copied = at + 1;
                }
            }
        }
        self.buffer.extend_from_slice(&template.bytes[copied..]);
    }
}
