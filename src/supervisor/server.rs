//! The server from which a supervisor has its workers forked.

use std::io;
use std::os::fd::BorrowedFd;

use nix::sys::signal::Signal;

use super::events::Event;
use super::member::Stream;
use super::start::Start;
use crate::os::process::{End, ForkServer, Output, Spawn};

/// A server that lives.
#[derive(Debug)]
pub(super) struct Server {
    process: ForkServer,
    output: [Option<Stream>; 2],
    is_ready: bool,
    /// Why it was killed.
    fault: Option<String>,
}

impl Server {
    pub(super) fn start(start: &Start<'_>) -> io::Result<Server> {
        let spawn = Spawn {
            program: start.program,
            arguments: start.arguments,
            cwd: start.cwd,
            environment: start.environment,
            keep: start.keep,
            output: Output::Pipes,
        };
        let mut process = ForkServer::start(&spawn, start.mail)?;
        let child = process.child();
        let output = [child.take_stdout(), child.take_stderr()].map(|pipe| pipe.and_then(Stream::of));
        Ok(Server { process, output, is_ready: false, fault: None })
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The process that forks; `None` while it cannot.
    pub(super) fn ready(&self) -> Option<&ForkServer> {
        Some(&self.process).filter(|_| self.is_ready && self.fault.is_none())
    }

    /// What can be read when something happens; what it prints to stdout and to stderr only where that is read now.
    pub(super) fn descriptors(&self, is_read: [bool; 2]) -> impl Iterator<Item = BorrowedFd<'_>> {
        let read = self.output.iter().zip(is_read).filter(|(_, is_read)| *is_read);
        let pipes = read.filter_map(|(stream, _)| stream.as_ref()).map(Stream::pipe);
        let socket = Some(self.process.socket()).filter(|_| !self.is_ready);
        [self.process.ended()].into_iter().chain(socket).chain(pipes)
    }

    /// Takes note of what it prints and says. False if it is of no use any more.
    pub(super) fn read_ready(
        &mut self,
        is_ready: &dyn Fn(BorrowedFd<'_>) -> bool,
        events: &mut Vec<Event>,
    ) -> bool {
        for (number, place) in self.output.iter_mut().enumerate() {
            if let Some(stream) = place
                && is_ready(stream.pipe())
            {
                let (text, is_open) = stream.read();
                events.push(printed(number, text));
                if !is_open {
                    *place = None;
                }
            }
        }
        if !self.is_ready && is_ready(self.process.socket()) {
            match self.process.get_ready() {
                Ok(()) => {
                    self.is_ready = true;
                    events.push(Event::Prepared(Ok(())));
                }
                // Its end says more.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => self.fault = Some(error.to_string()),
            }
        }
        self.fault.is_none() && !is_ready(self.process.ended())
    }

    /// Kills it, as it does not fork; that it has ended is noticed later.
    pub(super) fn condemn(&mut self, why: &io::Error) {
        self.fault = Some(why.to_string());
        self.process.kill();
    }

    pub(super) fn signal(&self, signal: Signal) {
        let _gone = self.process.signal(signal);
    }

    /// Lets nothing of it be left, and says why it does not fork any more.
    pub(super) fn end(self, events: &mut Vec<Event>) {
        let end = self.process.end();
        for (number, stream) in self.output.into_iter().enumerate() {
            if let Some(mut stream) = stream {
                events.push(printed(number, stream.read_to_end()));
            }
        }
        let how = || match end {
            Ok(End::Exit(status)) => format!("it ended with status {status}"),
            Ok(End::Signal(number)) => match Signal::try_from(number) {
                Ok(signal) => format!("it was killed by {signal}"),
                Err(_) => format!("it was killed by signal {number}"),
            },
            Err(error) => error.to_string(),
        };
        events.push(Event::Prepared(Err(self.fault.unwrap_or_else(how))));
    }
}

/// All workers have the number of nobody until they are forked.
fn printed(number: usize, text: Vec<u8>) -> Event {
    Event::Output { worker: 0, is_error: number == 1, is_starting: true, task: String::new(), text }
}
