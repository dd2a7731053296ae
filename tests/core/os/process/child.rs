//! A child from its start to its end.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use jug_native::os::process::{Child, End, Output, Spawn};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use super::{Marked, can_be_read};

const LONG: Duration = Duration::from_secs(20);

/// A child whose end the kernel reports, and one with a thread that waits for it.
fn both(marked: &Marked, script: &str) -> [Child; 2] {
    [marked.sh(script), marked.sh(script).watched_by_thread().unwrap()]
}

#[test]
fn its_status_or_the_signal_that_killed_it_is_reported() {
    let ends = [
        ("exit 0", End::Exit(0)),
        ("exit 7", End::Exit(7)),
        ("exit 255", End::Exit(255)),
        ("kill -SEGV $$", End::Signal(libc::SIGSEGV)),
        ("kill -KILL $$", End::Signal(libc::SIGKILL)),
        ("kill -40 $$", End::Signal(40)),
    ];
    for (script, end) in ends {
        for mut child in both(&Marked::new(), script) {
            assert!(can_be_read(child.ended(), LONG), "{script}");
            assert_eq!(child.reap().unwrap(), end, "{script}");
            assert_eq!(child.reap().unwrap(), end, "{script}: again");
        }
    }
}

#[test]
fn its_end_is_noticed_and_its_status_stays() {
    for mut child in both(&Marked::new(), "sleep 100; exit 3") {
        assert!(!can_be_read(child.ended(), Duration::from_millis(50)));
        child.signal_group(Signal::SIGTERM).unwrap();
        assert!(can_be_read(child.ended(), LONG));
        assert!(can_be_read(child.ended(), LONG), "and stays so");
        assert!(fs::exists(format!("/proc/{}", child.pid())).unwrap());
        assert_eq!(child.reap().unwrap(), End::Signal(libc::SIGTERM));
        assert!(!fs::exists(format!("/proc/{}", child.pid())).unwrap());
    }
}

#[test]
fn it_leads_a_group_of_its_own_and_its_stdin_is_empty() {
    let shown = Marked::new().output_of("cut -d' ' -f1,5 /proc/$$/stat; cat");
    let (pid, group) = shown.trim().split_once(' ').unwrap();
    assert_eq!(pid, group);
}

#[test]
fn it_gets_signals_that_its_parent_blocks() {
    let mask = SigSet::from_iter([Signal::SIGTERM, Signal::SIGUSR1]);
    let before = mask.thread_swap_mask(SigmaskHow::SIG_BLOCK).unwrap();
    let shown = Marked::new().output_of("exec grep SigBlk /proc/self/status");
    assert_eq!(SigSet::thread_get_mask().unwrap(), before.iter().chain(mask.iter()).collect());
    before.thread_set_mask().unwrap();
    assert_eq!(shown, "SigBlk:\t0000000000000000\n");
}

#[test]
fn it_gets_arguments_variables_and_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Child::spawn(&Spawn {
        program: OsStr::new("sh"),
        arguments: &[
            "-c".into(),
            "pwd; echo $1 $NEW ${HOME:+old}; echo error >&2".into(),
            "sh".into(),
            "a b".into(),
        ],
        cwd: Some(folder.path()),
        environment: &[("NEW".into(), "new".into())],
        keep: &[],
        output: Output::Pipes,
    })
    .unwrap();
    let mut shown = String::new();
    for mut pipe in [child.take_stdout(), child.take_stderr()].map(|pipe| File::from(pipe.unwrap())) {
        pipe.read_to_string(&mut shown).unwrap();
    }
    assert!(child.take_stdout().is_none() && child.take_stderr().is_none());
    assert_eq!(child.reap().unwrap(), End::Exit(0));
    assert_eq!(shown, format!("{}\na b new old\nerror\n", folder.path().canonicalize().unwrap().display()));
}

#[test]
fn descriptors_that_it_is_not_given_are_closed_in_it() {
    let open = |path| OwnedFd::from(File::open(path).unwrap());
    let (given, kept_back, leaking) = (open("/dev/zero"), open("/dev/full"), open("/dev/random"));
    fcntl(&leaking, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let mut child = Child::spawn(&Spawn {
        program: OsStr::new("sh"),
        arguments: &["-c".into(), "for fd in /proc/$$/fd/*; do readlink $fd; done".into()],
        cwd: None,
        environment: &[],
        keep: &[given.as_raw_fd()],
        output: Output::Pipes,
    })
    .unwrap();
    let mut shown = String::new();
    File::from(child.take_stdout().unwrap()).read_to_string(&mut shown).unwrap();
    child.reap().unwrap();
    let files: Vec<&str> = shown.lines().filter(|line| line.starts_with('/')).collect();
    assert_eq!(files, ["/dev/null", "/dev/zero"], "{kept_back:?}");
    for descriptor in [&given, &kept_back] {
        assert_eq!(fcntl(descriptor, FcntlArg::F_GETFD).unwrap(), FdFlag::FD_CLOEXEC.bits(), "as it was");
    }
    assert_eq!(fcntl(&leaking, FcntlArg::F_GETFD).unwrap(), 0, "as it was");
}

#[test]
fn what_cannot_be_started_is_an_error() {
    let marked = Marked::new();
    let missing = marked.start("/no/such/program", &[], Output::Inherit).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let spawn = Spawn {
        program: OsStr::new("true"),
        arguments: &[],
        cwd: None,
        environment: &[],
        keep: &[1 << 20],
        output: Output::Inherit,
    };
    assert_eq!(Child::spawn(&spawn).unwrap_err().raw_os_error(), Some(libc::EBADF));
}

#[test]
fn a_child_that_was_made_elsewhere_is_taken_over() {
    let mut process = Command::new("sh").args(["-c", "sleep 100 & wait"]).process_group(0).spawn().unwrap();
    let mut child = Child::adopt(process.id()).unwrap();
    child.kill_tree();
    assert_eq!(child.reap().unwrap(), End::Signal(libc::SIGKILL));
    assert!(process.wait().is_err(), "its status was taken");
}

#[test]
fn what_is_no_child_or_leads_no_group_is_not_taken_over() {
    for stranger in [1, std::process::id(), u32::MAX] {
        assert_eq!(Child::adopt(stranger).unwrap_err().raw_os_error(), Some(libc::ECHILD));
    }
    let mut process = Command::new("sleep").arg("100").spawn().unwrap();
    assert_eq!(Child::adopt(process.id()).unwrap_err().raw_os_error(), Some(libc::EACCES));
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn whose_status_somebody_else_took_is_neither_waited_for_nor_killed_again() {
    for mut child in both(&Marked::new(), "exit 3") {
        let pid = nix::unistd::Pid::from_raw(child.pid().try_into().unwrap());
        nix::sys::wait::waitpid(pid, None).unwrap();
        child.signal_group(Signal::SIGKILL).unwrap();
        child.kill_tree();
        assert_eq!(child.reap().unwrap_err().raw_os_error(), Some(Errno::ECHILD as i32));
    }
}

#[test]
fn a_signal_reaches_all_of_its_group() {
    let marked = Marked::new();
    let mut child = marked.sh("sleep 100 & sleep 100 & wait");
    marked.wait_for(|count| count == 3);
    child.signal_group(Signal::SIGTERM).unwrap();
    marked.wait_for(|count| count == 0);
    child.signal_group(Signal::SIGTERM).unwrap();
    assert_eq!(child.reap().unwrap(), End::Signal(libc::SIGTERM));
    child.signal_group(Signal::SIGTERM).unwrap();
}
