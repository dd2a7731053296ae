//! Processes that end with their parent.

use std::os::unix::process::parent_id;
use std::time::Duration;

use jug_native::os::process::{become_subreaper, end_with, end_with_by_polling};
use nix::libc;
use nix::sys::signal::Signal;

use super::{FORKING, Marked, SCATTERED, SCATTERING, mark, wait_until};

/// Plays a worker's parent, kills it when this many processes are there, and waits for the end of all.
fn parent_is_killed(parent: &str, count: usize) {
    let marked = Marked::new();
    let mut child = marked.play(parent);
    marked.wait_for(|alive| alive >= count);
    // So that all of them are below their worker.
    std::thread::sleep(Duration::from_millis(100));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.pid().try_into().unwrap()), Signal::SIGKILL)
        .unwrap();
    wait_until(|| marked.alive().is_empty(), Duration::from_secs(2));
    child.reap().unwrap();
}

fn work(end_with: impl Fn(u32) -> std::io::Result<()>, script: &str) {
    become_subreaper().unwrap();
    end_with(parent_id()).unwrap();
    mark().sh(script).reap().unwrap();
}

#[test]
fn all_below_a_worker_ends_with_its_parent() {
    parent_is_killed("parent::starts_a_worker", 2 + SCATTERED);
}

#[test]
#[ignore = "played by a child process"]
fn starts_a_worker() {
    mark().play("parent::works").reap().unwrap();
}

#[test]
#[ignore = "played by a child process"]
fn works() {
    work(end_with, SCATTERING);
}

#[test]
fn all_below_a_worker_ends_with_its_parent_where_the_kernel_has_no_descriptors_of_processes() {
    parent_is_killed("parent::starts_a_worker_that_polls", 2 + SCATTERED);
}

#[test]
#[ignore = "played by a child process"]
fn starts_a_worker_that_polls() {
    mark().play("parent::works_and_polls").reap().unwrap();
}

#[test]
#[ignore = "played by a child process"]
fn works_and_polls() {
    work(end_with_by_polling, SCATTERING);
}

#[test]
fn nothing_gets_away_from_a_worker_that_starts_processes_all_the_time() {
    for _ in 0..3 {
        parent_is_killed("parent::starts_a_worker_that_forks", 20);
    }
}

#[test]
#[ignore = "played by a child process"]
fn starts_a_worker_that_forks() {
    mark().play("parent::works_and_forks").reap().unwrap();
}

/// The worker itself starts processes that leave its group, from a thread of its own too.
#[test]
#[ignore = "played by a child process"]
fn works_and_forks() {
    become_subreaper().unwrap();
    end_with(parent_id()).unwrap();
    let scatter = || {
        loop {
            let _left = mark().sh("(setsid sleep 100 &)");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    std::thread::spawn(scatter);
    let _forking = mark().sh(FORKING);
    scatter();
}

#[test]
fn who_is_not_the_parent_is_an_error() {
    for stranger in [1, std::process::id()] {
        assert_eq!(end_with(stranger).unwrap_err().raw_os_error(), Some(libc::ESRCH));
        assert_eq!(end_with_by_polling(stranger).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }
}
