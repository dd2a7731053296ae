//! Which processes there are.

use jug_native::os::process::{Process, Table, descendants};

use super::{Marked, NONE, wait_until};
use crate::os::process::can_be_read;
use nix::sys::signal::Signal;
use std::time::Duration;

/// A process with a name that looks like the rest of the line.
const LINE: &str =
    "17 (a) S 1 (b) R 5 20 30 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 8 9 18446744073709551615";

#[test]
fn names_with_blanks_and_parentheses_hide_nothing() {
    let process = Process::parse(LINE.as_bytes()).unwrap();
    assert_eq!((process.pid, process.parent, process.group, process.start), (17, 5, 20, 4711));
    assert!(!process.is_dead());
    let mut bytes = LINE.as_bytes().to_vec();
    bytes[4] = 0xff;
    assert_eq!(Process::parse(&bytes), Some(process));
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("x) R 1 1 (");
    std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
    let marked = Marked::new();
    let script = format!("'{}' -c 'sleep 100; :' ; :", program.display());
    let mut child = marked.sh(&script);
    marked.wait_for(|count| count == 3);
    assert_eq!(descendants(child.pid()).len(), 2);
    child.kill_tree();
    child.reap().unwrap();
}

#[test]
fn half_a_line_is_no_process() {
    for end in 0..LINE.find("4711").unwrap() {
        assert_eq!(Process::parse(&LINE.as_bytes()[..end]), None, "{}", &LINE[..end]);
    }
    assert_eq!(Process::with_id(u32::MAX), None);
}

#[test]
fn parents_come_before_their_children() {
    let marked = Marked::new();
    let mut child = marked.sh("sh -c 'sh -c \"sleep 100; :\"; :' & setsid sleep 100 & wait");
    marked.wait_for(|count| count == 5);
    let table = Table::read();
    let below = table.below(&[child.pid()]);
    assert_eq!(below.len(), 4);
    let mut seen = vec![child.pid()];
    for process in below {
        assert!(seen.contains(&process.parent));
        seen.push(process.pid);
    }
    assert_eq!(table.below(&[child.pid(), seen[1]]).len(), 3, "what is asked about is not below");
    child.kill_tree();
    child.reap().unwrap();
    assert_eq!(descendants(child.pid()), NONE);
}

#[test]
fn what_ended_and_was_not_reaped_is_not_taken_for_alive() {
    let marked = Marked::new();
    let mut child = marked.sh("exec sleep 100");
    assert!(Process::with_id(child.pid()).is_some_and(|process| !process.is_dead()));
    child.signal_group(Signal::SIGKILL).unwrap();
    assert!(can_be_read(child.ended(), Duration::from_secs(20)));
    wait_until(
        || Process::with_id(child.pid()).is_some_and(|process| process.is_dead()),
        Duration::from_secs(5),
    );
    assert!(descendants(std::process::id()).contains(&child.pid()));
    child.reap().unwrap();
    assert_eq!(Process::with_id(child.pid()), None);
}
