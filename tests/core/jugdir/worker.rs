//! Workers: they register, are alive and die.

use std::fs;

use jug_native::jugdir::Jugdir;

use crate::support::child_process::{self, Child};
use crate::support::files::names;

#[test]
#[ignore = "played by a child process"]
fn registers() {
    let jugdir = Jugdir::open(&child_process::directory()).unwrap();
    let worker = jugdir.worker().unwrap();
    child_process::say(worker.id());
    child_process::wait();
}

#[test]
fn a_worker_is_alive_until_its_process_dies() {
    let dir = tempfile::tempdir().unwrap();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let mut other = Child::play("jugdir::worker::registers", dir.path());
    let id = other.next_line();
    let pid = other.pid();
    assert!(jugdir.is_alive(&id).unwrap());
    let [info] = &jugdir.list_workers().unwrap()[..] else { panic!("there is one worker") };
    let identity = info.identity.as_ref().unwrap();
    assert_eq!((info.id.as_str(), info.alive, identity.pid), (id.as_str(), true, pid));
    assert_eq!(identity.version, env!("CARGO_PKG_VERSION"));
    other.kill();
    assert!(!jugdir.is_alive(&id).unwrap());
    assert!(!jugdir.list_workers().unwrap()[0].alive);
}

#[test]
fn an_own_worker_stays_alive_however_often_this_process_looks() {
    let dir = tempfile::tempdir().unwrap();
    let (jugdir, second) = (Jugdir::open(dir.path()).unwrap(), Jugdir::open(dir.path()).unwrap());
    let (worker, other) = (jugdir.worker().unwrap(), second.worker().unwrap());
    assert_ne!(worker.id(), other.id());
    for asked in [&jugdir, &second] {
        assert!(asked.is_alive(worker.id()).unwrap());
        assert!(asked.is_alive(other.id()).unwrap());
        let workers = asked.list_workers().unwrap();
        assert!(workers.iter().all(|info| info.alive && info.identity.is_some()));
    }
    let mut witness = Child::play("jugdir::worker::sees_two_alive", dir.path());
    assert_eq!(witness.next_line(), "true true");
    witness.kill();
}

#[test]
#[ignore = "played by a child process"]
fn sees_two_alive() {
    let workers = Jugdir::open(&child_process::directory()).unwrap().list_workers().unwrap();
    let alive: Vec<String> = workers.iter().map(|info| info.alive.to_string()).collect();
    child_process::say(&alive.join(" "));
    child_process::wait();
}

#[test]
fn a_worker_that_wrote_nothing_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let worker = jugdir.worker().unwrap();
    let (workers, segments) = (jugdir.workers(), jugdir.segments());
    drop((jugdir, worker));
    assert!(names(&workers).is_empty());

    let jugdir = Jugdir::open(dir.path()).unwrap();
    let worker = jugdir.worker().unwrap();
    let id = worker.id().to_owned();
    fs::write(segments.join(format!("{id}-0.seg")), "").unwrap();
    drop((jugdir, worker));
    assert_eq!(names(&workers), [id.as_str()], "its segment refers to it");
    assert!(!Jugdir::open(dir.path()).unwrap().is_alive(&id).unwrap());
}

#[test]
fn files_of_killed_workers_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut idle = Child::play("jugdir::worker::registers", dir.path());
    let mut writer = Child::play("jugdir::worker::registers", dir.path());
    let mut living = Child::play("jugdir::worker::registers", dir.path());
    let (_, writer_id, living_id) = (idle.next_line(), writer.next_line(), living.next_line());
    fs::write(dir.path().join(format!("segments/{writer_id}-3.seg")), "").unwrap();
    idle.kill();
    writer.kill();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let worker = jugdir.worker().unwrap();
    let slots = [&*living_id, worker.id()].map(|id| format!("slot-{id}"));
    let mut expected = [&*slots[0], &*slots[1], &*writer_id, &*living_id, worker.id()];
    expected.sort_unstable();
    assert_eq!(names(&jugdir.workers()), expected);
    living.kill();
}

#[test]
fn a_heartbeat_moves_the_time_of_the_workers_file() {
    let dir = tempfile::tempdir().unwrap();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let worker = jugdir.worker().unwrap();
    // Asked of the directory entry, because opening the file here would give up its lock.
    let time = || fs::metadata(jugdir.workers().join(worker.id())).unwrap().modified().unwrap();
    let before = time();
    std::thread::sleep(std::time::Duration::from_millis(20));
    worker.beat().unwrap();
    assert!(time() > before);
}
