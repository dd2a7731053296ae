//! What a holder knows of its lease, by its clock.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jug_native::lease::{Phase, Shared, Tenure};
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
        let waiter = thread::spawn(move || waiting.wait(None, None));
        if is_lost {
            tenure.lose();
        } else {
            assert!(tenure.end());
        }
        assert_eq!(waiter.join().unwrap(), if is_lost { Phase::Lost } else { Phase::Idle });
    }
}

#[test]
fn who_waits_for_one_time_that_it_is_held_does_not_wait_for_the_next() {
    let tenure: Arc<Tenure> = Arc::default();
    assert!(tenure.begin(1, None));
    let round = tenure.round();
    assert!(tenure.end());
    assert!(tenure.begin(2, None));
    assert_eq!(tenure.wait(None, Some(round)), Phase::Idle);
    tenure.lose();
    assert_eq!(tenure.wait(None, Some(round)), Phase::Idle);
    assert_eq!(tenure.wait(None, Some(tenure.round())), Phase::Lost);
}

#[test]
fn a_process_that_works_for_the_holder_follows_it_and_knows_the_end_by_itself() {
    let holder: Arc<Tenure> = Arc::default();
    let (page, file) = Shared::create().unwrap();
    holder.share(page);
    let follower = Arc::new(Tenure::following(Shared::of(&file).unwrap()));
    assert!(!follower.begin_as_shared());
    assert!(holder.begin(7, Some(boottime() + 10 * SOON)));
    assert!(follower.begin_as_shared());
    assert!(holder.renewed(Some(boottime() + 100 * SOON)));
    assert_eq!(follower.wait(Some(boottime() + 11 * SOON), None), Phase::Held);
    assert_eq!((follower.token(), follower.until()), (Some(7), holder.until()));
    holder.lose();
    assert_eq!(follower.wait(None, None), Phase::Lost);
    assert!(!follower.end());
    // It need not be woken up for that.
    assert!(holder.begin(8, Some(boottime() + SOON)));
    assert!(follower.begin_as_shared());
    assert_eq!(follower.wait(None, None), Phase::Lost);
    assert!(boottime() >= follower.until().unwrap());
    assert!(holder.begin(9, None));
    assert!(follower.begin_as_shared());
    assert_eq!((follower.phase(), follower.token(), follower.until()), (Phase::Held, Some(9), None));
    // Another one that the holder has got since is not that one.
    assert!(holder.end());
    assert!(holder.begin(10, None));
    assert_eq!(follower.phase(), Phase::Lost);
}
