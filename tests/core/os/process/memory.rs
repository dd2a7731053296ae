//! How much memory a tree of processes takes.

use std::time::Duration;

use jug_native::os::process::{Output, proportional, resident};

use super::{Marked, wait_until};

const MB: u64 = 1 << 20;

/// Three children share what their parent filled.
const POOL: &str = "
import os, time
shared = b'x' * (100 << 20)
for _ in range(3):
    if os.fork() == 0:
        break
time.sleep(100)
";

#[test]
fn what_a_forked_pool_shares_counts_once_in_the_proportional_size() {
    let marked = Marked::new();
    let mut pool = marked.start("python3", &["-c", POOL], Output::Inherit).unwrap();
    wait_until(|| marked.alive().len() == 4 && proportional(pool.pid()) > 100 * MB, Duration::from_secs(20));
    let (resident, proportional) = (resident(pool.pid()), proportional(pool.pid()));
    assert!(resident > 400 * MB, "{resident}");
    assert!((100 * MB..200 * MB).contains(&proportional), "{proportional}");
    pool.kill_tree();
    pool.reap().unwrap();
}

#[test]
fn what_left_its_group_counts() {
    let marked = Marked::new();
    let big = "x = b'x' * (50 << 20); import time; time.sleep(100)";
    let mut child = marked.sh(&format!("setsid python3 -c \"{big}\" & wait"));
    wait_until(|| resident(child.pid()) > 50 * MB, Duration::from_secs(20));
    child.kill_tree();
    assert_eq!((resident(child.pid()), proportional(child.pid())), (0, 0), "it has ended");
    child.reap().unwrap();
    assert_eq!((resident(child.pid()), proportional(child.pid())), (0, 0), "it is not there");
}
