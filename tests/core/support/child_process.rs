//! Other processes: this test binary run again, with one test that plays the other side.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdout, Command, Stdio};

const DIRECTORY: &str = "JUG_TEST_DIRECTORY";

/// A process that runs one test marked `#[ignore = "played by a child process"]`.
pub(crate) struct Child {
    process: Process,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts `test` (its path below the crate, such as `lock::holds_a_byte`), which finds `directory`
    /// with [`directory`], and waits until it has called [`say`].
    pub(crate) fn play(test: &str, directory: &Path) -> Child {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Child { process, output }
    }

    /// The next line that the child says.
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        while !line.contains("SAY ") {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the child ended without a word");
        }
        line.split_once("SAY ").unwrap().1.trim_end().to_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Lets the child go on from [`wait`].
    pub(crate) fn go_on(&mut self) {
        self.process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Kills it with SIGKILL and waits for its end.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn join(mut self) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.process.wait().unwrap().success(), "the child failed: {rest}");
    }
}

/// In the child: the directory it was given.
pub(crate) fn directory() -> PathBuf {
    std::env::var_os(DIRECTORY).expect("only a parent test starts this one").into()
}

/// In the child: a line for the parent.
pub(crate) fn say(what: &str) {
    println!("SAY {what}");
}

/// In the child: sleeps until the parent says [`Child::go_on`].
pub(crate) fn wait() {
    let mut byte = [0];
    let _read = std::io::stdin().read(&mut byte);
}
