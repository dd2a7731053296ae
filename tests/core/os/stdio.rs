//! stdout and stderr of this process go elsewhere, and come back; where they were closed, no file takes their place.

use std::ffi::CString;
use std::fs;
use std::path::Path;
use std::process::Command;

use jug_native::os::stdio::{Redirection, flush_c, write_c_lines_at_once};
use jug_native::os::{Open, local};
use nix::libc;

const VARIABLE: &str = "JUG_TEST_ALONE";

#[expect(unsafe_code, reason = "what C prints is what this is about")]
fn puts(text: &str) {
    let text = CString::new(text).unwrap();
    // SAFETY: the text ends with a zero, and lives until after the call.
    unsafe { libc::printf(c"%s".as_ptr(), text.as_ptr()) };
}

/// Runs this test in a process of its own; what that printed to stdout and stderr, or `None` in that one.
fn apart(test: &str) -> Option<(String, String)> {
    if std::env::var_os(VARIABLE).is_some() {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("os::stdio::{test}"), "--nocapture", "--test-threads=1"]);
    let done = command.env(VARIABLE, "1").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some((String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap()))
}

#[test]
fn what_is_printed_meanwhile_goes_there_and_what_comes_later_does_not() {
    let test = "what_is_printed_meanwhile_goes_there_and_what_comes_later_does_not";
    if let Some((out, err)) = apart(test) {
        assert!(out.contains("before\n") && out.contains("after\n") && !out.contains("during"), "{out}");
        assert!(err.contains("sent back\n") && !err.contains("during"), "{err}");
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("printed");
    let redirection = Redirection::to(fs::File::create(&path).unwrap().into());
    puts("before\n");
    flush_c();
    redirection.begin().unwrap();
    redirection.begin().unwrap();
    puts("during ");
    flush_c();
    Command::new("sh").args(["-c", "echo in a child; echo during >&2"]).status().unwrap();
    redirection.end().unwrap();
    redirection.end().unwrap();
    puts("after\n");
    flush_c();
    Command::new("sh").args(["-c", "echo sent back >&2"]).status().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "during in a child\nduring\n");
}

#[test]
fn a_line_of_c_is_written_when_it_ends() {
    if apart("a_line_of_c_is_written_when_it_ends").is_some() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("printed");
    let redirection = Redirection::to(fs::File::create(&path).unwrap().into());
    write_c_lines_at_once();
    redirection.begin().unwrap();
    puts("whole\nhalf");
    let written = fs::read_to_string(&path).unwrap();
    flush_c();
    redirection.end().unwrap();
    assert_eq!(written, "whole\n");
}

#[cfg(target_os = "linux")]
#[test]
#[expect(unsafe_code, reason = "descriptors that belong to nobody here are closed, as a task may close them")]
fn no_file_takes_the_place_of_a_standard_descriptor_that_was_closed() {
    if apart("no_file_takes_the_place_of_a_standard_descriptor_that_was_closed").is_some() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let fs = local();
    let file = temp.path().join("file");
    fs.open(&file, Open::New).unwrap().append(b"before").unwrap();
    let leads_to = |descriptor: i32| fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap();
    for closed in [&[1][..], &[0, 2], &[0, 1, 2], &[1, 2]] {
        for how in [Open::Read, Open::Update, Open::New] {
            for descriptor in closed {
                // SAFETY: the standard library looks at these three only to read and to write.
                assert_eq!(unsafe { libc::close(*descriptor) }, 0);
            }
            let path = if how == Open::New { &temp.path().join(format!("{closed:?}")) } else { &file };
            let opened = fs.open(path, how).unwrap();
            for descriptor in closed {
                assert_eq!(
                    leads_to(*descriptor),
                    Path::new("/dev/null"),
                    "{descriptor} of {closed:?}, {how:?}"
                );
            }
            assert_eq!(opened.stat().unwrap().id, fs.stat(path).unwrap().id);
            puts("printed\n");
            flush_c();
            assert!(
                Command::new("sh")
                    .args(["-c", "echo printed && echo printed >&2"])
                    .status()
                    .unwrap()
                    .success()
            );
            assert_eq!(fs::read(path).unwrap(), if how == Open::New { &b""[..] } else { b"before" });
        }
    }
}
