//! What waits to be printed, and that nobody waits for it.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jug_native::supervisor::{Event, OutputQueue, Supervisor};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe;

use super::{PATIENCE, is_alone, start_another};

const MOMENT: Duration = Duration::from_millis(50);

/// A queue for two pipes, and their ends to read.
fn queue() -> (OutputQueue, [File; 2]) {
    let (out, out_to) = pipe().unwrap();
    let (err, err_to) = pipe().unwrap();
    (OutputQueue::to(out_to, err_to).unwrap(), [out, err].map(File::from))
}

fn read(pipe: &mut File, count: usize) -> Vec<u8> {
    let mut found = vec![0; count];
    pipe.read_exact(&mut found).unwrap();
    found
}

#[test]
fn what_is_added_is_written_in_order_and_nobody_waits_for_it() {
    let (queue, [mut out, mut err]) = queue();
    let numbers = 0..20_000_u32;
    for number in numbers.clone() {
        queue.write(number.to_le_bytes().repeat(10), false);
    }
    assert!(!queue.flush(MOMENT) && queue.is_busy(false));
    queue.write(b"of another pipe".to_vec(), true);
    assert_eq!(read(&mut err, 15), b"of another pipe");
    let expected: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes().repeat(10)).collect();
    assert_eq!(read(&mut out, expected.len()), expected);
    assert!(queue.flush(PATIENCE) && !queue.is_busy(false));
}

#[test]
fn where_both_are_one_file_their_order_is_kept() {
    let (out, out_to) = pipe().unwrap();
    let queue = OutputQueue::to(out_to.try_clone().unwrap(), out_to).unwrap();
    let expected: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
    for number in 0..10_000_u32 {
        queue.write(number.to_le_bytes().to_vec(), number % 2 == 0);
    }
    assert_eq!(read(&mut out.into(), expected.len()), expected);
}

#[test]
fn a_descriptor_that_does_not_wait_gets_everything_too() {
    let (mut out, out_to) = pipe().map(|(out, out_to)| (File::from(out), out_to)).unwrap();
    fcntl(&out_to, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let queue = OutputQueue::to(out_to, OwnedFd::from(tempfile::tempfile().unwrap())).unwrap();
    queue.write(vec![7; 1_000_000], false);
    assert!(!queue.flush(MOMENT));
    assert_eq!(read(&mut out, 1_000_000), vec![7; 1_000_000]);
}

#[test]
fn nobody_waits_for_who_left_the_other_end() {
    let (queue, [out, _err]) = queue();
    queue.write(vec![7; 1_000_000], false);
    assert!(!queue.flush(MOMENT));
    drop(out);
    assert!(queue.flush(PATIENCE));
    queue.write(vec![7; 1_000_000], false);
    assert!(queue.flush(PATIENCE));
}

#[test]
fn what_was_added_is_written_although_the_queue_is_gone_and_then_its_end_is_closed() {
    let (queue, [mut out, _err]) = queue();
    queue.write(vec![7; 1_000_000], false);
    drop(queue);
    let mut found = Vec::new();
    out.read_to_end(&mut found).unwrap();
    assert_eq!(found, vec![7; 1_000_000]);
}

/// What happens until so much time has passed: how much was printed to either stream.
fn printed(supervisor: &mut Supervisor, queue: &OutputQueue, time: Duration) -> [usize; 2] {
    let until = Instant::now() + time;
    let mut printed = [0; 2];
    while Instant::now() < until {
        for event in supervisor.wait(Some(MOMENT)).unwrap() {
            if let Event::Output { is_error, text, .. } = event {
                printed[usize::from(is_error)] += text.len();
                queue.write(text, is_error);
            }
        }
    }
    printed
}

#[test]
fn what_workers_print_is_not_read_while_it_cannot_be_written_and_all_else_goes_on() {
    if !is_alone(
        "output_queue::what_workers_print_is_not_read_while_it_cannot_be_written_and_all_else_goes_on",
    ) {
        return;
    }
    let (queue, [mut out, _err]) = queue();
    let queue = Arc::new(queue);
    let mut supervisor = Supervisor::new(None, false, None).unwrap();
    supervisor.print_to(Arc::clone(&queue));
    start_another(&mut supervisor, 1, "yes 123456789 | head -c 5000000; sleep 1000");
    let [first, _] = printed(&mut supervisor, &queue, Duration::from_millis(500));
    // As much as may wait, what the pipe holds, and what was read at once.
    assert!((1 << 20..(1 << 20) + (1 << 18)).contains(&first), "{first}");
    assert_eq!(printed(&mut supervisor, &queue, MOMENT), [0, 0]);
    // The other stream has room, and ends are noticed.
    start_another(&mut supervisor, 2, "echo to the other stream >&2");
    let until = Instant::now() + PATIENCE;
    let mut of_another = 0;
    while supervisor.workers() != [1] {
        assert!(Instant::now() < until);
        of_another += printed(&mut supervisor, &queue, MOMENT)[1];
    }
    assert_eq!(of_another, "to the other stream\n".len());
    // When somebody reads, the rest comes.
    let reader = std::thread::spawn(move || read(&mut out, 5_000_000).len());
    let mut rest = first;
    while rest < 5_000_000 {
        assert!(Instant::now() < until);
        rest += printed(&mut supervisor, &queue, MOMENT)[0];
    }
    assert_eq!((rest, reader.join().unwrap()), (5_000_000, 5_000_000));
    supervisor.kill();
}
