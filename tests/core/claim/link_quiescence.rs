//! Waiting, among others, for a moment in which many names can be removed with few requests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jug_native::Key;
use jug_native::background::Background;
use jug_native::claim::{Claims, Link};
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use jug_native::os::local;

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::link_worker::ManualProgress;

/// Others who change the claims so many times: while the process sleeps, before it asks, or before it lists them.
#[derive(Debug, Default)]
struct Others {
    while_asleep: AtomicUsize,
    when_asked: AtomicUsize,
    when_listed: AtomicUsize,
    asked: AtomicUsize,
    /// How long it takes to make a name.
    name: Duration,
    generation: Mutex<PathBuf>,
    /// How often it was asked when the first name was removed, and how many of their changes were to come.
    removal: Mutex<Option<(usize, usize)>>,
}

impl Others {
    fn change(&self, often: &AtomicUsize) {
        let generation = self.generation.lock().unwrap().clone();
        if generation.exists()
            && often.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            local().touch_dir(&generation).unwrap();
        }
    }

    fn is_claim(&self, path: &Path) -> bool {
        path.parent() == Some(&*self.generation.lock().unwrap())
    }
}

impl Hooks for Others {
    fn before(&self, path: &Path) {
        if self.is_claim(path) {
            local().sleep(self.name);
        }
    }

    fn removes(&self, path: &Path) {
        if self.is_claim(path) {
            let [asked, left] = [&self.asked, &self.when_asked].map(|it| it.load(Ordering::SeqCst));
            self.removal.lock().unwrap().get_or_insert((asked, left));
        }
    }

    fn asks_dir(&self, _dir: &Path) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.change(&self.when_asked);
    }

    fn listed(&self, dir: &Path) {
        if *dir == **self.generation.lock().unwrap() {
            self.change(&self.when_listed);
        }
    }

    fn slept(&self) {
        self.change(&self.while_asleep);
    }

    fn is_shared(&self) -> Option<bool> {
        Some(true)
    }
}

/// A worker that made some claims, released them, and ends among these others: how often it had asked when it removed
/// the first name, and how many changes were to come before it asks.
fn ends_among(others: Others) -> (usize, usize) {
    let dir = tempfile::tempdir().unwrap();
    let others = Arc::new(others);
    let fs = HookedFs::on(others.clone());
    let jugdir =
        Jugdir::open_as(fs, dir.path(), Some(ClaimMode::Link), LeaseTiming::from_environment()).unwrap();
    let claims = Link::new(jugdir, Background::manual(local()), Arc::<ManualProgress>::default());
    let generation = dir.path().join("claims").join("0");
    for number in 0..10u64 {
        let key = Key::new(*blake3::hash(&number.to_le_bytes()).as_bytes());
        assert!(claims.try_claim(&key).unwrap() && claims.confirm(&[key]).unwrap()[0]);
        claims.release(&key).unwrap();
        // From now on there are others.
        others.generation.lock().unwrap().clone_from(&generation);
    }
    claims.drain_releases().unwrap();
    assert_eq!(generation.read_dir().unwrap().count(), 0);
    others.removal.lock().unwrap().unwrap()
}

#[test]
fn the_server_is_not_asked_for_changes_that_this_host_knows_of() {
    let others = Others { while_asleep: 8.into(), name: Duration::from_millis(2), ..Others::default() };
    let (asked, _) = ends_among(others);
    assert!(asked <= 4, "it was asked {asked} times");
}

#[test]
fn where_names_take_long_it_is_waited_for_others_to_remove_theirs() {
    // At least 0.7 s, a hundred times as long as it takes to ask.
    let others = Others { when_asked: 28.into(), name: Duration::from_millis(8), ..Others::default() };
    let (_, left) = ends_among(others);
    assert_eq!(left, 0);
}

#[test]
fn of_two_who_find_the_same_moment_one_waits_for_the_other() {
    let others = Others { when_listed: 1.into(), name: Duration::from_millis(2), ..Others::default() };
    let (asked, _) = ends_among(others);
    assert!(asked >= 5, "it was asked {asked} times, and began among others");
}
