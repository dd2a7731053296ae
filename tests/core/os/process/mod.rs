//! Real processes: shells, sleepers, and this test binary in other parts.

mod child;
mod forkserver;
mod memory;
mod orphans;
mod parent;
mod table;
mod tree;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jug_native::os::process::{Child, Output, Spawn};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A variable by which all processes that one test started are found, whichever process is their parent by now.
const MARK: &str = "JUG_TEST_MARK";

/// What a shell does whose children's children leave its group, some of them without a living parent below it.
const SCATTERING: &str = "
    sleep 100 &
    setsid sh -c 'sleep 100 & setsid sleep 100 & wait' &
    (sleep 100 &)
    (setsid sh -c 'sleep 100 & sleep 100' &)
    wait";

/// How many processes that is, with itself.
const SCATTERED: usize = 9;

/// What a shell does that starts processes in groups of their own as fast as it can.
const FORKING: &str = "while :; do setsid sh -c 'sleep 100 & sleep 100; :' & (setsid sleep 100 &) ; done";

const NONE: [u32; 0] = [];

/// The processes of one test; those that it leaves are killed at its end.
struct Marked {
    mark: String,
    is_played: bool,
}

impl Marked {
    fn new() -> Marked {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mark = format!("{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Marked { mark, is_played: false }
    }

    /// Runs a shell.
    fn sh(&self, script: &str) -> Child {
        self.start("sh", &["-c", script], Output::Inherit).unwrap()
    }

    /// Runs a shell and gives what it prints.
    fn output_of(&self, script: &str) -> String {
        let mut child = self.start("sh", &["-c", script], Output::Pipes).unwrap();
        let mut output = String::new();
        File::from(child.take_stdout().unwrap()).read_to_string(&mut output).unwrap();
        child.reap().unwrap();
        output
    }

    /// Runs one test of this binary that is marked `#[ignore = "played by a child process"]`.
    fn play(&self, test: &str) -> Child {
        let test = format!("os::process::{test}");
        let me = std::env::current_exe().unwrap();
        self.start(&me, &["--exact", &test, "--ignored", "--nocapture", "--test-threads=1"], Output::Pipes)
            .unwrap()
    }

    fn start(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        output: Output,
    ) -> std::io::Result<Child> {
        Child::spawn(&Spawn {
            program: program.as_ref(),
            arguments: &arguments.iter().map(OsString::from).collect::<Vec<_>>(),
            cwd: None,
            environment: &[(MARK.into(), (&self.mark).into())],
            keep: &[],
            output,
        })
    }

    /// The ids of all that are alive.
    fn alive(&self) -> Vec<u32> {
        let entry = format!("{MARK}={}\0", self.mark);
        let entries = fs::read_dir("/proc").unwrap();
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        // Of a process that has ended nothing is known.
        let is_marked =
            |environment: Vec<u8>| environment.windows(entry.len()).any(|it| it == entry.as_bytes());
        ids.filter(|pid| fs::read(format!("/proc/{pid}/environ")).is_ok_and(is_marked)).collect()
    }

    fn wait_for(&self, count: impl Fn(usize) -> bool) {
        wait_until(|| count(self.alive().len()), Duration::from_secs(20));
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        for pid in if self.is_played { Vec::new() } else { self.alive() } {
            let pid = nix::unistd::Pid::from_raw(pid.try_into().unwrap());
            let _left = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// In a process that [`Marked::play`] started: its mark, and so what it starts has it too.
fn mark() -> Marked {
    Marked { mark: std::env::var(MARK).unwrap(), is_played: true }
}

fn wait_until(is_so: impl Fn() -> bool, longest: Duration) {
    let end = Instant::now() + longest;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn can_be_read(fd: BorrowedFd<'_>, time: Duration) -> bool {
    poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], PollTimeout::try_from(time).unwrap()) == Ok(1)
}
