//! What a worker says of its work is what its supervisor reads, also after its death.

use std::fs::File;
use std::time::Duration;

use jug_native::status_slot::Activity;
use jug_native::supervisor::board::Board;
use jug_native::supervisor::names::{NameCounts, counts};
use jug_native::supervisor::slot::{Phase, WorkerSlot, report};
use proptest::prelude::*;

use super::is_alone;
use crate::support::temp_jugdir::digest_key as key;

fn new() -> (File, File, WorkerSlot) {
    let (file, shared) = (WorkerSlot::create().unwrap(), Board::create().unwrap());
    let slot = WorkerSlot::open(&file, &shared, 1).unwrap();
    (file, shared, slot)
}

#[test]
fn a_worker_that_has_said_nothing_is_starting() {
    let (file, _shared, _slot) = new();
    let said = report("1", &file).unwrap();
    assert_eq!((said.phase, said.activity, said.has_loaded), (Phase::Starting, Activity::Idle, false));
    assert_eq!(counts(&file).unwrap(), []);
}

#[test]
fn to_look_at_a_slot_takes_three_calls_of_the_system() {
    if !is_alone("slot::to_look_at_a_slot_takes_three_calls_of_the_system") {
        return;
    }
    let (file, _shared, mut slot) = new();
    slot.load([("f", 1)].into_iter(), None);
    slot.starts(0, &key(1), "f", 1, Some(Duration::from_secs(60)));
    let reads = || -> u64 {
        let counts = std::fs::read_to_string("/proc/thread-self/io").unwrap();
        counts.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap().parse().unwrap()
    };
    let of_counting = {
        let before = reads();
        reads() - before
    };
    let before = reads();
    report("1", &file).unwrap();
    assert_eq!(reads() - before - of_counting, 3);
}

#[test]
fn what_a_worker_runs_and_for_how_long_it_may_is_read() {
    let (file, _shared, mut slot) = new();
    slot.load([("module.f", 1), ("module.g", 1)].into_iter(), Some(Duration::from_secs(5)));
    slot.starts(1, &key(7), "module.g", 3, Some(Duration::from_secs(60)));
    drop(slot);
    let said = report("4", &file).unwrap();
    assert_eq!((said.phase, said.has_loaded), (Phase::Working, true));
    assert_eq!(said.time_limit, Some(Duration::from_secs(60)));
    assert_eq!(said.shortest_limit, Some(Duration::from_secs(5)));
    let Activity::Running(run) = said.activity else { panic!("{:?}", said.activity) };
    assert_eq!((&*run.worker, run.key, &*run.name, run.attempt), ("4", key(7), "module.g", 3));
}

#[test]
fn how_much_memory_a_task_may_take_is_read() {
    let (file, _shared, slot) = new();
    let said = report("1", &file).unwrap();
    assert_eq!((said.limits_memory, said.memory_limit), (false, None));
    slot.set_limits_memory(true);
    slot.limit_memory(Some(4_000_000_000));
    let said = report("1", &file).unwrap();
    assert_eq!((said.limits_memory, said.memory_limit), (true, Some(4_000_000_000)));
    slot.limit_memory(None);
    assert_eq!(report("1", &file).unwrap().memory_limit, None);
}

#[test]
fn a_task_without_a_limit_has_none_of_the_one_before() {
    let (file, _shared, mut slot) = new();
    slot.load([("f", 1)].into_iter(), None);
    slot.starts(0, &key(1), "f", 1, Some(Duration::from_secs(60)));
    slot.starts(0, &key(2), "f", 1, None);
    let said = report("1", &file).unwrap();
    assert_eq!((said.time_limit, said.shortest_limit), (None, None));
    slot.rests();
    assert_eq!(report("1", &file).unwrap().activity, Activity::Idle);
}

#[test]
fn each_load_counts_again_what_is_there_and_finished_but_not_what_was_executed() {
    let (file, _shared, mut slot) = new();
    slot.load([("f", 1), ("f", 2), ("g", 1)].into_iter(), None);
    slot.found(&[2]);
    slot.executed(1);
    slot.failed(0);
    let f = NameCounts { total: 3, finished: 2, executed: 1, failed: 1, spent: Duration::ZERO };
    let g = NameCounts { total: 1, finished: 1, ..NameCounts::default() };
    assert_eq!(counts(&file).unwrap(), [("f".to_owned(), f), ("g".to_owned(), g)]);
    slot.load([("h", 1), ("f", 1)].into_iter(), None);
    slot.found(&[1]);
    let f = NameCounts { total: 1, finished: 1, ..f };
    let h = NameCounts { total: 1, ..NameCounts::default() };
    let all = [("f".to_owned(), f), ("g".to_owned(), NameCounts::default()), ("h".to_owned(), h)];
    assert_eq!(counts(&file).unwrap(), all);
}

#[test]
fn the_time_of_what_was_executed_is_counted_by_name_until_the_next_one_begins_or_nothing_runs() {
    const PAUSE: Duration = Duration::from_millis(20);
    let (file, _shared, mut slot) = new();
    slot.load([("f", 1), ("g", 1), ("h", 1)].into_iter(), None);
    for node in [0, 1] {
        slot.starts(node, &key(1), "f or g", 1, None);
        std::thread::sleep(PAUSE);
        slot.executed(node);
    }
    slot.starts(2, &key(3), "h", 1, None);
    std::thread::sleep(PAUSE);
    slot.failed(2);
    slot.rests();
    // While nothing runs no time is counted, and none that was counted before.
    std::thread::sleep(50 * PAUSE);
    slot.rests();
    let spent: Vec<Duration> = counts(&file).unwrap().iter().map(|(_, counts)| counts.spent).collect();
    assert!((PAUSE..50 * PAUSE).contains(&spent[0]), "{spent:?}");
    assert!((PAUSE..50 * PAUSE).contains(&spent[1]), "{spent:?}");
    assert_eq!(spent[2], Duration::ZERO, "it failed");
}

#[test]
fn whether_more_tasks_will_come_is_read() {
    let (file, _shared, slot) = new();
    assert!(!report("1", &file).unwrap().has_more);
    slot.set_more(true);
    assert!(report("1", &file).unwrap().has_more);
    slot.set_more(false);
    assert!(!report("1", &file).unwrap().has_more);
}

#[test]
fn all_workers_of_a_supervisor_are_to_stop_and_share_one_count() {
    let (file, shared, slot) = new();
    let other = WorkerSlot::open(&file, &shared, 1).unwrap();
    assert!(!slot.is_to_stop());
    assert_eq!([slot.count_begun(), other.count_begun(), slot.count_begun()], [0, 1, 2]);
    Board::open(&shared).unwrap().stop_all();
    assert!(slot.is_to_stop() && other.is_to_stop());
    assert_eq!(other.count_begun(), 3);
}

#[test]
fn more_names_than_there_is_room_for_are_counted_together() {
    let (file, _shared, mut slot) = new();
    let names: Vec<String> = (0..70).map(|number| format!("{number:02}{}", "x".repeat(1 << 20))).collect();
    slot.load(names.iter().map(|name| (name.as_str(), 1)), None);
    let all = counts(&file).unwrap();
    assert!(all.len() > 50 && all.len() < names.len(), "{}", all.len());
    assert_eq!(all.iter().map(|(_, counts)| counts.total).sum::<u64>(), names.len() as u64);
}

proptest! {
    #[test]
    fn names_of_any_length_come_back(names in prop::collection::hash_set("\\PC{0,300}", 0..30)) {
        let (file, _shared, mut slot) = new();
        let names: Vec<String> = names.into_iter().collect();
        slot.load(names.iter().map(|name| (name.as_str(), 1)), None);
        let found: Vec<String> = counts(&file).unwrap().into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(found, names);
    }
}
