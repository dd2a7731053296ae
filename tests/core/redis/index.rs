//! What events of a redis server say of the states of keys.

use jug_native::Key;
use jug_native::redis::client::resp::Reply;
use jug_native::redis::index::{CatchUp, Index, Snapshot};
use jug_native::result_store::State;

use crate::support::temp_jugdir::key;

fn event(n: u64, kind: &str, keys: &[Key], by: &str) -> Reply {
    let bytes = |bytes: &[u8]| Reply::Bytes(bytes.to_vec());
    let keys: Vec<u8> = keys.iter().flat_map(|key| *key.as_bytes()).collect();
    let fields = [kind.as_bytes(), &keys, b"by", by.as_bytes()].map(bytes);
    Reply::List(vec![bytes(format!("{n}-0").as_bytes()), Reply::List(fields.to_vec())])
}

#[test]
fn events_are_followed_in_order_and_own_results_are_no_news() {
    let mut index = Index::default();
    let first = vec![event(1, "result", &[key(1), key(2)], "other"), event(2, "kept", &[key(3)], "other")];
    assert_eq!(index.follow(first, 10, "me"), CatchUp::Complete);
    let news = vec![(key(1), State::Result), (key(2), State::Result), (key(3), State::Failed)];
    assert_eq!(index.take_changes(), news);
    assert_eq!(index.failed().get(&key(3)), Some(&true));
    index.add_own(key(4));
    let second = vec![
        event(2, "kept", &[key(3)], "other"),
        event(3, "result", &[key(4)], "me"),
        event(4, "absent", &[key(1)], "other"),
        event(5, "cleared", &[key(3)], "other"),
    ];
    assert_eq!(index.follow(second, 4, "me"), CatchUp::Partial);
    assert_eq!(index.take_changes(), vec![(key(1), State::Absent), (key(3), State::Absent)]);
    assert!(index.failed().is_empty());
    assert_eq!(index.last(), "5-0");
}

#[test]
fn an_own_result_that_was_removed_and_stored_again_counts() {
    let mut index = Index::default();
    index.follow(vec![event(1, "free", &[], "other")], 10, "me");
    index.add_own(key(1));
    let events = vec![
        event(1, "free", &[], "other"),
        event(2, "absent", &[key(1)], "other"),
        event(3, "result", &[key(1)], "me"),
    ];
    index.follow(events, 10, "me");
    assert_eq!(index.take_changes(), vec![(key(1), State::Absent), (key(1), State::Result)]);
    assert!(index.contains(&key(1)));
}

#[test]
fn missing_events_are_noticed() {
    let at = |last| {
        let mut index = Index::default();
        index.replace(Snapshot { last, ..Snapshot::default() });
        index
    };
    assert_eq!(at(0).follow(vec![], 10, "me"), CatchUp::Complete);
    assert_eq!(at(0).follow(vec![event(7, "free", &[], "")], 10, "me"), CatchUp::Gap);
    assert_eq!(at(5).follow(vec![], 10, "me"), CatchUp::Gap);
    assert_eq!(at(5).follow(vec![event(5, "free", &[], "")], 10, "me"), CatchUp::Complete);
    assert_eq!(at(5).follow(vec![event(6, "free", &[], "")], 10, "me"), CatchUp::Gap);
    let gap = vec![event(5, "free", &[], ""), event(7, "free", &[], "")];
    assert_eq!(at(5).follow(gap, 10, "me"), CatchUp::Gap);
}

#[test]
fn reading_everything_again_gives_the_difference() {
    let mut index = Index::default();
    let state = |last, results: &[Key]| Snapshot {
        last,
        results: results.iter().copied().collect(),
        ..Snapshot::default()
    };
    index.replace(state(3, &[key(1), key(2)]));
    index.take_changes();
    index.replace(state(9, &[key(2), key(3)]));
    assert_eq!(index.take_changes(), vec![(key(1), State::Absent), (key(3), State::Result)]);
    assert_eq!(index.last(), "9-0");
}

#[test]
fn reading_everything_again_gives_which_failures_are_gone_and_which_may_be_others() {
    let mut index = Index::default();
    let state = |last, failed: &[Key]| Snapshot {
        last,
        failed: failed.iter().map(|key| (*key, false)).collect(),
        ..Snapshot::default()
    };
    index.replace(state(3, &[key(1), key(2)]));
    index.take_changes();
    index.replace(state(9, &[key(2)]));
    assert_eq!(index.take_changes(), vec![(key(1), State::Absent), (key(2), State::Failed)]);
}
