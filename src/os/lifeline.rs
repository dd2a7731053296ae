//! Sockets in a directory, by which processes of one kernel learn that another one has ended, whatever namespaces they are in.
//!
//! The kernel finds such a socket by its inode, in any container that has the directory. Nobody ever accepts a connection: it is
//! made at once, waits in the queue of the process that listens, and is cut when that process ends, however it does.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket};

use super::close_on_fork::ClosedInChildren;
use super::stdio::off_standard;

/// The permissions of a socket, of which the umask takes away more, as of any file.
const MODE: u32 = 0o664;
/// How many connections may wait: one for each process that watches. Others have to do without.
const QUEUE: i32 = 1024;

/// A connection to a process that listens.
pub trait Lifeline: Send + Sync + Debug {
    /// Whether that process has ended.
    fn is_cut(&self) -> bool;
}

/// What others are connected to as long as this process has it. A forked child has it not.
#[derive(Debug)]
pub struct Listener(#[expect(dead_code, reason = "that it is open is all")] ClosedInChildren);

/// Listens at a new name in an open directory. It has a name that begins with a dot until somebody listens.
pub(super) fn offer(dir: &File, path: &Path) -> io::Result<Listener> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let temporary = path.with_file_name(format!(".{}", name.display()));
    let offered = listen_at(dir, &temporary).and_then(|listener| {
        fs::rename(&temporary, path)?;
        Ok(listener)
    });
    if offered.is_err() {
        // The first error is the one to return.
        let _removed = fs::remove_file(&temporary);
    }
    offered
}

fn listen_at(dir: &File, path: &Path) -> io::Result<Listener> {
    let address = address(dir, path)?;
    let listener = ClosedInChildren::open(|| {
        let socket = off_standard(made()?)?;
        bind(socket.as_raw_fd(), &address)?;
        listen(&socket, Backlog::new(QUEUE)?)?;
        Ok(File::from(socket))
    })?;
    let mode = fs::symlink_metadata(path)?.mode() & MODE;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(Listener(listener))
}

/// A connection to the process that listens at a name there: `ConnectionRefused` if none does any more on this kernel.
pub(super) fn hold(dir: &File, path: &Path) -> io::Result<Arc<dyn Lifeline>> {
    let socket = off_standard(made()?)?;
    connect(socket.as_raw_fd(), &address(dir, path)?)?;
    Ok(Arc::new(Connection(socket)))
}

#[derive(Debug)]
struct Connection(OwnedFd);

impl Lifeline for Connection {
    fn is_cut(&self) -> bool {
        let mut asked = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let is_news = poll(&mut asked, PollTimeout::ZERO).is_ok_and(|found| found > 0);
        is_news && asked[0].revents().is_some_and(|it| it.intersects(PollFlags::POLLHUP | PollFlags::POLLERR))
    }
}

/// The address of a name, by way of its open directory: it holds 107 bytes, and a path may be longer.
fn address(dir: &File, path: &Path) -> io::Result<UnixAddr> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(UnixAddr::new(&Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name))?)
}

fn made() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(socket(AddressFamily::Unix, SockType::Stream, flags, None)?)
}
