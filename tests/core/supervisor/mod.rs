//! Workers as children: what they print, how they end, and that nothing of them is left.

mod board;
mod capture;
mod marks;
mod memory_watch;
mod output_queue;
mod slot;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::{AsRawFd, RawFd};
use std::process::Command;
use std::time::{Duration, Instant};

use jug_native::os::process::End;
use jug_native::supervisor::{Ended, Event, Start, Supervisor, VARIABLE};
use nix::sys::resource::{UsageWho, getrusage};

/// Whether this is the process that runs the test, which has no other children: what nobody else started is a supervisor's to
/// kill. Otherwise that process has run it, and it passed.
fn is_alone(test: &str) -> bool {
    const VARIABLE: &str = "JUG_TEST_ALONE";
    if std::env::var_os(VARIABLE).is_some() {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("supervisor::{test}"), "--nocapture", "--test-threads=1"]);
    let done = command.env(VARIABLE, "1").output().unwrap();
    let shown = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && shown.contains("1 passed"),
        "{shown}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    false
}

/// How long a test waits at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// A supervisor whose worker 1 is a shell that runs `script`.
fn start(script: &str, memory_limit: Option<u64>) -> Supervisor {
    let mut supervisor = Supervisor::new(memory_limit, false, None).unwrap();
    start_another(&mut supervisor, 1, script);
    supervisor
}

fn start_another(supervisor: &mut Supervisor, number: u32, script: &str) {
    start_with(supervisor, number, script, &[]);
}

fn start_with(supervisor: &mut Supervisor, number: u32, script: &str, keep: &[RawFd]) {
    let arguments = [OsString::from("-c"), OsString::from(script)];
    let environment = [(OsString::from("ADDED"), OsString::from("yes"))];
    let start = Start {
        program: OsStr::new("/bin/sh"),
        arguments: &arguments,
        cwd: None,
        environment: &environment,
        mail: b"for you",
        keep,
        captures: true,
    };
    supervisor.start(number, &start).unwrap();
}

/// What happens until all workers have ended: what they printed to either stream, and how they ended.
fn watch(supervisor: &mut Supervisor) -> (String, String, Vec<Ended>) {
    let until = Instant::now() + PATIENCE;
    let (mut out, mut err, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    while !supervisor.workers().is_empty() {
        assert!(Instant::now() < until, "it does not end");
        for event in supervisor.wait(Some(Duration::from_secs(1))).unwrap() {
            match event {
                Event::Output { is_error, text, .. } => {
                    if is_error { &mut err } else { &mut out }.extend(text);
                }
                Event::Ended(end) => ended.push(*end),
                Event::Note { .. } => {}
                Event::Signal(number) => panic!("signal {number}"),
                Event::Prepared(prepared) => panic!("{prepared:?}"),
            }
        }
    }
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), ended)
}

#[test]
fn a_worker_gets_its_mail_and_its_environment_and_an_empty_standard_input() {
    if !is_alone("a_worker_gets_its_mail_and_its_environment_and_an_empty_standard_input") {
        return;
    }
    let script =
        format!("echo $ADDED; cat; mail=$(echo ${VARIABLE} | cut -d, -f5); cat /dev/fd/$mail; exit 4");
    let (out, err, ended) = watch(&mut start(&script, None));
    assert_eq!((&*out, &*err), ("yes\nfor you", ""));
    assert_eq!((ended[0].end, &*ended[0].mail), (End::Exit(4), &b"for you"[..]));
    assert!(ended[0].run.is_none());
}

#[test]
fn a_worker_gets_the_descriptors_that_it_is_given() {
    if !is_alone("a_worker_gets_the_descriptors_that_it_is_given") {
        return;
    }
    let mut given = tempfile::tempfile().unwrap();
    given.write_all(b"given").unwrap();
    let number = given.as_raw_fd();
    let mut supervisor = Supervisor::new(None, false, None).unwrap();
    start_with(&mut supervisor, 1, &format!("cat /proc/self/fd/{number}"), &[number]);
    start_another(&mut supervisor, 2, &format!("test -e /proc/self/fd/{number} || echo none"));
    let (out, err, _) = watch(&mut supervisor);
    assert!(out.contains("given") && out.contains("none"), "{out}{err}");
}

#[test]
fn a_worker_has_no_descriptor_of_another_one() {
    if !is_alone("a_worker_has_no_descriptor_of_another_one") {
        return;
    }
    let count = "ls /proc/self/fd | wc -l";
    let mut supervisor = start(&format!("{count}; sleep 0.3"), None);
    start_another(&mut supervisor, 2, count);
    let (out, _, _) = watch(&mut supervisor);
    let counts: Vec<&str> = out.split_whitespace().collect();
    assert!(counts.len() == 2 && counts[0] == counts[1], "{out}");
}

#[test]
fn lines_come_whole_and_what_is_left_of_one_when_it_ends() {
    if !is_alone("lines_come_whole_and_what_is_left_of_one_when_it_ends") {
        return;
    }
    let mut supervisor = start("printf ab; sleep 0.2; printf 'cd\\nef'; sleep 0.3", None);
    let until = Instant::now() + PATIENCE;
    let mut texts = Vec::new();
    while !supervisor.workers().is_empty() && Instant::now() < until {
        for event in supervisor.wait(Some(Duration::from_secs(1))).unwrap() {
            if let Event::Output { text, .. } = event {
                texts.push(String::from_utf8(text).unwrap());
            }
        }
    }
    assert_eq!(texts, ["abcd\n", "ef"]);
}

#[test]
fn notes_come_whole() {
    if !is_alone("notes_come_whole") {
        return;
    }
    let script = "exec 3>/dev/fd/$(echo $JUG_SUPERVISED | cut -d, -f9)
        printf '\\5\\0\\0\\0fi' >&3; sleep 0.2; printf 'rst\\3\\0\\0\\0two' >&3
        sleep 0.2; printf '\\5\\0\\0\\0third\\5\\0\\0\\0cut' >&3";
    let mut supervisor = start(script, None);
    let until = Instant::now() + PATIENCE;
    let mut notes = Vec::new();
    while !supervisor.workers().is_empty() && Instant::now() < until {
        for event in supervisor.wait(Some(Duration::from_secs(1))).unwrap() {
            if let Event::Note { worker: 1, text } = event {
                notes.push(String::from_utf8(text).unwrap());
            }
        }
    }
    assert_eq!(notes, ["first", "two", "third"]);
}

#[test]
fn a_note_that_claims_to_be_endless_is_none() {
    if !is_alone("a_note_that_claims_to_be_endless_is_none") {
        return;
    }
    let script = "exec 3>/dev/fd/$(echo $JUG_SUPERVISED | cut -d, -f9)
        printf '\\377\\377\\377\\377' >&3; sleep 0.2; yes >&3 2>/dev/null; echo broken";
    let (out, _, ended) = watch(&mut start(script, None));
    assert_eq!((&*out, ended[0].end), ("broken\n", End::Exit(0)));
}

#[test]
fn a_flood_of_output_is_all_there() {
    if !is_alone("a_flood_of_output_is_all_there") {
        return;
    }
    let (out, _, _) = watch(&mut start("seq 1 200000", None));
    assert!(out.lines().map(|line| line.parse::<u32>().unwrap()).eq(1..=200_000));
}

#[test]
fn nothing_of_a_worker_is_left_when_it_has_ended() {
    if !is_alone("nothing_of_a_worker_is_left_when_it_has_ended") {
        return;
    }
    let mark = format!("{}", 100_000 + std::process::id());
    let script = format!("setsid sh -c 'setsid sleep {mark} & sleep {mark}' & (sleep {mark} &) ; sleep 0.3");
    let (_, _, ended) = watch(&mut start(&script, None));
    assert_eq!(ended[0].end, End::Exit(0));
    let left = Command::new("pgrep").args(["-f", &format!("^sleep {mark}")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

#[test]
fn workers_that_are_killed_end_with_all_below_them() {
    if !is_alone("workers_that_are_killed_end_with_all_below_them") {
        return;
    }
    let mark = format!("{}", 200_000 + std::process::id());
    let mut supervisor = start(&format!("setsid sleep {mark} & sleep {mark}"), None);
    start_another(&mut supervisor, 2, &format!("sleep {mark}"));
    std::thread::sleep(Duration::from_millis(200));
    supervisor.kill();
    let (_, _, ended) = watch(&mut supervisor);
    assert_eq!(ended.iter().map(|it| it.end).collect::<Vec<_>>(), [End::Signal(9), End::Signal(9)]);
    let left = Command::new("pgrep").args(["-f", &format!("sleep {mark}")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

#[test]
fn the_memory_of_a_worker_is_that_of_all_below_it() {
    const LARGE: u64 = 50 << 20;
    if !is_alone("the_memory_of_a_worker_is_that_of_all_below_it") {
        return;
    }
    let fills = format!("setsid python3 -c \"x = b'x' * {LARGE}; import time; time.sleep(100)\" & wait");
    let mut supervisor = start(&fills, None);
    start_another(&mut supervisor, 2, "sleep 100");
    let until = Instant::now() + PATIENCE;
    while supervisor.resident()[0].1 < LARGE {
        assert!(Instant::now() < until, "{:?}", supervisor.resident());
        std::thread::sleep(Duration::from_millis(10));
    }
    let resident = supervisor.resident();
    assert_eq!(resident.iter().map(|(worker, _)| *worker).collect::<Vec<_>>(), [1, 2]);
    assert!(resident[1].1 > 0 && resident[1].1 < LARGE, "{resident:?}");
    supervisor.kill();
    watch(&mut supervisor);
    assert_eq!(supervisor.resident(), []);
}

#[test]
fn to_wait_for_nothing_takes_no_time_of_the_processor() {
    if !is_alone("to_wait_for_nothing_takes_no_time_of_the_processor") {
        return;
    }
    let mut supervisor = start("sleep 1", None);
    let switches = || getrusage(UsageWho::RUSAGE_THREAD).unwrap().voluntary_context_switches();
    let before = switches();
    let (_, _, ended) = watch(&mut supervisor);
    assert_eq!(ended.len(), 1);
    // Once for each second that this test waits, and for the end of what was started.
    assert!(switches() - before < 60, "{}", switches() - before);
}
