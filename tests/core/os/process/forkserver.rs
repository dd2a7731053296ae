//! Children that are forked from a server, which is a child as well.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use jug_native::os::process::{Child, End, FORKSERVER, ForkServer, Output, Spawn, become_subreaper};
use nix::libc;
use nix::sys::signal::Signal;

use super::{MARK, Marked, NONE, can_be_read, mark};

const LONG: Duration = Duration::from_secs(20);

/// A server that does nothing but fork: each child runs the shell script that is its order.
const SERVER: &str = "
import os, socket
parent, channel, leash, order = map(int, os.environ.pop(os.environ['NAME']).split(','))
here = socket.socket(fileno=channel)
script = os.read(order, 4096)
if script.startswith(b'!'):
    here.send(script)
    os._exit(0)
here.send(b'ready')
while True:
    request, descriptors, _, _ = socket.recv_fds(here, 4096, 64)
    if not request:
        os._exit(0)
    reading, writing = os.pipe()
    if os.fork() == 0:
        pid = os.fork()
        if pid:
            os.write(writing, b'%d' % pid)
            os._exit(0)
        os.setpgid(0, 0)
        while os.getppid() != parent:
            pass
        numbers, *variables = request.split(b'\\0')
        os.environb.update(variable.split(b'=', 1) for variable in variables)
        given = dict(zip(numbers.split(b','), descriptors))
        os.dup2(given[b'1'], 1)
        os.dup2(given[b'2'], 2)
        os.close(given[b'1'])
        os.close(given[b'2'])
        more = [fd for number, fd in given.items() if number not in (b'1', b'2')]
        os.environ['FD'] = ' '.join(map(str, more))
        for fd in more:
            os.set_inheritable(fd, True)
        os.execvp('sh', ['sh', '-c', script])
    os.wait()
    here.send(os.read(reading, 32))
    for fd in (reading, writing, *descriptors):
        os.close(fd)
";

fn server(marked: &Marked, order: &str) -> ForkServer {
    let arguments = [OsString::from("-c"), OsString::from(SERVER)];
    let spawn = Spawn {
        program: OsStr::new("python3"),
        arguments: &arguments,
        cwd: None,
        environment: &[(MARK.into(), (&marked.mark).into()), ("NAME".into(), FORKSERVER.into())],
        keep: &[],
        output: Output::Inherit,
    };
    ForkServer::start(&spawn, order.as_bytes()).unwrap()
}

fn printed(child: &mut Child) -> String {
    let mut text = String::new();
    File::from(child.take_stdout().unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Runs a test in a process of its own, which becomes a subreaper and leaves nothing.
fn plays(test: &str) {
    let marked = Marked::new();
    assert_eq!(marked.play(&format!("forkserver::{test}")).reap().unwrap(), End::Exit(0));
    assert_eq!(marked.alive(), NONE);
}

#[test]
fn what_it_forks_is_a_child_of_who_asked_for_it() {
    plays("forks_children");
}

#[test]
#[ignore = "played by a child process"]
fn forks_children() {
    become_subreaper().unwrap();
    let marked = mark();
    let script = "echo $PPID $(cut -d' ' -f5 /proc/$$/stat) $ADDED $(cat <&$FD); exec 1>&- 2>&-; $THEN";
    let server = server(&marked, script);
    assert!(can_be_read(server.socket(), LONG));
    server.get_ready().unwrap();
    let me = std::process::id();
    for (then, end) in
        [("exit 3", End::Exit(3)), ("kill -SEGV $$", End::Signal(libc::SIGSEGV)), ("exit 0", End::Exit(0))]
    {
        let mut given = tempfile::tempfile().unwrap();
        given.write_all(b"given").unwrap();
        let given = File::open(format!("/proc/self/fd/{}", given.as_raw_fd())).unwrap();
        let environment = [("ADDED".into(), "yes".into()), ("THEN".into(), format!("eval {then}").into())];
        let mut child = server.fork(&environment, &[given.as_raw_fd()]).unwrap();
        assert_eq!(printed(&mut child), format!("{me} {} yes given\n", child.pid()));
        assert_eq!(child.reap().unwrap(), end, "{then}");
    }
    // It outlives the server, and is killed as any other child, with all below it.
    let environment = [("THEN".into(), "eval setsid sleep 100 & wait".into()), ("FD".into(), "0".into())];
    let given = File::open("/dev/null").unwrap();
    let mut child = server.fork(&environment, &[given.as_raw_fd()]).unwrap();
    printed(&mut child);
    assert_eq!(server.end().unwrap(), End::Signal(libc::SIGKILL));
    assert!(!can_be_read(child.ended(), Duration::from_millis(50)));
    child.kill_tree();
    assert_eq!(child.reap().unwrap(), End::Signal(libc::SIGKILL));
}

#[test]
fn one_that_cannot_fork_says_why() {
    let marked = Marked::new();
    let server = server(&marked, "!it is not its day");
    assert_eq!(server.get_ready().unwrap_err().to_string(), "it is not its day");
    assert!(can_be_read(server.ended(), LONG));
    server.end().unwrap();
}

#[test]
fn to_ask_one_that_has_ended_is_an_error() {
    let marked = Marked::new();
    let server = server(&marked, "exit 0");
    server.get_ready().unwrap();
    server.signal(Signal::SIGKILL).unwrap();
    assert!(can_be_read(server.ended(), LONG));
    server.fork(&[], &[]).unwrap_err();
    assert_eq!(server.end().unwrap(), End::Signal(libc::SIGKILL));
}
