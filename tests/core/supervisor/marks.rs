//! Which task printed what.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use jug_native::supervisor::board::Board;
use jug_native::supervisor::marks::{MarkReader, Part};
use jug_native::supervisor::slot::WorkerSlot;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe;

use crate::support::temp_jugdir::digest_key as key;

const NAMES: [&str; 3] = ["m.f", "m.g", "a much longer name, of ümlauts too"];

/// A worker and its supervisor in one process.
struct Pair {
    slot: WorkerSlot,
    out: File,
    err: File,
    read: [File; 2],
    marks: MarkReader,
}

impl Pair {
    fn new(marks_tasks: bool) -> Pair {
        let (file, board) = (WorkerSlot::create().unwrap(), Board::create().unwrap());
        let mut slot = WorkerSlot::open(&file, &board, 1).unwrap();
        let ((out_read, out), (err_read, err)) = (pipe().unwrap(), pipe().unwrap());
        slot.mark_output([out.as_fd(), err.as_fd()], marks_tasks);
        let marks = MarkReader::of(&file).unwrap();
        let read = [out_read, err_read].map(File::from);
        Pair { slot, out: out.into(), err: err.into(), read, marks }
    }

    fn load(&mut self) {
        self.slot.load(NAMES.iter().map(|name| (*name, 1)), None);
    }

    fn starts(&mut self, node: usize) {
        if self.slot.starts(node, &key(1), NAMES[node], 1, None) {
            self.slot.goes_on();
        }
    }

    fn print(&mut self, text: &str) {
        self.out.write_all(text.as_bytes()).unwrap();
    }

    /// So many bytes of a pipe, by where they come from: `...` while loading, the name of a task, or nothing.
    fn read(&mut self, number: usize, count: usize) -> Vec<(String, String)> {
        let mut text = vec![0; count];
        let pipe = &mut self.read[number];
        self.marks.counting(number, || (pipe.read_exact(&mut text).unwrap(), count));
        let shown = |part: Part| {
            let origin = if part.is_starting { "...".to_owned() } else { part.task };
            (origin, String::from_utf8(part.text).unwrap())
        };
        self.marks.parts(number, &text).into_iter().map(shown).collect()
    }
}

fn expected(parts: &[(&str, &str)]) -> Vec<(String, String)> {
    parts.iter().map(|(origin, text)| (origin.to_string(), text.to_string())).collect()
}

#[test]
fn each_line_is_of_the_task_that_printed_it_however_late_it_is_read() {
    let mut it = Pair::new(true);
    it.print("one\ntwo\n");
    it.load();
    it.print("no task\n");
    it.starts(0);
    it.print("of f\n");
    it.err.write_all(b"error of f\n").unwrap();
    it.print("more of f\n");
    it.starts(1);
    it.starts(2);
    it.print("of the long one\n");
    it.slot.pauses();
    it.print("no task\n");
    it.slot.goes_on();
    it.print("of the long one\n");
    it.slot.rests();
    it.print("no task\n");
    let text = "one\ntwo\nno task\nof f\nmore of f\nof the long one\nno task\nof the long one\nno task\n";
    let parts = [
        ("...", "one\ntwo\n"),
        ("", "no task\n"),
        ("m.f", "of f\nmore of f\n"),
        (NAMES[2], "of the long one\n"),
        ("", "no task\n"),
        (NAMES[2], "of the long one\n"),
        ("", "no task\n"),
    ];
    assert_eq!(it.read(0, text.len()), expected(&parts));
    assert_eq!(it.read(1, 11), expected(&[("m.f", "error of f\n")]));
}

#[test]
fn each_line_is_of_the_task_that_printed_it_when_it_is_read_at_once() {
    let mut it = Pair::new(true);
    it.print("one\n");
    assert_eq!(it.read(0, 4), expected(&[("...", "one\n")]));
    it.load();
    for _ in 0..3 {
        for (node, name) in NAMES.iter().enumerate() {
            it.starts(node);
            it.print("line\nnext\n");
            assert_eq!(it.read(0, 5), expected(&[(name, "line\n")]));
            it.print("last\n");
            assert_eq!(it.read(0, 10), expected(&[(name, "next\nlast\n")]));
        }
    }
}

#[test]
fn a_line_of_two_tasks_is_of_none() {
    let mut it = Pair::new(true);
    it.load();
    it.starts(0);
    it.print("whole\nhalf of one ");
    it.starts(1);
    it.print("and half of another\nwhole\n");
    let found = it.read(0, 44);
    assert_eq!(
        found,
        expected(&[("m.f", "whole\n"), ("", "half of one and half of another\n"), ("m.g", "whole\n")])
    );
}

#[test]
fn where_tasks_are_not_marked_it_is_known_where_loading_ended() {
    let mut it = Pair::new(false);
    it.print("one\n");
    it.load();
    it.starts(0);
    it.print("two\n");
    assert_eq!(it.read(0, 8), expected(&[("...", "one\n"), ("", "two\n")]));
}

#[test]
fn a_pipe_that_is_no_more_names_nobody_and_loading_ends_all_the_same() {
    let (file, board) = (WorkerSlot::create().unwrap(), Board::create().unwrap());
    let mut slot = WorkerSlot::open(&file, &board, 1).unwrap();
    let none = tempfile::tempfile().unwrap();
    let null = File::open("/dev/null").unwrap();
    slot.mark_output([null.as_fd(), none.as_fd()], true);
    let mut marks = MarkReader::of(&file).unwrap();
    marks.counting(0, || ((), 4));
    slot.load(NAMES.iter().map(|name| (*name, 1)), None);
    slot.starts(0, &key(1), NAMES[0], 1, None);
    marks.counting(0, || ((), 4));
    let parts = marks.parts(0, b"one\ntwo\n");
    let found: Vec<_> = parts.iter().map(|part| (part.is_starting, &*part.task)).collect();
    assert_eq!(found, [(true, ""), (false, "")]);
}

#[test]
fn of_more_tasks_than_are_remembered_no_line_gets_a_wrong_name() {
    let mut it = Pair::new(true);
    it.load();
    let mut text = String::new();
    for number in 0..20_000 {
        it.starts(number % 2);
        let line = if number % 2 == 0 { "f\n" } else { "g\n" };
        it.print(line);
        text.push_str(line);
    }
    let found = it.read(0, text.len());
    for (name, lines) in &found {
        assert!(name.is_empty() || lines == &format!("{}\n", &name[2..]), "{name} {lines}");
    }
    // The latest ones are known.
    assert_eq!(found.last().unwrap(), &("m.g".to_owned(), "g\n".to_owned()));
    assert_eq!(found.into_iter().map(|(_, lines)| lines).collect::<String>(), text);
}

#[test]
fn no_line_gets_a_wrong_name_and_hardly_one_gets_none_while_another_thread_reads() {
    const LINES: usize = 100_000;
    let Pair { mut slot, mut out, err: _err, read: [mut pipe, _], mut marks } = Pair::new(true);
    slot.load(NAMES.iter().map(|name| (*name, 1)), None);
    let (mut named, mut all) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..LINES {
                let node = number * 7 % 3;
                if slot.starts(node, &key(1), NAMES[node], 1, None) {
                    slot.goes_on();
                }
                out.write_all(format!("{node} {number}\n").as_bytes()).unwrap();
            }
        });
        let (mut buffer, mut rest) = (vec![0; 1 << 16], Vec::new());
        while all < LINES {
            let mut watched = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
            poll(&mut watched, PollTimeout::NONE).unwrap();
            let count = marks.counting(0, || {
                let count = pipe.read(&mut buffer).unwrap();
                (count, count)
            });
            rest.extend_from_slice(&buffer[..count]);
            let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let lines = rest.drain(..whole).collect::<Vec<u8>>();
            for part in marks.parts(0, &lines) {
                for line in String::from_utf8(part.text).unwrap().lines() {
                    let node: usize = line.split(' ').next().unwrap().parse().unwrap();
                    assert!(part.task.is_empty() || part.task == NAMES[node], "{line}: {}", part.task);
                    named += usize::from(!part.task.is_empty());
                    all += 1;
                }
            }
        }
    });
    assert!(named > LINES * 9 / 10, "{named}");
}

#[test]
fn where_tasks_print_nothing_few_of_them_are_marked_until_one_prints() {
    let mut it = Pair::new(true);
    it.load();
    for _ in 0..300 {
        it.starts(0);
    }
    let is_marked = |it: &mut Pair| it.slot.starts(1, &key(1), NAMES[1], 1, None);
    assert!((0..1000).any(|_| !is_marked(&mut it)));
    std::thread::sleep(Duration::from_millis(1));
    assert!(is_marked(&mut it));
    it.slot.goes_on();
    it.print("of g\n");
    assert_eq!(it.read(0, 5), expected(&[(NAMES[1], "of g\n")]));
    // Until the next mark it may be of another one.
    while is_marked(&mut it) {
        it.slot.goes_on();
    }
    it.print("of one of them\n");
    std::thread::sleep(Duration::from_millis(1));
    it.starts(2);
    it.print("of the last one\n");
    // From then on each of them is.
    assert!((0..100).all(|_| is_marked(&mut it)));
    let found = it.read(0, 15 + 16);
    assert_eq!(found, expected(&[("", "of one of them\n"), (NAMES[2], "of the last one\n")]));
}
