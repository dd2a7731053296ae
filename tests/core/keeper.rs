//! The background thread: when it calls its chores, and when it does not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jug_native::keeper::{Keeper, Tick};

/// Counts its calls and asks for a fixed pause.
struct Chore {
    calls: AtomicUsize,
    pause: Option<Duration>,
}

impl Chore {
    fn new(pause: Option<Duration>) -> Arc<Chore> {
        Arc::new(Chore { calls: AtomicUsize::new(0), pause })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Tick for Chore {
    fn tick(&self, _now: Instant) -> Option<Duration> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.pause
    }
}

fn as_tick<T: Tick + 'static>(chore: &Arc<T>) -> Arc<dyn Tick> {
    chore.clone()
}

fn until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never happened");
        std::thread::sleep(Duration::from_millis(1));
    }
}

const A_WHILE: Duration = Duration::from_millis(50);

#[test]
fn nothing_is_called_before_the_first_nudge() {
    let keeper = Keeper::spawn();
    let chore = Chore::new(Some(Duration::from_millis(1)));
    keeper.add(&as_tick(&chore));
    std::thread::sleep(A_WHILE);
    assert_eq!(chore.calls(), 0);
    keeper.nudge();
    until(|| chore.calls() > 3);
}

#[test]
fn a_chore_that_asks_for_nothing_is_called_once_a_nudge() {
    let keeper = Keeper::spawn();
    let chore = Chore::new(None);
    keeper.add(&as_tick(&chore));
    for nudge in 1..4 {
        keeper.nudge();
        until(|| chore.calls() == nudge);
        std::thread::sleep(A_WHILE);
        assert_eq!(chore.calls(), nudge);
    }
}

#[test]
fn the_shortest_pause_counts() {
    let keeper = Keeper::spawn();
    let (slow, fast) =
        (Chore::new(Some(Duration::from_secs(3600))), Chore::new(Some(Duration::from_millis(1))));
    keeper.add(&as_tick(&slow));
    keeper.add(&as_tick(&fast));
    keeper.nudge();
    until(|| fast.calls() > 3);
}

#[test]
fn nothing_is_called_after_stop() {
    let keeper = Keeper::spawn();
    let chore = Chore::new(Some(Duration::from_micros(10)));
    keeper.add(&as_tick(&chore));
    keeper.nudge();
    until(|| chore.calls() > 0);
    keeper.stop();
    let calls = chore.calls();
    keeper.nudge();
    std::thread::sleep(A_WHILE);
    assert_eq!(chore.calls(), calls);
}

#[test]
fn a_chore_without_owner_is_forgotten() {
    let keeper = Keeper::spawn();
    let chore = Chore::new(Some(Duration::from_millis(1)));
    keeper.add(&as_tick(&chore));
    keeper.nudge();
    until(|| chore.calls() > 0);
    let last = Arc::downgrade(&chore);
    drop(chore);
    until(|| last.upgrade().is_none());
}

/// Owns the keeper that calls it.
struct Owner(Mutex<Option<Arc<Keeper>>>, AtomicUsize);

impl Tick for Owner {
    fn tick(&self, _now: Instant) -> Option<Duration> {
        self.1.fetch_add(1, Ordering::SeqCst);
        // Dropping the last owner of the keeper on its own thread must not wait for that thread.
        self.0.lock().unwrap().take();
        None
    }
}

#[test]
fn a_keeper_may_be_dropped_by_its_own_chore() {
    let keeper = Keeper::spawn();
    let owner = Arc::new(Owner(Mutex::new(Some(Arc::clone(&keeper))), AtomicUsize::new(0)));
    keeper.add(&as_tick(&owner));
    keeper.nudge();
    drop(keeper);
    until(|| owner.1.load(Ordering::SeqCst) > 0 && owner.0.lock().unwrap().is_none());
}
