//! One worker of a supervisor: its process, its slot, and what it prints.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::pipe2;

use super::capture::{CaptureFiles, Collector};
use super::events::{Ended, Event, Limit};
use super::marks::{MarkReader, Part};
use super::memory_watch::{MemoryWatch, Sample, Verdict};
use super::names::{self, NameCounts};
use super::notes::Notes;
use super::slot::{self, WorkerReport, WorkerSlot};
use super::start::{Start, VARIABLE};
use crate::os::memory::memory_file;
use crate::os::process::{Child, ForkServer, Output, Spawn, Table};
use crate::os::{cgroup, local};
use crate::status_slot::{Activity, Run};

/// How much is read at once, and how long a line may be that is shown whole.
const CHUNK: usize = 1 << 16;

/// How long a worker may take to kill itself and all below it.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// A worker that lives.
#[derive(Debug)]
pub(super) struct Member {
    child: Child,
    slot: File,
    mail: File,
    faults: File,
    output: [Option<Stream>; 2],
    /// Which task printed what.
    marks: MarkReader,
    notes: Option<Notes>,
    /// What its tasks print, if that is kept. It is read here when it has ended.
    captured: Option<(OwnedFd, File)>,
    /// When it is closed, the worker kills everything below it and itself, and that is nobody's fault.
    leash: Option<OwnedFd>,
    /// It rings when it has loaded a jugfile, whose tasks may have other limits.
    bell: EventFd,
    /// Why it was killed, and what ran then.
    killed: Option<(Limit, Run)>,
    memory: MemoryWatch,
    /// How many bytes tasks had left for which it ends, and since when it should.
    replaced: Option<(u64, Instant)>,
    /// A task, by when it began, whose time does not count, and how much of it.
    forgiven: (Duration, Duration),
    /// How often the system has killed something for want of memory.
    memory_ran_out: u64,
}

/// One end of a pipe.
#[derive(Debug)]
pub(super) struct Stream {
    pipe: File,
    /// What was read behind the last line feed.
    rest: Vec<u8>,
}

impl Member {
    /// Starts a worker, or has it forked.
    pub(super) fn start(
        worker: u32,
        start: &Start<'_>,
        board: &File,
        server: Option<&ForkServer>,
    ) -> io::Result<Member> {
        let files = [WorkerSlot::create()?, memory_file(0)?, memory_file(0)?];
        let [slot, mail, faults] = files;
        mail.write_all_at(start.mail, 0)?;
        let (end, leash) = pipe2(OFlag::O_CLOEXEC)?;
        let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let (notes, noted_to) = pipe2(OFlag::O_CLOEXEC)?;
        let files = [slot.as_fd(), board.as_fd(), mail.as_fd(), faults.as_fd(), end.as_fd(), bell.as_fd()];
        let mut ours = files.map(|file| file.as_raw_fd()).to_vec();
        ours.push(noted_to.as_raw_fd());
        let capture = if start.captures { Some(CaptureFiles::create()?) } else { None };
        if let Some(CaptureFiles { pipe, printed_to, file }) = &capture {
            ours.extend([pipe.as_raw_fd(), printed_to.as_raw_fd(), file.as_raw_fd()]);
        }
        let keep = [&ours, start.keep].concat();
        let mut environment = start.environment.to_vec();
        let descriptors: Vec<String> = ours.iter().map(RawFd::to_string).collect();
        let value = format!("{},{worker},{}", std::process::id(), descriptors.join(","));
        environment.push((VARIABLE.into(), value.into()));
        let spawn = || {
            Child::spawn(&Spawn {
                program: start.program,
                arguments: start.arguments,
                cwd: start.cwd,
                environment: &environment,
                keep: &keep,
                output: Output::Pipes,
            })
        };
        let mut child = server.map_or_else(spawn, |server| server.fork(&environment, &keep))?;
        let output = [child.take_stdout(), child.take_stderr()].map(|pipe| pipe.and_then(Stream::of));
        let memory_ran_out = cgroup::times_out_of_memory();
        Ok(Member {
            child,
            marks: MarkReader::of(&slot)?,
            slot,
            mail,
            faults,
            output,
            notes: Some(Notes::of(notes)?),
            captured: capture.map(|files| (files.pipe, files.file)),
            leash: Some(leash),
            bell,
            killed: None,
            memory: MemoryWatch::default(),
            replaced: None,
            forgiven: Default::default(),
            memory_ran_out,
        })
    }

    /// Has it kill all below it and itself.
    pub(super) fn let_go(&mut self) {
        self.leash = None;
    }

    pub(super) fn child(&self) -> &Child {
        &self.child
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// What can be read when something happens; what it prints to stdout and to stderr only where that is read now.
    pub(super) fn descriptors(&self, is_read: [bool; 2]) -> impl Iterator<Item = BorrowedFd<'_>> {
        let read = self
            .output
            .iter()
            .zip(is_read)
            .filter_map(|(stream, is_read)| stream.as_ref().filter(|_| is_read));
        let pipes = read.map(Stream::pipe);
        let notes = self.notes.iter().map(Notes::as_fd);
        [self.child.ended(), self.bell.as_fd()].into_iter().chain(pipes).chain(notes)
    }

    pub(super) fn report(&self, worker: u32) -> io::Result<WorkerReport> {
        slot::report(&worker.to_string(), &self.slot)
    }

    pub(super) fn counts(&self) -> Vec<(String, NameCounts)> {
        names::counts(&self.slot).unwrap_or_default()
    }

    /// Reads what is there, if anything is.
    pub(super) fn read_ready(
        &mut self,
        worker: u32,
        is_ready: &dyn Fn(BorrowedFd<'_>) -> bool,
        events: &mut Vec<Event>,
    ) {
        if is_ready(self.bell.as_fd()) {
            let _heard = self.bell.read();
        }
        let mut printed = Vec::new();
        for (number, place) in self.output.iter_mut().enumerate() {
            let Some(stream) = place else { continue };
            if !is_ready(stream.pipe()) {
                continue;
            }
            let (text, is_open) = self.marks.counting(number, || {
                let before = stream.rest.len();
                let (text, is_open) = stream.read();
                let count = text.len() + stream.rest.len() - before;
                ((text, is_open), count)
            });
            if !is_open {
                *place = None;
            }
            printed.extend(output(worker, number, self.marks.parts(number, &text)));
        }
        let mut noted = Vec::new();
        // What is captured was noted before anything was printed about it.
        let is_noted = self.captured.is_some() && !printed.is_empty();
        if let Some(notes) = self.notes.as_mut().filter(|notes| is_noted || is_ready(notes.as_fd())) {
            let (found, is_open) = notes.read();
            if !is_open {
                self.notes = None;
            }
            noted.extend(found.into_iter().map(|text| Event::Note { worker, text }));
        }
        events.extend(self.in_order(printed, noted));
    }

    /// Without what is captured, notes are about what was printed before and is not said.
    fn in_order(&self, printed: Vec<Event>, noted: Vec<Event>) -> impl Iterator<Item = Event> + use<> {
        let [first, then] = if self.captured.is_some() { [noted, printed] } else { [printed, noted] };
        first.into_iter().chain(then)
    }

    /// How long until it must be looked at for the sake of a time limit.
    pub(super) fn time_left(&self, worker: u32) -> Option<Duration> {
        if self.killed.is_some() {
            return None;
        }
        let report = self.report(worker).ok()?;
        let now = local().uptime();
        let of_this = match (&report.activity, report.time_limit) {
            (Activity::Running(run), Some(limit)) => {
                Some((run.uptime + limit + self.forgiven(run)).saturating_sub(now))
            }
            _ => None,
        };
        // A task that starts now has the shortest limit at least.
        of_this.into_iter().chain(report.shortest_limit).min()
    }

    /// Kills it if its task has run for too long.
    pub(super) fn enforce_time(&mut self, worker: u32) {
        if self.killed.is_some() {
            return;
        }
        let Ok(report) = self.report(worker) else { return };
        let (Activity::Running(run), Some(limit)) = (report.activity, report.time_limit) else { return };
        if local().uptime() >= run.uptime + limit + self.forgiven(&run) {
            self.kill(Limit::Time(limit), run);
        }
    }

    /// Whether any of its tasks has a limit of memory.
    pub(super) fn limits_memory(&self, worker: u32) -> bool {
        self.report(worker).is_ok_and(|report| report.limits_memory)
    }

    /// Kills it if it has more bytes of memory, with all below it, than any worker may have, or its task.
    pub(super) fn enforce_memory(&mut self, worker: u32, limit: Option<u64>, processes: &Table) {
        if let Some((_, since)) = self.replaced {
            if since.elapsed() > FAREWELL {
                self.child.kill_tree();
            }
            return;
        }
        let Ok(report) = self.report(worker) else { return };
        let Some(limit) = [limit, report.memory_limit].into_iter().flatten().min() else { return };
        if self.killed.is_some() {
            return;
        }
        let run = match report.activity {
            Activity::Running(run) => Some(run),
            Activity::Idle | Activity::Unknown => None,
        };
        let now = local().uptime();
        let resident = processes.resident(self.child.pid());
        let has_run = || self.counts().iter().any(|(_, counts)| counts.executed + counts.failed > 0);
        let sample = Sample {
            limit,
            resident,
            run: run.as_ref().map(|run| (run.uptime, now.saturating_sub(run.uptime))),
            has_run: resident > limit && has_run(),
        };
        match (self.memory.judge(&sample, || processes.proportional(self.child.pid())), run) {
            (Verdict::Blame(taken), Some(run)) => self.kill(Limit::Memory(taken), run),
            (Verdict::Replace(taken), _) => {
                self.replaced = Some((taken, Instant::now()));
                self.let_go();
            }
            _ => {}
        }
    }

    fn kill(&mut self, limit: Limit, run: Run) {
        self.killed = Some((limit, run));
        self.child.kill_tree();
    }

    /// What runs now has so much more time.
    pub(super) fn forgive(&mut self, worker: u32, time: Duration) {
        if let Ok(WorkerReport { activity: Activity::Running(run), .. }) = self.report(worker) {
            self.forgiven = (run.uptime, self.forgiven(&run) + time);
        }
    }

    fn forgiven(&self, run: &Run) -> Duration {
        if self.forgiven.0 == run.uptime { self.forgiven.1 } else { Duration::ZERO }
    }

    /// Kills what is left of it, reads what is left to read, and says how it ended.
    pub(super) fn end(mut self, worker: u32, events: &mut Vec<Event>) -> io::Result<Ended> {
        let pid = self.pid();
        let report = self.report(worker)?;
        let end = self.child.reap()?;
        let mut printed = Vec::new();
        for (number, stream) in self.output.iter_mut().enumerate() {
            if let Some(stream) = stream {
                let text = stream.read_to_end();
                printed.extend(output(worker, number, self.marks.parts(number, &text)));
            }
        }
        let notes = self.notes.iter_mut().flat_map(Notes::read_to_end);
        let said = notes.map(|text| Event::Note { worker, text }).collect();
        events.extend(self.in_order(printed, said));
        let printed = match self.captured.take() {
            Some((pipe, file)) => Collector::of(pipe, file)?.take()?,
            None => None,
        };
        let now = local().uptime();
        let run = match report.activity {
            Activity::Running(run) if self.replaced.is_none() => {
                let took = now.saturating_sub(run.uptime);
                Some((run, took))
            }
            _ => None,
        };
        // It may have begun another task in the meantime, which is not to blame.
        let limit = match (self.killed, &run) {
            (Some((limit, judged)), Some((run, _))) if judged.uptime == run.uptime => Some(limit),
            _ => None,
        };
        Ok(Ended {
            worker,
            pid,
            end,
            phase: report.phase,
            run,
            limit,
            left: self.replaced.map(|(taken, _)| taken),
            memory_ran_out: cgroup::times_out_of_memory() > self.memory_ran_out,
            mail: contents(&self.mail)?,
            faults: contents(&self.faults)?,
            printed,
        })
    }
}

impl Stream {
    pub(super) fn of(pipe: OwnedFd) -> Option<Stream> {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).ok()?;
        Some(Stream { pipe: File::from(pipe), rest: Vec::new() })
    }

    pub(super) fn pipe(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// The whole lines that are there now, and whether more can come.
    pub(super) fn read(&mut self) -> (Vec<u8>, bool) {
        let mut text = std::mem::take(&mut self.rest);
        let before = text.len();
        text.resize(before + CHUNK, 0);
        let count = match self.pipe.read(&mut text[before..]) {
            Ok(count) => Some(count),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                None
            }
            Err(_) => Some(0),
        };
        text.truncate(before + count.unwrap_or(0));
        if count == Some(0) {
            return (text, false);
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole > 0 || text.len() < CHUNK {
            self.rest = text.split_off(whole);
        }
        (text, true)
    }

    /// All that is left; nobody writes any more.
    pub(super) fn read_to_end(&mut self) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.rest);
        // Where somebody escaped who still has the pipe, this ends when there is nothing to read now.
        let _blocked = self.pipe.read_to_end(&mut text);
        text
    }
}

/// What a worker printed to stdout, 0, or to stderr, 1.
fn output(worker: u32, number: usize, parts: Vec<Part>) -> impl Iterator<Item = Event> {
    parts.into_iter().map(move |Part { is_starting, task, text }| Event::Output {
        worker,
        is_error: number == 1,
        is_starting,
        task,
        text,
    })
}

fn contents(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
