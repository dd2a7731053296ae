//! What dead children leave to a subreaper.

use std::process::{Command, Stdio};
use std::time::Duration;

use jug_native::os::process::{Child, End, become_subreaper, descendants, kill_orphans, orphans};
use nix::sys::signal::Signal;

use super::{FORKING, Marked, NONE, SCATTERED, SCATTERING, mark, wait_until};

const LONG: Duration = Duration::from_secs(20);

fn plays(test: &str) {
    let marked = Marked::new();
    assert_eq!(marked.play(test).reap().unwrap(), End::Exit(0));
    assert_eq!(marked.alive(), NONE);
}

#[test]
fn what_a_dead_child_leaves_is_killed_and_nobody_elses_child_is_waited_for() {
    plays("orphans::kills_orphans");
}

#[test]
#[ignore = "played by a child process"]
fn kills_orphans() {
    become_subreaper().unwrap();
    let marked = mark();
    let mut ended = Command::new("sh").args(["-c", "exit 7"]).stdin(Stdio::null()).spawn().unwrap();
    let mut running = Command::new("sleep").arg("100").spawn().unwrap();
    let mut ours = marked.sh("exec sleep 100");
    let known = [ended.id(), running.id(), ours.pid()];
    assert_eq!(orphans(&known), NONE);
    kill_orphans(&known);
    let mut dead: Child = marked.sh(SCATTERING);
    wait_until(|| marked.alive().len() == 3 + SCATTERED, LONG);
    dead.signal_group(Signal::SIGKILL).unwrap();
    assert_eq!(dead.reap().unwrap(), End::Signal(Signal::SIGKILL as i32));
    assert!(!orphans(&known).is_empty());
    kill_orphans(&known);
    assert_eq!(orphans(&known), NONE);
    assert_eq!(descendants(std::process::id()).len(), 3);
    assert_eq!(ended.wait().unwrap().code(), Some(7));
    running.kill().unwrap();
    running.wait().unwrap();
    ours.kill_tree();
    assert_eq!(ours.reap().unwrap(), End::Signal(Signal::SIGKILL as i32));
}

#[test]
fn orphans_that_start_processes_all_the_time_are_killed() {
    plays("orphans::kills_orphans_that_fork");
}

#[test]
#[ignore = "played by a child process"]
fn kills_orphans_that_fork() {
    become_subreaper().unwrap();
    let marked = mark();
    let mut dead = marked.sh(&format!("(setsid sh -c \"{FORKING}\" &) ; sleep 100"));
    wait_until(|| marked.alive().len() > 20, LONG);
    dead.kill_tree();
    dead.reap().unwrap();
    kill_orphans(&[]);
    assert_eq!(descendants(std::process::id()), NONE);
}
