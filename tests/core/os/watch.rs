//! Waiting for a directory to change, with the notices of the system and by polling.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use jug_native::os::watch::{LocalWatch, Watch};

use crate::support::child_process::{self, Child};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(60);

fn both(dir: &Path) -> [LocalWatch; 2] {
    [LocalWatch::new(dir).unwrap(), LocalWatch::polled(dir).unwrap()]
}

#[test]
fn nothing_happens_until_the_time_is_over() {
    let dir = tempfile::tempdir().unwrap();
    for watch in both(dir.path()) {
        let start = Instant::now();
        assert!(!watch.wait(SHORT).unwrap());
        assert!(start.elapsed() >= SHORT);
    }
}

#[test]
fn a_change_ends_a_wait_even_if_it_came_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    for watch in both(dir.path()) {
        fs::write(&file, "new").unwrap();
        assert!(watch.wait(LONG).unwrap());
        assert!(!watch.wait(Duration::ZERO).unwrap(), "and only one");
        OpenOptions::new().append(true).open(&file).unwrap().write_all(b" grown").unwrap();
        assert!(watch.wait(LONG).unwrap());
        fs::remove_file(&file).unwrap();
        assert!(watch.wait(LONG).unwrap());
    }
}

#[test]
fn a_change_ends_a_wait_soon() {
    let dir = tempfile::tempdir().unwrap();
    for watch in both(dir.path()) {
        let late = std::thread::scope(|scope| {
            let waiter = scope.spawn(|| watch.wait(LONG).map(|woken| (woken, Instant::now())));
            std::thread::sleep(SHORT);
            let changed = Instant::now();
            fs::write(dir.path().join("file"), changed.elapsed().as_nanos().to_string()).unwrap();
            let (woken, at) = waiter.join().unwrap().unwrap();
            assert!(woken);
            at.saturating_duration_since(changed)
        });
        assert!(late < Duration::from_secs(2), "{late:?}");
        fs::remove_file(dir.path().join("file")).unwrap();
    }
}

#[test]
fn files_that_do_not_matter_do_not_wake() {
    let dir = tempfile::tempdir().unwrap();
    for watch in both(dir.path()) {
        fs::write(dir.path().join("mine"), "1").unwrap();
        assert!(!watch.wait_for(SHORT, &|name| name != "mine").unwrap());
        fs::write(dir.path().join("yours"), "1").unwrap();
        assert!(watch.wait_for(LONG, &|name| name != "mine").unwrap());
        fs::remove_file(dir.path().join("mine")).unwrap();
        fs::remove_file(dir.path().join("yours")).unwrap();
    }
}

#[test]
fn a_second_directory_can_be_watched_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let more = tempfile::tempdir().unwrap();
    for watch in both(dir.path()) {
        watch.add(more.path()).unwrap();
        fs::write(more.path().join("file"), "1").unwrap();
        assert!(watch.wait(LONG).unwrap());
        fs::remove_file(more.path().join("file")).unwrap();
    }
}

#[test]
fn a_directory_that_is_not_there_cannot_be_watched() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    assert!(LocalWatch::new(&missing).err().unwrap().to_string().contains("missing"));
    assert!(LocalWatch::polled(&missing).err().unwrap().to_string().contains("missing"));
}

#[test]
#[ignore = "played by a child process"]
fn keeps_a_file_open() {
    let _file = fs::File::create(child_process::directory().join("file")).unwrap();
    child_process::say("open");
    child_process::wait();
}

#[test]
#[cfg(target_os = "linux")]
fn the_death_of_a_process_that_had_a_file_open_ends_a_wait() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = Child::play("os::watch::keeps_a_file_open", dir.path());
    assert_eq!(other.next_line(), "open");
    let watch = LocalWatch::new(dir.path()).unwrap();
    assert!(!watch.wait(SHORT).unwrap());
    other.kill();
    assert!(watch.wait(LONG).unwrap());
}
