//! Tests of the core, one module per module of the crate.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails right there")]
#![expect(clippy::print_stdout, reason = "child processes talk to the test that started them")]

mod background;
mod bad_disk;
mod child;
mod claim;
mod codec;
mod engine;
mod flaky;
mod full;
mod fuzzed;
mod hash;
mod hooked;
mod index;
mod jugdir;
mod link;
mod link_dead;
mod link_lost;
mod link_pack;
mod link_worker;
mod lock;
mod media_error;
mod media_error_repair;
mod moments;
mod order;
mod os;
mod pack;
mod pack_bytes;
mod pack_damage;
mod pack_reads;
mod pack_steps;
mod planted;
mod powercut;
mod quiescence;
mod record;
mod redis;
mod remembered;
mod repair;
mod sched;
mod shelf;
mod sim;
mod slot;
mod store;
mod tick;
mod watch;
mod writer;
