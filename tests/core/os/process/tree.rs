//! The end of a child with all below it.

use std::time::{Duration, Instant};

use jug_native::os::process::{End, become_subreaper, descendants};
use nix::libc;
use nix::sys::signal::Signal;

use super::{FORKING, Marked, NONE, SCATTERED, SCATTERING, can_be_read, mark, wait_until};

#[test]
#[ignore = "played by a child process"]
fn a_subreaper_with_scattered_processes() {
    become_subreaper().unwrap();
    mark().sh(SCATTERING).reap().unwrap();
}

#[test]
#[ignore = "played by a child process"]
fn a_subreaper_that_forks_all_the_time() {
    become_subreaper().unwrap();
    mark().sh(FORKING).reap().unwrap();
}

#[test]
fn all_below_a_child_is_killed_also_what_left_its_group_and_lost_its_parent() {
    let marked = Marked::new();
    let mut child = marked.play("tree::a_subreaper_with_scattered_processes");
    marked.wait_for(|count| count == SCATTERED + 1);
    child.kill_tree();
    assert_eq!(marked.alive(), NONE);
    assert_eq!(child.reap().unwrap(), End::Signal(libc::SIGKILL));
}

#[test]
fn what_lost_its_parent_is_killed_with_its_group_and_all_below_it_too() {
    let marked = Marked::new();
    let mut child = marked.sh("(sh -c 'setsid sleep 100 & wait' &) ; setsid sh -c 'sleep 100 & wait'");
    marked.wait_for(|count| count == 5);
    child.kill_tree();
    assert_eq!(marked.alive(), NONE);
    assert_eq!(child.reap().unwrap(), End::Signal(libc::SIGKILL));
}

#[test]
fn nothing_gets_away_that_starts_processes_all_the_time() {
    for _ in 0..5 {
        let marked = Marked::new();
        let mut child = marked.play("tree::a_subreaper_that_forks_all_the_time");
        marked.wait_for(|count| count > 20);
        child.kill_tree();
        assert_eq!(marked.alive(), NONE);
        child.reap().unwrap();
    }
}

#[test]
fn what_a_child_leaves_behind_when_it_ends_is_killed_before_its_status_is_taken() {
    let marked = Marked::new();
    let mut child = marked.sh(
        "sleep 100 & sh -c 'setsid sleep 100 & wait' & while ! kill -0 $!; do :; done; sleep 0.5; exit 4",
    );
    assert!(can_be_read(child.ended(), Duration::from_secs(20)));
    assert!(marked.alive().len() >= 2);
    assert_eq!(child.reap().unwrap(), End::Exit(4));
    assert_eq!(marked.alive(), NONE);
}

#[test]
fn stopped_processes_and_those_that_ignore_signals_are_killed() {
    let marked = Marked::new();
    let mut child = marked.sh("trap '' TERM HUP INT; sh -c 'kill -STOP $$' & sleep 100 & kill -STOP $$");
    marked.wait_for(|count| count == 3);
    child.kill_tree();
    assert_eq!(marked.alive(), NONE);
    assert_eq!(child.reap().unwrap(), End::Signal(libc::SIGKILL));
}

#[test]
fn what_ended_and_was_not_waited_for_counts_as_gone() {
    let marked = Marked::new();
    // Who executes another program knows nothing of its children.
    let mut child = marked.sh("sleep 0 & sleep 0 & exec sleep 100");
    wait_until(|| descendants(child.pid()).len() == 2 && marked.alive().len() == 1, Duration::from_secs(20));
    let start = Instant::now();
    child.kill_tree();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(child.reap().unwrap(), End::Signal(libc::SIGKILL));
}

#[test]
fn a_child_that_has_ended_is_killed_no_more() {
    let marked = Marked::new();
    let mut child = marked.sh("exit 2");
    assert!(can_be_read(child.ended(), Duration::from_secs(20)));
    child.kill_tree();
    assert_eq!(child.reap().unwrap(), End::Exit(2));
    child.kill_tree();
    child.signal_group(Signal::SIGKILL).unwrap();
}
