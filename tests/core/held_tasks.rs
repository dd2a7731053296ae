//! The tasks that a worker has claimed.

use std::time::{Duration, Instant};

use jug_native::held_tasks::{HeldTasks, PATIENCE, Phase};

use crate::support::temp_jugdir::key;

#[test]
fn what_waits_behind_a_long_task_is_given_back_and_the_task_itself_is_not() {
    let (mut held, now) = (HeldTasks::default(), Instant::now());
    assert!((1..=3).all(|n| held.add(key(n))));
    assert!(!held.add(key(1)));
    assert!(held.start(&key(1), now));
    assert_eq!(held.overdue(now, PATIENCE), Err(Some(PATIENCE)));
    let back = held.overdue(now + Duration::from_secs(1), PATIENCE).unwrap();
    assert_eq!(back, vec![key(2), key(3)]);
    for key in back {
        assert_eq!(held.remove(&key), Some(Phase::Claimed));
    }
    assert_eq!(held.keys(), vec![key(1)]);
    assert!(!held.start(&key(2), now));
    assert_eq!(held.overdue(now + Duration::from_secs(1), PATIENCE), Err(None));
}

#[test]
fn nothing_is_given_back_while_nothing_runs() {
    let (mut held, now) = (HeldTasks::default(), Instant::now());
    assert!((1..=2).all(|n| held.add(key(n))));
    assert_eq!(held.overdue(now, PATIENCE), Err(Some(PATIENCE)));
    held.start(&key(1), now);
    held.finish(&key(1), now);
    let later = now + Duration::from_secs(1);
    assert_eq!(held.overdue(later, PATIENCE), Err(Some(PATIENCE)));
    assert_eq!((held.unstarted(), held.finished()), (1, 1));
    assert_eq!(held.finished_since().collect::<Vec<_>>(), vec![(key(1), now)]);
}

#[test]
fn a_task_that_is_started_again_has_not_ended() {
    let (mut held, now) = (HeldTasks::default(), Instant::now());
    held.add(key(1));
    held.start(&key(1), now);
    held.finish(&key(1), now);
    assert!(held.start(&key(1), now));
    assert_eq!((held.unstarted(), held.finished(), held.running_since()), (0, 0, Some(now)));
    assert_eq!(held.remove(&key(1)), Some(Phase::Running(now)));
    assert!(held.is_empty());
}
