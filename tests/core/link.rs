//! Claims by hard links: exclusive among hosts, given up by the dead, and never taken from the living.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jug_native::claim::{Batch, Claims, Link, Records};
use jug_native::fs::{File, FileSystem, local};
use jug_native::jugdir::{ClaimMode, Jugdir, Life, Pace};
use jug_native::keeper::{Keeper, Tick};
use jug_native::{Key, Result};

use crate::child::{self, Child};
use crate::hooked::{Hooked, Hooks};

/// Records that are on disk when a test says so.
#[derive(Default)]
struct Shelf {
    stored: AtomicU64,
    durable: AtomicU64,
}

impl Records for Shelf {
    fn stored(&self) -> u64 {
        self.stored.load(Ordering::SeqCst)
    }

    fn is_visible(&self) -> bool {
        true
    }

    fn durable(&self) -> u64 {
        self.durable.load(Ordering::SeqCst)
    }

    fn sync(&self) -> Result<()> {
        self.durable.store(self.stored(), Ordering::SeqCst);
        Ok(())
    }
}

/// A worker whose keeper does its chores when the test says so.
struct One {
    jugdir: Arc<Jugdir>,
    keeper: Arc<Keeper>,
    shelf: Arc<Shelf>,
    claims: Arc<Link>,
}

const LEASE: Duration = Duration::from_secs(120);

impl One {
    fn at(dir: &Path) -> One {
        One::with(dir, Pace { strangers: true, ..Pace::of(LEASE) })
    }

    fn with(dir: &Path, pace: Pace) -> One {
        One::on(local(), dir, pace)
    }

    fn on(fs: Arc<dyn FileSystem>, dir: &Path, pace: Pace) -> One {
        let jugdir = Jugdir::open_as(fs, dir, Some(ClaimMode::Link), pace).unwrap();
        let keeper = Keeper::by_hand(local());
        let shelf = Arc::new(Shelf::default());
        let claims = Link::new(Arc::clone(&jugdir), Arc::clone(&keeper), shelf.clone());
        One { jugdir, keeper, shelf, claims }
    }

    fn claim(&self, number: u64) -> bool {
        let key = key(number);
        let won = self.claims.try_claim(&key).unwrap();
        self.claims.confirm(&[key]).unwrap()[0] && won
    }

    fn free(&self, number: u64) {
        self.claims.release(&key(number)).unwrap();
        self.claims.settle().unwrap();
    }

    fn id(&self) -> String {
        self.jugdir.registered().unwrap().id().to_owned()
    }

    /// Beats, and looks at others, as after this time.
    fn after(&self, time: Duration) {
        self.jugdir.tick(Instant::now() + time);
        self.claims.tick(Instant::now() + time);
    }

    /// Watches for so long as others do not beat.
    fn watch(&self, from: Duration, time: Duration) -> Duration {
        let beat = Pace::of(LEASE).beat;
        let mut at = from;
        while at < from + time {
            at += beat;
            self.after(at);
        }
        at
    }
}

fn key(number: u64) -> Key {
    Key::new(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn path_of(dir: &Path, era: u64, number: u64) -> PathBuf {
    dir.join("claims").join(era.to_string()).join(key(number).to_hex())
}

#[test]
fn a_claim_has_one_holder_among_workers() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (One::at(dir.path()), One::at(dir.path()));
    assert!(!other.claims.is_claimed(&key(1)).unwrap());
    assert!(one.claim(1));
    assert!(!one.claim(1), "not even its holder gets it again");
    assert!(!other.claim(1));
    assert!(other.claims.is_claimed(&key(1)).unwrap());
    assert_eq!(other.claims.live().unwrap()[0].worker, one.id());
    one.free(1);
    assert!(!other.claims.is_claimed(&key(1)).unwrap());
    assert!(other.claim(1));
}

#[test]
fn a_claim_is_a_name_of_its_workers_file_and_one_heartbeat_refreshes_all() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let one = One::at(dir.path());
    assert!((0..5).all(|number| one.claim(number)));
    let file = dir.path().join("workers").join(one.id());
    assert_eq!(fs::metadata(&file).unwrap().nlink(), 6);
    let before = fs::metadata(path_of(dir.path(), 0, 3)).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    one.after(LEASE / 10);
    let after = fs::metadata(path_of(dir.path(), 0, 3)).unwrap();
    assert_eq!(before.ino(), fs::metadata(&file).unwrap().ino());
    assert_ne!(before.modified().unwrap(), after.modified().unwrap());
}

#[test]
fn a_success_that_looks_like_a_failure_is_known_by_its_inode() {
    let dir = tempfile::tempdir().unwrap();
    let one = One::at(dir.path());
    assert!(one.claim(1));
    // The name is there although this process was never told that it made it.
    let worker = dir.path().join("workers").join(one.id());
    fs::hard_link(worker, path_of(dir.path(), 0, 2)).unwrap();
    assert!(one.claim(2));
}

#[test]
fn c2_a_claim_is_released_after_everything_stored_before_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (One::at(dir.path()), One::at(dir.path()));
    assert!(one.claim(1) && one.claim(2));
    one.shelf.stored.store(7, Ordering::SeqCst);
    one.claims.release(&key(1)).unwrap();
    one.shelf.stored.store(8, Ordering::SeqCst);
    one.claims.release(&key(2)).unwrap();
    one.after(Duration::from_secs(40));
    assert!(!other.claim(1));
    one.shelf.durable.store(7, Ordering::SeqCst);
    one.after(Duration::from_secs(50));
    assert!(other.claim(1));
    assert!(!other.claim(2), "its record came later");
    one.shelf.durable.store(8, Ordering::SeqCst);
    one.after(Duration::from_secs(60));
    assert!(other.claim(2));
}

#[test]
fn what_is_given_back_is_free_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (One::at(dir.path()), One::at(dir.path()));
    assert!(one.claim(1) && one.claim(2));
    one.claims.release(&key(1)).unwrap();
    one.keeper.tick();
    assert!(!other.claim(1), "the claim on a finished task may stay for a while");
    one.claims.give_back(&key(2)).unwrap();
    one.keeper.tick();
    assert!(other.claim(2));
}

#[test]
fn what_is_claimed_again_before_its_name_went_away_is_still_held() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (One::at(dir.path()), One::at(dir.path()));
    assert!(one.claim(1));
    one.shelf.stored.store(1, Ordering::SeqCst);
    one.claims.release(&key(1)).unwrap();
    assert!(one.claim(1));
    one.claims.settle().unwrap();
    assert!(!other.claim(1));
}

#[test]
fn c3_a_worker_elsewhere_is_dead_when_its_heartbeat_stops_for_a_lease() {
    let dir = tempfile::tempdir().unwrap();
    let (dying, heir) = (One::at(dir.path()), One::at(dir.path()));
    assert!(dying.claim(1) && heir.claim(2));
    let at = heir.watch(Duration::ZERO, LEASE * 7 / 8);
    assert!(!heir.claim(1), "not yet");
    dying.jugdir.registered().unwrap().beat().unwrap();
    let at = heir.watch(at, LEASE * 7 / 8);
    assert!(!heir.claim(1), "it has beaten since");
    heir.watch(at, 4 * Pace::of(LEASE).beat);
    assert!(heir.claim(1));
    assert!(!dir.path().join("workers").join(dying.id()).exists(), "it was swept away");
    assert_eq!(heir.claims.live().unwrap().len(), 2);
}

#[test]
fn c3_time_in_which_the_watcher_was_paused_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let (quiet, watcher) = (One::at(dir.path()), One::at(dir.path()));
    assert!(quiet.claim(1) && watcher.claim(2));
    let at = watcher.watch(Duration::ZERO, LEASE / 2);
    // An hour passes in which it does not run; nor does the other one.
    let at = watcher.watch(at + Duration::from_secs(3600), LEASE / 4);
    assert!(!watcher.claim(1));
    watcher.watch(at, LEASE / 2);
    assert!(watcher.claim(1));
}

/// A server that does not answer heartbeats while this is true.
#[derive(Debug, Default)]
struct Away(AtomicBool);

impl Hooks for Away {
    fn touch(&self, file: &dyn File) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) { Err(io::ErrorKind::TimedOut.into()) } else { file.touch() }
    }
}

#[test]
fn c3_time_in_which_the_watcher_was_out_of_touch_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let server = Arc::<Away>::default();
    let pace = Pace { strangers: true, ..Pace::of(LEASE) };
    let (quiet, watcher) = (One::at(dir.path()), One::on(Hooked::on(server.clone()), dir.path(), pace));
    assert!(quiet.claim(1) && watcher.claim(2));
    let at = watcher.watch(Duration::ZERO, LEASE / 2);
    server.0.store(true, Ordering::SeqCst);
    let at = watcher.watch(at, LEASE);
    server.0.store(false, Ordering::SeqCst);
    assert!(!watcher.claim(1), "the other one may not have been able to beat either");
    watcher.watch(at, LEASE * 5 / 8);
    assert!(watcher.claim(1));
}

#[test]
#[ignore = "played by a child process"]
fn claims_and_waits() {
    let one = One::with(&child::directory(), Pace::of(LEASE));
    assert!((0..10).all(|number| one.claim(number)));
    child::say("claimed");
    child::wait();
}

#[test]
fn c3_a_worker_of_this_host_is_dead_at_once_when_its_process_is() {
    let dir = tempfile::tempdir().unwrap();
    let heir = One::with(dir.path(), Pace::of(LEASE));
    let mut other = Child::play("link::claims_and_waits", dir.path());
    assert_eq!(other.hear(), "claimed");
    assert!(!heir.claim(1));
    assert!(heir.claims.is_claimed(&key(1)).unwrap());
    other.kill();
    assert!(!heir.claims.is_claimed(&key(1)).unwrap());
    assert!((0..10).all(|number| heir.claim(number)));
    heir.after(Duration::from_secs(3600));
    let names = local().list(&dir.path().join("workers")).unwrap();
    assert_eq!(names, [heir.id()], "nothing is left of the dead");
    assert_eq!(local().list(&dir.path().join("claims")).unwrap(), ["1"], "nor of its era");
}

#[test]
fn names_that_are_no_eras_and_no_workers_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (One::at(dir.path()), One::at(dir.path()));
    assert!(one.claim(1));
    for name in ["007", "+9", "18446744073709551615", "claims"] {
        std::fs::create_dir(dir.path().join("claims").join(name)).unwrap();
    }
    for name in ["junk", "a.b", "a.b.c.d", "..1.c"] {
        std::fs::create_dir(dir.path().join("workers").join(name)).unwrap();
    }
    two.after(LEASE / 10);
    assert!(!two.claim(1) && two.claim(2));
    assert!(one.claim(3) && !one.claim(2));
    assert_eq!(one.claims.sweep().unwrap(), 0);
}

/// A lease that is short enough to wait for, and long enough for a busy machine.
fn hasty() -> Pace {
    Pace { strangers: true, ..Pace::of(Duration::from_secs(2)) }
}

/// Returns when a worker with a [`hasty`] pace that did not beat has lost touch.
fn lose_touch() {
    std::thread::sleep(Duration::from_millis(1_200));
}

#[test]
fn c4_a_worker_out_of_touch_claims_nothing_more_and_registers_anew() {
    let dir = tempfile::tempdir().unwrap();
    let pace = hasty();
    let (lost, other) = (One::with(dir.path(), pace), One::at(dir.path()));
    assert!(other.claim(4) && lost.claim(1) && lost.claim(2));
    let before = lost.id();
    assert!(lost.claims.holds(&key(1)));
    lose_touch();
    assert!(!lost.claims.holds(&key(1)), "others may take it for dead from now on");
    assert!(lost.claim(3), "as somebody else");
    assert_ne!(lost.id(), before);
    assert!(!lost.claims.holds(&key(1)));
    assert_ne!(lost.jugdir.life(&before).unwrap(), Life::Alive);
    other.after(LEASE / 10);
    assert!(other.claim(1) && other.claim(2), "nobody has to wait for what it held before");
    assert!(!other.claim(3));
}

#[test]
fn c4_a_claim_is_void_if_its_worker_lost_touch_before_it_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let one = One::with(dir.path(), hasty());
    assert!(one.claims.try_claim(&key(1)).unwrap());
    lose_touch();
    assert_eq!(one.claims.confirm(&[key(1)]).unwrap(), [false]);
}

#[test]
fn c4_a_worker_that_lost_touch_while_it_waited_goes_on_watching() {
    let dir = tempfile::tempdir().unwrap();
    let pace = hasty();
    let (dead, waiting) = (One::with(dir.path(), pace), One::with(dir.path(), pace));
    assert!(dead.claim(1) && waiting.claim(2));
    let before = waiting.id();
    lose_touch();
    let start = Instant::now();
    while waiting.claims.is_claimed(&key(1)).unwrap() {
        assert!(start.elapsed() < Duration::from_secs(20));
        waiting.after(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_ne!(waiting.id(), before, "as somebody else");
}

#[test]
fn a_worker_that_left_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let one = One::with(dir.path(), hasty());
    one.claims.settle().unwrap();
    assert!(one.claim(1));
    one.free(1);
    one.jugdir.leave();
    lose_touch();
    assert_eq!(one.jugdir.tick(Instant::now() + LEASE), None);
    assert!(local().list(&dir.path().join("workers")).unwrap().is_empty());
}

#[test]
fn a_batch_starts_nothing_that_is_not_held_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let one = One::with(dir.path(), hasty());
    let batch = Batch::new(one.claims.clone(), Arc::clone(&one.keeper));
    assert_eq!(batch.claim(&[key(1), key(2)]).unwrap(), [true, true]);
    assert!(batch.start(&key(1), None).unwrap());
    lose_touch();
    assert!(!batch.start(&key(2), None).unwrap());
}

#[test]
fn names_of_finished_tasks_go_away_once_a_task_takes_long() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (One::at(dir.path()), One::at(dir.path()));
    let batch = Batch::new(one.claims.clone(), Arc::clone(&one.keeper));
    assert_eq!(batch.claim(&[key(1), key(2)]).unwrap(), [true, true]);
    batch.start(&key(1), None).unwrap();
    batch.start(&key(2), Some(&key(1))).unwrap();
    let short = Instant::now() + Duration::from_millis(500);
    assert!(batch.tick(short).is_some(), "the keeper looks again");
    one.claims.tick(short);
    assert!(!other.claim(1), "many names are removed together");
    let long = short + Duration::from_secs(2);
    batch.tick(long);
    one.claims.tick(long);
    assert!(other.claim(1));
    assert!(!other.claim(2));
}

/// A client that says that workers have no files, while this is true and until it lists them.
#[derive(Debug, Default)]
struct Forgetful(AtomicBool);

impl Hooks for Forgetful {
    fn hides(&self, path: &Path) -> bool {
        path.parent().is_some_and(|dir| dir.ends_with("workers")) && self.0.load(Ordering::SeqCst)
    }

    fn listed(&self, dir: &Path) {
        if dir.ends_with("workers") {
            self.0.store(false, Ordering::SeqCst);
        }
    }
}

#[test]
fn c5_a_worker_whose_file_seems_not_to_be_there_and_is_listed_is_alive() {
    let dir = tempfile::tempdir().unwrap();
    let client = Arc::<Forgetful>::default();
    let pace = Pace { strangers: true, ..Pace::of(LEASE) };
    let (one, other) = (One::at(dir.path()), One::on(Hooked::on(client.clone()), dir.path(), pace));
    assert!(other.claim(2) && one.claim(1));
    client.0.store(true, Ordering::SeqCst);
    assert!(!other.claim(1));
}

#[test]
fn c1_a_batch_has_won_only_what_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (One::at(dir.path()), One::at(dir.path()));
    assert!(one.claim(1));
    // In the newest era nobody has the name, but in the one before a living worker has it.
    fs::create_dir(dir.path().join("claims/1")).unwrap();
    let batch = Batch::new(other.claims.clone(), Arc::clone(&other.keeper));
    assert_eq!(batch.claim(&[key(1), key(2)]).unwrap(), [false, true]);
    assert!(!batch.start(&key(1), None).unwrap());
}

#[test]
fn a_name_removed_late_never_takes_a_claim_from_anybody() {
    let dir = tempfile::tempdir().unwrap();
    let (paused, heir) = (One::at(dir.path()), One::at(dir.path()));
    assert!(paused.claim(1));
    // Between deciding to remove this name and removing it, the worker sleeps for longer than a lease.
    let name = path_of(dir.path(), 0, 1);
    heir.claims.try_claim(&key(2)).unwrap();
    heir.watch(Duration::ZERO, LEASE + 3 * Pace::of(LEASE).beat);
    assert!(heir.claim(1));
    let _removed = fs::remove_file(name);
    assert!(heir.claims.holds(&key(1)));
    assert!(!One::at(dir.path()).claim(1), "it is still the heir's");
}

#[test]
fn a_claim_made_late_in_an_era_that_ended_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let (slow, quick) = (One::at(dir.path()), One::at(dir.path()));
    assert!(slow.claim(0) && quick.claim(9));
    // One worker makes a name, and before it finds out whether that counts, an era ends and another one claims.
    assert!(slow.claims.try_claim(&key(1)).unwrap());
    fs::create_dir(dir.path().join("claims/1")).unwrap();
    let third = One::at(dir.path());
    assert!(!third.claim(1), "of two names for one task, the later one gives way");
    assert_eq!(slow.claims.confirm(&[key(1)]).unwrap(), [true]);
    assert!(!path_of(dir.path(), 0, 1).exists() && path_of(dir.path(), 1, 1).exists(), "in the newest era");
    assert!(slow.claims.holds(&key(0)), "what it held before still counts");
    assert!(!third.claim(0));
}

#[test]
fn an_empty_claim_is_held_for_a_lease_and_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let one = One::at(dir.path());
    assert!(one.claim(1));
    // Where there are no hard links, its creator was killed before it could write who it is.
    fs::write(path_of(dir.path(), 0, 2), b"").unwrap();
    assert!(!one.claim(2));
    let at = one.watch(Duration::ZERO, LEASE * 7 / 8);
    assert!(!one.claim(2) && one.claims.is_claimed(&key(2)).unwrap(), "not yet");
    one.watch(at, LEASE);
    assert!(!one.claims.is_claimed(&key(2)).unwrap());
    assert!(one.claim(2));
    one.after(2 * LEASE + LEASE / 2);
    assert_eq!(local().list(&dir.path().join("claims/0")).unwrap().len(), 1, "what is left is its own");
}

#[test]
fn a_takeover_that_was_interrupted_is_finished_by_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let (dead, heir) = (One::at(dir.path()), One::at(dir.path()));
    assert!(dead.claim(1) && heir.claim(2));
    // Somebody marked it and died before it did anything else.
    let workers = dir.path().join("workers");
    fs::hard_link(workers.join(dead.id()), workers.join(format!("dead-{}", dead.id()))).unwrap();
    heir.after(LEASE);
    assert!(heir.claim(1));
    heir.after(2 * LEASE);
    assert!(!workers.join(dead.id()).exists() && !workers.join(format!("dead-{}", dead.id())).exists());
    assert!(workers.join("lost").exists(), "that it may come back is not forgotten");
    assert_eq!(local().list(&workers).unwrap().len(), 2);
    assert!(heir.claims.holds(&key(2)));
}

#[test]
fn a_worker_marked_as_dead_notices_and_registers_anew() {
    let dir = tempfile::tempdir().unwrap();
    let one = One::at(dir.path());
    assert!(one.claim(1));
    let before = one.id();
    let workers = dir.path().join("workers");
    fs::hard_link(workers.join(&before), workers.join(format!("dead-{before}"))).unwrap();
    one.after(LEASE / 10);
    assert!(!one.claims.holds(&key(1)));
    assert!(one.claim(2));
    assert_ne!(one.id(), before);
}

#[test]
fn a_worker_whose_file_was_swept_away_registers_anew() {
    let dir = tempfile::tempdir().unwrap();
    let one = One::at(dir.path());
    assert!(one.claim(1));
    let before = one.id();
    fs::remove_file(dir.path().join("workers").join(&before)).unwrap();
    fs::remove_file(path_of(dir.path(), 0, 1)).unwrap();
    assert!(one.claim(2));
    assert_ne!(one.id(), before);
}

#[test]
fn a_clock_that_is_two_hours_off_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (One::at(dir.path()), One::at(dir.path()));
    assert!(one.claim(1) && other.claim(2));
    let hours = Duration::from_secs(7200);
    let file = fs::File::options().append(true).open(dir.path().join("workers").join(one.id())).unwrap();
    let beat = Pace::of(LEASE).beat;
    let mut at = Duration::ZERO;
    for date in [std::time::SystemTime::now() + hours, std::time::SystemTime::now() - hours] {
        for beats in 0..36 {
            file.set_modified(date + beats * beat).unwrap();
            at = other.watch(at, beat);
        }
        assert!(!other.claim(1), "it has beaten for one lease and a half");
    }
}

#[test]
fn a_worker_that_leaves_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let one = One::at(dir.path());
    let batch = Batch::new(one.claims.clone(), Arc::clone(&one.keeper));
    batch.claim(&[key(1), key(2)]).unwrap();
    batch.close().unwrap();
    one.jugdir.leave();
    assert!(local().list(&dir.path().join("workers")).unwrap().is_empty());
    assert!(local().list(&dir.path().join("claims/0")).unwrap().is_empty());
}

#[test]
fn looking_at_links_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("none");
    let one = One::at(&root);
    assert!(!one.claims.is_claimed(&key(1)).unwrap());
    assert!(one.claims.live().unwrap().is_empty());
    one.claims.release(&key(1)).unwrap();
    assert!(!root.exists());
}

#[test]
fn the_mode_of_a_jugdir_is_chosen_once() {
    let dir = tempfile::tempdir().unwrap();
    Jugdir::open_as(local(), dir.path(), Some(ClaimMode::Link), Pace::usual()).unwrap().init().unwrap();
    assert_eq!(Jugdir::open(dir.path()).unwrap().claim_mode().unwrap(), ClaimMode::Link);
    let refused = Jugdir::open_as(local(), dir.path(), Some(ClaimMode::Posix), Pace::usual()).unwrap_err();
    assert!(refused.to_string().contains("claims in mode link, not posix"), "{refused}");
}
