//! Tests of the core: a folder for each folder of the crate, a file for the module that it tests.
//!
//! `scenarios` has what goes wrong outside of the crate, `sim` whole computations over a simulated filesystem.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails right there")]
#![expect(clippy::print_stdout, reason = "child processes talk to the test that started them")]

mod background;
mod claim;
mod codec;
mod engine;
mod hash;
mod held_tasks;
mod jugdir;
mod lease;
mod os;
mod redis;
mod scenarios;
mod sched;
mod sim;
mod store;
mod supervisor;
mod support;
