//! The background thread: when it calls its jobs, and when it does not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jug_native::background::{Background, Periodic};

/// Counts its calls and asks for a fixed pause.
struct Job {
    calls: AtomicUsize,
    pause: Option<Duration>,
}

impl Job {
    fn new(pause: Option<Duration>) -> Arc<Job> {
        Arc::new(Job { calls: AtomicUsize::new(0), pause })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Periodic for Job {
    fn poll(&self, _now: Instant) -> Option<Duration> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.pause
    }
}

fn as_periodic<T: Periodic + 'static>(job: &Arc<T>) -> Arc<dyn Periodic> {
    job.clone()
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
fn nothing_is_called_before_the_first_wake() {
    let background = Background::spawn();
    let job = Job::new(Some(Duration::from_millis(1)));
    background.add(&as_periodic(&job));
    std::thread::sleep(A_WHILE);
    assert_eq!(job.calls(), 0);
    background.wake();
    until(|| job.calls() > 3);
}

#[test]
fn a_chore_that_asks_for_nothing_is_called_once_a_wake() {
    let background = Background::spawn();
    let job = Job::new(None);
    background.add(&as_periodic(&job));
    for wake in 1..4 {
        background.wake();
        until(|| job.calls() == wake);
        std::thread::sleep(A_WHILE);
        assert_eq!(job.calls(), wake);
    }
}

#[test]
fn the_shortest_pause_counts() {
    let background = Background::spawn();
    let (slow, fast) = (Job::new(Some(Duration::from_secs(3600))), Job::new(Some(Duration::from_millis(1))));
    background.add(&as_periodic(&slow));
    background.add(&as_periodic(&fast));
    background.wake();
    until(|| fast.calls() > 3);
}

#[test]
fn nothing_is_called_after_stop() {
    let background = Background::spawn();
    let job = Job::new(Some(Duration::from_micros(10)));
    background.add(&as_periodic(&job));
    background.wake();
    until(|| job.calls() > 0);
    background.stop();
    let calls = job.calls();
    background.wake();
    std::thread::sleep(A_WHILE);
    assert_eq!(job.calls(), calls);
}

#[test]
fn a_chore_without_owner_is_forgotten() {
    let background = Background::spawn();
    let job = Job::new(Some(Duration::from_millis(1)));
    background.add(&as_periodic(&job));
    background.wake();
    until(|| job.calls() > 0);
    let last = Arc::downgrade(&job);
    drop(job);
    until(|| last.upgrade().is_none());
}

/// Owns the background thread that calls it.
struct Owner(Mutex<Option<Arc<Background>>>, AtomicUsize);

impl Periodic for Owner {
    fn poll(&self, _now: Instant) -> Option<Duration> {
        self.1.fetch_add(1, Ordering::SeqCst);
        // Dropping the last owner of the background thread on its own thread must not wait for that thread.
        self.0.lock().unwrap().take();
        None
    }
}

#[test]
fn the_thread_may_be_dropped_by_its_own_job() {
    let background = Background::spawn();
    let owner = Arc::new(Owner(Mutex::new(Some(Arc::clone(&background))), AtomicUsize::new(0)));
    background.add(&as_periodic(&owner));
    background.wake();
    drop(background);
    until(|| owner.1.load(Ordering::SeqCst) > 0 && owner.0.lock().unwrap().is_none());
}
