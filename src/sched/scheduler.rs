//! What may run next.

mod foresight;

use std::sync::Arc;

use super::bitset::Bits;
use super::dependency_graph::Graph;
use super::lists::{self, Node, nodes};

/// What a scheduler believes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Some result it needs is not there.
    Waiting = b'w',
    /// All results it needs are there.
    Ready = b'r',
    /// It was offered, and how it ended is not known yet.
    Taken = b't',
    /// Another worker has claimed it.
    Busy = b'b',
    /// Its result is there.
    Done = b'd',
    /// It failed, and is not tried again before it is [`Scheduler::removed`].
    Failed = b'f',
}

impl State {
    /// Whether it may still become done by being run.
    fn is_unfinished(self) -> bool {
        !matches!(self, State::Done | State::Failed)
    }
}

/// Offers nodes whose inputs are there, each to one caller.
///
/// What was made ready by nodes taken here comes first and last in, first out: the inputs are in memory
/// then, and few results wait for their dependents. Otherwise nodes come in runs of consecutive numbers,
/// beginning at an offset by which workers keep out of each other's way.
#[derive(Debug)]
pub struct Scheduler {
    graph: Arc<Graph>,
    states: Vec<State>,
    /// How many dependencies of each node are not done, of the nodes that need others.
    unmet: lists::Counts,
    /// How many dependents of each node may still run here, of the nodes that others need.
    needed: lists::Counts,
    selected: Option<Vec<bool>>,
    /// The ready nodes that may be offered.
    ready: Bits,
    /// Those of them that own completions made ready, and some that are not ready any more.
    fresh: Vec<Node>,
    busy: Bits,
    cursor: Node,
    /// How many selected nodes are in each state.
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    ready: usize,
    taken: usize,
    busy: usize,
    unfinished: usize,
}

impl Counts {
    fn of(&mut self, state: State) -> Option<&mut usize> {
        match state {
            State::Ready => Some(&mut self.ready),
            State::Taken => Some(&mut self.taken),
            State::Busy => Some(&mut self.busy),
            _ => None,
        }
    }
}

impl Scheduler {
    /// A scheduler that offers the `selected` nodes (all, if None), from node `offset` on (modulo their
    /// number), and knows that these are `done` and `failed`; a node in both is done.
    pub fn new(
        graph: Arc<Graph>,
        done: &[Node],
        failed: &[Node],
        selected: Option<&[Node]>,
        offset: usize,
    ) -> Scheduler {
        let len = graph.len();
        let mut states = vec![State::Waiting; len];
        for node in failed {
            states[*node as usize] = State::Failed;
        }
        for node in done {
            states[*node as usize] = State::Done;
        }
        let selected = selected.map(|chosen| {
            let mut selected = vec![false; len];
            for node in chosen {
                selected[*node as usize] = true;
            }
            selected
        });
        let mut scheduler = Scheduler {
            states,
            unmet: lists::Counts::new(&graph.dependencies),
            needed: lists::Counts::new(&graph.dependents),
            selected,
            ready: Bits::new(len),
            fresh: Vec::new(),
            busy: Bits::new(len),
            cursor: Node::try_from(offset % len.max(1)).unwrap_or(0),
            counts: Counts::default(),
            graph,
        };
        scheduler.count();
        scheduler
    }

    /// Up to `limit` nodes that may run now; they are taken from here on.
    pub fn take(&mut self, limit: usize) -> Vec<Node> {
        let mut taken = Vec::with_capacity(limit.min(self.counts.ready));
        while taken.len() < limit {
            let Some(node) = self.next_ready() else { break };
            self.set(node, State::Taken);
            taken.push(node);
        }
        taken
    }

    /// These were taken and neither run nor found elsewhere: they may be offered again at once.
    pub fn put_back(&mut self, nodes: &[Node]) {
        self.reset_if(nodes, |state| state == State::Taken);
    }

    /// Goes on at node `offset` (modulo their number), away from where another worker was met.
    pub fn jump(&mut self, offset: usize) {
        self.cursor = Node::try_from(offset % self.graph.len().max(1)).unwrap_or(0);
    }

    /// Other workers hold these: they are not offered before [`Scheduler::free`] or [`Scheduler::removed`].
    pub fn busy(&mut self, nodes: &[Node]) {
        for node in nodes {
            if self.state(*node).is_unfinished() {
                self.set(*node, State::Busy);
            }
        }
    }

    /// Nobody holds these any more: they may be offered again.
    pub fn free(&mut self, nodes: &[Node]) {
        self.reset_if(nodes, |state| state == State::Busy);
    }

    /// The nodes that others hold, in ascending order.
    pub fn busy_nodes(&self) -> Vec<Node> {
        self.busy.iter().collect()
    }

    /// The results of these are there, whichever process made them. Returns the nodes whose results nothing that may
    /// still run here needs: some of these, and some of those that they needed.
    pub fn done(&mut self, nodes: &[Node]) -> Vec<Node> {
        let mut released = Vec::new();
        for node in nodes {
            let before = self.state(*node);
            if before == State::Done {
                continue;
            }
            self.set(*node, State::Done);
            self.give_result(*node, before == State::Taken);
            if self.needed(*node) == 0 {
                released.push(*node);
            }
            if before != State::Failed {
                self.dec_needed(*node, &mut released);
            }
        }
        released
    }

    /// These failed; what needs them waits. A node that is done stays so. Returns the nodes whose results
    /// nothing that may still run here needs any more.
    pub fn failed(&mut self, nodes: &[Node]) -> Vec<Node> {
        let mut released = Vec::new();
        for node in nodes {
            if self.state(*node).is_unfinished() {
                self.set(*node, State::Failed);
                self.dec_needed(*node, &mut released);
            }
        }
        released
    }

    /// The results or failures of these are gone: they run again, and what is not done and needs them waits
    /// again. Does nothing to a node that is neither done nor failed.
    pub fn removed(&mut self, nodes: &[Node]) {
        for node in nodes {
            let before = self.state(*node);
            if before.is_unfinished() {
                continue;
            }
            self.inc_needed(*node);
            if before == State::Done {
                self.retract_result(*node);
            }
            self.reset(*node);
        }
    }

    /// How many nodes [`Scheduler::take`] could return now.
    pub fn nr_ready(&self) -> usize {
        self.counts.ready
    }

    /// How many selected nodes are neither done nor failed.
    pub fn nr_unfinished(&self) -> usize {
        self.counts.unfinished
    }

    /// Whether selected nodes are left, all of them wait, and none of what they wait for can come from a
    /// selected node: it failed, or it is for other workers to run.
    pub fn is_stuck(&self) -> bool {
        let Counts { ready, taken, busy, unfinished } = self.counts;
        unfinished > 0 && ready + taken + busy == 0
    }

    /// How many nodes that may still run here need the result of this one.
    pub fn needed(&self, node: Node) -> usize {
        self.needed.get(&self.graph.dependents, node) as usize
    }

    /// What is believed of a node.
    pub fn state(&self, node: Node) -> State {
        self.states[node as usize]
    }

    /// What is believed of every node. A node that is not selected may be ready, but is not offered.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// The nodes that are done, in ascending order.
    pub fn done_nodes(&self) -> Vec<Node> {
        nodes(self.states.len()).filter(|node| self.state(*node) == State::Done).collect()
    }

    /// The graph it walks.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Fills the counters from the states, and finds what is ready.
    fn count(&mut self) {
        let graph = Arc::clone(&self.graph);
        let are_independent = graph.dependencies.are_empty();
        for node in nodes(graph.len()) {
            if are_independent && !self.state(node).is_unfinished() {
                continue;
            }
            let needed = graph.dependencies(node);
            let unmet = needed.iter().filter(|it| self.state(**it) != State::Done).count();
            if unmet > 0 {
                *self.unmet.of(&graph.dependencies, node) = u32::try_from(unmet).unwrap_or(u32::MAX);
            }
            if !self.state(node).is_unfinished() {
                continue;
            }
            if self.is_selected(node) {
                self.counts.unfinished += 1;
                for it in needed {
                    *self.needed.of(&graph.dependents, *it) += 1;
                }
            }
            self.reset(node);
        }
    }

    fn is_selected(&self, node: Node) -> bool {
        self.selected.as_ref().is_none_or(|selected| selected[node as usize])
    }

    fn next_ready(&mut self) -> Option<Node> {
        while let Some(node) = self.fresh.pop() {
            if self.state(node) == State::Ready {
                return Some(node);
            }
        }
        let node = self.ready.next(self.cursor).or_else(|| self.ready.next(0))?;
        // Past the last node the search finds nothing and begins again.
        self.cursor = node + 1;
        Some(node)
    }

    fn reset_if(&mut self, nodes: &[Node], condition: impl Fn(State) -> bool) {
        for node in nodes {
            if condition(self.state(*node)) {
                self.reset(*node);
            }
        }
    }

    /// Ready or waiting, whatever it was.
    fn reset(&mut self, node: Node) {
        let state =
            if self.unmet.get(&self.graph.dependencies, node) == 0 { State::Ready } else { State::Waiting };
        self.set(node, state);
    }

    /// The only place where a state changes: it keeps the sets and counters true.
    fn set(&mut self, node: Node, state: State) {
        let before = std::mem::replace(&mut self.states[node as usize], state);
        if before == State::Busy {
            self.busy.remove(node);
        }
        if state == State::Busy {
            self.busy.insert(node);
        }
        if !self.is_selected(node) {
            return;
        }
        if before == State::Ready {
            self.ready.remove(node);
        }
        if state == State::Ready {
            self.ready.insert(node);
        }
        self.counts.of(before).into_iter().for_each(|count| *count -= 1);
        self.counts.of(state).into_iter().for_each(|count| *count += 1);
        match (before.is_unfinished(), state.is_unfinished()) {
            (true, false) => self.counts.unfinished -= 1,
            (false, true) => self.counts.unfinished += 1,
            _ => {}
        }
    }

    /// Tells the dependents of a node that its result is there.
    fn give_result(&mut self, node: Node, made_here: bool) {
        let graph = Arc::clone(&self.graph);
        // Backwards, because the last one in is the first one out.
        for dependent in graph.dependents(node).iter().rev() {
            let unmet = self.unmet.of(&graph.dependencies, *dependent);
            *unmet -= 1;
            if *unmet == 0 && self.state(*dependent) == State::Waiting {
                self.set(*dependent, State::Ready);
                if made_here && self.is_selected(*dependent) {
                    self.fresh.push(*dependent);
                }
            }
        }
    }

    /// Tells the dependents of a node that its result is gone.
    fn retract_result(&mut self, node: Node) {
        let graph = Arc::clone(&self.graph);
        for dependent in graph.dependents(node) {
            *self.unmet.of(&graph.dependencies, *dependent) += 1;
            if self.state(*dependent) == State::Ready {
                self.set(*dependent, State::Waiting);
            }
        }
    }

    /// A node will not run here any more: its inputs are needed by one less.
    fn dec_needed(&mut self, node: Node, released: &mut Vec<Node>) {
        if !self.is_selected(node) {
            return;
        }
        let graph = Arc::clone(&self.graph);
        for input in graph.dependencies(node) {
            let needed = self.needed.of(&graph.dependents, *input);
            *needed -= 1;
            if *needed == 0 && self.state(*input) == State::Done {
                released.push(*input);
            }
        }
    }

    /// A node may run here again.
    fn inc_needed(&mut self, node: Node) {
        if self.is_selected(node) {
            let graph = Arc::clone(&self.graph);
            for input in graph.dependencies(node) {
                *self.needed.of(&graph.dependents, *input) += 1;
            }
        }
    }
}
