//! Which news of others matter to a worker that waits, by example and beside one that counts them at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use jug_native::sched::{Node, Scheduler};
use proptest::prelude::*;

use super::{a_graph, scheduler};

#[test]
fn news_matter_where_they_free_a_task_or_say_what_is_not_known_yet() {
    // 2 needs 0 and 1, 4 needs 3.
    let mut some = scheduler(6, &[(2, 0), (2, 1), (4, 3), (4, 5)]);
    some.busy(&[0, 1, 3]);
    let matters = |some: &Scheduler, done: &[Node], released: &[Node]| {
        some.would_matter(&done.iter().copied().collect(), released)
    };
    assert!(!matters(&some, &[], &[]));
    assert!(!matters(&some, &[0], &[]), "2 needs 1, too");
    assert!(!matters(&some, &[0, 3], &[0]), "its claim goes after its result came");
    assert!(matters(&some, &[0, 1], &[]));
    assert!(matters(&some, &[], &[1]), "it can be claimed");
    assert!(matters(&some, &[5], &[]), "nobody was known to have claimed it");
    some.done(&[0]);
    assert!(!matters(&some, &[0], &[0]));
    assert!(matters(&some, &[1], &[]));
    let mut last = scheduler(2, &[]);
    last.busy(&[0, 1]);
    assert!(!matters(&last, &[0], &[]));
    assert!(matters(&last, &[0, 1], &[]), "all is over");
}

proptest! {
    #[test]
    fn news_matter_exactly_where_something_may_run_or_all_is_over(
        graph in a_graph(),
        rounds in prop::collection::vec(any::<u64>(), 1..12),
        here in prop::option::of(prop::collection::vec(any::<bool>(), 80)),
    ) {
        // Another worker runs everything, and this one, which may run all nodes or some, learns of it by news alone
        // until they matter.
        let nodes = 0..Node::try_from(graph.len()).unwrap();
        let selected: Option<Vec<Node>> =
            here.map(|here| nodes.zip(here).filter(|(_, here)| *here).map(|(node, _)| node).collect());
        let new = |done: &[Node]| Scheduler::new(Arc::clone(&graph), done, &[], selected.as_deref(), 0);
        let mut other = Scheduler::new(Arc::clone(&graph), &[], &[], None, 0);
        let mut scheduler = new(&[]);
        let mut finished = BTreeSet::new();
        for chance in rounds.iter().cycle().take(graph.len() * 2) {
            let ready = scheduler.take(1000);
            scheduler.busy(&ready);
            let runs = other.take(1000);
            let Some(one) = runs.get(usize::try_from(*chance).unwrap_or(0) % runs.len().max(1)).copied() else { break };
            other.put_back(&runs);
            other.done(&[one]);
            if scheduler.nr_unfinished() == 0 {
                break;
            }
            finished.insert(one);
            let all: Vec<Node> = finished.iter().copied().collect();
            let matters = scheduler.would_matter(&finished, &[one]);
            let mut after = new(&scheduler.done_nodes());
            after.busy(&scheduler.busy_nodes());
            after.done(&all);
            prop_assert_eq!(matters, after.nr_ready() > 0 || after.nr_unfinished() == 0);
            if matters {
                scheduler.done(&all);
                finished.clear();
            }
        }
        prop_assert_eq!(scheduler.nr_unfinished(), 0, "nothing is left that nobody looks for");
    }
}
