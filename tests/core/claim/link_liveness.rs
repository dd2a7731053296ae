//! Claims by hard links: who is dead, and what becomes of his claims.

use std::fs;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jug_native::background::Periodic;
use jug_native::claim::Claims;
use jug_native::jugdir::LeaseTiming;
use jug_native::os::{File, local};
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use crate::support::child_process::{self, Child};
use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::link_worker::{LEASE, LinkWorker, path_of};
use crate::support::temp_jugdir::digest_key as key;

#[test]
fn c3_a_worker_elsewhere_is_dead_when_its_heartbeat_stops_for_a_lease() {
    let dir = tempfile::tempdir().unwrap();
    let (dying, heir) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(dying.claim(1) && heir.claim(2));
    let at = heir.watch(Duration::ZERO, LEASE * 7 / 8);
    assert!(!heir.claim(1), "not yet");
    dying.jugdir.registered().unwrap().beat().unwrap();
    let at = heir.watch(at, LEASE * 7 / 8);
    assert!(!heir.claim(1), "it has beaten since");
    heir.watch(at, 4 * LeaseTiming::of(LEASE).heartbeat);
    assert!(heir.claim(1));
    assert!(!dir.path().join("workers").join(dying.id()).exists(), "it was swept away");
    assert_eq!(heir.claims.live().unwrap().len(), 2);
}

#[test]
fn c3_time_in_which_the_watcher_was_paused_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let (quiet, watcher) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(quiet.claim(1) && watcher.claim(2));
    let at = watcher.watch(Duration::ZERO, LEASE / 2);
    // An hour passes in which it does not run; nor does the other one.
    let at = watcher.watch(at + Duration::from_secs(3600), LEASE / 4);
    assert!(!watcher.claim(1));
    watcher.watch(at, LEASE / 2);
    assert!(watcher.claim(1));
}

/// A clock that has gone on by so many milliseconds.
#[derive(Debug, Default)]
struct Clock(AtomicU64);

impl Hooks for Clock {
    fn ahead(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[test]
fn c3_time_before_a_worker_was_met_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::<Clock>::default();
    let lease = Duration::from_secs(2);
    let timing = LeaseTiming { treat_as_remote: true, ..LeaseTiming::of(lease) };
    // Where there are so many, it takes longer than a lease from look to look.
    let watcher = LinkWorker::on(HookedFs::on(clock.clone()), dir.path(), timing);
    let others: Vec<LinkWorker> = (0..40).map(|_| LinkWorker::with(dir.path(), timing)).collect();
    assert!(watcher.claim(0) && (1..).zip(&others).all(|(number, it)| it.claim(number)));
    watcher.after(Duration::ZERO);
    for _ in 0..7 {
        clock.0.fetch_add(500, Ordering::SeqCst);
        watcher.jugdir.registered().unwrap().beat().unwrap();
    }
    let young = LinkWorker::with(dir.path(), timing);
    assert!(young.claim(99));
    assert!(!watcher.claim(99), "they meet");
    watcher.jugdir.poll(Instant::now() + Duration::from_millis(3_500));
    assert!(!watcher.claim(99), "it was not watched before that");
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
    let timing = LeaseTiming { treat_as_remote: true, ..LeaseTiming::of(LEASE) };
    let (quiet, watcher) =
        (LinkWorker::at(dir.path()), LinkWorker::on(HookedFs::on(server.clone()), dir.path(), timing));
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
    let one = LinkWorker::with(&child_process::directory(), LeaseTiming::of(LEASE));
    assert!((0..10).all(|number| one.claim(number)));
    child_process::say("claimed");
    child_process::wait();
}

#[test]
fn c3_a_worker_of_this_host_is_dead_at_once_when_its_process_is() {
    let dir = tempfile::tempdir().unwrap();
    let heir = LinkWorker::with(dir.path(), LeaseTiming::of(LEASE));
    let mut other = Child::play("claim::link_liveness::claims_and_waits", dir.path());
    assert_eq!(other.next_line(), "claimed");
    assert!(!heir.claim(1));
    assert!(heir.claims.is_claimed(&key(1)).unwrap());
    other.kill();
    assert!(!heir.claims.is_claimed(&key(1)).unwrap());
    assert!((0..10).all(|number| heir.claim(number)));
    heir.after(Duration::from_secs(3600));
    let names = local().list(&dir.path().join("workers")).unwrap();
    assert_eq!(names, [heir.id()], "nothing is left of the dead");
    assert_eq!(local().list(&dir.path().join("claims")).unwrap(), ["1"], "nor of its generation");
}

/// A worker of another process that dies when it was seen to run so many times.
#[derive(Debug)]
struct DiesAfter(AtomicUsize);

impl Hooks for DiesAfter {
    fn sees_process(&self, pid: u32) -> bool {
        let left = |left: usize| left.checked_sub(1);
        pid == std::process::id() || self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok()
    }
}

#[test]
fn a_worker_that_dies_while_its_claims_are_looked_at_is_suspected_of_all_of_them_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let play = || {
        let mut worker = Child::play("claim::link_liveness::claims_and_waits", dir.path());
        assert_eq!(worker.next_line(), "claimed");
        worker
    };
    // One is dead before: its claims are looked at each time.
    play().kill();
    let dying = play();
    let mut found = Vec::new();
    for seen in 0..60 {
        let host = Arc::new(DiesAfter(AtomicUsize::new(usize::MAX)));
        let heir = LinkWorker::on(HookedFs::on(host.clone()), dir.path(), LeaseTiming::of(LEASE));
        heir.progress.is_unsettled.store(true, Ordering::SeqCst);
        assert_eq!(heir.claims.live().unwrap().len(), 10);
        host.0.store(seen, Ordering::SeqCst);
        let suspects = heir.claims.suspects().unwrap();
        found.push(suspects.iter().filter(|(_, worker)| *worker != suspects[0].1).count());
    }
    dying.kill();
    assert!(found.iter().all(|count| [0, 10].contains(count)), "{found:?}");
    assert!(found.contains(&0) && found.contains(&10), "{found:?}");
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
    let timing = LeaseTiming { treat_as_remote: true, ..LeaseTiming::of(LEASE) };
    let (one, other) =
        (LinkWorker::at(dir.path()), LinkWorker::on(HookedFs::on(client.clone()), dir.path(), timing));
    assert!(other.claim(2) && one.claim(1));
    client.0.store(true, Ordering::SeqCst);
    assert!(!other.claim(1));
}

#[test]
fn an_empty_claim_is_held_for_a_lease_and_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::at(dir.path());
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
    let (dead, heir) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
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
fn a_clock_that_is_two_hours_off_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (LinkWorker::at(dir.path()), LinkWorker::at(dir.path()));
    assert!(one.claim(1) && other.claim(2));
    let hours = Duration::from_secs(7200);
    let file = fs::File::options().append(true).open(dir.path().join("workers").join(one.id())).unwrap();
    let beat = LeaseTiming::of(LEASE).heartbeat;
    let mut at = Duration::ZERO;
    for date in [std::time::SystemTime::now() + hours, std::time::SystemTime::now() - hours] {
        for beats in 0..36 {
            file.set_modified(date + beats * beat).unwrap();
            at = other.watch(at, beat);
        }
        assert!(!other.claim(1), "it has beaten for one lease and a half");
    }
}

/// The name of a lifeline, with somebody who listens there, made so long ago.
fn lifeline(workers: &Path, name: &str, age: Duration) -> UnixListener {
    let path = workers.join(name);
    let listener = UnixListener::bind(&path).unwrap();
    let date = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = TimeSpec::from(date.checked_sub(age).unwrap());
    utimensat(AT_FDCWD, &path, &time, &time, UtimensatFlags::NoFollowSymlink).unwrap();
    listener
}

#[test]
fn lifelines_that_nobody_offers_are_removed_when_a_lease_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let one = LinkWorker::at(dir.path());
    assert!(one.claim(1));
    let workers = dir.path().join("workers");
    let old = 2 * LEASE + Duration::from_secs(10);
    drop(lifeline(&workers, "line-host.1.abc", old));
    drop(lifeline(&workers, ".line-host.2.abc", old));
    drop(lifeline(&workers, "line-host.3.abc", Duration::ZERO));
    let _offered = lifeline(&workers, "line-host.4.abc", old);
    one.claims.sweep().unwrap();
    let mut lines: Vec<String> = local().list(&workers).unwrap();
    lines.retain(|name| name.contains("line-"));
    lines.sort();
    assert_eq!(lines, ["line-host.3.abc", "line-host.4.abc"]);
}
