//! Claims of tasks that run, and results that were not sent yet.

use std::time::Duration;

use jug_native::redis::in_flight::{InFlight, UnsentResult};

use crate::support::temp_jugdir::key;

#[test]
fn what_waits_behind_a_long_task_is_given_back_and_the_task_itself_is_not() {
    let mut in_flight = InFlight::default();
    assert!((1..=3).all(|n| in_flight.add(key(n))));
    assert!(!in_flight.add(key(1)));
    assert!(in_flight.start(key(1)));
    let now = std::time::Instant::now();
    assert!(matches!(in_flight.take_overdue(now), Err(Some(_))));
    let mut back = in_flight.take_overdue(now + Duration::from_secs(1)).unwrap();
    back.sort();
    assert_eq!(back, vec![key(2), key(3)]);
    assert_eq!(in_flight.keys(), vec![key(1)]);
    assert!(!in_flight.start(key(2)));
    assert!(matches!(in_flight.take_overdue(now + Duration::from_secs(1)), Err(None)));
}

#[test]
fn results_that_could_not_be_sent_stay_in_order() {
    let mut in_flight = InFlight::default();
    let result = |n| UnsentResult { key: key(n), record: vec![n; 3], claimed: true };
    in_flight.push(result(1));
    in_flight.push(result(2));
    let taken = in_flight.take_unsent();
    assert_eq!(in_flight.unsent_bytes, 0);
    in_flight.push(result(3));
    in_flight.put_back(taken);
    assert_eq!(in_flight.unsent.iter().map(|it| it.key).collect::<Vec<_>>(), vec![key(1), key(2), key(3)]);
    assert_eq!(in_flight.unsent_bytes, 9);
}
