//! The index: a function of the set of records (S3).

use jug_native::Key;
use jug_native::result_store::State;
use jug_native::store::index::{Index, Location};
use jug_native::store::log::record::{Header, Kind};
use proptest::prelude::*;

use crate::scenarios::fuzz_targets::LARGEST;
use crate::support::temp_jugdir::{digest_key, key};

const KEYS: u8 = 3;

#[test]
fn a_result_takes_its_key_and_ten_bytes_of_memory_and_its_place_in_a_table() {
    let mut index = Index::default();
    let segment = index.segment("a-0.seg");
    LARGEST.set(0);
    for number in 0..100_000 {
        let header = Header::new(Kind::Result, digest_key(number), number % 3);
        index.apply(&header, Location::in_segment(segment, 100 * number), None);
    }
    assert!(index.keys(State::Result).len() == 100_000);
    // All results one after the other, with room for a quarter more.
    assert!(LARGEST.get() <= 100_000 * 42 * 5 / 4, "{} bytes", LARGEST.get());
    assert_eq!(index.result(&digest_key(99_999)), Some(Location::in_segment(segment, 9_999_900)));
}

#[test]
fn a_place_that_no_file_has_is_none_of_another_result() {
    for offset in [(1 << 48) - 2, 1 << 48, u64::MAX] {
        let header = Header::new(Kind::Result, key(1), 0);
        let mut index = Index::default();
        let segment = index.segment("a-0.seg");
        index.apply(&header, Location::in_segment(segment, offset), None);
        assert_eq!(index.result(&key(1)).unwrap().offset, offset.min((1 << 48) - 1));
    }
}

#[derive(Clone, Debug)]
struct Record {
    kind: Kind,
    key: u8,
    epoch: u64,
    segment: u8,
    offset: u64,
}

impl Record {
    fn apply(&self, index: &mut Index) {
        let segment = index.segment(&format!("worker{}-0.seg", self.segment));
        let place = Location::in_segment(segment, self.offset);
        let text = format!("text {}", self.offset);
        index.apply(&Header::new(self.kind, key(self.key), self.epoch), place, Some(text.as_bytes()));
    }
}

fn apply_all(records: &[Record], index: &mut Index) {
    for record in records {
        record.apply(index);
    }
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let kinds = vec![Kind::Result, Kind::ResultBlob, Kind::Failed, Kind::Removed, Kind::Cleared, Kind::Alias];
    let record = (prop::sample::select(kinds), 0..KEYS, 0..5_u64, 0..3_u8);
    prop::collection::vec(record, 0..40).prop_map(|drawn| {
        let numbered = drawn.into_iter().enumerate();
        let place =
            |(at, (kind, key, epoch, segment))| Record { kind, key, epoch, segment, offset: at as u64 };
        numbered.map(place).collect()
    })
}

type Contents = (u64, Vec<(State, Option<(String, u64)>, Option<(String, u64)>, bool)>, Vec<(Key, Vec<u8>)>);

/// All that is in an index, without the numbers that it gave to segments.
fn contents(index: &Index) -> Contents {
    let named = |place: Location| (index.segment_name(place.segment).to_string(), place.offset);
    let of_key = |number| {
        let key = key(number);
        let (result, failure) = (index.result(&key).map(named), index.failure(&key).map(named));
        (index.state(&key), result, failure, index.blob(&key).is_some())
    };
    let mut aliases: Vec<_> = index.aliases().iter().map(|(key, name)| (*key, name.to_vec())).collect();
    aliases.sort();
    (index.epoch(), (0..KEYS).map(of_key).collect(), aliases)
}

proptest! {
    #[test]
    fn records_give_the_same_state_in_any_order(
        (records, shuffled) in records().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let (mut one, mut other) = (Index::default(), Index::default());
        other.track_changes();
        apply_all(&records, &mut one);
        apply_all(&shuffled, &mut other);
        if !records.is_empty() {
            // Reading a record twice changes nothing.
            let again: Vec<Record> = again.iter().map(|at| at.get(&records).clone()).collect();
            apply_all(&again, &mut other);
        }
        prop_assert_eq!(contents(&one), contents(&other));
    }

    #[test]
    fn changes_lead_from_what_was_known_before_to_what_is_known_after(before in records(), after in records()) {
        let mut index = Index::default();
        apply_all(&before, &mut index);
        index.track_changes();
        let known = |index: &Index| -> Vec<_> {
            let failure = |key: &Key, state| index.summary(key).failure.filter(|_| state == State::Failed);
            let of_key = |key| (index.state(&key), index.result(&key), failure(&key, index.state(&key)));
            (0..KEYS).map(key).map(of_key).collect()
        };
        let mut expected = known(&index);
        // No two records are at the same place.
        let after: Vec<Record> =
            after.into_iter().map(|it| Record { offset: it.offset + before.len() as u64, ..it }).collect();
        apply_all(&after, &mut index);
        let now = known(&index);
        for (changed, state) in index.take_changes() {
            let number = usize::from(changed.as_bytes()[0]);
            prop_assert_eq!(state, now[number].0);
            prop_assert_ne!(expected[number], now[number]);
            expected[number] = now[number];
        }
        // A result or a failure that was replaced is a change as well.
        prop_assert_eq!(expected, now);
        prop_assert!(index.take_changes().is_empty());
    }

    #[test]
    fn keys_are_those_with_that_state(records in records()) {
        let mut index = Index::default();
        apply_all(&records, &mut index);
        for state in [State::Result, State::Failed] {
            let mut listed = index.keys(state);
            listed.sort();
            let expected = (0..KEYS).map(key).filter(|key| index.state(key) == state);
            prop_assert_eq!(listed, expected.collect::<Vec<_>>());
        }
    }
}

/// The state of one key after these records.
fn state_after(records: &[(Kind, u64)]) -> State {
    let mut index = Index::default();
    for (offset, &(kind, epoch)) in (0..).zip(records) {
        Record { kind, key: 1, epoch, segment: 0, offset }.apply(&mut index);
    }
    index.state(&key(1))
}

#[test]
fn a_result_of_a_paused_worker_does_not_count_after_a_removal() {
    assert_eq!(state_after(&[(Kind::Removed, 3), (Kind::Result, 2)]), State::Absent);
    assert_eq!(state_after(&[(Kind::Removed, 3), (Kind::Result, 3)]), State::Result);
    assert_eq!(state_after(&[(Kind::Result, 3), (Kind::Removed, 4), (Kind::Result, 3)]), State::Absent);
}

#[test]
fn a_failure_counts_until_it_is_cleared_or_the_task_succeeds() {
    assert_eq!(state_after(&[(Kind::Failed, 0)]), State::Failed);
    assert_eq!(state_after(&[(Kind::Failed, 0), (Kind::Cleared, 1)]), State::Absent);
    assert_eq!(state_after(&[(Kind::Cleared, 1), (Kind::Failed, 1)]), State::Failed);
    assert_eq!(state_after(&[(Kind::Failed, 2), (Kind::Result, 0)]), State::Result);
}

#[test]
fn a_removed_result_does_not_bring_back_the_failure_before_it() {
    let earlier = [(Kind::Failed, 1), (Kind::Result, 1), (Kind::Removed, 2)];
    assert_eq!(state_after(&earlier), State::Absent);
    assert_eq!(state_after(&[(Kind::Result, 1), (Kind::Removed, 2), (Kind::Failed, 2)]), State::Failed);
}

#[test]
fn a_removal_leaves_failures_alone_and_clearing_leaves_results_alone() {
    assert_eq!(state_after(&[(Kind::Failed, 1), (Kind::Removed, 2)]), State::Failed);
    assert_eq!(state_after(&[(Kind::Result, 1), (Kind::Cleared, 2)]), State::Result);
}
