//! A child of this process: how it is started, how its end is noticed, and how it is ended with all below it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{getpgid, setpgid};

use super::ended;
use super::table::id;
use super::tree::{PATIENCE, extinguish};

/// A program to be started.
#[derive(Debug, Clone, Copy)]
pub struct Spawn<'a> {
    /// Its file, or its name in `PATH`.
    pub program: &'a OsStr,
    /// What it is called with.
    pub arguments: &'a [OsString],
    /// Where it runs; by default where this process does.
    pub cwd: Option<&'a Path>,
    /// Variables beside those of this process, or in their place.
    pub environment: &'a [(OsString, OsString)],
    /// The descriptors that it gets beside stdin, stdout and stderr, under the same numbers. No other process gets them.
    pub keep: &'a [RawFd],
    /// Where its output goes.
    pub output: Output,
}

/// Where the output of a child goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Where that of this process does.
    Inherit,
    /// Into two pipes: [`Child::take_stdout`] and [`Child::take_stderr`].
    Pipes,
}

/// Why a process is there no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It ended itself with this status.
    Exit(i32),
    /// This signal killed it.
    Signal(i32),
}

/// A process that this one started. It leads a process group of its own.
///
/// It goes on when this value is dropped: it is ended by [`Child::reap`], or ends itself ([`super::end_with`]).
#[derive(Debug)]
pub struct Child {
    pid: u32,
    ended: OwnedFd,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    end: Option<End>,
}

impl Child {
    /// Starts a program, whose stdin is empty: it is not in the foreground of a terminal, from which it would wait to read for
    /// ever.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    #[expect(unsafe_code, reason = "what happens between fork and exec can break anything")]
    pub fn spawn(spawn: &Spawn<'_>) -> io::Result<Child> {
        let mut command = Command::new(spawn.program);
        command.args(spawn.arguments).envs(spawn.environment.iter().map(|(name, value)| (name, value)));
        command.process_group(0).stdin(Stdio::null());
        if let Some(cwd) = spawn.cwd {
            command.current_dir(cwd);
        }
        if spawn.output == Output::Pipes {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let highest = highest_descriptor();
        let keep = spawn.keep.to_vec();
        let prepare = move || {
            // Threads of this process block signals, so that others get them; a program would wait in vain for its own.
            SigSet::empty().thread_set_mask()?;
            keep_only(&keep, highest)
        };
        // SAFETY: the closure only makes calls that are allowed between fork and exec, and allocates nothing.
        unsafe { command.pre_exec(prepare) };
        let mut process = command.spawn()?;
        Ok(Child {
            stdout: process.stdout.take().map(OwnedFd::from),
            stderr: process.stderr.take().map(OwnedFd::from),
            ..Child::watch(process.id())?
        })
    }

    /// Takes over a child of this process that was made by `fork` elsewhere, and has it lead a process group of its own.
    ///
    /// # Errors
    ///
    /// Where it is none, or has executed a program in another group.
    pub fn adopt(pid: u32) -> io::Result<Child> {
        status_is_there(pid)?;
        if let Err(errno) = setpgid(id(pid), id(pid))
            && getpgid(Some(id(pid))) != Ok(id(pid))
        {
            return Err(errno.into());
        }
        Child::watch(pid)
    }

    /// The same child, whose output can be read here.
    pub(super) fn with_output(self, stdout: OwnedFd, stderr: OwnedFd) -> Child {
        Child { stdout: Some(stdout), stderr: Some(stderr), ..self }
    }

    fn watch(pid: u32) -> io::Result<Child> {
        let ended = ended::open(pid)?.map_or_else(|| ended::by_thread(pid), Ok)?;
        Ok(Child { pid, ended, stdout: None, stderr: None, end: None })
    }

    /// The same child, whose end is noticed by a thread of this process: what happens where the kernel has no descriptors of
    /// processes.
    ///
    /// # Errors
    ///
    /// Where there is no room for another thread.
    pub fn watched_by_thread(self) -> io::Result<Child> {
        Ok(Child { ended: ended::by_thread(self.pid)?, ..self })
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Can be read once it has ended. Its status has not been taken by then.
    pub fn ended(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// Whether it has ended, now or within so long.
    pub fn ends_within(&self, time: Duration) -> bool {
        ended::wait(self.ended(), Some(time))
    }

    /// What it writes to stdout, once, if that is a pipe.
    pub fn take_stdout(&mut self) -> Option<OwnedFd> {
        self.stdout.take()
    }

    /// What it writes to stderr, once, if that is a pipe.
    pub fn take_stderr(&mut self) -> Option<OwnedFd> {
        self.stderr.take()
    }

    /// Sends its process group a signal. If there is no such group any more, nothing happens.
    ///
    /// # Errors
    ///
    /// Where this user may not.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        if !self.has_its_number() {
            return Ok(());
        }
        match killpg(id(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Kills everything below it, also what left its group, then the group, then itself, and waits until nothing of it lives.
    ///
    /// What lost its parent before is found in the group, or below a subreaper: if this process is one, by
    /// [`super::kill_orphans`].
    pub fn kill_tree(&self) {
        if self.has_its_number() {
            self.kill_all_but_itself();
            let _gone = kill(id(self.pid), Signal::SIGKILL);
            ended::wait(self.ended(), Some(PATIENCE));
        }
    }

    /// Waits for its end, kills what it leaves behind, and takes its status.
    ///
    /// # Errors
    ///
    /// Where somebody else has taken its status.
    pub fn reap(&mut self) -> io::Result<End> {
        if let Some(end) = self.end {
            return Ok(end);
        }
        ended::wait(self.ended(), None);
        if self.has_its_number() {
            self.kill_all_but_itself();
        }
        let end = take_status(self.pid)?;
        self.end = Some(end);
        Ok(end)
    }

    fn kill_all_but_itself(&self) {
        extinguish(|table| table.family(self.pid), Some(self.pid));
        let _gone = killpg(id(self.pid), Signal::SIGKILL);
    }

    /// Whether no other process and no other group can have its number.
    fn has_its_number(&self) -> bool {
        self.end.is_none() && status_is_there(self.pid).is_ok()
    }
}

/// That this is a child of this process whose status nobody has taken.
fn status_is_there(pid: u32) -> io::Result<()> {
    match waitid(Id::Pid(id(pid)), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT) {
        Err(Errno::ECHILD) => Err(Errno::ECHILD.into()),
        // Of a signal that has no name there is no more to know here.
        _ => Ok(()),
    }
}

#[expect(unsafe_code, reason = "the crate knows no signals but those with names")]
fn take_status(pid: u32) -> io::Result<End> {
    let mut status = 0;
    // SAFETY: the status is written to the number that is given, which lives until after the call.
    while unsafe { libc::waitpid(id(pid).as_raw(), &raw mut status, 0) } < 0 {
        if Errno::last() != Errno::EINTR {
            return Err(Errno::last().into());
        }
    }
    Ok(if libc::WIFSIGNALED(status) {
        End::Signal(libc::WTERMSIG(status))
    } else {
        End::Exit(libc::WEXITSTATUS(status))
    })
}

/// The highest descriptor of this process.
fn highest_descriptor() -> RawFd {
    let names =
        std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).max().unwrap_or(2)
}

/// In the child: has all descriptors beside the first three closed when it executes its program, but for these.
#[expect(unsafe_code, reason = "what the standard library offers takes descriptors that somebody owns")]
fn keep_only(keep: &[RawFd], highest: RawFd) -> io::Result<()> {
    let set_flags = |descriptor: RawFd, flags: libc::c_int| {
        // SAFETY: the call takes numbers only, and closes nothing before this process executes a program.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, flags) >= 0 }
    };
    for descriptor in 3..=highest {
        set_flags(descriptor, libc::FD_CLOEXEC);
    }
    let is_kept = keep.iter().all(|descriptor| set_flags(*descriptor, 0));
    if is_kept { Ok(()) } else { Err(io::Error::last_os_error()) }
}
