//! What tasks print is kept, all of it or its two ends, whatever becomes of the worker.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use jug_native::os::process::End;
use jug_native::supervisor::capture::{Capture, CaptureFiles, Collector, HEAD, Printed, TAIL};

use super::{PATIENCE, is_alone, start, watch};

/// A capture, where its tasks print, and the file in which that is kept.
fn begin() -> (Capture, File, File) {
    let files = CaptureFiles::create().unwrap();
    let printed_to = File::from(files.printed_to.try_clone().unwrap());
    let kept = files.file.try_clone().unwrap();
    (Capture::begin(files).unwrap(), printed_to, kept)
}

fn whole(text: &[u8]) -> Printed {
    Printed { head: text.to_vec(), left_out: 0, tail: Vec::new() }
}

#[test]
fn what_a_task_printed_is_taken_once() {
    let (capture, mut to, _kept) = begin();
    assert_eq!(capture.take().unwrap(), None);
    for number in 0..1000 {
        let text = format!("task {number}\n");
        to.write_all(text.as_bytes()).unwrap();
        // At once, whether the thread has seen it or not.
        assert_eq!(capture.take().unwrap(), Some(whole(text.as_bytes())));
        assert_eq!(capture.take().unwrap(), None);
    }
}

#[test]
fn of_long_output_both_ends_are_kept_and_the_rest_is_counted() {
    let (capture, mut to, kept) = begin();
    let text: Vec<u8> = (0..3_000_000_u32).map(|at| b'a' + u8::try_from(at % 26).unwrap()).collect();
    for length in [HEAD, HEAD + TAIL, HEAD + TAIL + 1, text.len()] {
        let text = &text[..length];
        to.write_all(text).unwrap();
        let printed = capture.take().unwrap().unwrap();
        if length <= HEAD + TAIL {
            assert_eq!(printed, whole(text));
        } else {
            assert_eq!(printed.left_out, (length - HEAD - TAIL) as u64);
            assert!(printed.head == text[..HEAD] && printed.tail == text[length - TAIL..]);
        }
    }
    assert_eq!(kept.metadata().unwrap().len(), 0);
}

#[test]
fn whatever_is_printed_takes_bounded_memory() {
    let (capture, mut to, kept) = begin();
    let block = vec![b'x'; 1 << 16];
    let mut most = 0;
    for _ in 0..1600 {
        to.write_all(&block).unwrap();
        most = most.max(kept.metadata().unwrap().blocks() * 512);
    }
    let printed = capture.take().unwrap().unwrap();
    assert_eq!(printed.left_out, 1600 * block.len() as u64 - (HEAD + TAIL) as u64);
    assert!(most > (HEAD + TAIL) as u64 && most <= (HEAD + 3 * TAIL) as u64, "{most}");
}

#[test]
fn nobody_waits_for_the_end_of_a_task_to_print() {
    let (_capture, mut to, kept) = begin();
    to.write_all(&vec![b'x'; 1 << 20]).unwrap();
    let until = Instant::now() + PATIENCE;
    while kept.metadata().unwrap().len() < 1 << 20 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn who_comes_after_a_worker_finds_all_that_was_printed() {
    let files = CaptureFiles::create().unwrap();
    let (pipe, file) = (files.pipe.try_clone().unwrap(), files.file.try_clone().unwrap());
    let mut to = File::from(files.printed_to.try_clone().unwrap());
    let mut first = Collector::of(files.pipe, files.file).unwrap();
    to.write_all(b"taken\n").unwrap();
    assert_eq!(first.take().unwrap(), Some(whole(b"taken\n")));
    to.write_all(b"kept\n").unwrap();
    drop(first);
    assert_eq!(Collector::of(pipe, file).unwrap().take().unwrap(), Some(whole(b"kept\n")));
}

#[test]
fn what_was_printed_before_a_worker_died_is_known() {
    if !is_alone("capture::what_was_printed_before_a_worker_died_is_known") {
        return;
    }
    let script = "fd=$(echo $JUG_SUPERVISED | cut -d, -f10); echo last words >/dev/fd/$fd; kill -9 $$";
    let (out, _, ended) = watch(&mut start(script, None));
    assert_eq!((&*out, ended[0].end), ("", End::Signal(9)));
    assert_eq!(ended[0].printed, Some(whole(b"last words\n")));
}
