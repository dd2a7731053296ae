//! A task is blamed for the memory of its worker only if it has taken it.

use std::time::Duration;

use jug_native::supervisor::memory_watch::{MemoryWatch, Sample, Verdict};

const LIMIT: u64 = 1000;

/// A watch that is given samples of 100 ms each: of a task that began in that sample, or of none, and the bytes.
fn judge(samples: &[(Option<u64>, u64)], has_run: bool) -> Vec<Verdict> {
    let mut watch = MemoryWatch::default();
    let at = |number: usize| Duration::from_millis(100 * number as u64 + 50);
    let of = |(number, (began, resident)): (usize, &(Option<u64>, u64))| {
        let run = began.map(|began| {
            let start = Duration::from_millis(100 * began);
            (start, at(number).saturating_sub(start))
        });
        watch.judge(&Sample { limit: LIMIT, resident: *resident, run, has_run }, || *resident)
    };
    samples.iter().enumerate().map(of).collect()
}

#[test]
fn a_task_that_takes_too_much_is_blamed() {
    let verdicts = judge(&[(Some(0), 10), (Some(0), 500), (Some(0), 1001)], false);
    assert_eq!(verdicts, [Verdict::Spare, Verdict::Spare, Verdict::Blame(1001)]);
    let after_others = judge(&[(Some(0), 10), (Some(1), 10), (Some(1), 500), (Some(1), 1001)], true);
    assert_eq!(after_others[3], Verdict::Blame(1001));
}

#[test]
fn what_a_task_finds_is_not_its_fault() {
    let verdicts = judge(&[(Some(0), 1500), (Some(1), 1500), (Some(1), 1500), (Some(1), 1500)], true);
    assert_eq!(verdicts[..3], [Verdict::Spare; 3]);
    assert_eq!(verdicts[3], Verdict::Replace(1500));
}

#[test]
fn what_was_left_since_the_last_sample_is_not_its_fault_either() {
    let verdicts = judge(&[(Some(0), 10), (Some(1), 1500), (Some(1), 1500), (Some(1), 1500)], true);
    assert_eq!(verdicts[3], Verdict::Replace(1500));
}

#[test]
fn a_worker_that_has_too_much_before_its_first_task_is_not_replaced_for_ever() {
    let verdicts =
        judge(&[(None, 1500), (None, 1500), (Some(2), 1500), (Some(2), 1500), (Some(2), 1500)], false);
    assert_eq!(verdicts[..4], [Verdict::Spare; 4]);
    assert_eq!(verdicts[4], Verdict::Blame(1500));
}

#[test]
fn many_short_tasks_that_leave_too_much_have_their_worker_replaced_after_a_second() {
    let samples: Vec<_> = (0..10).map(|number| (Some(number), 1500)).collect();
    let verdicts = judge(&samples, true);
    assert_eq!(verdicts[..9], [Verdict::Spare; 9]);
    assert_eq!(verdicts[9], Verdict::Replace(1500));
    assert_eq!(judge(&[(None, 1500); 10], true)[9], Verdict::Replace(1500));
    assert_eq!(judge(&[(None, 1500); 30], false)[29], Verdict::Spare);
}

#[test]
fn memory_that_processes_share_counts_once() {
    let mut watch = MemoryWatch::default();
    let run = Some((Duration::ZERO, Duration::from_secs(1)));
    let sample = Sample { limit: LIMIT, resident: 4000, run, has_run: false };
    assert_eq!(watch.judge(&sample, || 1000), Verdict::Spare);
    assert_eq!(watch.judge(&sample, || 1001), Verdict::Blame(1001));
}
