//! The graph and the scheduler, by example and against a model that computes everything each time.

mod foresight;

use std::collections::BTreeSet;
use std::sync::Arc;

use jug_native::sched::{Graph, Node, Scheduler, State};
use proptest::prelude::*;

fn scheduler(len: usize, edges: &[(Node, Node)]) -> Scheduler {
    Scheduler::new(Arc::new(Graph::from_edges(len, edges)), &[], &[], None, 0)
}

/// 0 <- 1 <- 2 and so on.
fn chain(len: Node) -> Vec<(Node, Node)> {
    (1..len).map(|node| (node, node - 1)).collect()
}

#[test]
fn a_graph_knows_both_directions_once() {
    let graph = Graph::from_edges(4, &[(3, 1), (2, 0), (3, 0), (3, 1), (2, 2), (1, 0)]);
    assert_eq!(graph.len(), 4);
    assert_eq!(graph.dependencies(3), [1, 0]);
    assert_eq!(graph.dependencies(2), [0], "a node does not need itself");
    assert_eq!(graph.dependents(0), [1, 2, 3]);
    assert_eq!(graph.dependents(1), [3]);
    assert_eq!(graph.closure(&[1]), [1, 3]);
    assert_eq!(graph.closure(&[0, 1]), [0, 1, 2, 3]);
    assert!(Graph::from_edges(0, &[]).is_empty());
}

#[test]
fn a_graph_in_which_few_nodes_need_others_knows_which_these_are() {
    // At the ends of words and inside, with words between in which no node has a list.
    let owners = [0, 1, 63, 64, 127, 300, 319, 320, 999];
    let edges: Vec<(Node, Node)> =
        owners.iter().flat_map(|node| [(*node, 500), (*node, 700 + node / 5)]).collect();
    let graph = Arc::new(Graph::from_edges(1000, &edges));
    for node in 0..1000 {
        let expected = if owners.contains(&node) { vec![500, 700 + node / 5] } else { Vec::new() };
        assert_eq!(graph.dependencies(node), expected, "{node}");
        let needing = owners.iter().filter(|owner| node == 500 || 700 + *owner / 5 == node);
        assert_eq!(graph.dependents(node), needing.copied().collect::<Vec<_>>(), "{node}");
    }
    let mut scheduler = Scheduler::new(graph, &[], &[], None, 0);
    assert_eq!(scheduler.needed(500), owners.len());
    assert_eq!(scheduler.take(1000).len(), 1000 - owners.len());
    assert!(scheduler.done(&[500]).is_empty());
    assert!(scheduler.done(&[700 + 999 / 5]).is_empty());
    assert_eq!(scheduler.take(1000), [999]);
}

#[test]
fn a_long_chain_is_closed_and_drained_without_recursion() {
    let len = 100_000;
    let mut scheduler = scheduler(len as usize, &chain(len));
    assert_eq!(scheduler.graph().closure(&[0]).len(), len as usize);
    for node in 0..len {
        assert_eq!(scheduler.take(10), [node]);
        assert_eq!(scheduler.done(&[node]).len(), 1 + usize::from(node == len - 1) - usize::from(node == 0));
    }
    assert_eq!(scheduler.nr_unfinished(), 0);
}

#[test]
fn dependents_of_own_completions_come_first_and_the_others_in_runs() {
    // 10 and 11 need 1, 12 needs 3.
    let mut scheduler = scheduler(20, &[(10, 1), (11, 1), (12, 3)]);
    assert_eq!(scheduler.take(2), [0, 1]);
    scheduler.done(&[1]);
    assert_eq!(scheduler.take(3), [10, 11, 2], "then on with the run");
    scheduler.done(&[3]);
    assert_eq!(scheduler.take(3), [4, 5, 6], "what others made ready waits for its turn");
    assert_eq!(scheduler.take(100), [7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19]);
    assert!(scheduler.take(100).is_empty());
}

#[test]
fn an_offset_begins_elsewhere_and_wraps_around() {
    let graph = Arc::new(Graph::from_edges(5, &[]));
    let mut scheduler = Scheduler::new(graph, &[], &[], None, 13);
    assert_eq!(scheduler.take(3), [3, 4, 0]);
    scheduler.put_back(&[3, 4]);
    assert_eq!(scheduler.take(10), [1, 2, 3, 4], "what was put back comes at the end of the round");
}

#[test]
fn only_selected_nodes_are_offered() {
    let graph = Arc::new(Graph::from_edges(4, &[(1, 0), (3, 2)]));
    let mut scheduler = Scheduler::new(graph, &[], &[], Some(&[1, 2]), 0);
    assert_eq!((scheduler.nr_ready(), scheduler.nr_unfinished()), (1, 2));
    assert_eq!(scheduler.take(9), [2]);
    assert_eq!(scheduler.done(&[2]), [2], "nothing that runs here needs it");
    assert_eq!(scheduler.state(3), State::Ready);
    assert_eq!((scheduler.nr_ready(), scheduler.is_stuck()), (0, true));
    scheduler.done(&[0]);
    assert!(!scheduler.is_stuck(), "another worker ran what was missing");
    assert_eq!(scheduler.take(9), [1]);
}

#[test]
fn what_failed_holds_up_what_needs_it_until_it_is_removed() {
    let mut scheduler = scheduler(3, &[(1, 0)]);
    assert_eq!(scheduler.take(1), [0]);
    scheduler.failed(&[0]);
    assert_eq!(scheduler.take(9), [2]);
    assert!(!scheduler.is_stuck(), "one runs");
    scheduler.done(&[2]);
    assert!(scheduler.is_stuck());
    assert_eq!(scheduler.nr_unfinished(), 1);
    scheduler.removed(&[0]);
    assert!(!scheduler.is_stuck());
    assert_eq!(scheduler.take(9), [0]);
    scheduler.done(&[0]);
    assert_eq!(scheduler.take(9), [1]);
}

#[test]
fn busy_nodes_come_back_when_they_are_free() {
    let mut scheduler = scheduler(3, &[]);
    assert_eq!(scheduler.take(2), [0, 1]);
    scheduler.busy(&[1, 2]);
    assert_eq!(scheduler.busy_nodes(), [1, 2]);
    assert!(scheduler.take(9).is_empty());
    scheduler.free(&[0, 1]);
    assert_eq!(scheduler.take(9), [1]);
    scheduler.done(&[2]);
    assert!(scheduler.busy_nodes().is_empty());
}

#[test]
fn a_result_is_released_when_nothing_here_needs_it() {
    let mut scheduler = scheduler(4, &[(2, 0), (2, 1), (3, 0)]);
    assert!(scheduler.done(&[0, 1]).is_empty());
    assert_eq!(scheduler.done(&[2]), [2, 1]);
    assert_eq!(scheduler.failed(&[3]), [0], "what failed needs nothing more");
    assert!(scheduler.done(&[0, 1, 2]).is_empty(), "reported twice, released once");
    assert_eq!(scheduler.states(), [State::Done, State::Done, State::Done, State::Failed]);
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Idle,
    Taken,
    Busy,
    Done,
    Failed,
}

/// The same, slowly: only what was reported to it, everything else computed when asked.
struct Model {
    graph: Arc<Graph>,
    selected: Vec<bool>,
    reported: Vec<Is>,
}

impl Model {
    fn nodes(&self) -> std::ops::Range<Node> {
        0..Node::try_from(self.reported.len()).unwrap()
    }

    fn reported(&self, node: Node) -> Is {
        self.reported[node as usize]
    }

    fn report(&mut self, node: Node, from: &[Is], to: Is) {
        if from.contains(&self.reported(node)) {
            self.reported[node as usize] = to;
        }
    }

    fn state(&self, node: Node) -> State {
        match self.reported(node) {
            Is::Taken => State::Taken,
            Is::Busy => State::Busy,
            Is::Done => State::Done,
            Is::Failed => State::Failed,
            Is::Idle if self.graph.dependencies(node).iter().all(|it| self.reported(*it) == Is::Done) => {
                State::Ready
            }
            Is::Idle => State::Waiting,
        }
    }

    fn may_run_here(&self, node: Node) -> bool {
        self.selected[node as usize] && !matches!(self.reported(node), Is::Done | Is::Failed)
    }

    fn ready(&self) -> BTreeSet<Node> {
        let offered = |node: &Node| self.selected[*node as usize] && self.state(*node) == State::Ready;
        self.nodes().filter(offered).collect()
    }

    /// How many nodes that may run here need this one.
    fn needed(&self, node: Node) -> usize {
        self.graph.dependents(node).iter().filter(|it| self.may_run_here(**it)).count()
    }

    fn is_free(&self, node: Node) -> bool {
        self.reported(node) == Is::Done && self.needed(node) == 0
    }

    /// Whether selected nodes are left, and none of them could be run by the selected ones alone.
    fn is_stuck(&self) -> bool {
        let here = |node: Node| self.may_run_here(node);
        let mut hopeful = self.nodes().filter(|node| here(*node));
        let moves = |node: Node| self.state(node) != State::Waiting;
        hopeful.clone().next().is_some() && !hopeful.any(moves)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Take(usize),
    PutBack(usize),
    Busy(usize),
    Free(usize),
    Done(usize),
    Failed(usize),
    Removed(usize),
}

fn a_step() -> impl Strategy<Value = Step> {
    let node = 0..1000_usize;
    prop_oneof![
        4 => (0..5_usize).prop_map(Step::Take),
        1 => node.clone().prop_map(Step::PutBack),
        1 => node.clone().prop_map(Step::Busy),
        1 => node.clone().prop_map(Step::Free),
        4 => node.clone().prop_map(Step::Done),
        1 => node.clone().prop_map(Step::Failed),
        1 => node.prop_map(Step::Removed),
    ]
}

/// A graph in which nodes need nodes of any number, but never in a circle.
fn a_graph() -> impl Strategy<Value = Arc<Graph>> {
    (1..80_usize)
        .prop_flat_map(|len| {
            let edge = (0..len, 0..len);
            let order = Just((0..Node::try_from(len).unwrap()).collect::<Vec<_>>()).prop_shuffle();
            (Just(len), order, prop::collection::vec(edge, 0..2 * len))
        })
        .prop_map(|(len, order, edges)| {
            let edges: Vec<(Node, Node)> =
                edges.into_iter().map(|(a, b)| (order[a.max(b)], order[a.min(b)])).collect();
            Arc::new(Graph::from_edges(len, &edges))
        })
}

fn set(nodes: Vec<Node>) -> BTreeSet<Node> {
    let len = nodes.len();
    let set: BTreeSet<Node> = nodes.into_iter().collect();
    assert_eq!(set.len(), len, "a node came twice");
    set
}

fn perform(step: &Step, scheduler: &mut Scheduler, model: &mut Model) {
    use Is::{Busy, Done, Failed, Idle, Taken};
    let len = model.reported.len();
    let pick = |number: usize| Node::try_from(number % len).unwrap();
    match *step {
        Step::Take(limit) => {
            let ready = model.ready();
            let taken = set(scheduler.take(limit));
            assert_eq!(taken.len(), limit.min(ready.len()));
            assert!(taken.is_subset(&ready), "{taken:?} of {ready:?}");
            for node in &taken {
                model.report(*node, &[Idle], Taken);
            }
        }
        Step::PutBack(number) => {
            scheduler.put_back(&[pick(number)]);
            model.report(pick(number), &[Taken], Idle);
        }
        Step::Busy(number) => {
            scheduler.busy(&[pick(number)]);
            model.report(pick(number), &[Idle, Taken], Busy);
        }
        Step::Free(number) => {
            scheduler.free(&[pick(number)]);
            model.report(pick(number), &[Busy], Idle);
        }
        Step::Removed(number) => {
            scheduler.removed(&[pick(number)]);
            model.report(pick(number), &[Done, Failed], Idle);
        }
        Step::Done(number) => finish(pick(number), Done, scheduler, model),
        Step::Failed(number) => finish(pick(number), Failed, scheduler, model),
    }
}

/// Reports a result or a failure to both, and compares what they release.
fn finish(node: Node, now: Is, scheduler: &mut Scheduler, model: &mut Model) {
    let before: BTreeSet<Node> = model.nodes().filter(|it| model.is_free(*it)).collect();
    let released = if now == Is::Done { scheduler.done(&[node]) } else { scheduler.failed(&[node]) };
    if model.reported(node) != Is::Done {
        model.report(node, &[Is::Idle, Is::Taken, Is::Busy, Is::Failed], now);
    }
    let after = model.nodes().filter(|it| model.is_free(*it)).collect::<BTreeSet<Node>>();
    assert_eq!(set(released), after.difference(&before).copied().collect());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_it_is_given_a_scheduler_agrees_with_the_model(
        graph in a_graph(),
        selection in prop::option::of(prop::collection::vec(any::<bool>(), 80)),
        offset in any::<usize>(),
        steps in prop::collection::vec(a_step(), 0..200),
    ) {
        let chosen = selection.clone().map(|it| it[..graph.len()].to_vec());
        let nodes: Option<Vec<Node>> = chosen.as_ref().map(|chosen| {
            (0..).zip(chosen).filter(|(_, it)| **it).map(|(node, _)| node).collect()
        });
        let mut scheduler = Scheduler::new(Arc::clone(&graph), &[], &[], nodes.as_deref(), offset);
        let mut model = Model {
            selected: chosen.unwrap_or_else(|| vec![true; graph.len()]),
            reported: vec![Is::Idle; graph.len()],
            graph,
        };
        for step in &steps {
            perform(step, &mut scheduler, &mut model);
            let expected: Vec<State> = model.nodes().map(|node| model.state(node)).collect();
            prop_assert_eq!(scheduler.states(), expected);
            prop_assert!(model.nodes().all(|node| scheduler.needed(node) == model.needed(node)));
            prop_assert_eq!(scheduler.nr_ready(), model.ready().len());
            prop_assert_eq!(
                scheduler.nr_unfinished(),
                model.nodes().filter(|node| model.may_run_here(*node)).count()
            );
            prop_assert_eq!(scheduler.is_stuck(), model.is_stuck());
            let busy: Vec<Node> = model.nodes().filter(|node| model.reported(*node) == Is::Busy).collect();
            prop_assert_eq!(scheduler.busy_nodes(), busy);
        }
        // A scheduler that is reported at once what the other one learned step by step believes the same.
        let reported = |is: Is| model.nodes().filter(|node| model.reported(*node) == is).collect::<Vec<Node>>();
        let selected: Vec<Node> = model.nodes().filter(|node| model.selected[*node as usize]).collect();
        let graph = Arc::clone(&model.graph);
        let mut late = Scheduler::new(graph, &reported(Is::Done), &reported(Is::Failed), Some(&selected), 0);
        late.busy(&reported(Is::Busy));
        scheduler.put_back(&reported(Is::Taken));
        prop_assert_eq!(late.states(), scheduler.states());
        prop_assert_eq!(set(late.take(1000)), set(scheduler.take(1000)));
    }

    #[test]
    fn every_schedule_drains_every_graph(
        graph in a_graph(),
        offset in any::<usize>(),
        limits in prop::collection::vec(1..9_usize, 1..20),
    ) {
        let mut scheduler = Scheduler::new(Arc::clone(&graph), &[], &[], None, offset);
        let mut done = BTreeSet::new();
        let mut released = BTreeSet::new();
        let mut limits = limits.iter().cycle();
        while scheduler.nr_unfinished() > 0 {
            let taken = scheduler.take(*limits.next().unwrap());
            prop_assert!(!taken.is_empty());
            for node in taken {
                prop_assert!(graph.dependencies(node).iter().all(|it| done.contains(it)));
                prop_assert!(done.insert(node), "{} was offered twice", node);
                released.extend(scheduler.done(&[node]));
            }
        }
        prop_assert_eq!(done.len(), graph.len());
        prop_assert_eq!(released, done, "in the end nothing stays in memory");
    }
}
