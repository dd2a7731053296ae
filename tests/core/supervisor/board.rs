//! A task whose worker died belongs to no other worker of the supervisor until it is stored how it died.

use std::collections::{BTreeMap, BTreeSet};

use jug_native::Key;
use jug_native::supervisor::board::Board;
use proptest::prelude::*;

use crate::support::temp_jugdir::digest_key as key;

fn new() -> (Board, Board) {
    let file = Board::create().unwrap();
    (Board::open(&file).unwrap(), Board::open(&file).unwrap())
}

#[test]
fn what_a_dead_worker_ran_is_left_to_it_before_anybody_knows_of_the_death() {
    let (supervisor, worker) = new();
    supervisor.add_worker(1);
    supervisor.add_worker(2);
    worker.runs(1, Some(&key(7)));
    assert_eq!(worker.of_others(2, &[key(6), key(7)]), [key(7)]);
    assert_eq!(worker.of_others(1, &[key(6), key(7)]), []);
    worker.runs(1, None);
    assert_eq!(worker.of_others(2, &[key(7)]), []);
}

#[test]
fn a_death_holds_until_it_is_settled_also_when_its_worker_has_a_successor() {
    let (supervisor, worker) = new();
    supervisor.add_worker(1);
    worker.runs(1, Some(&key(7)));
    supervisor.add_death(1, Some(&key(7)));
    worker.runs(1, Some(&key(8)));
    assert_eq!(worker.of_others(2, &[key(7), key(8), key(9)]), [key(7), key(8)]);
    assert!(supervisor.is_unsettled(&key(7)) && !supervisor.is_unsettled(&key(8)));
    worker.settle(&key(7));
    assert!(!supervisor.is_unsettled(&key(7)));
    assert_eq!(worker.of_others(2, &[key(7)]), []);
}

#[test]
fn who_dies_between_two_tasks_leaves_none_behind() {
    let (supervisor, worker) = new();
    supervisor.add_worker(1);
    worker.runs(1, Some(&key(7)));
    worker.runs(1, None);
    supervisor.add_death(1, None);
    assert_eq!(worker.of_others(2, &[key(7)]), []);
}

#[test]
fn more_deaths_than_there_is_room_for_do_no_harm() {
    let (supervisor, worker) = new();
    for number in 0..2000 {
        supervisor.add_death(1, Some(&key(number)));
    }
    assert_eq!(worker.of_others(2, &[key(0)]), [key(0)]);
    worker.runs(1, Some(&key(5000)));
    supervisor.add_worker(1);
    assert_eq!(worker.of_others(2, &[key(5000)]), [key(5000)]);
}

#[derive(Debug, Clone)]
enum Step {
    Runs(u32, Option<u64>),
    Dies(u32),
    Settles(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..4_u32, proptest::option::of(0..9_u64)).prop_map(|(worker, task)| Step::Runs(worker, task)),
        (1..4_u32).prop_map(Step::Dies),
        (0..9_u64).prop_map(Step::Settles),
    ]
}

proptest! {
    #[test]
    fn whose_a_task_is_follows_from_what_was_said(steps in proptest::collection::vec(step(), 0..60)) {
        let (supervisor, worker) = new();
        (1..4).for_each(|number| supervisor.add_worker(number));
        let mut running: BTreeMap<u32, u64> = BTreeMap::new();
        let mut deaths: BTreeSet<u64> = BTreeSet::new();
        let all: Vec<Key> = (0..9).map(key).collect();
        for step in steps {
            match step {
                Step::Runs(number, task) => {
                    worker.runs(number, task.map(key).as_ref());
                    running.remove(&number);
                    running.extend(task.map(|task| (number, task)));
                }
                Step::Dies(number) => {
                    let task = running.remove(&number);
                    supervisor.add_death(number, task.map(key).as_ref());
                    deaths.extend(task);
                }
                Step::Settles(task) => {
                    worker.settle(&key(task));
                    deaths.remove(&task);
                }
            }
            for number in 1..4 {
                let others = running.iter().filter(|(other, _)| **other != number).map(|(_, task)| *task);
                let expected: BTreeSet<Key> = others.chain(deaths.iter().copied()).map(key).collect();
                let found: BTreeSet<Key> = worker.of_others(number, &all).into_iter().collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
