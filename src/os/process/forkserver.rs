//! A process that has in memory what its children need, and forks: they start in milliseconds.
//!
//! What it forks is no child of its own: it has one process between that ends at once, so that the child comes to the process that
//! asked for it, as a subreaper. That one watches it, takes its status, and ends it, as any other of its children.

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recv, sendmsg, socketpair,
};
use nix::unistd::pipe2;

use super::child::{Child, End, Spawn};
use super::ended;
use crate::os::memory::memory_file;

/// The environment variable in which a server finds the id of its parent, and the descriptors of its socket, of its leash and of
/// its order.
pub const VARIABLE: &str = "JUG_FORKSERVER";

/// How long a fork may take. Who takes longer is stopped, or waits for a disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers are short; what does not fit in is cut off.
const ANSWER: usize = 4096;

/// A server of forks.
#[derive(Debug)]
pub struct ForkServer {
    child: Child,
    socket: OwnedFd,
    /// When it is closed, the server kills everything below it and itself.
    _leash: OwnedFd,
}

impl ForkServer {
    /// Starts the program of a server, which reads `order` first. This process must be a subreaper.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn start(spawn: &Spawn<'_>, order: &[u8]) -> io::Result<ForkServer> {
        let (socket, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        let (end, leash) = pipe2(OFlag::O_CLOEXEC)?;
        let file = memory_file(0)?;
        file.write_all_at(order, 0)?;
        let ours = [theirs.as_raw_fd(), end.as_raw_fd(), file.as_raw_fd()];
        let value = format!("{},{}", std::process::id(), ours.map(|it| it.to_string()).join(","));
        let environment = [spawn.environment, &[(VARIABLE.into(), value.into())]].concat();
        let keep = [&ours, spawn.keep].concat();
        let child = Child::spawn(&Spawn { environment: &environment, keep: &keep, ..*spawn })?;
        Ok(ForkServer { child, socket, _leash: leash })
    }

    /// The process. What it prints is that of its children, as far as they are not given pipes of their own.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Can be read once there is an answer to [`ForkServer::start`].
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Can be read once it has ended.
    pub fn ended(&self) -> BorrowedFd<'_> {
        self.child.ended()
    }

    /// Waits until it can fork.
    ///
    /// # Errors
    ///
    /// Why it forks nothing.
    pub fn get_ready(&self) -> io::Result<()> {
        self.answer(None).map(|_| ())
    }

    /// Has it fork a child of this process, which gets these descriptors, with variables beside those of the server, and two
    /// pipes for its output. It learns the numbers that the descriptors have here and there.
    ///
    /// # Errors
    ///
    /// Where it does not.
    pub fn fork(&self, environment: &[(OsString, OsString)], keep: &[RawFd]) -> io::Result<Child> {
        let (stdout, its_stdout) = pipe2(OFlag::O_CLOEXEC)?;
        let (stderr, its_stderr) = pipe2(OFlag::O_CLOEXEC)?;
        let descriptors = [&[its_stdout.as_raw_fd(), its_stderr.as_raw_fd()], keep].concat();
        let numbers: Vec<String> = [&[1, 2], keep].concat().iter().map(RawFd::to_string).collect();
        let mut request = numbers.join(",").into_bytes();
        for (name, value) in environment {
            request.extend([b"\0", name.as_bytes(), b"=", value.as_bytes()].concat());
        }
        let rights = [ControlMessage::ScmRights(&descriptors)];
        sendmsg::<()>(
            self.socket.as_raw_fd(),
            &[IoSlice::new(&request)],
            &rights,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        let pid = self.answer(Some(PATIENCE))?;
        let pid = pid.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        Child::adopt(pid).map(|child| child.with_output(stdout, stderr))
    }

    /// Stops it, or has it go on.
    ///
    /// # Errors
    ///
    /// Where this user may not.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.child.signal_group(signal)
    }

    /// Kills it with all below it. What it has forked goes on.
    pub fn kill(&self) {
        self.child.kill_tree();
    }

    /// The same, and waits for its end.
    ///
    /// # Errors
    ///
    /// Where somebody else has taken its status.
    pub fn end(mut self) -> io::Result<End> {
        self.child.kill_tree();
        self.child.reap()
    }

    fn answer(&self, patience: Option<Duration>) -> io::Result<String> {
        if !ended::wait(self.socket.as_fd(), patience) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut answer = [0; ANSWER];
        let length = recv(self.socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        match answer.strip_prefix('!') {
            Some(why) => Err(io::Error::other(why.to_owned())),
            None if answer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            None => Ok(answer),
        }
    }
}
