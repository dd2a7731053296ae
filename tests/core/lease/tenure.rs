//! What a holder knows of its lease, by its clock.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jug_native::lease::{Phase, Tenure};
use jug_native::os::boottime;

const SOON: Duration = Duration::from_millis(50);

#[test]
fn it_ends_by_the_clock_whoever_asks_and_no_renewal_brings_it_back() {
    let tenure: Arc<Tenure> = Arc::default();
    assert_eq!(tenure.phase(), Phase::Idle);
    assert!(tenure.begin(7, Some(boottime() + SOON)));
    assert_eq!((tenure.phase(), tenure.token()), (Phase::Held, Some(7)));
    thread::sleep(2 * SOON);
    assert!(!tenure.renewed(Some(boottime() + 100 * SOON)));
    assert_eq!((tenure.phase(), tenure.token()), (Phase::Lost, Some(7)));
    assert!(!tenure.end());
    assert_eq!((tenure.phase(), tenure.token()), (Phase::Idle, None));
}

#[test]
fn a_renewal_moves_its_end_and_an_earlier_one_does_not_move_it_back() {
    let tenure: Arc<Tenure> = Arc::default();
    let now = boottime();
    assert!(tenure.begin(1, Some(now + 100 * SOON)));
    assert!(tenure.renewed(Some(now + 200 * SOON)));
    assert!(tenure.renewed(Some(now + 150 * SOON)));
    assert_eq!(tenure.until(), Some(now + 200 * SOON));
    assert!(tenure.end());
}

#[test]
fn what_was_over_when_the_answer_came_is_not_held() {
    let tenure: Arc<Tenure> = Arc::default();
    assert!(!tenure.begin(1, Some(boottime())));
    assert_eq!((tenure.phase(), tenure.token()), (Phase::Idle, None));
}

#[test]
fn who_waits_is_woken_by_its_loss_and_by_its_end() {
    for is_lost in [true, false] {
        let tenure: Arc<Tenure> = Arc::default();
        assert!(tenure.begin(1, None));
        let waiting = Arc::clone(&tenure);
        let waiter = thread::spawn(move || waiting.wait(None));
        if is_lost {
            tenure.lose();
        } else {
            assert!(tenure.end());
        }
        assert_eq!(waiter.join().unwrap(), if is_lost { Phase::Lost } else { Phase::Idle });
    }
}
